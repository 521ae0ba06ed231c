"""Lead files as the services see them: reading one, judging it, keeping what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from leadmill.domain.access import Actor
from leadmill.domain.lead_files import BatchProfile, ExpectationResult, ImportDefaults, ImportOutcome, Verdict


@dataclass(frozen=True, slots=True)
class LeadFileContent:
    """A lead file's bytes and where they lie; `body` is left empty where the file is too large to be read."""

    key: str
    uri: str
    modified_at: datetime
    sha256: str
    byte_size: int
    body: bytes

    @property
    def file_name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class BegunLeadFile:
    """A lead file's row; `tries` counts this try and those that ended without a word."""

    lead_file_id: int
    tries: int


class StagedLeadFile(Protocol):
    """One file, read, mapped and judged row by row; nothing of it is in the ledger yet."""

    @property
    def how_read(self) -> Mapping[str, Any]:
        """How the file was read, for people: `file` (kind, encoding …), `columns` by field, `attributes`."""
        ...

    @property
    def profile(self) -> BatchProfile:
        """The file's counts after the row rules."""
        ...

    def sample(self, size: int) -> dict[str, list[Any]]:
        """Up to `size` accepted rows, evenly spread, as columns of canonical values."""
        ...

    def quarantine(self) -> bytes:
        """Rejected rows as CSV: row number, reason, its sentence, the original cells; safe to open in a spreadsheet."""
        ...

    def write_accepted(self, path: Path) -> None:
        """Write the accepted rows to a CSV without header, in the order of `STAGED_COLUMNS`."""
        ...

    def write_opted_out(self, path: Path) -> None:
        """Write the addresses that the file itself says must not be mailed, one a line."""
        ...


STAGED_COLUMNS = (
    "email", "email_domain", "first_name", "last_name", "company", "job_title", "industry", "category",
    "employee_count", "phone", "website", "country", "region", "city", "time_zone", "source", "legal_basis",
    "consent_at", "attributes",
)  # fmt: skip
"""Columns of an accepted row on its way into the ledger; blanks are empty, unknown numbers and times are null."""


class LeadFileReader(Protocol):
    """Reads lead files of any kind."""

    def stage(
        self, content: LeadFileContent, defaults: ImportDefaults, *, as_of: datetime
    ) -> AbstractContextManager[StagedLeadFile]:
        """Read a file and judge its rows; what it takes on disk is gone at the end of the block.

        Raises:
            LeadFileInvalid: It is no table of leads; the message says why, for the person who sent it.
        """
        ...


class BatchJudge(Protocol):
    """Judges a whole batch by its suite of expectations."""

    def judge(self, staged: StagedLeadFile) -> list[ExpectationResult]:
        """Every expectation with its result."""
        ...


class ValidationHistory(Protocol):
    """The lake's record of how batches were judged."""

    def keep(self, lead_file_id: int, results: Sequence[ExpectationResult], *, as_of: datetime) -> None:
        """Record a file's results, replacing those of an earlier try."""
        ...

    def of(self, lead_file_id: int) -> list[dict[str, Any]]:
        """A file's results, failed ones first."""
        ...


class LeadFileLedger(Protocol):
    """Lead files, leads and opt-outs in the ledger."""

    def content_lock(self, sha256: str) -> AbstractContextManager[None]:
        """Hold off every other import of the same content until the block ends; a crash lets go too.

        Raises:
            DatabaseUnavailable: Another process is still importing it after ten minutes.
        """
        ...

    def imported(self, sha256: str) -> Mapping[str, Any] | None:
        """The row of an accepted file with this content, if there is one."""
        ...

    def begin(self, content: LeadFileContent, defaults: ImportDefaults, *, requested_by: str) -> BegunLeadFile:
        """Open a file's row, or take over the one that a crashed try left; of an upload under the person's name."""
        ...

    def forgive_try(self, lead_file_id: int) -> None:
        """Do not count the last try, which ended with a word; where the ledger does not answer either, it counts."""
        ...

    def repeat(self, content: LeadFileContent, first: Mapping[str, Any], *, requested_by: str) -> int:
        """Note that this object repeats an imported file. Returns the id of the row that says so."""
        ...

    def end(self, outcome: ImportOutcome, how_read: Mapping[str, Any]) -> None:
        """Close the row of a file that failed or is no table of leads; no lead was touched."""
        ...

    def refuse(self, refusal: ImportOutcome, staged: StagedLeadFile, *, as_of: datetime) -> None:
        """Add a refused file's opt-outs to the suppressions and close its row, all or nothing; no lead is touched."""
        ...

    def take_in(
        self, lead_file_id: int, staged: StagedLeadFile, verdict: Verdict, *, as_of: datetime, quarantine_uri: str
    ) -> ImportOutcome:
        """Upsert the accepted rows, add the opt-outs to the suppressions and close the file's row, all or nothing."""
        ...

    def note_upload(self, actor: Actor, key: str, file_name: str, byte_size: int, *, as_of: datetime) -> None:
        """Write into the audit log who uploaded what, under which name."""
        ...

    def registered(self) -> set[tuple[str, int, datetime | None]]:
        """URI, size and time of every object that was dealt with and need not be looked at again."""
        ...

    def files(self, *, limit: int, offset: int) -> list[dict[str, Any]]:
        """Lead files, newest first."""
        ...

    def file(self, lead_file_id: int) -> dict[str, Any]:
        """One lead file. Raises `NotFound`."""
        ...
