"""Say who is behind the mails, and which legal bases a pool of mailboxes may mail."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from leadmill.domain.access import Actor, Role, optional_reason
from leadmill.domain.segments import LEGAL_BASES
from leadmill.domain.sending_policy import default_legal_bases
from leadmill.domain.setup_texts import ADDRESS_LIMIT, require_short, require_web_address
from leadmill.errors import InputInvalid, NotFound
from leadmill.ports.content import Organisation
from leadmill.ports.sending_identity import SenderLedger


def set_organisation(actor: Actor, organisation: Organisation, *, senders: SenderLedger, as_of: datetime) -> None:
    """Store name, postal address and website.

    Raises:
        InputInvalid: Name or postal address is empty or too long, or the website is no web address.
    """
    actor.require(Role.ADMIN, to="set the organisation")
    if not organisation.name.strip() or not organisation.postal_address.strip():
        raise InputInvalid("Give the organisation's name and its postal address.")
    require_short("The organisation's name", organisation.name)
    require_short("The postal address", organisation.postal_address, ADDRESS_LIMIT)
    require_web_address("The website", organisation.website)
    senders.set_organisation(actor, organisation, as_of=as_of)


def create_pool(
    actor: Actor,
    name: str,
    *,
    provider: str,
    legal_bases: Collection[str] | None,
    override_reason: str,
    senders: SenderLedger,
    as_of: datetime,
) -> int:
    """Make a pool with its provider's policy, or a wider one for a reason; the same name again is the same pool.

    Raises:
        InputInvalid: No name, an unknown legal basis, or a wider policy without a reason.
    """
    actor.require(Role.ADMIN, to="create a pool")
    if not name.strip():
        raise InputInvalid("Give the pool a name.")
    require_short("The pool's name", name)
    bases = default_legal_bases([provider]) if legal_bases is None else frozenset(legal_bases)
    _require_policy(bases, default_legal_bases([provider]), override_reason)
    return senders.create_pool(
        actor, name.strip(), sorted(bases), override_reason=optional_reason(override_reason), as_of=as_of
    )


def set_pool_policy(
    actor: Actor,
    pool_id: int,
    legal_bases: Collection[str],
    *,
    override_reason: str,
    senders: SenderLedger,
    as_of: datetime,
) -> None:
    """Change which legal bases a pool mails; planned sends to others are withdrawn.

    Raises:
        InputInvalid: An unknown legal basis, or a wider policy than the providers' terms without a reason.
        NotFound: No such pool.
    """
    actor.require(Role.ADMIN, to="change a pool's policy")
    pool = next((p for p in senders.pools() if p.pool_id == pool_id), None)
    if pool is None:
        raise NotFound(f"There is no pool {pool_id}.")
    _require_policy(frozenset(legal_bases), default_legal_bases(pool.providers), override_reason)
    senders.set_pool_policy(
        actor, pool_id, sorted(legal_bases), override_reason=optional_reason(override_reason), as_of=as_of
    )


def _require_policy(bases: frozenset[str], default: frozenset[str], reason: str) -> None:
    if not bases or not bases <= LEGAL_BASES:
        raise InputInvalid(f"A pool accepts one or more of {', '.join(sorted(LEGAL_BASES))}.")
    if not bases <= default and not reason.strip():
        wider = ", ".join(sorted(bases - default))
        raise InputInvalid(f"Mailing by {wider} goes beyond the provider's terms; give the reason for the audit log.")
