"""The sender file: what sends, as an operator writes it down in YAML and applies it as often as they like."""

from __future__ import annotations

from datetime import date, datetime

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM
from leadmill.errors import ConfigInvalid

_WRONG = {
    "extra_forbidden": "there is no such setting",
    "missing": "this setting is needed",
    "list_type": "a list stands here, each line with a dash before it",
    "dict_type": "settings with names stand here",
    "model_type": "settings with names stand here",
    "string_type": "a text stands here; put it in quotes",
}
"""The commonest of the schema's errors in words of who writes the file."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")  # a misspelt limit must not pass as no limit


class _Organisation(_Part):
    name: str
    postal_address: str
    website: str = ""


class _Pool(_Part):
    name: str
    provider: str = "smtp"
    legal_bases: list[str] | None = None
    override_reason: str = ""
    warm_up_curve: str | None = None


class _Account(_Part):
    name: str
    provider: str
    config: dict[str, str | int | float | bool] = Field(default_factory=dict)
    secret_ref: str = ""
    daily_limit: int | None = None
    max_per_second: float | None = None
    spread: str | None = None


class _DkimKey(_Part):
    selector: str
    secret_ref: str


class _Domain(_Part):
    name: str
    sending_ips: list[str] = Field(default_factory=list)
    daily_limit: int | None = None
    dkim_keys: list[_DkimKey] | None = None


class _Mailbox(_Part):
    address: str
    account: str
    pool: str
    display_name: str = ""
    user_name: str = ""
    secret_ref: str = ""
    time_zone: str = "UTC"
    daily_limit: int = 40
    hourly_limit: int | None = None
    min_gap_seconds: int = 0
    warm_up_started_on: date | None = None
    warm_up_curve: str = ""


class _RecipientLimit(_Part):
    family: str
    hourly_limit: int | None
    domains: list[str] | None = None


class _Seed(_Part):
    address: str
    provider_family: str
    imap_host: str
    imap_port: int = 993
    tls: str = "implicit"
    user_name: str = ""
    secret_ref: str = ""
    is_active: bool = True


class SenderFile(_Part):
    """The whole file; every part may be left out."""

    organisation: _Organisation | None = None
    pools: list[_Pool] = Field(default_factory=list)
    accounts: list[_Account] = Field(default_factory=list)
    domains: list[_Domain] = Field(default_factory=list)
    mailboxes: list[_Mailbox] = Field(default_factory=list)
    recipient_limits: list[_RecipientLimit] = Field(default_factory=list)
    seeds: list[_Seed] = Field(default_factory=list)


def apply_sender_file(app: App, text: str, *, as_of: datetime) -> dict[str, int]:
    """Set up everything that a sender file names; applying it again changes nothing.

    Returns:
        Counts of `pools`, `accounts`, `domains`, `mailboxes`, `recipient limits` and `seed inboxes`.

    Raises:
        ConfigInvalid: The text is no sender file; says where.
        InputInvalid, Conflict, NotFound: A part makes no sense; those before it are set up.
    """
    wanted = _read(text)
    if wanted.organisation:
        app.set_organisation(
            SYSTEM,
            wanted.organisation.name,
            wanted.organisation.postal_address,
            as_of,
            website=wanted.organisation.website,
        )
    known_pools = {pool.name for pool in app.pools()}
    for pool in wanted.pools:
        if pool.name not in known_pools:
            app.create_pool(
                SYSTEM,
                pool.name,
                as_of,
                provider=pool.provider,
                legal_bases=pool.legal_bases,
                override_reason=pool.override_reason,
            )
        if pool.warm_up_curve is not None:
            app.set_warm_up_curve(SYSTEM, "pool", pool.name, pool.warm_up_curve, as_of=as_of)
    for account in wanted.accounts:
        app.add_provider_account(SYSTEM, **account.model_dump(), as_of=as_of)
    for domain in wanted.domains:
        app.add_sending_domain(SYSTEM, **domain.model_dump(), as_of=as_of)
    for mailbox in wanted.mailboxes:
        app.add_mailbox(SYSTEM, **mailbox.model_dump(), as_of=as_of)
    for limit in wanted.recipient_limits:
        app.set_recipient_limit(SYSTEM, as_of=as_of, **limit.model_dump())
    for seed in wanted.seeds:
        app.add_seed_inbox(SYSTEM, **seed.model_dump(), as_of=as_of)
    return {
        "pools": len(wanted.pools),
        "accounts": len(wanted.accounts),
        "domains": len(wanted.domains),
        "mailboxes": len(wanted.mailboxes),
        "recipient limits": len(wanted.recipient_limits),
        "seed inboxes": len(wanted.seeds),
    }


def _read(text: str) -> SenderFile:
    try:
        return SenderFile.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise ConfigInvalid(f"The sender file is not valid YAML{where}.") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        if not where:
            raise ConfigInvalid("This is no sender file; docs/senders.example.yaml shows one.") from error
        wrong = _WRONG.get(first["type"], first["msg"])
        raise ConfigInvalid(f"The sender file is wrong at {where}: {wrong}.") from error
