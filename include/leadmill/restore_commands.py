"""`leadmill after-restore` and `leadmill take-over`: what an operator does when a ledger comes back older, or moves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from leadmill.services.after_restore import RestoreOutcome


def after_restore(
    *,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "an older copy of the ledger was restored",
    accept_gap: Annotated[
        bool, typer.Option("--accept-gap", help="Go on where the journal does not reach back: mails may go out twice.")
    ] = False,
) -> None:
    """After an older copy of the database was restored: learn from the store what was sent since, then let it send."""
    from leadmill.bootstrap import app
    from leadmill.domain.access import SYSTEM

    now = datetime.now(UTC)
    typer.echo(in_words(app().after_restore(SYSTEM, reason=reason, as_of=now, accepts_gap=accept_gap)))


def take_over(
    reason: Annotated[str, typer.Option(help="Why this copy is to send from now on, for the audit log.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Let this installation send by its object store; any other that does so stops with its next claim."""
    from leadmill.bootstrap import app
    from leadmill.domain.access import SYSTEM

    if not yes:
        typer.confirm("Is no other copy of this database to send mails by this store any more?", abort=True)
    before = app().take_over_sending(SYSTEM, reason=reason, as_of=datetime.now(UTC))
    typer.echo(f"This installation sends from now on{f', and {before} no more' if before else ''}.")


def in_words(outcome: RestoreOutcome) -> str:
    """What a restored ledger learnt, line by line, and who has to do what."""
    lines = [
        f"{outcome.entries:>10,} claims that this ledger lacked were read from the store's journal",
        f"{outcome.doubted:>10,} mails were put in doubt: they may have gone out, and are not sent again by themselves",
        f"{outcome.settled:>10,} of them are settled by evidence: events, bounces and replies",
        f"{outcome.waiting:>10,} wait for evidence or for a person, on the page Unclear mails",
    ]
    if outcome.known:
        lines.append(f"{outcome.known:>10,} more had an outcome here, or had been withdrawn")
    if outcome.missing:
        lines.append(
            f"{outcome.missing:>10,} more are of campaigns that were planned after the copy was made: should such a "
            "campaign be planned again, they are in doubt; do not set up a deleted one anew for the same people"
        )
    came_back = {what: count for what, count in outcome.wishes.items() if count and what not in {"read", "unreadable"}}
    lines += [f"{count:>10,} {what.replace('_', ' ')} came back" for what, count in came_back.items()]
    if unreadable := outcome.wishes.get("unreadable"):
        lines.append(f"{unreadable:>10,} lines of the store's wishes could not be read; the log names their objects")
    return "\n".join([*lines, "Dispatch may send again."])
