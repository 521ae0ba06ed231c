"""The events' projection onto the ledger: one transaction a run of batches, the position inside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.contacts import end_elsewhere
from leadmill.adapters.ledger.database import Database
from leadmill.domain.evidence import CLOCKS_DIFFER_BY, FOLLOW_UPS_STOP_ON, SOFT_BOUNCE_DELAY, SUPPRESSION_RANK
from leadmill.domain.sends import EVIDENCE_RANK, SENT_STATES, SendState
from leadmill.ports.collecting import Evidence, ProjectionCounts, SendEvidence
from leadmill.sql import query

EVENTS_PROJECTION = "events"
_SENT = {state.value for state in SENT_STATES}


class EventsProjection:
    """One transaction; see `ports.collecting.LedgerProjection`."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self._connection = connection
        row = connection.execute(_sql("lock_position"), {"name": EVENTS_PROJECTION}).fetchone()
        self.position: int = row["position"] if row else 0

    def apply(self, evidence: Evidence, *, as_of: datetime) -> ProjectionCounts:
        counts = self._apply_to_sends(evidence.sends, as_of)
        if renumbered := self._renumbered(evidence.sends):
            counts += self._apply_to_sends(renumbered, as_of)
        suppressed = self._suppress(evidence)
        self._connection.execute(
            _sql("move_position"), {"name": EVENTS_PROJECTION, "position": evidence.upto, "as_of": as_of}
        )
        return counts + ProjectionCounts(suppressed=suppressed, position=evidence.upto)

    def _apply_to_sends(self, sends: SendEvidence, as_of: datetime) -> ProjectionCounts:
        touched = self._move_sends(sends)
        moved = [row for row in touched if row["state_before"] != row["state_after"]]
        self._record_complaints([row["send_id"] for row in moved if row["state_after"] == "complained"])
        cancelled = self._cancel_follow_ups(sends, touched, as_of) + self._end_elsewhere(sends, touched, as_of)
        newly_sent = [row["send_id"] for row in moved if row["state_before"] not in _SENT]
        released = self._follow_ups("release_follow_ups", newly_sent, as_of)
        put_off = [row["send_id"] for row in moved if row["state_after"] == "bounced" and not row["ends_sequence"]]
        self._follow_ups("delay_follow_ups", put_off, as_of, days=SOFT_BOUNCE_DELAY.days)
        days = {(row["mailbox_id"], row["accepted_on"]) for row in touched if row["mailbox_id"] and row["accepted_on"]}
        self._refresh(days)
        return ProjectionCounts(len(moved), 0, cancelled, released, len(days))

    def _renumbered(self, sends: SendEvidence) -> SendEvidence | None:
        """What our signature says of mails that left under a number that their row has not, with the row's number."""
        rows = self._connection.execute(_sql("renumbered_sends"), {"send_ids": sends.send_ids}).fetchall()
        places = {number: place for place, number in enumerate(sends.send_ids) if sends.are_signed[place]}
        found = [(places[row["left_as"]], row["send_id"]) for row in rows if row["left_as"] in places]
        if not found:
            return None
        columns = {name: [values[place] for place, _ in found] for name, values in asdict(sends).items()}
        return SendEvidence(**columns | {"send_ids": [number for _, number in found]})

    def refresh_health(self, *, as_of: datetime) -> int:
        days = [as_of.date() - timedelta(days=1), as_of.date()]
        rows = self._connection.execute(_sql("sending_days"), {"days": days}).fetchall()
        return self._refresh({(row["mailbox_id"], row["day"]) for row in rows})

    def _move_sends(self, sends: SendEvidence) -> list[DictRow]:
        if not sends.send_ids:
            return []
        rules: dict[str, Any] = {
            "rank_states": [s.value for s in EVIDENCE_RANK],
            "rank_values": list(EVIDENCE_RANK.values()),
            "accepted_rank": EVIDENCE_RANK[SendState.ACCEPTED],
            "clocks_differ_by": CLOCKS_DIFFER_BY,
        }
        return self._connection.execute(_sql("apply_evidence"), {**asdict(sends), **rules}).fetchall()

    def _record_complaints(self, send_ids: list[int]) -> None:
        if send_ids:
            self._connection.execute(query("ledger/holds", "record_complaints"), {"send_ids": send_ids})

    def _suppress(self, evidence: Evidence) -> int:
        if not evidence.suppressions.send_ids:
            return 0
        ranks = {"rank_reasons": list(SUPPRESSION_RANK), "rank_values": list(SUPPRESSION_RANK.values())}
        columns = {**asdict(evidence.suppressions), **ranks, "clocks_differ_by": CLOCKS_DIFFER_BY}
        return len(self._connection.execute(_sql("suppress_leads"), columns).fetchall())

    def _cancel_follow_ups(self, sends: SendEvidence, touched: list[DictRow], as_of: datetime) -> int:
        ours = {row["send_id"] for row in touched}  # without those that nothing proves
        moved = [row for row in touched if row["state_before"] != row["state_after"]]
        stopped: dict[str, list[int]] = {
            "complained": [row["send_id"] for row in moved if row["state_after"] == "complained"],
            # A soft bounce may turn out hard, without another state.
            "bounced": [row["send_id"] for row in touched if row["state_after"] == "bounced" and row["ends_sequence"]],
            "dropped": [row["send_id"] for row in moved if row["state_after"] == "dropped"],
            "unsubscribed": [
                i for i, at in zip(sends.send_ids, sends.unsubscribe_times, strict=True) if at and i in ours
            ],
            "replied": [i for i, at in zip(sends.send_ids, sends.reply_times, strict=True) if at and i in ours],
        }
        return sum(
            self._follow_ups("cancel_follow_ups", stopped[cause], as_of, cause=cause) for cause in FOLLOW_UPS_STOP_ON
        )

    def _end_elsewhere(self, sends: SendEvidence, touched: list[DictRow], as_of: datetime) -> int:
        ours = {row["send_id"] for row in touched}
        times = zip(sends.send_ids, sends.reply_times, strict=True)
        return end_elsewhere(self._connection, {i: at for i, at in times if at and i in ours}, as_of=as_of)

    def _follow_ups(self, name: str, send_ids: list[int], as_of: datetime, **more: object) -> int:
        if not send_ids:
            return 0
        parameters: dict[str, Any] = {"send_ids": send_ids, "as_of": as_of, **more}
        return len(self._connection.execute(query("ledger/follow_ups", name), parameters).fetchall())

    def _refresh(self, days: set[tuple[int, date]]) -> int:
        if not days:
            return 0
        columns = {"mailbox_ids": [mailbox for mailbox, _ in days], "days": [day for _, day in days]}
        return len(self._connection.execute(_sql("refresh_mailbox_health"), columns).fetchall())


class EventsProjections:
    """Opens projection transactions; the position's row lock makes a second one wait."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def projecting(self) -> Iterator[EventsProjection]:
        with self._database.transaction() as connection:
            yield EventsProjection(connection)

    def start_again(self) -> None:
        """Forget the position, as after the lake was rebuilt."""
        with self._database.transaction() as connection:
            connection.execute(_sql("reset_position"), {"name": EVENTS_PROJECTION})

    def go_back_to(self, position: int) -> None:
        """Apply again what came after that batch."""
        with self._database.transaction() as connection:
            connection.execute(_sql("go_back_to_position"), {"name": EVENTS_PROJECTION, "position": position})


def _sql(name: str) -> str:
    return query("ledger/projections", name)
