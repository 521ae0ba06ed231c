"""Tables of time zones: countries from the tz database, phone prefixes from libphonenumber."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from importlib.resources import files
from zoneinfo import available_timezones

from leadmill.domain.time_zones import CountryZone, country_zones


@cache
def zones_by_country() -> tuple[CountryZone, ...]:
    """One zone per country. Source: the tz database's zone.tab, as the `tzdata` wheel carries it."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            country, _, name = line.split("\t")[:3]
            found[country].append(name)
    return tuple(country_zones(found))


@cache
def zones_by_phone_prefix() -> tuple[tuple[str, str], ...]:
    """(digits after the plus, zone); the zone is empty where a prefix reaches over several.

    Source: libphonenumber's time-zone map.
    """
    from phonenumbers.tzdata import TIMEZONE_DATA

    alias, known = _current_names(), available_timezones()
    found: list[tuple[str, str]] = []
    for prefix, zones in TIMEZONE_DATA.items():
        name = alias.get(zones[0], zones[0]) if len(zones) == 1 else ""
        found.append((prefix, name if name in known else ""))
    return tuple(found)


@cache
def _current_names() -> dict[str, str]:
    """Old names (Asia/Calcutta) to today's, for those that zone.tab no longer lists."""
    listed = {
        line.split("\t")[2]
        for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    }
    links = (files("tzdata") / "zoneinfo" / "tzdata.zi").read_text(encoding="utf-8").splitlines()
    pairs = (line.split()[1:3] for line in links if line.startswith("L "))
    return {old: new for new, old in pairs if old not in listed and new in listed}
