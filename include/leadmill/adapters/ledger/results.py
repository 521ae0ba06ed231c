"""Recording what became of claimed sends: one transaction, set by set, the common case in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.ledger.array_text import bigints, texts
from leadmill.domain.crash_points import CrashPoint, reached
from leadmill.domain.dispatch import TAKEN_BACK, Outcome, SendResult
from leadmill.sql import query

_SUBJECT = "ledger/results"
_GIVES_QUOTA_BACK = frozenset({Outcome.RETRY, Outcome.RELEASED}) | TAKEN_BACK


def record(
    connection: psycopg.Connection[DictRow], worker: str, results: Sequence[SendResult], now: datetime
) -> dict[int, str]:
    """Write the results that are still this worker's to write; returns each send's new state."""
    said = "".join([r.provider_message_id + r.code for r in results])
    if not said.isascii() or "\0" in said:  # a provider's words: an odd one must not keep the others unwritten
        results = [_made_plain(result) for result in results]
    _lock_quota(connection, [r.send_id for r in results if r.outcome in _GIVES_QUOTA_BACK])
    accepted = [r for r in results if r.outcome is Outcome.ACCEPTED]
    states = _claimed_accepted(connection, worker, accepted, now) if accepted else {}
    if len(states) < len(results):
        states |= _others(connection, worker, [r for r in results if r.send_id not in states], now)
    reached(CrashPoint.RECORD_WRITTEN)
    return states


def _made_plain(result: SendResult) -> SendResult:
    """With words that can be stored."""
    said = (result.provider_message_id, result.code)
    message_id, code = (text.replace("\0", "").encode("utf-8", "replace").decode() for text in said)
    return result._replace(provider_message_id=message_id, code=code)


def _claimed_accepted(
    connection: psycopg.Connection[DictRow], worker: str, results: Sequence[SendResult], now: datetime
) -> dict[int, str]:
    """The common case: claimed, and the provider said yes."""
    ordered = sorted(results, key=lambda r: r.send_id)  # rows are locked in the order of ids, as everywhere
    connection.execute(query("ledger/claims", "keep_to_indexes"))
    row = connection.execute(
        query(_SUBJECT, "record_claimed_accepted"),
        {
            "worker": worker,
            "send_ids": bigints(r.send_id for r in ordered),
            "provider_message_ids": texts([r.provider_message_id for r in ordered]),
            "now": now,
        },
        prepare=True,
    ).fetchone()
    send_ids: list[int] = row["send_ids"] if row else []
    if row and row["has_follow_ups"]:
        _release_follow_ups(connection, send_ids, now)
    return dict.fromkeys(send_ids, "accepted")


def _others(
    connection: psycopg.Connection[DictRow], worker: str, results: Sequence[SendResult], now: datetime
) -> dict[int, str]:
    """Refusals, retries, doubts, and answers that come after the lease or after evidence."""
    parameters = {"send_ids": sorted(r.send_id for r in results), "worker": worker}
    mine = _states(connection.execute(query(_SUBJECT, "lock_settling_sends"), parameters))
    by_outcome: dict[Outcome, list[SendResult]] = {}
    for result in results:
        state = mine.get(result.send_id)
        if state is not None and (state != "planned" or result.outcome is Outcome.ACCEPTED):
            by_outcome.setdefault(result.outcome, []).append(result)
    again = [r for outcome in (Outcome.RETRY, Outcome.RELEASED) for r in by_outcome.get(outcome, [])]
    states: dict[int, str] = {}
    states |= _accepted(connection, worker, by_outcome.get(Outcome.ACCEPTED, []), now)
    states |= _refused(connection, by_outcome.get(Outcome.REFUSED, []), now)
    states |= _again(connection, again, now)
    states |= _taken_back(connection, [r for outcome in TAKEN_BACK for r in by_outcome.get(outcome, [])], now)
    states |= _ambiguous(connection, by_outcome.get(Outcome.AMBIGUOUS, []), now)
    return states


def _lock_quota(connection: psycopg.Connection[DictRow], send_ids: list[int]) -> None:
    """Lock what quota is given back to, in the order of a claim, before any send is locked."""
    if send_ids:
        for name in ("lock_settling_accounts", "lock_settling_domains", "lock_settling_mailboxes"):
            connection.execute(query(_SUBJECT, name), {"send_ids": send_ids})


def _states(cursor: psycopg.Cursor[DictRow]) -> dict[int, str]:
    return {row["send_id"]: row["state"] for row in cursor}


def _accepted(
    connection: psycopg.Connection[DictRow], worker: str, results: Sequence[SendResult], now: datetime
) -> dict[int, str]:
    if not results:
        return {}
    states = _states(
        connection.execute(
            query(_SUBJECT, "record_accepted"),
            {
                "worker": worker,
                "send_ids": [r.send_id for r in results],
                "provider_message_ids": [r.provider_message_id for r in results],
                "now": now,
            },
        )
    )
    _release_follow_ups(connection, list(states), now)
    return states


def _release_follow_ups(connection: psycopg.Connection[DictRow], send_ids: list[int], now: datetime) -> None:
    connection.execute(query("ledger/follow_ups", "release_follow_ups"), {"send_ids": send_ids, "as_of": now})


def _refused(connection: psycopg.Connection[DictRow], results: Sequence[SendResult], now: datetime) -> dict[int, str]:
    if not results:
        return {}
    states = _states(
        connection.execute(
            query(_SUBJECT, "record_refused"),
            {
                "send_ids": [r.send_id for r in results],
                "faults": [r.fault.value if r.fault else None for r in results],
                "codes": [r.code for r in results],
                "now": now,
            },
        )
    )
    cancel_follow_ups(connection, list(states), cause="refused", as_of=now)
    return states


def _again(connection: psycopg.Connection[DictRow], results: Sequence[SendResult], now: datetime) -> dict[int, str]:
    if not results:
        return {}
    send_ids = [r.send_id for r in results]
    connection.execute(query(_SUBJECT, "release_quota"), {"send_ids": send_ids})
    return _states(
        connection.execute(
            query(_SUBJECT, "plan_again"),
            {
                "send_ids": send_ids,
                "due_ats": [r.due_at or now for r in results],
                "attempted": [r.outcome is Outcome.RETRY and not r.is_free for r in results],
                "faults": [r.fault.value if r.fault else "" for r in results],
                "codes": [r.code for r in results],
                "now": now,
            },
        )
    )


def _taken_back(
    connection: psycopg.Connection[DictRow], results: Sequence[SendResult], now: datetime
) -> dict[int, str]:
    """Sends that were recalled for good: their quota is given back, their leads' follow-ups end."""
    if not results:
        return {}
    connection.execute(query(_SUBJECT, "release_quota"), {"send_ids": [r.send_id for r in results]})
    parameters = {
        "send_ids": [r.send_id for r in results],
        "states": [r.outcome.value for r in results],
        "codes": [r.code for r in results],
        "now": now,
    }
    states = _states(connection.execute(query(_SUBJECT, "take_back"), parameters))
    suppressed = [send_id for send_id, state in states.items() if state == Outcome.SUPPRESSED]
    cancel_follow_ups(connection, suppressed, cause="suppressed", as_of=now)
    return states


def _ambiguous(connection: psycopg.Connection[DictRow], results: Sequence[SendResult], now: datetime) -> dict[int, str]:
    if not results:
        return {}
    parameters = {"send_ids": [r.send_id for r in results], "codes": [r.code for r in results], "now": now}
    return _states(connection.execute(query(_SUBJECT, "record_ambiguous"), parameters))


def cancel_follow_ups(
    connection: psycopg.Connection[DictRow], send_ids: Sequence[int], *, cause: str, as_of: datetime
) -> None:
    """Cancel the later steps of these sends' leads."""
    if send_ids:
        connection.execute(
            query("ledger/follow_ups", "cancel_follow_ups"),
            {"send_ids": list(send_ids), "cause": cause, "as_of": as_of},
        )
