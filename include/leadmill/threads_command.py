"""`leadmill threads`: what becomes of the threads of a mailbox that is gone."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from leadmill.domain.quantities import counted
from leadmill.errors import InputInvalid, NotFound


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
    if not mailbox and choice is not None:
        raise InputInvalid("Say whose threads: write the mailbox's address after the command.")
    number = _mailbox(mailbox, now) if mailbox else None
    if number is None or choice is None:
        for line in _listed(number, now):
            typer.echo(line)
        return
    if choice is Choice.HAND_ON:
        other = _mailbox(to, now) if to else None
        moved, stay = leadmill.hand_on_threads(SYSTEM, number, to_mailbox_id=other, reason=reason, as_of=now)
        rest = f" {counted(stay, 'thread stays', 'threads stay')}: no such mailbox of their pool sends." if stay else ""
        typer.echo(f"{counted(moved, 'thread goes', 'threads go')} on from elsewhere.{rest}")
    elif choice is Choice.END:
        typer.echo(f"{counted(leadmill.end_threads(SYSTEM, number, reason=reason, as_of=now), 'thread')} ended.")
    else:
        waiting = leadmill.let_threads_wait(SYSTEM, number, reason=reason, as_of=now)
        typer.echo(f"{counted(waiting, 'thread waits', 'threads wait')}.")


def _listed(mailbox_id: int | None, now: datetime) -> list[str]:
    """One line a mailbox that is gone, of one or of all; a sentence where there is none."""
    from leadmill.bootstrap import app

    lines = []
    for each in app().stranded_threads(now):
        if mailbox_id in {None, each.mailbox_id}:
            chosen = f"; {each.chosen_by} lets them wait" if each.chosen_at else ""
            wait = counted(each.threads, "thread waits", "threads wait")
            lines.append(f"{each.address}: {wait} since {each.since:%Y-%m-%d}{chosen}")
    if lines:
        lines.append("Say what becomes of them with --choice hand-on, end or wait, and a --reason.")
    return lines or ["No follow-up waits for a mailbox that is gone."]


def _mailbox(address: str, now: datetime) -> int:
    from leadmill.bootstrap import app

    found = [state.mailbox.mailbox_id for state in app().mailboxes(now) if state.address == address.strip().lower()]
    if not found:
        raise NotFound("There is no mailbox of that address; see the page Deliverability.")
    return found[0]
