"""A made-up mailing history: leads with a hidden interest, mails over 18 months, what people and machines did.

The signs and sizes of all effects are assumptions, written here and nowhere measured. They give the bootstrap champion
a sensible order before an installation has a history of its own; the card says what that is worth.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from leadmill.sql import HERE

Columns = dict[str, Any]

_MICROSECONDS = 86_400e6  # in a day
_SIZES = np.array([5, 30, 120, 500, 2500, 9000])
_TITLES = np.array(["Founder", "Sales Director", "Head of Marketing", "Account Manager", "Engineer", ""])


def open_history(simulation: dict[str, Any], seed: int) -> duckdb.DuckDBPyConnection:
    """A DuckDB in which `lake.events`, `pg.ledger.leads` and `pg.ledger.sends` hold the simulated history."""
    random = np.random.default_rng(seed)
    start = datetime.fromisoformat(f"{simulation['started_on']}T00:00:00+00:00")
    leads, interest = _leads(random, simulation["leads"], start, simulation["days"])
    sends, events = _mailing(random, leads, interest, start, simulation)
    duck = duckdb.connect()
    duck.execute("set timezone = 'UTC'")
    duck.execute("attach ':memory:' as lake; attach ':memory:' as pg; create schema pg.ledger")
    duck.execute((HERE / "lake" / "schema.ddl").read_text())
    for name, columns in (("leads", leads), ("sends", sends)):
        duck.register("rows", pa.table(columns))
        duck.execute(f"create table pg.ledger.{name} as select * from rows")
    duck.register("rows", pa.table(events))
    duck.execute("insert into lake.events by name select * from rows")
    duck.unregister("rows")
    return duck


def _leads(random: np.random.Generator, count: int, start: datetime, days: int) -> tuple[Columns, np.ndarray]:
    size = random.choice(6, count, p=[0.25, 0.3, 0.22, 0.13, 0.07, 0.03])
    title = random.choice(6, count, p=[0.12, 0.12, 0.16, 0.2, 0.25, 0.15])
    free_mail = random.random(count) < np.where(size == 0, 0.4, 0.08)
    consented = random.random(count) < 0.45
    known = random.random((count, 5)) < 0.7
    interest = (
        np.array([0.25, 0.3, 0.15, 0.0, -0.2, -0.3])[size]
        + np.array([0.35, 0.25, 0.2, 0.0, -0.15, -0.1])[title]
        - 0.35 * free_mail
        + 0.5 * consented
        + 0.15 * known[:, 0]
        + random.normal(0, 1, count)
    )
    # Most leads are there from the start; the rest arrive over the first year.
    age = np.where(random.random(count) < 0.5, 0, random.integers(0, min(365, days), count))
    text = lambda column, value: np.where(column, value, "")  # noqa: E731 - a word for one line each
    leads: Columns = {
        "lead_id": np.arange(1, count + 1),
        "employee_count": pa.array(_SIZES[size], mask=random.random(count) < 0.3),
        "job_title": _TITLES[title],
        "email_domain": np.where(free_mail, "gmail.com", "example.com"),
        "legal_basis": np.where(consented, "consent", "legitimate_interest"),
        "phone": text(known[:, 0], "+1"),
        "website": text(known[:, 1], "x"),
        "first_name": text(known[:, 2], "x"),
        "last_name": text(known[:, 2], "x"),
        "company": text(known[:, 3], "x"),
        "industry": text(known[:, 3], "x"),
        "country": text(known[:, 4], "US"),
        "city": text(known[:, 4], "x"),
        "created_at": _times(start, age.astype(float)),
        "erased_at": pa.nulls(count, pa.timestamp("us", "UTC")),
    }
    leads["_arrived"], leads["_free"], leads["_big"] = age, free_mail, size >= 3  # over 200 people
    return leads, interest


def _mailing(
    random: np.random.Generator, leads: Columns, interest: np.ndarray, start: datetime, simulation: dict[str, Any]
) -> tuple[Columns, Columns]:
    arrived, free, big = leads.pop("_arrived"), leads.pop("_free"), leads.pop("_big")
    mails = random.poisson(simulation["mails_per_lead"], interest.size)
    who = np.repeat(np.arange(interest.size), mails)
    day = arrived[who] + random.random(who.size) * (simulation["days"] - arrived[who])
    order = np.lexsort((day, who))
    who, day = who[order], day[order]
    log_odds = interest[who]
    dice = random.random((who.size, 9))
    hard = dice[:, 0] < np.where(free[who], 0.008, 0.004)
    soft = ~hard & (dice[:, 1] < 0.02)
    opened = ~hard & ~soft & (dice[:, 2] < _chance(log_odds - 1.6))
    clicked = opened & (dice[:, 3] < _chance(0.8 * log_odds - 2.9))
    replied = opened & (dice[:, 4] < _chance(0.8 * log_odds - 4.0))
    left = ~hard & (dice[:, 5] < _chance(-0.5 * log_odds - 5.8))
    private_mail = random.random(interest.size) < 0.35  # a mail programme that opens everything by itself
    prefetched = ~hard & ~soft & private_mail[who]
    scanned = ~hard & ~soft & big[who] & (dice[:, 6] < 0.2)
    answered_by_rule = ~hard & (dice[:, 7] < 0.02)
    kept = _before_the_end(who, hard | left)
    happened = (
        ("delivered", "", False, ~hard & ~soft, 0.001),
        ("bounced", "hard", False, hard, 0.002),
        ("bounced", "soft", False, soft, 0.02),
        ("opened", "", True, prefetched, 0.002),
        ("clicked", "", True, scanned, 0.001),
        ("opened", "", False, opened, 0.3),
        ("clicked", "", False, clicked, 0.35),
        ("replied", "", False, replied, 1.0),
        ("auto_replied", "", True, answered_by_rule, 0.01),
        ("unsubscribed", "", False, left, 0.5),
    )
    sends: Columns = {
        "send_id": np.flatnonzero(kept) + 1,
        "lead_id": leads["lead_id"][who[kept]],
        "accepted_at": _times(start, day[kept]),
    }
    delay = random.exponential(1.0, who.size)
    parts = [
        _events(start, (kind, bounce, machine), np.flatnonzero(mask & kept), who, day + delay * mean)
        for kind, bounce, machine, mask, mean in happened
    ]
    return sends, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _events(start: datetime, what: tuple[str, str, bool], rows: np.ndarray, who: np.ndarray, at: np.ndarray) -> Columns:
    kind, bounce, machine = what
    count = rows.size
    times = _times(start, at[rows])
    return {
        "event_id": np.char.add(f"{kind}-{bounce}-{machine}-", rows.astype(str)),
        "kind": np.full(count, kind),
        "bounce_kind": np.full(count, bounce),
        "provider": np.full(count, "simulated"),
        "occurred_at": times,
        "collected_at": times,
        "send_id": rows + 1,
        "lead_id": who[rows] + 1,
        "machine": np.full(count, machine),
        "raw_object": np.full(count, "simulated"),
        "raw_line": np.zeros(count, dtype=np.int32),
    }


def _before_the_end(who: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Whether each mail (sorted by lead and time) comes before its lead bounced for good or left."""
    first = np.r_[True, who[1:] != who[:-1]]
    so_far = np.cumsum(ends) - ends
    return (so_far - so_far[first][np.cumsum(first) - 1]) == 0


def _chance(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-log_odds))


def _times(start: datetime, days: np.ndarray) -> np.ndarray:
    origin = np.datetime64(start.replace(tzinfo=None), "us")
    return np.asarray(origin + (days * _MICROSECONDS).astype("timedelta64[us]"))
