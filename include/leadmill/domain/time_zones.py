"""Which time zone a lead lives in, and how far that guess can be trusted.

Confidences are round figures of judgement: a file's own word is nearly certain, a country with one zone too; a country
with several is a guess at where most of its people live.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FILE_CONFIDENCE = 0.98
ONE_ZONE_CONFIDENCE = 0.95
DOMINANT_ZONE_CONFIDENCE = 0.85
LARGEST_ZONE_CONFIDENCE = 0.5
PHONE_CONFIDENCE = 0.75
"""A number's area code; people keep their number when they move."""
EMAIL_DOMAIN_FACTOR = 0.7
"""How much of its country's confidence a country-code domain keeps."""
DEFAULT_ZONE = "UTC"
DEFAULT_CONFIDENCE = 0.05

DOMINANT_ZONE: Mapping[str, str] = {
    "AR": "America/Argentina/Buenos_Aires", "CL": "America/Santiago", "CN": "Asia/Shanghai", "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin", "EC": "America/Guayaquil", "ES": "Europe/Madrid", "GL": "America/Nuuk",
    "KZ": "Asia/Almaty", "MH": "Pacific/Majuro", "MY": "Asia/Kuala_Lumpur", "NZ": "Pacific/Auckland",
    "PF": "Pacific/Tahiti", "PG": "Pacific/Port_Moresby", "PS": "Asia/Gaza", "PT": "Europe/Lisbon",
    "UA": "Europe/Kyiv", "UZ": "Asia/Tashkent",
}  # fmt: skip
"""Countries of several tz entries where nearly everybody shares one offset (tz database, zone.tab)."""

LARGEST_ZONE: Mapping[str, str] = {
    "AQ": "Antarctica/McMurdo", "AU": "Australia/Sydney", "BR": "America/Sao_Paulo", "CA": "America/Toronto",
    "CD": "Africa/Kinshasa", "FM": "Pacific/Pohnpei", "ID": "Asia/Jakarta", "KI": "Pacific/Tarawa",
    "MN": "Asia/Ulaanbaatar", "MX": "America/Mexico_City", "RU": "Europe/Moscow", "UM": "Pacific/Wake",
    "US": "America/New_York",
}  # fmt: skip
"""Countries that truly span zones: the one with the most people."""

GENERIC_COUNTRY_DOMAINS = frozenset(
    {"AI", "CC", "CO", "FM", "GG", "IO", "LA", "LY", "ME", "SH", "TO", "TV", "VC", "WS"}
)
"""Country-code domains sold all over the world: they say nothing of a place."""


@dataclass(frozen=True, slots=True)
class CountryZone:
    """A country's zone for mailing, with how sure it is."""

    country: str
    time_zone: str
    confidence: float


def country_zones(zones: Mapping[str, Iterable[str]]) -> list[CountryZone]:
    """One zone per country.

    Args:
        zones: ISO 3166 code to the tz database's zones of that country, in its order.
    """
    found: list[CountryZone] = []
    for country, names in zones.items():
        listed = list(names)
        if len(listed) == 1:
            found.append(CountryZone(country, listed[0], ONE_ZONE_CONFIDENCE))
        elif country in DOMINANT_ZONE:
            found.append(CountryZone(country, DOMINANT_ZONE[country], DOMINANT_ZONE_CONFIDENCE))
        else:
            found.append(CountryZone(country, LARGEST_ZONE.get(country, listed[0]), LARGEST_ZONE_CONFIDENCE))
    return found
