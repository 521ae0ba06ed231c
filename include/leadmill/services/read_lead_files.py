"""What people see of lead files: the list, one file's report, and which files still wait."""

from __future__ import annotations

from typing import Any

from leadmill.domain.lead_files import is_left_alone, reason_sentence
from leadmill.ports.lead_files import LeadFileLedger, ValidationHistory
from leadmill.ports.store import ObjectStore

LANDING = "landing/leads/"


def waiting_lead_files(store: ObjectStore, ledger: LeadFileLedger) -> dict[str, int]:
    """Bytes by key of the objects in `landing/leads/` that were not dealt with yet, in key order.

    A file replaced under its old name waits again; so does one whose import crashed. What tools leave beside files
    (hidden and temporary ones, markers) is left alone.
    """
    registered = ledger.registered()
    return {
        item.key: item.byte_size
        for item in store.list(LANDING)
        if not is_left_alone(item.key.removeprefix(LANDING))
        and (store.uri_of(item.key), item.byte_size, item.modified_at) not in registered
    }


def lead_file_report(ledger: LeadFileLedger, history: ValidationHistory, lead_file_id: int) -> dict[str, Any]:
    """One lead file with its reasons in words and how its batch was judged.

    Returns:
        The file's row, and `reasons` (a list of `code`, `sentence`, `count`, most frequent first) and `validation` (a
        list of `expectation`, `column_name`, `severity`, `success`, `observed`, `expected`, `checked_at`).

    Raises:
        NotFound: There is no such file.
    """
    row = ledger.file(lead_file_id)
    by_count = sorted(row["rejected_by_reason"].items(), key=lambda item: (-item[1], item[0]))
    reasons = [{"code": code, "sentence": reason_sentence(code), "count": count} for code, count in by_count]
    return row | {"reasons": reasons, "validation": history.of(lead_file_id)}
