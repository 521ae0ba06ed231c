"""Suppressing, erasing and taking back people in Postgres."""

from __future__ import annotations

from datetime import datetime

import psycopg
from psycopg.rows import DictRow

from leadmill.adapters.idna_domains import idna_domain
from leadmill.adapters.ledger.audit import record_audit
from leadmill.adapters.ledger.database import Database
from leadmill.adapters.ledger.retrying import in_transaction
from leadmill.domain.access import Actor
from leadmill.domain.identity import email_hash, hash_pads
from leadmill.errors import Conflict, InputInvalid, NotFound
from leadmill.ports.people import Person, PersonOutcome
from leadmill.sql import query

_SUBJECT = "ledger/people"
_Connection = psycopg.Connection[DictRow]


class LedgerPeople:
    """Implements `ports.people.PeopleLedger`; locks lead, sends, suppression, the order of a projection's changes."""

    def __init__(self, database: Database, *, key: bytes) -> None:
        """`key` is the secret of the addresses' keyed hash."""
        self._database = database
        self._key = key
        inner, outer = hash_pads(key)
        self._pads = {"inner_pad": inner, "outer_pad": outer}

    def suppress(self, actor: Actor, person: Person, *, reason: str, as_of: datetime) -> PersonOutcome:
        def work(connection: _Connection) -> PersonOutcome:
            lead_id, hashed, address = self._found(connection, person)
            withdrawn = withdraw(connection, lead_id, cause="manual", as_of=as_of)
            values = {"email_hash": hashed, "email": address, "source": actor.email, "as_of": as_of}
            is_new = connection.execute(query(_SUBJECT, "suppress_by_hand"), values).rowcount == 1
            outcome = PersonOutcome(lead_id, is_new or withdrawn > 0, withdrawn)
            _audit(connection, actor, "person.suppress", outcome, reason=reason, at=as_of)
            return outcome

        return in_transaction(self._database, work)

    def lift(self, actor: Actor, person: Person, *, reason: str, proof: str, as_of: datetime) -> PersonOutcome:
        def work(connection: _Connection) -> PersonOutcome:
            lead_id, hashed, address = self._found(connection, person)
            before = connection.execute(query(_SUBJECT, "earlier_suppression"), {"email_hash": hashed}).fetchone()
            if before is not None and before["reason"] == "erased":
                raise Conflict("This person was erased: only a keyed hash is left of them, and it bars them for good.")
            values = {"email_hash": hashed, "email": address, "as_of": as_of}
            reasons = [row["reason"] for row in connection.execute(query(_SUBJECT, "lift_suppressions"), values)]
            outcome = PersonOutcome(lead_id, bool(reasons), 0)
            said = {"proof": proof, "suppressed_for": ", ".join(reasons)}
            _audit(connection, actor, "person.unsuppress", outcome, reason=reason, at=as_of, **said)
            return outcome

        return in_transaction(self._database, work)

    def erase(self, actor: Actor, person: Person, *, reason: str, as_of: datetime) -> PersonOutcome:
        def work(connection: _Connection) -> PersonOutcome:
            # No import may be between its look at the suppressions and its writing of leads.
            connection.execute(query("ledger/lead_files", "lock_leads"))
            lead_id, hashed, address = self._found(connection, person)
            withdrawn = withdraw(connection, lead_id, cause="erased", as_of=as_of)
            before = connection.execute(query(_SUBJECT, "earlier_suppression"), {"email_hash": hashed}).fetchone()
            has_tombstone = before is not None and before["reason"] == "erased" and not before["has_email"]
            if not has_tombstone:
                values = {"email_hash": hashed, "email": address, "source": actor.email, "as_of": as_of}
                connection.execute(query(_SUBJECT, "leave_tombstone"), values | self._pads)
                connection.execute(query(_SUBJECT, "suppress_other_addresses"), values)
            emptied = empty(connection, lead_id, as_of)
            outcome = PersonOutcome(lead_id, emptied or not has_tombstone or withdrawn > 0, withdrawn)
            earlier = before["reason"] if before else ""
            _audit(connection, actor, "person.erase", outcome, reason=reason, at=as_of, suppressed_for=earlier)
            return outcome

        return in_transaction(self._database, work)

    def _found(self, connection: _Connection, person: Person) -> tuple[int | None, bytes, str | None]:
        """Lead id (None: no lead), hash, and the address in the import's form (None: an erased lead's)."""
        address = _import_form(person.email) if person.email else None
        hashed = email_hash(address, self._key) if address else None
        row = connection.execute(
            query(_SUBJECT, "find_person"), {"lead_id": person.lead_id, "email_hash": hashed}
        ).fetchone()
        if row is not None:
            return int(row["lead_id"]), bytes(row["email_hash"]), address or row["email"]
        if hashed is None:
            raise NotFound(f"There is no lead {person.lead_id}.")
        return None, hashed, address


def _import_form(email: str) -> str:
    """An address as the import keeps it: a domain outside ASCII in its IDNA form (UTS 46)."""
    name, _, domain = email.rpartition("@")
    found = idna_domain(domain)
    if found is None:
        raise InputInvalid("The part of the address after the @ is no domain name.")
    return f"{name}@{found}"


def withdraw(connection: _Connection, lead_id: int | None, *, cause: str, as_of: datetime) -> int:
    """Take a lead's planned sends back, the next one of each campaign for the cause; how many (None: no lead)."""
    if lead_id is None:
        return 0
    values = {"lead_id": lead_id, "cause": cause, "as_of": as_of}
    connection.execute(query(_SUBJECT, "lock_planned_sends"), values)
    rows = connection.execute(query(_SUBJECT, "suppress_next_sends"), values).fetchall()
    follow_ups = {"send_ids": [row["send_id"] for row in rows], "cause": "suppressed", "as_of": as_of}
    return len(rows) + connection.execute(query("ledger/follow_ups", "cancel_follow_ups"), follow_ups).rowcount


def empty(connection: _Connection, lead_id: int | None, as_of: datetime) -> bool:
    """Empty all that says who a lead is; whether it was not emptied before."""
    if lead_id is None:
        return False
    values = {"lead_id": lead_id, "as_of": as_of}
    emptied = connection.execute(query(_SUBJECT, "empty_lead"), values).rowcount == 1
    connection.execute(query(_SUBJECT, "delete_score"), values)
    connection.execute(query(_SUBJECT, "delete_window"), values)
    return emptied


def _audit(
    connection: _Connection,
    actor: Actor,
    action: str,
    outcome: PersonOutcome,
    *,
    reason: str,
    at: datetime,
    **more: str,
) -> None:
    """One line where something changed; the lead's id is all it says of the person."""
    if outcome.changed:
        subject = ("lead", outcome.lead_id if outcome.lead_id is not None else "none")
        details = {"withdrawn_sends": outcome.withdrawn} | {name: value for name, value in more.items() if value}
        record_audit(connection, actor, action, subject, at=at, reason=reason, details=details)
