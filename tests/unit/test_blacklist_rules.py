"""What a blacklist's answer means: three outcomes, and no error code is ever a listing."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.blacklist_zones import BUILT_IN, zones_of
from leadmill.domain.blacklists import (
    Outcome,
    SubjectKind,
    Zone,
    judge,
    query_name,
    registrable_name,
    self_test,
    self_test_subjects,
)
from leadmill.domain.dns import DnsAnswer, DnsStatus
from leadmill.errors import ConfigInvalid

ZONES = {zone.name: zone for zone in BUILT_IN}
ZEN, DBL, SURBL, URIBL = (
    ZONES[name] for name in ("zen.spamhaus.org", "dbl.spamhaus.org", "multi.surbl.org", "multi.uribl.com")
)
NOTHING = DnsAnswer(DnsStatus.NO_NAME)
KEY = "abcdefghijklmnopqrstuvwxyz"


def said(*codes: str) -> DnsAnswer:
    return DnsAnswer(DnsStatus.ADDRESSES, codes)


@pytest.mark.parametrize(
    ("zone", "answer", "outcome", "words"),
    [
        (ZEN, said("127.0.0.2"), Outcome.LISTED, "SBL"),
        (ZEN, said("127.0.0.4", "127.0.0.10"), Outcome.LISTED, "XBL"),
        (ZEN, said("127.0.0.77"), Outcome.LISTED, "127.0.0.77"),
        (DBL, said("127.0.1.4"), Outcome.LISTED, "phishing"),
        (DBL, said("127.0.1.255"), Outcome.UNKNOWN, "an IP was asked"),
        (SURBL, said("127.0.0.80"), Outcome.LISTED, "malware+abuse"),
        (SURBL, said("127.0.0.1"), Outcome.UNKNOWN, "blocks"),
        (URIBL, said("127.0.0.1"), Outcome.UNKNOWN, "blocks"),
        (URIBL, said("127.0.0.4"), Outcome.LISTED, "grey"),
        (ZEN, said("127.0.0.1"), Outcome.UNKNOWN, "not a listing"),
        (ZEN, said("127.255.255.252"), Outcome.UNKNOWN, "mistyped"),
        (ZEN, said("127.255.255.254"), Outcome.UNKNOWN, "public"),
        (ZEN, said("127.255.255.255"), Outcome.UNKNOWN, "too many"),
        (ZEN, said("127.0.0.2", "127.255.255.254"), Outcome.UNKNOWN, "public"),
        (ZEN, said("203.0.113.9"), Outcome.UNKNOWN, "outside"),
        (ZEN, NOTHING, Outcome.CLEAN, ""),
        (DBL, DnsAnswer(DnsStatus.NO_ADDRESS), Outcome.CLEAN, ""),
        (ZEN, DnsAnswer(DnsStatus.TIMEOUT), Outcome.UNKNOWN, "timeout"),
        (ZEN, DnsAnswer(DnsStatus.SERVER_FAILED), Outcome.UNKNOWN, "server failure"),
        (ZEN, DnsAnswer(DnsStatus.REFUSED), Outcome.UNKNOWN, "refused"),
        (ZEN, DnsAnswer(DnsStatus.UNREADABLE), Outcome.UNKNOWN, "unreadable"),
    ],
)
def test_an_answer_means(zone: Zone, answer: DnsAnswer, outcome: Outcome, words: str) -> None:
    verdict = judge(zone, answer)
    assert verdict.outcome is outcome
    assert words in verdict.answer


def test_a_provider_range_listing_is_expected_on_a_shared_address_only() -> None:
    assert judge(ZEN, said("127.0.0.10"), shared_ip=True).outcome is Outcome.CLEAN
    assert judge(ZEN, said("127.0.0.10")).outcome is Outcome.LISTED
    assert judge(ZEN, said("127.0.0.3", "127.0.0.10"), shared_ip=True).outcome is Outcome.LISTED


addresses = st.lists(st.ip_addresses(v=4).map(str), min_size=1, max_size=4)
near_misses = st.lists(
    st.one_of(
        st.integers(0, 2**24 - 1).map(lambda n: str(IPv4Address(0x7F000000 + n))),
        st.integers(0, 255).map(lambda n: f"127.255.255.{n}"),
        st.ip_addresses(v=4).map(str),
    ),
    min_size=1,
    max_size=4,
)


@given(st.sampled_from(BUILT_IN), st.one_of(addresses, near_misses), st.booleans())
def test_listed_needs_every_code_in_127_and_none_that_refuses(zone: Zone, codes: list[str], shared: bool) -> None:
    verdict = judge(zone, said(*codes), shared_ip=shared)
    good = all(code.startswith("127.") and not code.startswith("127.255.255.") for code in codes)
    if verdict.outcome is Outcome.LISTED:
        assert good
        assert "127.0.0.1" not in codes
        assert all(code in verdict.answer for code in codes)
    if not good:
        assert verdict.outcome is Outcome.UNKNOWN
    if verdict.outcome is Outcome.CLEAN:
        assert shared


@given(st.sampled_from(BUILT_IN), st.sampled_from([s for s in DnsStatus if s is not DnsStatus.ADDRESSES]))
def test_no_answer_is_never_a_listing_and_only_a_missing_name_is_clean(zone: Zone, status: DnsStatus) -> None:
    clean = status in (DnsStatus.NO_NAME, DnsStatus.NO_ADDRESS)
    assert judge(zone, DnsAnswer(status)).outcome is (Outcome.CLEAN if clean else Outcome.UNKNOWN)


def test_questions_reverse_octets_and_nibbles_and_keep_domains() -> None:
    assert query_name("192.0.2.99", ZEN) == "99.2.0.192.zen.spamhaus.org"
    v6 = query_name("2001:db8:1:2:3:4:567:89ab", ZEN)  # RFC 5782 §2.4's own example
    assert v6 == "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.zen.spamhaus.org"
    assert query_name("Acme.Example.", DBL) == "acme.example.dbl.spamhaus.org"
    assert query_name("bücher.example", DBL) == "xn--bcher-kva.example.dbl.spamhaus.org"
    with pytest.raises(ConfigInvalid):
        query_name("acme.example", ZEN)


@given(st.ip_addresses())
def test_every_address_gives_a_question_under_the_zone(address: object) -> None:
    labels = query_name(str(address), ZEN).removesuffix(".zen.spamhaus.org").split(".")
    assert len(labels) in (4, 32)


@pytest.mark.parametrize(
    ("positive", "negative", "words"),
    [
        (said("127.0.0.2"), NOTHING, ""),
        (NOTHING, NOTHING, "test entry is gone"),
        (said("127.0.0.2"), said("127.0.0.2"), "lists everything"),
        (said("127.255.255.254"), said("127.255.255.254"), "public"),
        (said("203.0.113.9"), said("203.0.113.9"), "parked"),
        (DnsAnswer(DnsStatus.TIMEOUT), DnsAnswer(DnsStatus.TIMEOUT), "timeout"),
        (said("127.0.0.2"), DnsAnswer(DnsStatus.TIMEOUT), "timeout"),
        (DnsAnswer(DnsStatus.REFUSED), NOTHING, "refused"),
    ],
)
def test_a_list_is_used_only_if_it_has_its_test_entry_and_not_everything(
    positive: DnsAnswer, negative: DnsAnswer, words: str
) -> None:
    reason = self_test(ZEN, (positive,), negative)
    assert (reason == "") is (words == "")
    assert words in reason


def test_test_entries_are_those_of_rfc_5782() -> None:
    assert self_test_subjects(ZEN) == (("127.0.0.2",), "127.0.0.1")
    listed, never = self_test_subjects(Zone("x.example", SubjectKind.DOMAIN, "x.example"))
    assert (listed, never) == (("test",), "invalid")


def test_a_key_in_a_zone_is_asked_but_never_shown() -> None:
    [zen, own] = zones_of(
        f"{KEY}.zen.dq.spamhaus.net, mine={KEY}.rbl.example".replace("mine", "my.rbl"), SubjectKind.IP
    )
    assert query_name("192.0.2.1", zen).endswith(f".{KEY}.zen.dq.spamhaus.net")
    assert (zen.name, own.name) == ("zen.dq.spamhaus.net", "my.rbl")
    assert judge(zen, said("127.0.0.10"), shared_ip=True).outcome is Outcome.CLEAN
    assert KEY not in f"{zen!r} {own!r} {judge(zen, said('127.255.255.254'))!r}"
    with pytest.raises(ConfigInvalid) as caught:
        zones_of(f"{KEY}_?.zen.dq.spamhaus.net", SubjectKind.IP)
    assert KEY not in str(caught.value)


def test_settings_replace_the_built_in_lists_and_dead_ones_are_never_asked() -> None:
    assert {zone.name for zone in zones_of("", SubjectKind.DOMAIN)} == {DBL.name, SURBL.name, URIBL.name}
    [sorbs, zen] = zones_of("dnsbl.sorbs.net, ZEN.spamhaus.org.", SubjectKind.IP)
    assert "2024-06-05" in sorbs.shut_down
    assert zen is ZEN


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("www.acme.example", "acme.example"),
        ("acme.example", "acme.example"),
        ("links.shop.acme.co.uk", "acme.co.uk"),
        ("co.uk", None),
        ("localhost", None),
        ("127.0.0.1", None),
        ("", None),
        ("a..b", None),
    ],
)
def test_the_registrable_part_of_a_host(host: str, name: str | None) -> None:
    assert registrable_name(host) == name
