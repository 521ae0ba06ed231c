"""Ask every list about everything we send from or link to; keep what they say, and tell people of changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from leadmill.domain import moments
from leadmill.domain.access import SYSTEM
from leadmill.domain.blacklists import (
    LISTED_CONFIRMATIONS,
    LISTING_COOL_DOWN,
    STILL_LISTED_EXTENSION,
    Outcome,
    Verdict,
    Zone,
    judge,
    query_name,
    self_test,
    self_test_subjects,
)
from leadmill.domain.mailboxes import SenderStatus
from leadmill.errors import NotFound
from leadmill.ports.alerts import Alerts, Severity
from leadmill.ports.blacklists import (
    BlacklistLedger,
    CheckedPair,
    CheckHistory,
    Standing,
    Subject,
)
from leadmill.ports.dns import AddressLookup
from leadmill.ports.holds import Cause
from leadmill.ports.mailboxes import SenderRegistry, StatusChange

_RESOLVER_KEY = "blacklist_resolver"
_Named = TypeVar("_Named", Subject, Zone)


@dataclass(frozen=True, slots=True)
class BlacklistWatch:
    """What a check works with. `checks_per_run`: how often a listing is asked for before it is believed, ≥ 1."""

    lookup: AddressLookup
    ledger: BlacklistLedger
    history: CheckHistory
    senders: SenderRegistry
    alerts: Alerts
    zones: Sequence[Zone]
    checks_per_run: int = LISTED_CONFIRMATIONS


def check_blacklists(
    watch: BlacklistWatch, *, as_of: datetime, subjects: Collection[str] = (), zones: Collection[str] = ()
) -> dict[str, int]:
    """Check everything, or the named subjects and lists only.

    Returns:
        Counts: subjects, zones, unusable_zones, listed, clean, unknown, newly_listed, resolved.

    Raises:
        NotFound: A named subject or list is not watched.
    """
    asked = _chosen(list(watch.ledger.subjects()), subjects, "subject")
    lists = _chosen(list(watch.zones), zones, "list")
    unusable = _test_zones(watch.lookup, lists)
    pairs = _check(watch, asked, lists, unusable)
    watch.history.add(pairs, as_of=as_of)
    watch.ledger.record(pairs, as_of=as_of)
    _tell_of_zones(watch.alerts, lists, unusable, as_of=as_of)
    if not subjects and not zones:
        _forget(watch, asked, lists, as_of=as_of)
    newly_listed, resolved = _tell_of_changes(watch, {subject.name: subject for subject in asked}, as_of=as_of)
    outcomes = Counter(pair.verdict.outcome.value for pair in pairs)
    return {
        "subjects": len(asked),
        "zones": len(lists),
        "unusable_zones": len(unusable),
        **{outcome.value: outcomes[outcome.value] for outcome in Outcome},
        "newly_listed": newly_listed,
        "resolved": resolved,
    }


def _chosen(there: list[_Named], names: Collection[str], noun: str) -> list[_Named]:
    if not names:
        return there
    missing = sorted(set(names) - {item.name for item in there})
    if missing:
        raise NotFound(f"No {noun} of this name is watched: {', '.join(missing)}; see the page Deliverability.")
    return [item for item in there if item.name in names]


def _test_zones(lookup: AddressLookup, zones: Sequence[Zone]) -> dict[str, str]:
    """Why a list cannot be used, by its name; the living ones are absent."""
    unusable = {zone.name: f"it was {zone.shut_down}" for zone in zones if zone.shut_down}
    tested = [(zone, *self_test_subjects(zone)) for zone in zones if not zone.shut_down]
    names = [query_name(name, zone) for zone, listed, never in tested for name in (*listed, never)]
    answers = iter(lookup.look_up(names))
    for zone, listed, _ in tested:
        positives = tuple(next(answers) for _ in listed)
        reason = self_test(zone, positives, next(answers))
        if reason:
            unusable[zone.name] = reason
    return unusable


def _check(
    watch: BlacklistWatch, subjects: Sequence[Subject], zones: Sequence[Zone], unusable: Mapping[str, str]
) -> list[CheckedPair]:
    todo = [(subject, zone) for subject in subjects for zone in zones if subject.kind is zone.kind]
    living = [(subject, zone) for subject, zone in todo if zone.name not in unusable]
    dead = [
        CheckedPair(subject, zone.name, Verdict(Outcome.UNKNOWN, f"list not usable: {unusable[zone.name]}"))
        for subject, zone in todo
        if zone.name in unusable
    ]
    pairs = _ask(watch.lookup, living)
    by_name = {zone.name: zone for zone in zones}
    for _ in range(watch.checks_per_run - 1):
        listed = [pair for pair in pairs if pair.verdict.outcome is Outcome.LISTED]
        again = _ask(watch.lookup, [(pair.subject, by_name[pair.zone]) for pair in listed])
        confirmed = dict(zip(((p.subject.name, p.zone) for p in listed), again, strict=True))
        pairs = [_both(pair, confirmed.get((pair.subject.name, pair.zone))) for pair in pairs]
    return [*pairs, *dead]


def _ask(lookup: AddressLookup, todo: Sequence[tuple[Subject, Zone]]) -> list[CheckedPair]:
    answers = lookup.look_up([query_name(subject.name, zone) for subject, zone in todo])
    return [
        CheckedPair(subject, zone.name, judge(zone, answer, shared_ip=subject.shared_ip))
        for (subject, zone), answer in zip(todo, answers, strict=True)
    ]


def _both(first: CheckedPair, second: CheckedPair | None) -> CheckedPair:
    if second is None:
        return first
    if second.verdict.outcome is Outcome.LISTED:
        return replace(second, checks=first.checks + 1)
    return replace(first, verdict=Verdict(Outcome.UNKNOWN, "two checks at once disagreed"), checks=1)


def _tell_of_zones(alerts: Alerts, zones: Sequence[Zone], unusable: Mapping[str, str], *, as_of: datetime) -> None:
    """One warning per list that is off; a single one where none answers, since then it is the resolver."""
    nothing_works = bool(zones) and len(unusable) == len(zones)
    for zone in zones:
        key = f"blacklist_zone:{zone.name}"
        if zone.name not in unusable:
            alerts.resolve(key, as_of=as_of)
        elif not nothing_works:
            message = (
                f"Switched off: {unusable[zone.name]}. Its answers count as unknown until it passes its self-test."
            )
            alerts.raise_alert(
                kind="blacklist_zone",
                severity="warning",
                subject=zone.name,
                message=message,
                dedupe_key=key,
                as_of=as_of,
            )
    if nothing_works:
        alerts.raise_alert(
            kind="blacklist_zone",
            severity="warning",
            subject="blacklists",
            message="No blacklist passes its self-test, so nothing is known; check LEADMILL_DNS_RESOLVER.",
            dedupe_key=_RESOLVER_KEY,
            as_of=as_of,
        )
    elif zones:
        alerts.resolve(_RESOLVER_KEY, as_of=as_of)


def _forget(watch: BlacklistWatch, subjects: Sequence[Subject], zones: Sequence[Zone], *, as_of: datetime) -> None:
    names = [subject.name for subject in subjects]
    gone = watch.ledger.forget_unwatched(names, [zone.name for zone in zones], as_of=as_of)
    for subject, zone in gone:
        watch.alerts.resolve(_listing_key(subject, zone), as_of=as_of)


def _tell_of_changes(watch: BlacklistWatch, asked: Mapping[str, Subject], *, as_of: datetime) -> tuple[int, int]:
    """Raise, cool down and resolve first, note it last: a crash in between repeats, and repeating is harmless."""
    standings = [standing for standing in watch.ledger.standings() if standing.subject in asked]
    listed = [s for s in standings if s.outcome is Outcome.LISTED and s.consecutive >= LISTED_CONFIRMATIONS]
    new = [standing for standing in listed if not standing.alerted]
    over = [standing for standing in standings if standing.outcome is Outcome.CLEAN and standing.alerted]
    for standing in new:
        _announce(watch, standing, asked[standing.subject], as_of=as_of)
    for standing in over:
        watch.alerts.resolve(_listing_key(standing.subject, standing.zone), as_of=as_of)
    known = {asked[s.subject].sending_domain for s in listed if s.alerted} - {""}
    if known:
        watch.ledger.extend_cool_downs(sorted(known), until=as_of + STILL_LISTED_EXTENSION, as_of=as_of)
    watch.ledger.mark_alerted([(s.subject, s.zone) for s in new], alerted=True)
    watch.ledger.mark_alerted([(s.subject, s.zone) for s in over], alerted=False)
    return len(new), len(over)


def _announce(watch: BlacklistWatch, standing: Standing, subject: Subject, *, as_of: datetime) -> None:
    consequence = "Ask for delisting at the list's page, and find what caused it."
    if subject.sending_domain:
        until = as_of + LISTING_COOL_DOWN
        reason = f"listed by {standing.zone}"
        change = StatusChange(SenderStatus.COOLING_DOWN, reason, until=until, cause=Cause.BLACKLIST.value)
        watch.senders.change_domain(SYSTEM, subject.sending_domain, change, as_of=as_of)
        consequence = f"It leaves rotation until {moments.day_in_words(until)}. {consequence}"
    watch.alerts.raise_alert(
        kind="blacklist_listing",
        severity=_severity(subject),
        subject=subject.name,
        message=f"Listed by {standing.zone}: {standing.answer or 'no code'}. {consequence}",
        dedupe_key=_listing_key(standing.subject, standing.zone),
        as_of=as_of,
    )


def _severity(subject: Subject) -> Severity:
    ours = "sending_domain" in subject.roles or ("sending_ip" in subject.roles and not subject.shared_ip)
    return "critical" if ours else "warning"


def _listing_key(subject: str, zone: str) -> str:
    return f"blacklist_listing:{subject}:{zone}"
