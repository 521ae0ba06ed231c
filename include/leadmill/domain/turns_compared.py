"""What fair turns change for campaigns that share a pool, against first come, first served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from leadmill.domain.shared_days import Load, Outcome, play_days
from leadmill.domain.simulated_senders import start_of
from leadmill.domain.simulation import World


@dataclass(frozen=True, slots=True)
class Comparison:
    """One campaign both ways; days count from the world's first, which is 0."""

    recipients: int
    first_come: Outcome
    in_turn: Outcome


def compare_turns(world: World) -> list[Comparison]:
    """The world's campaign and those beside it, which begin a day later, in a pool in which nothing goes wrong."""
    if not world.beside:
        return []
    delays = (world.step_delay_days,) * (world.steps - 1)
    loads = [Load(1, {0: world.recipients}, delays)]
    loads += [Load(number, {1: mails}, delays) for number, mails in enumerate(world.beside, start=2)]
    first_come = _played(world, loads, is_fair=False)
    in_turn = _played(world, loads, is_fair=True)
    return [Comparison(each.first_mails, first_come[each.campaign_id], in_turn[each.campaign_id]) for each in loads]


def _played(world: World, loads: Sequence[Load], *, is_fair: bool) -> dict[int, Outcome]:
    def room_on(day: int) -> int:
        on = world.first_day + timedelta(days=day)
        return _room(world, on) if on.weekday() in world.weekdays else 0

    return play_days(loads, room_on, most_days=world.most_days, is_fair=is_fair)


def _room(world: World, on: date) -> int:
    """Mails that the mailboxes may send on a day, if every warm-up advances."""
    room = 0
    for mailbox in world.mailboxes:
        stands = start_of(mailbox)
        stage = None if stands is None else stands.stage + (on - world.first_day).days
        full = mailbox.daily_limit
        room += full if stage is None else mailbox.warm_up_curve.limit(stage, full_limit=full)
    return room
