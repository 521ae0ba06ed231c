"""The lists that are asked by default, what their codes say, and which lists are dead. All of it can be replaced.

Sources: the lists' own pages as of 2026-03 (STANDARDS A4), rspamd's rbl.conf, haraka-plugin-dns-list. Each list has
terms of use: Spamhaus' free service is for small, non-commercial use; others want a registration. Use a DQS key.
"""

from __future__ import annotations

import re

from leadmill.domain.blacklists import SubjectKind, Zone
from leadmill.errors import ConfigInvalid

_DQS = re.compile(r"[a-z0-9]{8,}\.(?P<public>[a-z-]+\.dq\.spamhaus\.net)")
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}")
_BLOCKED = "the list blocks this resolver"

_ZEN = {
    "127.0.0.2": "SBL: spam source",
    "127.0.0.3": "CSS: spam source",
    "127.0.0.4": "XBL: compromised host",
    "127.0.0.5": "XBL: compromised host",
    "127.0.0.6": "XBL: compromised host",
    "127.0.0.7": "XBL: compromised host",
    "127.0.0.9": "DROP: hijacked network",
    "127.0.0.10": "PBL: should not send directly (provider's policy)",
    "127.0.0.11": "PBL: should not send directly (Spamhaus' policy)",
}
_DBL = {
    "127.0.1.2": "spam domain",
    "127.0.1.4": "phishing domain",
    "127.0.1.5": "malware domain",
    "127.0.1.6": "botnet domain",
    "127.0.1.102": "abused legitimate: spam",
    "127.0.1.103": "abused redirector",
    "127.0.1.104": "abused legitimate: phishing",
    "127.0.1.105": "abused legitimate: malware",
    "127.0.1.106": "abused legitimate: botnet",
}
_PBL = frozenset({"127.0.0.10", "127.0.0.11"})
_SURBL_BITS = {4: "disposable", 8: "phishing", 16: "malware", 32: "click tracker", 64: "abuse", 128: "cracked"}
_URIBL_BITS = {2: "black", 4: "grey", 8: "red"}


def _ip(name: str) -> Zone:
    return Zone(name=name, kind=SubjectKind.IP, query_zone=name)


def _zen(name: str, query_zone: str) -> Zone:
    return Zone(name=name, kind=SubjectKind.IP, query_zone=query_zone, meanings=_ZEN, provider_ranges=_PBL)


def _dbl(name: str, query_zone: str) -> Zone:
    return Zone(
        name=name,
        kind=SubjectKind.DOMAIN,
        query_zone=query_zone,
        meanings=_DBL,
        refusals={"127.0.1.255": "an IP was asked"},
        test_names=("dbltest.com",),
    )


BUILT_IN: tuple[Zone, ...] = (
    _zen("zen.spamhaus.org", "zen.spamhaus.org"),
    _ip("b.barracudacentral.org"),
    _ip("bl.spamcop.net"),
    _ip("psbl.surriel.com"),
    _ip("dnsbl-1.uceprotect.net"),
    _ip("bl.mailspike.net"),
    _dbl("dbl.spamhaus.org", "dbl.spamhaus.org"),
    Zone(
        name="multi.surbl.org",
        kind=SubjectKind.DOMAIN,
        query_zone="multi.surbl.org",
        bits=_SURBL_BITS,
        refusals={"127.0.0.1": _BLOCKED},
        test_names=("test.surbl.org", "surbl-org-permanent-test-point.com"),
    ),
    Zone(
        name="multi.uribl.com",
        kind=SubjectKind.DOMAIN,
        query_zone="multi.uribl.com",
        bits=_URIBL_BITS,
        refusals={"127.0.0.1": _BLOCKED},
        test_names=("test.uribl.com",),
    ),
)
"""Asked where the settings name no other."""

DEAD = {
    "dnsbl.sorbs.net": "shut down 2024-06-05",
    "spam.dnsbl.sorbs.net": "shut down 2024-06-05",
    "relays.ordb.org": "shut down 2006-12-18",
    "rbl.megarbl.net": "dead",
    "combined.rbl.msrbl.net": "dead",
    "blacklist.sci.kun.nl": "dead",
    "bl.emailbasura.org": "dead",
}
"""Lists that are gone: a parked zone answers for everything, so they are never asked."""


def zones_of(setting: str, kind: SubjectKind) -> tuple[Zone, ...]:
    """The lists that a setting names, or the built-in ones of that kind.

    Args:
        setting: Comma-separated. `zone`, or `shown-name=zone.with.a.key`. A Spamhaus DQS zone
            (`<key>.zen.dq.spamhaus.net`) is recognised, and shown without its key.
        kind: What these lists are about.

    Raises:
        ConfigInvalid: An entry is no host name; the message says which in the row, not what it was.
    """
    entries = [entry.strip().lower().rstrip(".") for entry in setting.split(",") if entry.strip()]
    if not entries:
        return tuple(zone for zone in BUILT_IN if zone.kind is kind)
    return tuple(_zone_of(entry, number, kind) for number, entry in enumerate(entries, start=1))


def _zone_of(entry: str, number: int, kind: SubjectKind) -> Zone:
    shown, _, asked = entry.rpartition("=")
    if not _NAME.fullmatch(asked) or (shown and not _NAME.fullmatch(shown)):
        raise ConfigInvalid(f"Entry {number} of LEADMILL_DNSBL_{kind.upper()}_ZONES is no zone name; correct it.")
    dqs = _DQS.fullmatch(asked)
    name = shown or (dqs["public"] if dqs else asked)
    if name in DEAD:
        return Zone(name=name, kind=kind, query_zone=asked, shut_down=DEAD[name])
    known = next((zone for zone in BUILT_IN if zone.name == name and zone.kind is kind), None)
    if known:
        return known
    if name.startswith("zen.dq."):
        return _zen(name, asked)
    if name.startswith("dbl.dq."):
        return _dbl(name, asked)
    return Zone(name=name, kind=kind, query_zone=asked)
