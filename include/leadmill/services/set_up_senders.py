"""Adding provider accounts, sending domains and mailboxes: an admin's business, idempotent by name."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leadmill.domain.access import Actor, Role
from leadmill.domain.dkim import KEYS_LIMIT, DkimKeyRef, selector_problem
from leadmill.domain.identity import normalise_email
from leadmill.domain.secret_names import is_our_own
from leadmill.domain.sending_policy import DEFAULT_POLICY, default_legal_bases
from leadmill.domain.setup_texts import ADDRESS_LIMIT, require_short
from leadmill.domain.smtp_presets import PRESETS
from leadmill.domain.spread import Spread
from leadmill.domain.warm_up import curve_of
from leadmill.errors import Conflict, InputInvalid
from leadmill.ports.esp import ProviderSettings
from leadmill.ports.mailboxes import AccountSetup, MailboxSetup, SenderRegistry

_SECRET_WORDS = re.compile(r"password|secret|api_?key|token|credential", re.IGNORECASE)
_SECRET_REF = re.compile(r"(env:)?[A-Z_][A-Z0-9_]*|(?!env:)[a-z][a-z0-9_]*:[\w./-]+")
_DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_MAILBOX = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9.-]+")
MAX_DAILY_LIMIT = 1_000_000
"""A typing error's fence, not a policy: Gmail Workspace takes 2,000 a day, a newsletter's mailbox on SES 100,000."""
MAX_SHARED_DAILY_LIMIT = 100_000_000
"""The same for what an account or a domain may send."""
MAX_PER_SECOND = 10_000
MAX_GAP_SECONDS = 86_400


def add_provider_account(
    registry: SenderRegistry, settings: ProviderSettings, actor: Actor, account: AccountSetup, *, as_of: datetime
) -> int:
    """Add or update a provider account (a lane); returns its id.

    Raises:
        NotAllowed: The actor is no admin.
        InputInvalid: An unknown provider, a secret in the configuration, a secret_ref that names no place, or a limit
            or name that makes no sense.
        ConfigInvalid: A setting that the provider does not have, or of another kind.
    """
    actor.require(Role.ADMIN, to="configure provider accounts")
    if account.provider not in DEFAULT_POLICY:
        raise InputInvalid(
            f"There is no provider {account.provider!r}; choose from {', '.join(sorted(DEFAULT_POLICY))}."
        )
    if account.spread is not None and account.spread not in set(Spread):
        raise InputInvalid(f"Mailboxes are spread {' or '.join(Spread)}, not {account.spread!r}.")
    _require_no_secret(account.config)
    _require_reference(account.secret_ref)
    if not account.name.strip():
        raise InputInvalid("A provider account needs a name.")
    require_short("The account's name", account.name)
    _require_limit(account.daily_limit)
    if account.max_per_second is not None and not 0 < account.max_per_second <= MAX_PER_SECOND:
        raise InputInvalid(f"Mails a second lie above 0, and at most at {MAX_PER_SECOND:,}.")
    settings.require_settings(account.provider, account.config)
    return registry.save_account(actor, account, as_of=as_of)


def _require_no_secret(config: Mapping[str, object]) -> None:
    found = sorted(key for key in config if _SECRET_WORDS.search(key))
    if found:
        raise InputInvalid(
            f"The settings hold {', '.join(found)}. Put secrets into an environment variable or an Airflow "
            "connection, and its name under “Where its secret is” (secret_ref)."
        )


def _require_reference(secret_ref: str) -> None:
    """Refuse what looks like the secret itself; the message does not repeat it."""
    require_short("“Where its secret is” (secret_ref)", secret_ref, ADDRESS_LIMIT)
    if secret_ref and not _SECRET_REF.fullmatch(secret_ref):
        raise InputInvalid(
            "“Where its secret is” (secret_ref) names a place, such as env:SES_KEY (capitals) or "
            "airflow:my_connection; the secret itself never goes into Leadmill."
        )
    scheme, _, name = secret_ref.rpartition(":")
    if scheme in {"", "env"} and is_our_own(name):
        raise InputInvalid(
            f"“Where its secret is” (secret_ref) names {name}, which belongs to the system itself; use a variable of "
            "its own."
        )


def add_sending_domain(
    registry: SenderRegistry,
    actor: Actor,
    name: str,
    *,
    sending_ips: Sequence[str],
    daily_limit: int | None,
    dkim_keys: Sequence[DkimKeyRef] | None,
    as_of: datetime,
) -> int:
    """Add or update a sending domain; returns its id. None keeps the DKIM keys that it has.

    Raises:
        NotAllowed: The actor is no admin.
        InputInvalid: Not a domain name, not IP addresses, or a DKIM key without a selector or place of its own.
    """
    actor.require(Role.ADMIN, to="configure sending domains")
    name = checked_domain(name)
    _require_limit(daily_limit)
    ips = [_checked_ip(ip) for ip in sending_ips]
    _require_dkim_keys(dkim_keys or ())
    return registry.save_domain(actor, name, sending_ips=ips, daily_limit=daily_limit, dkim_keys=dkim_keys, as_of=as_of)


def checked_domain(name: str) -> str:
    """A sending domain's name in lower case. Raises `InputInvalid` where it is none."""
    checked = name.strip().lower().rstrip(".")
    if not _DOMAIN.fullmatch(checked):
        raise InputInvalid(f"{checked[:100]!r} is no domain name; write it in ASCII, such as mail.example.com.")
    return checked


def _require_limit(daily_limit: int | None) -> None:
    if daily_limit is not None and not 1 <= daily_limit <= MAX_SHARED_DAILY_LIMIT:
        raise InputInvalid(f"A daily limit lies between 1 and {MAX_SHARED_DAILY_LIMIT:,}.")


def _require_dkim_keys(keys: Sequence[DkimKeyRef]) -> None:
    for key in keys:
        problem = selector_problem(key.selector)
        if problem:
            raise InputInvalid(problem)
        if not key.secret_ref:
            raise InputInvalid(f"DKIM key {key.selector} needs a secret_ref that says where its private key is.")
        _require_reference(key.secret_ref)
    if len({key.selector for key in keys}) < len(keys) or len(keys) > KEYS_LIMIT:
        raise InputInvalid(f"A sending domain has at most {KEYS_LIMIT} DKIM keys, each under a selector of its own.")


def _checked_ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError as error:
        raise InputInvalid(f"{text!r} is no IP address.") from error


def add_mailbox(registry: SenderRegistry, actor: Actor, mailbox: MailboxSetup, *, as_of: datetime) -> int:
    """Add or update a mailbox; returns its id.

    Raises:
        NotAllowed: The actor is no admin.
        InputInvalid: The address, its domain, the time zone or a limit makes no sense.
        NotFound: Its account, pool or domain does not exist.
        Conflict: The pool mails leads that the account's provider does not permit, and no admin gave a reason.
    """
    actor.require(Role.ADMIN, to="configure mailboxes")
    _require_sane(mailbox)
    _require_reference(mailbox.secret_ref)
    provider = registry.provider_of(mailbox.account)
    _require_within_service(mailbox, registry.preset_of(mailbox.account))
    accepts, override_reason = registry.pool(mailbox.pool)
    beyond = set(accepts) - default_legal_bases([provider])
    if beyond and not override_reason:
        raise Conflict(
            f"Pool {mailbox.pool!r} mails leads on {', '.join(sorted(beyond))}, which {provider} does not permit; "
            "choose another pool, or give the pool's policy a reason."
        )
    return registry.save_mailbox(actor, mailbox, as_of=as_of)


def _require_within_service(mailbox: MailboxSetup, preset: str) -> None:
    """A mailbox at Gmail or Microsoft 365 that sends more than they take is locked by them for up to a day."""
    limit = PRESETS[preset].daily_limit if preset in PRESETS else None
    if limit is not None and mailbox.daily_limit > limit:
        raise InputInvalid(f"{preset} takes {limit} mails a day of one mailbox, not {mailbox.daily_limit}.")


def _require_sane(mailbox: MailboxSetup) -> None:
    address = mailbox.address
    if address != normalise_email(address) or not _MAILBOX.fullmatch(address):
        raise InputInvalid("A mailbox's address is ASCII in lower case, such as anna@mail.example.com.")
    if address.partition("@")[2] != mailbox.domain:
        raise InputInvalid(f"The mailbox does not belong to the sending domain {mailbox.domain!r}.")
    try:
        ZoneInfo(mailbox.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputInvalid(f"There is no time zone {mailbox.time_zone!r}; use an IANA name.") from error
    curve_of(mailbox.warm_up_curve)
    if not 0 <= mailbox.daily_limit <= MAX_DAILY_LIMIT:
        raise InputInvalid(f"A daily limit lies between 0 and {MAX_DAILY_LIMIT:,}.")
    if mailbox.hourly_limit is not None and not 0 <= mailbox.hourly_limit <= MAX_DAILY_LIMIT:
        raise InputInvalid(f"An hourly limit lies between 0 and {MAX_DAILY_LIMIT:,}.")
    if not 0 <= mailbox.min_gap_seconds <= MAX_GAP_SECONDS:
        raise InputInvalid(f"The gap between two mails lies between 0 and {MAX_GAP_SECONDS:,} seconds, which is a day.")
    require_short("The name that recipients see", mailbox.display_name)
    require_short("The user name at the server", mailbox.user_name, ADDRESS_LIMIT)
