"""A person has mails sent again that were refused wrongly, for a whole campaign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from leadmill.domain.access import Actor, Role, required_reason
from leadmill.errors import InputInvalid
from leadmill.ports.refusals import RefusalLedger, SentAgain


def send_refused_again(
    ledger: RefusalLedger, actor: Actor, campaign_id: int, codes: Sequence[str], *, reason: str, as_of: datetime
) -> SentAgain:
    """Plan the campaign's refused mails with these codes anew, and bring the follow-ups behind them back.

    Nobody is mailed twice by it: a refusal is the provider's word that it took nothing. Dead addresses and people who
    must be left alone stay out, whatever the code.

    Raises:
        NotAllowed: The actor is no analyst.
        InputInvalid: No reason, or no code.
        NotFound: No such campaign.
        Conflict: It was cancelled or deleted, or its end has passed.
    """
    actor.require(Role.ANALYST, to="have refused mails sent again")
    why = required_reason(reason, "Say why they were refused wrongly; the audit log keeps the reason.")
    if not codes:
        raise InputInvalid("Choose at least one code whose mails shall be sent again.")
    return ledger.send_again(actor, campaign_id, codes, reason=why, as_of=as_of)
