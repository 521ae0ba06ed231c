"""Show how everything that sends is set up."""

from __future__ import annotations

from leadmill.domain.access import Actor, Role
from leadmill.ports.sender_setup import SenderSetup, SenderSetups


def show_sender_setup(actor: Actor, *, setups: SenderSetups) -> SenderSetup:
    """Accounts, domains and mailboxes as set up.

    Raises:
        NotAllowed: The actor is no administrator.
    """
    actor.require(Role.ADMIN, to="see how senders are set up")
    return setups.sender_setup()
