"""What best-time sending captures of the best possible: `python bench/best_time.py [leads] [worlds]` (1,200 and 3).

A world of its own, with known truth: every lead's readiness to answer has a curve over the week (office days, a habit
of its group, a habit of its own), and a mail that lies unopened is read later with less chance (half of it is gone
after 2.8 hours). The product sees only a history of mails at random hours with their answers, ranks the hours with
`leadmill.domain.send_time`, and the ledger's own `send_window` gives the times. "Captured": how much of the way from a
random hour of the week to each lead's very best hour of the week. "before": the next of the ranked hours, which is by
now what a send gets that missed a window; "best of n": the best within n days, Monday to Friday.

Two tables: with room for everybody at every hour, and with a pool that sends to a twentieth of the leads a day, half of
that in an hour (`FASTEST_DAY`): there sends that find no room roll on as in the ledger. Plans are made in the office.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
from numpy.typing import NDArray

from leadmill.domain import send_time
from leadmill.local.postgres import start_postgres
from leadmill.sql.migrations import migrate

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
GROUPS = 4
HOURS = 168
FADES_IN_HOURS, LASTS_HOURS = 4, 36
A_DAYS_MAILS = 20  # leads for each mail that the pool sends a day
Chances = NDArray[np.float64]
ASK = """
select extract(epoch from w.due_at)::bigint / 3600, extract(epoch from w.window_ends_at)::bigint / 3600
from unnest(%(earliest)s::timestamptz[], %(hours)s::text[], %(choices)s::integer[], %(misses)s::integer[])
  with ordinality as l(earliest, hours, choice, misses, place)
cross join lateral ledger.send_window('best_time', null, l.earliest, 'UTC', l.hours::smallint[],
  weekdays => %(weekdays)s::smallint[], best_of_days => %(days)s, choice => l.choice, missed_windows => l.misses) w
order by l.place
"""


@dataclass(frozen=True, slots=True)
class World:
    """`chances`: that a mail of this hour of the week is answered, by lead; `ranked`: what the product found."""

    chances: Chances
    ranked: NDArray[np.int16]
    planned_at: NDArray[np.int64]  # hours since MONDAY


def make_world(leads: int, mails: int, seed: int) -> World:
    random = np.random.default_rng(seed)
    hour_of_day, day = np.arange(HOURS) % 24, np.arange(HOURS) // 24
    office = np.where(day < 5, 0.0, -1.4) - np.abs(hour_of_day - 13) ** 1.5 / 18
    group = random.integers(0, GROUPS, leads)
    habits = np.array([_bump(hour_of_day, random.uniform(7, 20)) for _ in range(GROUPS)])
    own = np.array([_bump(hour_of_day, at) for at in random.uniform(7, 21, leads)])
    days = random.normal(0, 0.8, (leads, 7))[:, day]
    rate = np.exp(office + 0.6 * habits[group] + 1.4 * own + days) * random.gamma(2.0, 0.5, leads)[:, None]
    exposure = np.exp(-np.arange(LASTS_HOURS) / FADES_IN_HOURS)
    seen = sum(weight * np.roll(rate, -wait, axis=1) for wait, weight in enumerate(exposure))
    chances = 1 - np.exp(-0.02 * np.asarray(seen))
    return World(chances, _ranked(chances, group, mails, random), _plans(leads, random))


def _bump(hour_of_day: NDArray[np.int64], at: float) -> Chances:
    return np.asarray(np.exp(-((hour_of_day - at) ** 2) / 4.5))


def _ranked(chances: Chances, group: NDArray[np.int64], mails: int, random: np.random.Generator) -> NDArray[np.int16]:
    """The product's own ranking, from a history of mails at random hours of the week."""
    leads = len(chances)
    delivered, answered = np.zeros((2, leads, HOURS))
    for _ in range(mails):
        hours = random.integers(0, HOURS, leads)
        came = random.random(leads) < chances[np.arange(leads), hours]
        delivered[np.arange(leads), hours] += 1
        answered[np.arange(leads), hours] += came
    pooled = send_time.pooled_curve(answered.sum(axis=0), delivered.sum(axis=0))
    by_group = [(answered[group == g].sum(axis=0), delivered[group == g].sum(axis=0)) for g in range(GROUPS)]
    zones = send_time.zone_curves(*map(np.array, zip(*by_group, strict=True)), pooled)
    curves = zones[group]
    known = (delivered.sum(axis=1) >= send_time.MIN_OWN_MAILS) & (answered.sum(axis=1) >= send_time.MIN_OWN_ANSWERS)
    curves[known] = send_time.own_curves(answered[known], delivered[known], curves[known])
    return send_time.best_hours(curves)


def _plans(leads: int, random: np.random.Generator) -> NDArray[np.int64]:
    return random.integers(0, 5, leads) * 24 + random.integers(8, 18, leads)


def windows(
    connection: psycopg.Connection,
    world: World,
    who: NDArray[np.int64],
    at: NDArray[np.int64],
    *,
    misses: NDArray[np.int64],
    days: int | None,
    choices: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Due hour and closing hour since MONDAY of these leads, by the ledger's function."""
    parameters = {
        "earliest": [MONDAY + timedelta(hours=int(hour)) for hour in at],
        "hours": [f"{{{','.join(map(str, world.ranked[lead]))}}}" for lead in who],
        "choices": choices[who].tolist(),
        "misses": misses.tolist(),
        "days": days or 1,
        "weekdays": [1, 2, 3, 4, 5, 6, 7] if days is None else [1, 2, 3, 4, 5],
    }
    rows = np.array(connection.execute(ASK, parameters).fetchall(), dtype=np.int64)
    return rows - int(MONDAY.timestamp()) // 3600


def with_room(connection: psycopg.Connection, world: World, days: int | None) -> tuple[float, float]:
    """Mean chance of an answer and mean wait in hours, when every send goes out as soon as it is due."""
    leads = len(world.chances)
    misses = np.full(leads, 1 if days is None else 0)
    none = np.zeros(leads, dtype=np.int64)
    everybody = np.arange(leads)
    due = windows(connection, world, everybody, world.planned_at, misses=misses, days=days, choices=none)[:, 0]
    return float(world.chances[everybody, due % HOURS].mean()), float((due - world.planned_at).mean())


def without_room(connection: psycopg.Connection, world: World, days: int | None) -> tuple[float, float]:
    """The same where a day holds a twentieth of the leads, all planned on Monday at 8:00."""
    leads = len(world.chances)
    a_day = leads // A_DAYS_MAILS
    an_hour = a_day // 2
    left = a_day
    choices = np.zeros(leads, dtype=np.int64)
    if days is not None:
        most = min(send_time.WINDOW_HOURS, math.ceil(leads / an_hour))
        choices = np.random.default_rng(7).integers(0, most, leads)
    misses = np.full(leads, 1 if days is None else 0)
    due, ends = windows(
        connection, world, np.arange(leads), np.full(leads, 8), misses=misses, days=days, choices=choices
    ).T.copy()
    sent_at = np.full(leads, -1)
    for hour in range(8, HOURS * 60):
        waiting = np.flatnonzero((sent_at < 0) & (due <= hour) & (ends > hour))
        left = a_day if hour % 24 == 0 else left
        first = waiting[np.argsort(due[waiting], kind="stable")][: min(an_hour, left)]
        sent_at[first] = hour
        left -= len(first)
        missed = np.flatnonzero((sent_at < 0) & (ends <= hour + 1))
        if len(missed):
            misses[missed] = misses[missed] + 1 if days is not None else 1
            rolled = windows(
                connection,
                world,
                missed,
                np.full(len(missed), hour + 1),
                misses=misses[missed],
                days=days,
                choices=choices,
            )
            due[missed], ends[missed] = rolled.T
        if (sent_at >= 0).all():
            break
    return float(world.chances[np.arange(leads), sent_at % HOURS].mean()), float((sent_at - 8).mean())


def main() -> None:
    leads, worlds = (int(v) for v in (*sys.argv[1:3], *("1200", "3")[len(sys.argv) - 1 :]))
    server = start_postgres(Path(tempfile.mkdtemp(prefix="leadmill-bench-")))
    migrate(server.get_uri())
    policies: list[int | None] = [None, 1, 2, 3, 5, 7]
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for title, mails in (("2 mails of history a lead", 2), ("12 mails of history a lead", 12)):
            made = [make_world(leads, mails, seed) for seed in range(worlds)]
            show(f"{title}, room for everybody", made, policies, lambda w, k: with_room(connection, w, k))
            scarce = f"{title}, {leads // A_DAYS_MAILS} mails a day for {leads:,} leads"
            show(scarce, made, policies, lambda w, k: without_room(connection, w, k))
    server.cleanup_mode = "delete"
    server.cleanup()


def show(
    title: str,
    made: list[World],
    policies: list[int | None],
    policy: Callable[[World, int | None], tuple[float, float]],
) -> None:
    print(f"\n{title}\n{'':12}{'captured':>9}{'wait, hours':>13}")
    for days in policies:
        results = []
        for world in made:
            chance, wait = policy(world, days)
            low, high = world.chances.mean(), world.chances.max(axis=1).mean()
            results.append(((chance - low) / (high - low), wait))
        captured, wait = np.mean(results, axis=0)
        print(f"{'before' if days is None else f'best of {days}':12}{captured:9.3f}{wait:13.1f}", flush=True)


if __name__ == "__main__":
    main()
