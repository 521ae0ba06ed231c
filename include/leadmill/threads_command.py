"""`leadmill threads`: what becomes of the threads of a mailbox that is gone."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from leadmill.errors import NotFound


class Choice(StrEnum):
    """What a person decides for the whole mailbox."""

    HAND_ON = "hand-on"
    END = "end"
    WAIT = "wait"


def settle_threads(
    mailbox: Annotated[
        str, typer.Argument(help="The address of the mailbox that is gone; without it, they are listed.")
    ] = "",
    choice: Annotated[Choice | None, typer.Option(help="What becomes of its threads.")] = None,
    to: Annotated[
        str, typer.Option(help="With hand-on: the other mailbox's address; without it, the pool's take turns.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
) -> None:
    """List mailboxes that are gone while follow-ups wait for them; hand these on, end them, or let them wait."""
    from leadmill.bootstrap import app
    from leadmill.domain.access import SYSTEM

    now, leadmill = datetime.now(UTC), app()
    if not mailbox or choice is None:
        for each in leadmill.stranded_threads(now):
            chosen = f"; {each.chosen_by} lets them wait" if each.chosen_at else ""
            typer.echo(f"{each.address}: {each.threads:,} threads wait since {each.since:%Y-%m-%d}{chosen}")
        return
    number = _mailbox(mailbox, now)
    if choice is Choice.HAND_ON:
        other = _mailbox(to, now) if to else None
        moved, stay = leadmill.hand_on_threads(SYSTEM, number, to_mailbox_id=other, reason=reason, as_of=now)
        typer.echo(f"{moved:,} threads go on elsewhere; {stay:,} stay: no such mailbox of their pool sends.")
    elif choice is Choice.END:
        typer.echo(f"{leadmill.end_threads(SYSTEM, number, reason=reason, as_of=now):,} threads ended.")
    else:
        typer.echo(f"{leadmill.let_threads_wait(SYSTEM, number, reason=reason, as_of=now):,} threads wait.")


def _mailbox(address: str, now: datetime) -> int:
    from leadmill.bootstrap import app

    found = [state.mailbox.mailbox_id for state in app().mailboxes(now) if state.address == address.strip().lower()]
    if not found:
        raise NotFound("There is no mailbox of that address; see the page Deliverability.")
    return found[0]
