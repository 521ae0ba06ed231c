"""Whom the law of a country lets us mail cold: a table of rules, each with its source and how sure it is.

An engineer's reading for a machine that refuses by default, not legal advice: an admin overrides a rule with a reason
(a lawyer's answer, for instance). The ledger holds the same table (`ledger.country_rules`), put there by a migration;
a test compares the two, so a changed rule comes with a migration and a new `VERSION`.

Consent and an existing contract (soft opt-in, Directive 2002/58/EC Art. 13(2)) may be mailed everywhere, always with
an opt-out. The rules differ in legitimate interest, that is in cold mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

VERSION = "2026-11"
UNKNOWN_COUNTRY = ""
ANY_OTHER_COUNTRY = "ZZ"
"""ISO 3166-1 sets ZZ aside for users: the rule of every country that has none of its own."""

Sureness = Literal["B", "C"]
"""B: a stored copy of an official or a good secondary page was read; C: secondary sources only, or they disagree."""


class ColdMail(StrEnum):
    """What a country's law says of mail without consent to somebody at work."""

    CONSENT = "consent"  # no cold mail
    OPT_OUT = "opt_out"  # allowed, with an opt-out in every mail
    OPT_OUT_COMPANY = "opt_out_company"  # allowed to companies only, not to sole traders and private addresses
    OPT_OUT_ROLE = "opt_out_role"  # allowed where the offer concerns the person's role at a company


NEEDS: dict[ColdMail, str] = {
    ColdMail.CONSENT: "",
    ColdMail.OPT_OUT: "",
    ColdMail.OPT_OUT_COMPANY: "company",
    ColdMail.OPT_OUT_ROLE: "role",
}
"""What must be known of a lead on legitimate interest. `company`: a company, and an address that is not at a free mail
provider; `role`: a job title besides. Whether the offer fits that role is for the analyst to see."""


@dataclass(frozen=True, slots=True)
class CountryRule:
    """One country's rule."""

    country: str
    cold_mail: ColdMail
    source: str
    sure: Sureness

    @property
    def accepts(self) -> frozenset[str]:
        """The legal bases that may be mailed."""
        cold = set() if self.cold_mail is ColdMail.CONSENT else {"legitimate_interest"}
        return frozenset({"consent", "contract"} | cold)


_EU_UNKNOWN = "Left to the state (ePrivacy Directive Art. 13(5)), whose law is not read yet: consent"
_Reading = tuple[str, ColdMail, str, Sureness]

_READ: tuple[_Reading, ...] = (
    ("DE", ColdMail.CONSENT, "UWG § 7(2): consent in advance, companies too", "B"),
    ("AT", ColdMail.CONSENT, "TKG 2021 § 174: consent in advance, companies too", "B"),
    ("NL", ColdMail.CONSENT, "Telecommunicatiewet Art. 11.7: opt-in, companies too", "B"),
    ("FR", ColdMail.OPT_OUT_ROLE, "CNIL on CPCE Art. L34-5: B2B by legitimate interest if the role fits", "B"),
    ("GB", ColdMail.OPT_OUT_COMPANY, "PECR 2003 reg. 22: corporate subscribers opt out, sole traders opt in", "B"),
    ("US", ColdMail.OPT_OUT, "CAN-SPAM, 15 U.S.C. 7704: opt-out, true headers, postal address", "B"),
    ("IN", ColdMail.CONSENT, "DPDP Act 2023 s. 6, Rules 2025: no legitimate interest; in full from 2027-05-13", "C"),
    ("IT", ColdMail.CONSENT, "Codice Privacy Art. 130: consent, companies too", "C"),
    ("ES", ColdMail.CONSENT, "LSSI Art. 21: consent or an existing customer", "C"),
    ("PL", ColdMail.CONSENT, "Electronic Communications Law 2024 Art. 398: consent, companies too", "C"),
    ("DK", ColdMail.CONSENT, "Markedsføringsloven § 10: consent, companies too", "C"),
    ("CH", ColdMail.CONSENT, "UWG Art. 3(1)(o): consent or an existing customer", "C"),
    ("CA", ColdMail.CONSENT, "CASL s. 6: consent; implied consent is for a person to judge", "C"),
    ("AU", ColdMail.CONSENT, "Spam Act 2003 s. 16: consent; inferred consent is for a person to judge", "C"),
    ("NZ", ColdMail.CONSENT, "Unsolicited Electronic Messages Act 2007 s. 9: consent", "C"),
    ("JP", ColdMail.CONSENT, "Act on Regulation of Transmission of Specified Electronic Mail Art. 3: opt-in", "C"),
    ("KR", ColdMail.CONSENT, "Network Act Art. 50: consent in advance", "C"),
    ("BR", ColdMail.CONSENT, "LGPD Art. 7: legitimate interest is open to cold mail, sources disagree", "C"),
    ("ZA", ColdMail.CONSENT, "POPIA s. 69: consent, asked for once", "C"),
    ("IL", ColdMail.CONSENT, "Communications Law s. 30A: consent in advance", "C"),
    ("SG", ColdMail.OPT_OUT, "Spam Control Act s. 11: opt-out, marked <ADV>", "C"),
)
_EU_AND_EEA = (
    *("BE", "BG", "CY", "CZ", "EE", "FI", "GR", "HR", "HU", "IE", "IS"),
    *("LI", "LT", "LU", "LV", "MT", "NO", "PT", "RO", "SE", "SI", "SK"),
)

_NOT_READ: tuple[_Reading, ...] = (
    *((country, ColdMail.CONSENT, _EU_UNKNOWN, "C") for country in _EU_AND_EEA),
    (UNKNOWN_COUNTRY, ColdMail.CONSENT, "A lead without a country could be anywhere, so consent", "C"),
    (ANY_OTHER_COUNTRY, ColdMail.CONSENT, "No reading of this country's law yet, so consent", "C"),
)

RULES: dict[str, CountryRule] = {reading[0]: CountryRule(*reading) for reading in (*_READ, *_NOT_READ)}
"""By ISO 3166-1 alpha-2 code."""


def rule_of(country: str) -> CountryRule:
    """The rule for leads of a country ("" where it is unknown)."""
    return RULES.get(country, RULES[ANY_OTHER_COUNTRY])
