"""A lead file for the demo: made-up people at made-up companies, and bad rows of every kind planted among them.

The same seed gives the same bytes. Addresses are at `.test` and `.example` domains only, so nobody real is ever mailed.
"""

from __future__ import annotations

import csv
import io
import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

COLUMNS = (
    "Email", "First Name", "Last Name", "Company", "Job Title", "Industry", "Employees", "Phone", "Website", "Country",
    "City", "Time Zone", "Lead Source", "Legal Basis", "Consent At", "Category", "Interest",
)  # fmt: skip
CONSENT_UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
"""Every planted consent is older than this, so that the file is good at any later date."""

_PLACES = (  # country, time zone, city, weight, given names, family names
    ("US", "America/New_York", "Boston", 20, "Olivia Liam Emma Noah Ava Ethan Grace Mason Logan",
     "Miller Davis Wilson Moore Clark Lewis Walker Hall"),
    ("US", "America/Los_Angeles", "San Diego", 12, "Sophia Lucas Mia Henry Zoe Owen Lily Jack",
     "Garcia Nguyen Carter Reed Brooks Cooper Ward"),
    ("DE", "Europe/Berlin", "Köln", 14, "Anna Lukas Jürgen Sabine Felix Katrin Jonas Bärbel",
     "Müller Schmidt Weiß Krüger Vogel Schäfer Böhm"),
    ("GB", "Europe/London", "Leeds", 12, "Amelia George Isla Harry Freya Oscar Poppy Alfie",
     "Smith Taylor Hughes O'Neill Patel Wright Evans"),
    ("FR", "Europe/Paris", "Nantes", 9, "Chloé Hugo Zoé Théo Camille Gaël Élise Rémi",
     "Dubois Lefèvre Moreau Girard Garnier Français"),
    ("IN", "Asia/Kolkata", "Pune", 10, "Priya Arjun Ananya Rohan Kavya Vikram Isha Dev",
     "Sharma Patel Iyer Reddy Mehta Nair Gupta"),
    ("ES", "Europe/Madrid", "Sevilla", 6, "Lucía Iñaki Sofía Álvaro Martina Íñigo",
     "García Núñez Peña Muñoz Ibáñez"),
    ("PL", "Europe/Warsaw", "Łódź", 5, "Zofia Łukasz Hanna Paweł Małgorzata Michał",
     "Kowalski Wójcik Zieliński Wiśniewska"),
    ("BR", "America/Sao_Paulo", "Curitiba", 5, "João Beatriz Caio Larissa Antônio",
     "Silva Souza Araújo Gonçalves"),
    ("JP", "Asia/Tokyo", "Osaka", 4, "Yuki Haruto Sakura Ren Aoi", "Tanaka Sato Suzuki Yamamoto"),
    ("AU", "Australia/Sydney", "Newcastle", 3, "Charlotte Jack Matilda Cooper", "Jones Kelly Murphy Young"),
)  # fmt: skip
_STEMS = (  # noqa: SIM905 - sixty quoted words would take sixty lines
    "alder amber anchor beacon birch brook cedar cobalt copper coral delta ember fjord flint harbor hazel heron indigo "
    "iris juniper kestrel lark linden lumen maple meadow mistral nimbus north onyx orchard pebble pine prairie quartz "
    "quill raven ridge river sable saffron slate spruce summit tern thistle tidal topaz umber valley vertex willow "
    "zephyr"
).split()
# Numbers that are set aside for fiction: 555-01xx in North America, 07700 900xxx in the United Kingdom (Ofcom).
_PHONES = {"US": "+1 617 555 01{:02d}", "GB": "+44 7700 9000{:02d}"}
_KINDS_OF_COMPANY = (
    "Logistics", "Labs", "Software", "Foods", "Health", "Energy", "Textiles", "Robotics", "Travel", "Consulting"
)  # fmt: skip
_INDUSTRIES = {
    "Logistics": "Transport", "Labs": "Research", "Software": "Software", "Foods": "Food", "Health": "Health care",
    "Energy": "Energy", "Textiles": "Textiles", "Robotics": "Machinery", "Travel": "Travel",
    "Consulting": "Professional services",
}  # fmt: skip
_TITLES = (
    ("Founder", 5), ("CEO", 8), ("CTO", 7), ("Head of Marketing", 10), ("Marketing Manager", 16),
    ("Sales Director", 10), ("VP Growth", 6), ("Operations Manager", 12), ("Product Manager", 10),
    ("Buyer", 8), ("Office Manager", 8),
)  # fmt: skip
_SOURCES = (("webinar", 30), ("website", 28), ("event", 18), ("referral", 12), ("newsletter", 12))
_INTERESTS = ("deliverability", "automation", "reporting", "integrations", "pricing")
_TLDS = ("test", "test", "test", "example")


@dataclass(frozen=True, slots=True)
class SampleFile:
    """The file's bytes and which kinds of bad rows were planted in it, in row order."""

    body: bytes
    planted: tuple[str, ...]


def sample_leads(count: int = 1_200, bad: int = 40, seed: int = 7) -> SampleFile:
    """A CSV of `count` good leads, each address once, with `bad` bad rows spread among them.

    Args:
        count: Good rows.
        bad: Bad rows; with 21 or more, every kind in `BAD_KINDS` occurs.
        seed: The same seed gives the same bytes.
    """
    chance = random.Random(seed)
    good = [_good_row(chance, number) for number in range(count)]
    kinds = [list(BAD_KINDS)[number % len(BAD_KINDS)] for number in range(bad)]
    chance.shuffle(kinds)
    places = sorted(chance.randrange(count + 1) for _ in range(bad))
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    planted = iter(zip(places, kinds, strict=True))
    place, kind = next(planted, (count + 1, ""))
    for number in range(count + 1):
        while place == number:
            writer.writerow(_bad_row(chance, kind, count + len(places) + number))
            place, kind = next(planted, (count + 1, ""))
        if number < count:
            writer.writerow(good[number].values())
    return SampleFile(buffer.getvalue().encode(), tuple(kinds))


def write_sample_leads(count: int = 1_200, bad: int = 40, seed: int = 7) -> bytes:
    """The bytes of `sample_leads`, to drop into `landing/leads/`."""
    return sample_leads(count, bad, seed).body


def _good_row(chance: random.Random, number: int) -> dict[str, str]:
    country, zone, city, _, given_names, family_names = chance.choices(_PLACES, [place[3] for place in _PLACES])[0]
    given, family = chance.choice(given_names.split()), chance.choice(family_names.split())
    stem, kind = chance.choice(_STEMS), chance.choice(_KINDS_OF_COMPANY)
    domain = f"{stem}-{kind.lower()}.{chance.choice(_TLDS)}"
    employees = int(10 ** chance.uniform(0.5, 4))
    has_consented = chance.random() < 0.85  # noqa: PLR2004 - most of a list that was asked for
    consent_at = CONSENT_UNTIL - timedelta(minutes=chance.randrange(2 * 365 * 24 * 60))
    return {
        "Email": f"{_ascii(given)}.{_ascii(family)}{number}@{domain}",
        "First Name": given,
        "Last Name": family,
        "Company": f"{stem.title()} {kind}",
        "Job Title": _weighted(chance, _TITLES),
        "Industry": _INDUSTRIES[kind],
        "Employees": str(employees),
        "Phone": _PHONES.get(country, "").format(chance.randrange(100)),
        "Website": f"https://www.{domain}",
        "Country": country,
        "City": city,
        # Some files lack zones; then the country has to do.
        "Time Zone": zone if chance.random() < 0.9 else "",  # noqa: PLR2004
        "Lead Source": _weighted(chance, _SOURCES),
        "Legal Basis": "consent" if has_consented else "legitimate_interest",
        "Consent At": consent_at.strftime("%Y-%m-%dT%H:%M:%SZ") if has_consented else "",
        "Category": _category(employees),
        "Interest": chance.choice(_INTERESTS),
    }


def _bad_row(chance: random.Random, kind: str, number: int) -> list[str]:
    row = _good_row(chance, number)
    if row["Legal Basis"] != "consent":
        row |= {"Legal Basis": "consent", "Consent At": "2025-06-01T09:00:00Z"}
    BAD_KINDS[kind](row)
    cells = list(row.values())
    return cells[:-1] if kind == "wrong_column_count" else cells


def _change(column: str, change: Callable[[str], str]) -> Callable[[dict[str, str]], None]:
    def apply(row: dict[str, str]) -> None:
        row[column] = change(row[column])

    return apply


BAD_KINDS: dict[str, Callable[[dict[str, str]], None]] = {
    "missing_email": _change("Email", lambda _: ""),
    "invalid_email_no_at": _change("Email", lambda email: email.replace("@", ".")),
    "invalid_email_two_at": _change("Email", lambda email: email.replace("@", "@@")),
    "invalid_email_spaces": _change("Email", lambda email: f"{email[:3]} {email[3:]}"),
    "invalid_email_domain": _change("Email", lambda email: email.rpartition(".")[0] + "."),
    "invalid_email_syntax": _change("Email", lambda email: email.replace("@", ".@")),
    "role_address": _change("Email", lambda email: "noreply@" + email.partition("@")[2]),
    "bad_country": _change("Country", lambda _: "Atlantis"),
    "bad_time_zone": _change("Time Zone", lambda _: "Mars/Base"),
    "bad_number": _change("Employees", lambda _: "plenty"),
    "missing_legal_basis": _change("Legal Basis", lambda _: ""),
    "unknown_legal_basis": _change("Legal Basis", lambda _: "maybe"),
    "consent_refused": _change("Legal Basis", lambda _: "no"),
    "missing_consent_time": _change("Consent At", lambda _: ""),
    "bad_consent_time": _change("Consent At", lambda _: "last summer"),
    "consent_in_future": _change("Consent At", lambda _: "2099-01-01T00:00:00Z"),
    "too_long": _change("Last Name", lambda name: name * 60),
    "control_characters": _change("Company", lambda name: name[:3] + "\x07" + name[3:]),
    "formula": _change("Job Title", lambda _: '=HYPERLINK("http://prize.example","You won")'),
    "mojibake": _change("Last Name", lambda _: "MÃ¼ller"),
    "wrong_column_count": lambda _: None,
}
"""What may be wrong with a planted row, under the reason code that the import gives it."""


def _category(employees: int) -> str:
    return next(name for name, most in (("small", 49), ("medium", 499), ("large", 10_000)) if employees <= most)


def _weighted(chance: random.Random, choices: tuple[tuple[str, int], ...]) -> str:
    return chance.choices([word for word, _ in choices], [weight for _, weight in choices])[0]


def _ascii(name: str) -> str:
    plain = name.replace("ß", "ss").replace("ł", "l").replace("Ł", "L")
    decomposed = unicodedata.normalize("NFKD", plain)
    return "".join(letter for letter in decomposed if letter.isascii() and letter.isalnum()).lower()
