"""A large lead file with known defects: `python bench/gen_leads.py ROWS OUT.csv` (seed 11).

About 3 % of the rows carry one defect each. `OUT.csv.truth` lists them as `id,reason`, the reason that the import
should give; `repeat` marks a row whose address occurs more than once, `fine` one that looks odd and must be taken.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterator
from pathlib import Path

HEADER = ["id", "First name", "Last name", "E-mail", "Company", "Title", "Country", "Time zone", "Source",
          "Legal basis", "Consent at", "Employees"]  # fmt: skip
EMAIL, LAST, COMPANY, TITLE, COUNTRY, ZONE, BASIS, CONSENT_AT, EMPLOYEES = 3, 2, 4, 5, 6, 7, 9, 10, 11
GIVEN = ["Anna", "José", "Chloé", "Raj", "Wei", "Łukasz", "Olga", "Tom", "Zoë", "Ben", "Priya", "Sofia", "Liam", "Noah"]
FAMILY = ["Smith", "Müller", "García", "Patel", "Wang", "Kowalski", "Brown", "Dubois", "O'Neil", "São", "Novák"]
COMPANIES = ["Acme & Sons", "Globex, Inc.", "Müller GmbH", "Initech", 'The "Big" Store', "Hooli", "-", "Wayne Ltd (UK)"]
TITLES = ["Head of Ops", "CEO", "Sales Manager, EMEA", "Marketing Lead", "Founder", "- Buyer (part-time)", "VP Growth"]
PLACES = [("US", "America/New_York"), ("US", "America/Los_Angeles"), ("DE", "Europe/Berlin"),
          ("GB", "Europe/London"), ("IN", "Asia/Kolkata"), ("FR", "Europe/Paris"), ("JP", "Asia/Tokyo"),
          ("BR", "America/Sao_Paulo")]  # fmt: skip
BASES = ["opt_in", "opt_in", "opt_in", "double_opt_in", "legitimate_interest"]


def email_part(change):
    return lambda row, _: row.__setitem__(EMAIL, change(row[EMAIL]))


def cell(column, *values):
    return lambda row, chance: row.__setitem__(column, chance.choice(values))


DEFECTS = {
    "invalid_email_no_at": email_part(lambda email: email.replace("@", ".")),
    "invalid_email_two_at": email_part(lambda email: email.replace("@", "@@")),
    "invalid_email_domain": email_part(lambda email: email.rpartition(".")[0] + "."),
    "invalid_email_spaces": email_part(lambda email: f"{email[:4]} {email[4:]}"),
    "missing_email": cell(EMAIL, "", "  "),
    "role_address": email_part(lambda email: "no-reply@" + email.partition("@")[2]),
    "bad_country": cell(COUNTRY, "XX", "Atlantis", "Korea"),
    "bad_time_zone": cell(ZONE, "Europe/Berln", "GMT+25", "IST?", "Mars/Base"),
    "missing_consent_time": lambda row, _: (row.__setitem__(BASIS, "opt_in"), row.__setitem__(CONSENT_AT, "")),
    "consent_in_future": cell(CONSENT_AT, "2031-01-01T00:00:00Z"),
    "unknown_legal_basis": cell(BASIS, "maybe", "Y?"),
    "missing_legal_basis": cell(BASIS, ""),
    "bad_number": cell(EMPLOYEES, "many", "-5", "1e9", "NaN"),
    "too_long": lambda row, _: row.__setitem__(LAST, "x" * 300),
    "control_characters": cell(COMPANY, "Ac\x07me"),
    "formula": cell(TITLE, '=HYPERLINK("http://x.example")', "@SUM(1+1)", "+cmd|' /C calc'!A0"),
    "mojibake": cell(LAST, "MÃ¼ller", "GarcÃ\xada", "Nov\ufffdk"),
    "repeat": cell(EMAIL, "Dup.Lead@Hooli.com"),
    "fine": lambda row, chance: chance.choice(ODD_BUT_FINE)(row, chance),
}
ODD_BUT_FINE = [
    cell(COUNTRY, "Germany", "usa", "Allemagne", "United Kingdom", ""),
    cell(ZONE, "europe/berlin", ""),
    cell(EMPLOYEES, "11-50", "10,000+", "1 200", ""),
    email_part(lambda email: f" {email.upper()} "),
    email_part(lambda email: f"Ann Lee <{email}>"),
]


def rows(count: int, seed: int = 11) -> Iterator[tuple[list[str], str]]:
    """Rows with the name of their defect, empty for a good one."""
    chance = random.Random(seed)
    names = list(DEFECTS)
    for number in range(1, count + 1):
        given, family = chance.choice(GIVEN), chance.choice(FAMILY)
        country, zone = chance.choice(PLACES)
        local = "".join(letter for letter in f"{given}.{family}".lower() if letter.isascii() and letter != "'")
        domain = f"{chance.choice(('acme', 'globex', 'initech', 'hooli'))}{int(chance.random() * 4000)}"
        email = f"{local}.{number}@{domain}.{chance.choice(('com', 'de', 'co.uk', 'in', 'io'))}"
        consent = f"2026-{1 + int(chance.random() * 9):02d}-{1 + int(chance.random() * 28):02d}T10:00:00Z"
        row = [str(number), given, family, email, chance.choice(COMPANIES), chance.choice(TITLES), country, zone, "web",
               chance.choice(BASES), consent, str(int(10 ** (1 + 3 * chance.random())))]  # fmt: skip
        defect = ""
        if chance.random() < 0.03:
            defect = chance.choice(names)
            DEFECTS[defect](row, chance)
        yield row, defect


def write(count: int, path: Path, seed: int = 11) -> dict[str, str]:
    """Write the file and its truth; returns the truth as id → defect."""
    truth = {}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for row, defect in rows(count, seed):
            writer.writerow(row)
            if defect:
                truth[row[0]] = defect
    Path(f"{path}.truth").write_text("".join(f"{number},{defect}\n" for number, defect in truth.items()))
    return truth


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))
