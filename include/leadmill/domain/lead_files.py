"""A lead file's way through the import: its states, its counts, and the thresholds of its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from leadmill.domain.lead_rules import REASONS


class LeadFileStatus(StrEnum):
    """Where a lead file stands; `repeated` is the same content as a file that was imported before."""

    IMPORTING = "importing"
    ACCEPTED = "accepted"
    ACCEPTED_WITH_WARNINGS = "accepted_with_warnings"
    REFUSED = "refused"
    FAILED = "failed"
    REPEATED = "repeated"


FILE_BYTES_MAX = 512 * 1024 * 1024
"""About 4,000,000 rows of CSV; a larger export is better split, so that one bad part does not hold up the rest."""
UNPACKED_BYTES_MAX = 1024 * 1024 * 1024
"""What an XLSX may unpack to; Excel's own limit of 1,048,576 rows stays below. Guards against zip bombs."""
COLUMNS_MAX = 500
TRIES_MAX = 3
"""Processes that may end without a word (killed, out of memory) while they read a file, before it is refused."""
FURTHEST_EAST = timedelta(hours=14)
"""A time that names no zone may be of one that is so far ahead of UTC."""
TOGETHER_BYTES = 1_000_000
"""Files up to this size are imported together, one after the other in one process: starting one takes longer."""
GROUP_FILES, GROUP_BYTES, GROUPS_MAX = 500, 32_000_000, 200
"""What is imported together, and how many groups a run takes, the next the rest; Airflow maps over 1,024 at most."""

_TEMPORARY_ENDS = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".swp", "~")
_TEMPORARY_STARTS = (".", "~$")
_NAMES_OF_TOOLS = frozenset({"desktop.ini", "thumbs.db"})

REJECTED_SHARE_WARNING = 0.05
"""One row in twenty: exports of CRMs in use have 1-3 % of bad rows, so more is worth a look."""
REJECTED_SHARE_MAX = 0.5
"""With every second row bad, the file is not what its sender takes it for: a shifted column or a wrong export."""
DUPLICATE_SHARE_WARNING = 0.2
"""A list that repeats itself this much was joined from several and deserves a look at which row won."""
BLANK_COUNTRY_SHARE_WARNING = 0.5
"""Without countries, time zones and send-time windows are guesses for most of the file."""
MISSING_PROOF_SHARE_WARNING = 0.0
"""Consent without its time cannot be proved (GDPR, article 7(1)): accepted, but never silently."""
SHARES_MEAN_SOMETHING_FROM = 20
"""Rows; below this, one bad row is a large share, so only "no usable row at all" refuses a file."""
ROW_COUNT_MAX = 5_000_000


@dataclass(frozen=True, slots=True)
class BatchProfile:
    """One file's counts after the row rules; every row of the file is in exactly one of the five last."""

    row_count: int
    accepted_count: int
    duplicate_count: int
    rejected_count: int
    opted_out_count: int
    rejected_by_reason: Mapping[str, int]
    blank_country_count: int
    unproved_consent_count: int

    def share(self, count: int) -> float:
        """A count as a share of the file's rows, 0 for a file without rows."""
        return count / self.row_count if self.row_count else 0.0


@dataclass(frozen=True, slots=True)
class ExpectationResult:
    """One expectation of the batch's suite and how it came out; no values of leads, only shares and counts."""

    expectation: str
    column_name: str
    severity: str
    success: bool
    observed: str
    expected: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the expectations make of a batch, and one sentence for people."""

    status: LeadFileStatus
    sentence: str


def verdict_of(results: list[ExpectationResult]) -> Verdict:
    """Refuse where a critical expectation fails, warn where another one does, else accept."""
    failed = [result for result in results if not result.success]
    critical = [result.sentence for result in failed if result.severity == "critical"]
    if critical:
        return Verdict(LeadFileStatus.REFUSED, "Refused: " + " ".join(critical))
    if failed:
        sentences = " ".join(result.sentence for result in failed)
        return Verdict(LeadFileStatus.ACCEPTED_WITH_WARNINGS, "Accepted with warnings: " + sentences)
    return Verdict(LeadFileStatus.ACCEPTED, "Accepted: every check of the batch passed.")


@dataclass(frozen=True, slots=True)
class ImportDefaults:
    """What the sender of a file says of all its rows; a row's own value goes first. Empty means nothing was said."""

    source: str = ""
    legal_basis: str = ""
    country: str = ""


def defaults_in_key(key: str) -> ImportDefaults:
    """Defaults from folders named `source=…`, `legal_basis=…`, `country=…` in an object's key.

    A system that can only drop files says with `landing/leads/legal_basis=consent/source=webinar/may.csv` what a
    person fills in a form.
    """
    said = dict(part.split("=", 1) for part in key.split("/")[:-1] if "=" in part)
    return ImportDefaults(said.get("source", ""), said.get("legal_basis", ""), said.get("country", ""))


def is_left_alone(key: str) -> bool:
    """Whether an object is what tools leave beside lead files: hidden, temporary, or a marker such as `_SUCCESS`."""
    *folders, name = key.casefold().split("/")
    return (
        name.startswith(_TEMPORARY_STARTS)
        or name.endswith(_TEMPORARY_ENDS)
        or name in _NAMES_OF_TOOLS
        or (name.startswith("_") and "." not in name)
        or any(folder.startswith((".", "_")) for folder in folders)
    )


def imported_together(sizes: Mapping[str, int]) -> list[list[str]]:
    """The keys of waiting files in groups, each for one process: large files alone, small ones together, in order.

    Args:
        sizes: Bytes by key.

    Returns:
        At most `GROUPS_MAX` groups; who is left out waits for the next run.
    """
    groups: list[list[str]] = []
    small: list[str] = []
    room_files = room_bytes = 0
    for key, size in sizes.items():
        if size > TOGETHER_BYTES:
            groups.append([key])
            continue
        if room_files < 1 or room_bytes < size:
            small = []
            groups.append(small)
            room_files, room_bytes = GROUP_FILES, GROUP_BYTES
        small.append(key)
        room_files, room_bytes = room_files - 1, room_bytes - size
    return groups[:GROUPS_MAX]


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What an import did, in counts.

    `row_count` = new + updated + unchanged + duplicate + rejected + opted_out + erased; `suppressed_count` counts,
    among all of them, the addresses that must not be mailed. `already_imported` means that nothing was done now.
    """

    lead_file_id: int
    status: str
    verdict: str
    already_imported: bool = False
    row_count: int = 0
    new_count: int = 0
    updated_count: int = 0
    unchanged_count: int = 0
    duplicate_count: int = 0
    rejected_count: int = 0
    opted_out_count: int = 0
    erased_count: int = 0
    suppressed_count: int = 0
    rejected_by_reason: Mapping[str, int] = field(default_factory=dict)
    quarantine_uri: str = ""


def outcome_of(
    lead_file_id: int,
    verdict: Verdict,
    profile: BatchProfile | None = None,
    *,
    taken: Mapping[str, int] | None = None,
    quarantine_uri: str = "",
) -> ImportOutcome:
    """What an import did.

    Args:
        lead_file_id: The file.
        verdict: What became of it.
        profile: Its counts after the row rules; None where it could not be read that far.
        taken: What the ledger took in: `incoming_count`, `new_count`, `updated_count`, `erased_count` and
            `suppressed_count` among the accepted rows; None where it took nothing.
        quarantine_uri: Where the rejected rows lie.
    """
    outcome = ImportOutcome(lead_file_id, verdict.status.value, verdict.sentence, quarantine_uri=quarantine_uri)
    if profile is None:
        return outcome
    outcome = replace(
        outcome,
        row_count=profile.row_count,
        duplicate_count=profile.duplicate_count,
        rejected_count=profile.rejected_count,
        opted_out_count=profile.opted_out_count,
        rejected_by_reason=dict(profile.rejected_by_reason),
    )
    if taken is None:
        return outcome
    return replace(
        outcome,
        new_count=taken["new_count"],
        updated_count=taken["updated_count"],
        unchanged_count=taken["incoming_count"] - taken["erased_count"] - taken["new_count"] - taken["updated_count"],
        erased_count=taken["erased_count"],
        suppressed_count=taken["suppressed_count"] + profile.opted_out_count,
    )


def reason_sentence(code: str) -> str:
    """The sentence for people behind a reason code."""
    return REASONS.get(code, code)
