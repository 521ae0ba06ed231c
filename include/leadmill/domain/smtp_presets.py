"""Mail services that are reached by SMTP: where they are, how to log in, and how our send id reaches their events.

A setting in an account's `config` always wins over its preset's value. Sources: the services' own documentation, as
read for docs/senders.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from leadmill.domain.messages import OutgoingMessage
from leadmill.domain.send_tags import tags_of

_NOT_A_TAG = re.compile(r"[^A-Za-z0-9_.@-]")
_TAG_CHARACTERS = 256
_GOOGLE_TOKENS = "https://oauth2.googleapis.com/token"
_MICROSOFT_TOKENS = "https://login.microsoftonline.com/common/oauth2/v2.0/token"
_MICROSOFT_SCOPE = "https://outlook.office.com/SMTP.Send offline_access"


@dataclass(frozen=True, slots=True)
class Preset:
    """What is known of a service.

    `{region}` in a host stands for the setting `region`. `send_id_header` names the header that carries our send id to
    the service's events; empty where the Message-ID does. `daily_limit` is the service's own over a rolling day, for
    one mailbox; None where it is the account's contract.
    """

    host: str = ""
    port: int = 587
    tls: str = "starttls"
    auth: str = ""
    connections: int = 2
    messages_per_connection: int = 100
    oauth_endpoint: str = ""
    oauth_scope: str = ""
    send_id_header: str = ""
    daily_limit: int | None = None

    def headers(self, message: OutgoingMessage, *, configuration_set: str = "") -> tuple[tuple[str, str], ...]:
        """Extra headers by which the service learns the send id and the tags."""
        name = self.send_id_header
        if not name:
            return ()
        tags = tags_of(message)
        if name == "X-SES-MESSAGE-TAGS":
            found = ((name, ", ".join(f"{_tag(key)}={_tag(value)}" for key, value in sorted(tags.items()))),)
            return (*found, ("X-SES-CONFIGURATION-SET", configuration_set)) if configuration_set else found
        if name == "X-SMTPAPI":
            return ((name, json.dumps({"unique_args": tags}, sort_keys=True)),)
        if name == "X-Mailgun-Variables":
            return ((name, json.dumps(tags, sort_keys=True)),)
        return tuple((f"{name}-{key}", value) for key, value in sorted(tags.items()))  # Postmark: one header a tag


def _tag(text: str) -> str:
    """A tag as SES takes it: 1-256 of A-Z, a-z, 0-9, and a few marks; a comma would end it."""
    return _NOT_A_TAG.sub("-", text)[:_TAG_CHARACTERS] or "-"


_GMAIL = Preset(
    host="smtp.gmail.com", connections=1, messages_per_connection=50, daily_limit=500, oauth_endpoint=_GOOGLE_TOKENS
)
_SES = Preset(host="email-smtp.{region}.amazonaws.com", send_id_header="X-SES-MESSAGE-TAGS", connections=4)
_SENDGRID = Preset(host="smtp.sendgrid.net", send_id_header="X-SMTPAPI", connections=4)

PRESETS: Mapping[str, Preset] = {
    "plain": Preset(),
    "gmail": _GMAIL,
    "gmail-oauth": Preset(
        host=_GMAIL.host,
        connections=1,
        messages_per_connection=50,
        auth="XOAUTH2",
        daily_limit=2_000,
        oauth_endpoint=_GOOGLE_TOKENS,
    ),
    "microsoft365": Preset(
        host="smtp.office365.com",
        connections=1,
        messages_per_connection=30,
        auth="XOAUTH2",
        daily_limit=10_000,
        oauth_endpoint=_MICROSOFT_TOKENS,
        oauth_scope=_MICROSOFT_SCOPE,
    ),
    "ses": _SES,
    "sendgrid": _SENDGRID,
    "mailgun": Preset(host="smtp.mailgun.org", send_id_header="X-Mailgun-Variables", connections=4),
    "postmark": Preset(host="smtp.postmarkapp.com", send_id_header="X-PM-Metadata", connections=4),
}
"""By the name in an account's `config["preset"]`; the first is the default: an own relay."""
