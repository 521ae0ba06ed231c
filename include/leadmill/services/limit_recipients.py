"""Set how fast the mailboxes of one receiver are mailed: an admin's business, idempotent by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from leadmill.domain.access import Actor, Role
from leadmill.domain.recipient_domains import RecipientFamily, checked_family
from leadmill.ports.recipient_limits import RecipientFamilies


def limit_recipients(
    families: RecipientFamilies,
    actor: Actor,
    name: str,
    *,
    domains: Sequence[str] | None,
    hourly_limit: int | None,
    as_of: datetime,
) -> RecipientFamily:
    """Add a family of recipient domains or change it; `domains` None keeps those it has (a new one: its own name's).

    Raises:
        NotAllowed: The actor is no admin.
        InputInvalid: A name that is none, or a limit below 0.
    """
    actor.require(Role.ADMIN, to="limit how fast recipient domains are mailed")
    if domains is None:
        known = {family.family: family.domains for family in families.families()}
        domains = known.get(name.strip().lower(), (name,))
    family = checked_family(name, domains, hourly_limit)
    families.save_family(actor, family, as_of=as_of)
    return family


def stop_limiting_recipients(families: RecipientFamilies, actor: Actor, name: str, *, as_of: datetime) -> None:
    """Forget a family of recipient domains, so that nothing limits them.

    Raises:
        NotAllowed: The actor is no admin.
        NotFound: No such family.
    """
    actor.require(Role.ADMIN, to="limit how fast recipient domains are mailed")
    families.delete_family(actor, name, as_of=as_of)
