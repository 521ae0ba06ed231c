"""Blacklist standings in Postgres."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from leadmill.adapters.ledger.database import Database
from leadmill.domain.blacklists import Outcome, SubjectKind, registrable_name
from leadmill.ports.blacklists import CheckedPair, Standing, Subject
from leadmill.sql import query

_SUBJECT = "ledger/blacklists"


class LedgerBlacklists:
    """Implements `ports.blacklists.BlacklistLedger`."""

    def __init__(self, database: Database, *, tracking_host: str = "") -> None:
        """`tracking_host` is the host name of the edge's public URL."""
        self._database = database
        self._tracking_host = tracking_host

    def subjects(self) -> list[Subject]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "watched_subjects")).fetchall()
        rows.append({"subject": self._tracking_host, "kind": "domain", "role": "tracking", "shared_ip": False})
        roles: dict[tuple[str, str], set[str]] = defaultdict(set)
        shared: dict[str, bool] = {}
        for row in rows:
            sends = row["role"].startswith("sending_")
            name = row["subject"] if sends else registrable_name(row["subject"])
            if name:
                roles[name, row["kind"]].add(row["role"])
                shared[name] = shared.get(name, False) or row["shared_ip"]
        return [
            Subject(
                name=name,
                kind=SubjectKind(kind),
                roles=frozenset(found),
                sending_domain=name if "sending_domain" in found else "",
                shared_ip=shared[name],
            )
            for (name, kind), found in sorted(roles.items())
        ]

    def record(self, pairs: Sequence[CheckedPair], *, as_of: datetime) -> None:
        columns = {
            "subjects": [pair.subject.name for pair in pairs],
            "kinds": [pair.subject.kind.value for pair in pairs],
            "zones": [pair.zone for pair in pairs],
            "outcomes": [pair.verdict.outcome.value for pair in pairs],
            "answers": [pair.verdict.answer for pair in pairs],
            "checks": [pair.checks for pair in pairs],
        }
        with self._database.transaction() as connection:
            connection.execute(query(_SUBJECT, "record_verdicts"), {**columns, "as_of": as_of})

    def standings(self) -> list[Standing]:
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "blacklist_status")).fetchall()
        return [
            Standing(**row | {"subject_kind": SubjectKind(row["subject_kind"]), "outcome": Outcome(row["outcome"])})
            for row in rows
        ]

    def mark_alerted(self, pairs: Sequence[tuple[str, str]], *, alerted: bool) -> None:
        parameters = {"subjects": [s for s, _ in pairs], "zones": [z for _, z in pairs], "alerted": alerted}
        with self._database.transaction() as connection:
            connection.execute(query(_SUBJECT, "mark_alerted"), parameters)

    def forget_unwatched(
        self, subjects: Sequence[str], zones: Sequence[str], *, as_of: datetime
    ) -> list[tuple[str, str]]:
        parameters = {"subjects": list(subjects), "zones": list(zones), "as_of": as_of}
        with self._database.transaction() as connection:
            rows = connection.execute(query(_SUBJECT, "forget_unwatched"), parameters).fetchall()
        return [(row["subject"], row["zone"]) for row in rows if row["alerted"]]

    def extend_cool_downs(self, domains: Sequence[str], *, until: datetime, as_of: datetime) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                query(_SUBJECT, "extend_cool_down"), {"names": list(domains), "until": until, "as_of": as_of}
            )
