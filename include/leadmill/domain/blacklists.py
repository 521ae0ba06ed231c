"""Blacklists in the DNS (DNSBL): what to ask, and what an answer means. Three outcomes, never two.

Source: RFC 5782 (DNS Blacklists and Whitelists), March 2010, and the lists' own return codes (`blacklist_zones.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, ip_address

from leadmill.domain.dns import DnsAnswer, DnsStatus
from leadmill.errors import ConfigInvalid

LISTED_CONFIRMATIONS = 2
"""Checks in a row that must say "listed" before anybody is told (haraka's and our own practice, STANDARDS A4)."""

LISTING_COOL_DOWN = timedelta(weeks=2)
"""How long a sending domain leaves rotation when it is listed (requirements C: two weeks on a spam block)."""

STILL_LISTED_EXTENSION = timedelta(days=1)
"""A cool-down never ends sooner than this after a check that still saw the listing."""

_ANSWERS = IPv4Network("127.0.0.0/8")  # RFC 5782 §2.1
_REFUSALS = IPv4Network("127.255.255.0/24")  # Spamhaus and Validity: an error code, not a listing
_REFUSAL_MEANINGS = {
    "127.255.255.252": "the zone's name is mistyped",
    "127.255.255.254": "the list does not answer public or unattributable resolvers",
    "127.255.255.255": "too many queries",
}
_SHORT_SUFFIXES = frozenset({"ac", "co", "com", "edu", "gov", "net", "nom", "org"})
_COUNTRY_CODE_LENGTH = 2


class SubjectKind(StrEnum):
    """What a list is about."""

    IP = "ip"
    DOMAIN = "domain"


class Outcome(StrEnum):
    """Unknown is neither listed nor clean: no alert, and no all-clear."""

    LISTED = "listed"
    CLEAN = "clean"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Zone:
    """One list.

    Attributes:
        name: What people see, logs and the ledger keep; without any key.
        kind: Whether it lists addresses or domains.
        query_zone: Where to ask; may hold a personal key, so it is in no repr and no message.
        meanings: What a return code says, by whole address.
        bits: What each bit of the last octet says, for lists that add up.
        refusals: Return codes that say "I do not answer you" in this list.
        provider_ranges: Codes that are expected on an address that a provider shares among its customers (PBL).
        test_names: Names that must be listed, any one of them; empty = RFC 5782's.
        shut_down: Since when the list is dead; such a zone is never asked.
    """

    name: str
    kind: SubjectKind
    query_zone: str = field(repr=False)
    meanings: Mapping[str, str] = field(default_factory=dict)
    bits: Mapping[int, str] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)
    provider_ranges: frozenset[str] = frozenset()
    test_names: tuple[str, ...] = ()
    shut_down: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one list says of one subject. `answer` holds codes and their meaning, or why it is unknown."""

    outcome: Outcome
    answer: str = ""


def query_name(subject: str, zone: Zone) -> str:
    """The name to ask for: octets or nibbles reversed, or the domain, before the zone.

    Raises:
        ConfigInvalid: An IP zone is asked about something that is no IP address.

    Source: RFC 5782 §2.1 (IPv4), §2.4 (IPv6), §2.2 (domains).
    """
    if zone.kind is SubjectKind.DOMAIN:
        return f"{_ascii(subject)}.{zone.query_zone}"
    try:
        pointer = ip_address(subject).reverse_pointer
    except ValueError as error:
        raise ConfigInvalid(f"{subject!r} is no IP address; correct the sending domain's IPs.") from error
    return f"{pointer.removesuffix('.in-addr.arpa').removesuffix('.ip6.arpa')}.{zone.query_zone}"


def _ascii(domain: str) -> str:
    name = domain.strip().rstrip(".").lower()
    return name if name.isascii() else name.encode("idna").decode()


def judge(zone: Zone, answer: DnsAnswer, *, shared_ip: bool = False) -> Verdict:
    """What an answer means.

    Args:
        zone: The list that was asked; it passed its self-test.
        answer: What the resolver said.
        shared_ip: The subject is an address that a provider shares among its customers.

    Returns:
        Listed only for codes in 127/8 that are no refusal; clean only for a name that does not exist (or has no
        address: a longer name below it may be listed); everything else is unknown.

    Source: RFC 5782 §2.1; Spamhaus return codes 127.255.255.x; SURBL and URIBL 127.0.0.1.
    """
    if answer.status in (DnsStatus.NO_NAME, DnsStatus.NO_ADDRESS):
        return Verdict(Outcome.CLEAN)
    if answer.status is not DnsStatus.ADDRESSES or not answer.addresses:
        return Verdict(Outcome.UNKNOWN, str(answer.status))
    refusal = next((why for code in answer.addresses if (why := _refusal(zone, code))), "")
    if refusal:
        return Verdict(Outcome.UNKNOWN, refusal)
    text = ", ".join(f"{code} {meaning}".rstrip() for code, meaning in _meanings(zone, answer))
    if shared_ip and zone.provider_ranges and zone.provider_ranges.issuperset(answer.addresses):
        return Verdict(Outcome.CLEAN, f"{text} (expected on a provider's shared address)")
    return Verdict(Outcome.LISTED, text)


def _refusal(zone: Zone, code: str) -> str:
    address = IPv4Address(code)
    if address not in _ANSWERS:
        return "it answers outside 127.0.0.0/8: a parked or hijacked zone"
    if address in _REFUSALS:
        return f"{code}: {_REFUSAL_MEANINGS.get(code, 'the list refuses this query')}"
    if code in zone.refusals:
        return f"{code}: {zone.refusals[code]}"
    # RFC 5782 keeps 127.0.0.1 out of lists; those that use it mean a blocked query, or "good" (hostkarma).
    return "127.0.0.1: not a listing" if code == "127.0.0.1" else ""


def _meanings(zone: Zone, answer: DnsAnswer) -> list[tuple[str, str]]:
    found = []
    for code in answer.addresses:
        last = int(code.rpartition(".")[2])
        by_bit = [meaning for bit, meaning in sorted(zone.bits.items()) if last & bit]
        found.append((code, zone.meanings.get(code) or "+".join(by_bit)))
    return found


def self_test_subjects(zone: Zone) -> tuple[tuple[str, ...], str]:
    """Subjects that a living list has (any of the first), and the one that no list may have.

    Source: RFC 5782 §5: 127.0.0.2 and TEST are listed, 127.0.0.1 and INVALID are not.
    """
    if zone.kind is SubjectKind.IP:
        return zone.test_names or ("127.0.0.2",), "127.0.0.1"
    return ("test", *zone.test_names), "invalid"


def self_test(zone: Zone, positives: tuple[DnsAnswer, ...], negative: DnsAnswer) -> str:
    """Empty for a list whose answers can be used; otherwise why not, in a few words.

    Args:
        zone: The list.
        positives: Answers for the names that should be listed; one listed is enough.
        negative: The answer for the name that must not be.
    """
    verdicts = [judge(zone, answer) for answer in positives]
    if negative.status is DnsStatus.ADDRESSES:
        refusal = judge(zone, negative)
        reason = refusal.answer if refusal.outcome is Outcome.UNKNOWN else ""
        return f"it lists everything{f' ({reason})' if reason else ''}"
    if any(verdict.outcome is Outcome.LISTED for verdict in verdicts):
        return "" if negative.status in (DnsStatus.NO_NAME, DnsStatus.NO_ADDRESS) else str(negative.status)
    unknown = next((verdict.answer for verdict in verdicts if verdict.outcome is Outcome.UNKNOWN), "")
    return unknown or "its test entry is gone: the list is empty or dead"


def registrable_name(host: str) -> str | None:
    """The part of a host name that somebody registered, which domain lists want; None for anything else.

    A heuristic without the Public Suffix List: two labels, or three under the usual second-level suffixes of
    countries (`co.uk`, `com.br`). Addresses and single labels such as `localhost` have none.
    """
    labels = host.strip().rstrip(".").lower().split(".")
    if len(labels) < _COUNTRY_CODE_LENGTH or not all(re.fullmatch(r"[\w-]{1,63}", label) for label in labels):
        return None
    if not re.search(r"[^\W\d_]", labels[-1]):
        return None
    second_level = len(labels[-1]) == _COUNTRY_CODE_LENGTH and labels[-2] in _SHORT_SUFFIXES
    size = 3 if second_level else 2
    return ".".join(labels[-size:]) if len(labels) >= size else None
