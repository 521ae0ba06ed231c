"""Imports one lead file: read it, judge its rows and then the whole batch, take in what is good."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from leadmill.domain.countries import country_code
from leadmill.domain.lead_files import (
    FILE_BYTES_MAX,
    FURTHEST_EAST,
    TRIES_MAX,
    ImportDefaults,
    ImportOutcome,
    LeadFileStatus,
    Verdict,
    defaults_in_key,
    outcome_of,
    verdict_of,
)
from leadmill.domain.lead_words import LegalBasis, legal_basis
from leadmill.errors import ConfigInvalid, LeadFileInvalid, NotFound, ReadingInterrupted, TransientError
from leadmill.ports.alerts import Alerts
from leadmill.ports.lead_files import (
    BatchJudge,
    BegunLeadFile,
    LeadFileContent,
    LeadFileLedger,
    LeadFileReader,
    StagedLeadFile,
    ValidationHistory,
)
from leadmill.ports.store import ObjectStore

log = logging.getLogger(__name__)

_UNANSWERED_MAX = 3
"""Where the store or the ledger does not answer for so many files, the others wait, too."""


@dataclass(frozen=True, slots=True)
class LeadImport:
    """What an import works with."""

    store: ObjectStore
    reader: LeadFileReader
    judge: BatchJudge
    ledger: LeadFileLedger
    history: ValidationHistory
    alerts: Alerts


def import_lead_file(
    work: LeadImport, key: str, *, defaults: ImportDefaults, requested_by: str, as_of: datetime
) -> ImportOutcome:
    """Import the lead file at a key of the store; the same content is imported once, by whichever process comes first.

    Args:
        work: Store, reader, judge, ledger, history and alerts.
        key: The object's key.
        defaults: What holds for rows that say nothing themselves; goes before what the key's folders say.
        requested_by: A user's e-mail or a DAG's id; kept with the file.
        as_of: The time of the import, aware UTC.

    Returns:
        The counts. A file that is refused is an outcome, not an exception.

    Raises:
        NotFound: There is no such object.
        ConfigInvalid: A default is no legal basis or no country.
        TransientError: A part did not answer; nothing was taken in, and another try finishes.
    """
    given, in_key = understood_defaults(defaults), defaults_in_key(key)
    said = ImportDefaults(
        given.source or in_key.source or key.rpartition("/")[2],
        given.legal_basis or in_key.legal_basis,
        given.country or in_key.country,
    )
    content = _content(work.store, key)
    with work.ledger.content_lock(content.sha256):
        first = work.ledger.imported(content.sha256)
        if first is not None:
            return _repeated(work, content, first, requested_by=requested_by)
        begun = work.ledger.begin(content, said, requested_by=requested_by)
        try:
            outcome = _imported(work, begun, content, said, as_of=as_of)
        except ReadingInterrupted:
            raise  # as where the whole process ends: the try counts
        except TransientError:
            work.ledger.forgive_try(begun.lead_file_id)  # the row stays `importing`: the next try takes it over
            raise
        except Exception as error:
            sentence = (
                f"Failed: {type(error).__name__} while reading or writing; nothing was taken in. Import it again."
            )
            outcome = outcome_of(begun.lead_file_id, Verdict(LeadFileStatus.FAILED, sentence))
            work.ledger.end(outcome, {})
            _tell(work.alerts, content, outcome, as_of=as_of)
            raise
    _tell(work.alerts, content, outcome, as_of=as_of)
    return outcome


def import_lead_files(
    work: LeadImport, keys: Sequence[str], *, defaults: ImportDefaults, requested_by: str, as_of: datetime
) -> list[ImportOutcome]:
    """Import files one after the other; what goes wrong with one stops no other.

    Returns:
        The outcomes of those that are still there.

    Raises:
        TransientError: Of some a part did not answer; these wait for another try.
        LeadFileInvalid: Some failed; the message names them. Raised after the others were imported.
    """
    outcomes: list[ImportOutcome] = []
    failed: list[str] = []
    unanswered: list[TransientError] = []
    for key in keys:
        try:
            outcomes.append(import_lead_file(work, key, defaults=defaults, requested_by=requested_by, as_of=as_of))
        except NotFound:
            log.info("lead file %s was moved or deleted since it was listed", key)
        except TransientError as error:
            unanswered.append(error)
            if len(unanswered) >= _UNANSWERED_MAX:
                break
        except Exception:
            log.exception("lead file %s failed", key)
            failed.append(key)
    if unanswered:
        raise unanswered[0]
    if failed:
        raise LeadFileInvalid(f"Of {len(keys)} lead files these failed: {', '.join(failed)}; the log says why.")
    return outcomes


def _imported(
    work: LeadImport, begun: BegunLeadFile, content: LeadFileContent, said: ImportDefaults, *, as_of: datetime
) -> ImportOutcome:
    try:
        _require_readable(content, begun)
        defaults = _understood_in_key(said)
        # A file may be newer than the run that imports it (queued, tried again, caught up), its times without a zone.
        latest = max(as_of, content.modified_at) + FURTHEST_EAST
        with work.reader.stage(content, defaults, as_of=latest) as staged:
            return _judged(work, begun.lead_file_id, staged, as_of=as_of)
    except LeadFileInvalid as error:
        refusal = outcome_of(begun.lead_file_id, Verdict(LeadFileStatus.REFUSED, f"Refused: {error}"))
        work.ledger.end(refusal, {})
        return refusal


def _require_readable(content: LeadFileContent, begun: BegunLeadFile) -> None:
    if content.byte_size > FILE_BYTES_MAX:
        raise LeadFileInvalid(f"The file has over {FILE_BYTES_MAX // 1024**2} MiB; split it and drop the parts.")
    if begun.tries > TRIES_MAX:
        raise LeadFileInvalid(
            f"Reading it ended {TRIES_MAX} times without a word, as happens where the machine has too little memory. "
            "Split the file, or export it as CSV, and drop it again."
        )


def _understood_in_key(said: ImportDefaults) -> ImportDefaults:
    try:
        return understood_defaults(said)
    except ConfigInvalid as error:
        raise LeadFileInvalid(f"The name of its folder cannot be understood: {error} Drop it into another.") from error


def _judged(work: LeadImport, lead_file_id: int, staged: StagedLeadFile, *, as_of: datetime) -> ImportOutcome:
    results = work.judge.judge(staged)
    verdict = verdict_of(results)
    work.history.keep(lead_file_id, results, as_of=as_of)
    quarantine_uri = ""
    if staged.profile.rejected_count:
        key = f"quarantine/leads/{lead_file_id}.csv"
        work.store.write(key, staged.quarantine())
        quarantine_uri = work.store.uri_of(key)
    if verdict.status is LeadFileStatus.REFUSED:
        return _refused(work, lead_file_id, staged, verdict, as_of=as_of, quarantine_uri=quarantine_uri)
    return work.ledger.take_in(lead_file_id, staged, verdict, as_of=as_of, quarantine_uri=quarantine_uri)


def _refused(
    work: LeadImport,
    lead_file_id: int,
    staged: StagedLeadFile,
    verdict: Verdict,
    *,
    as_of: datetime,
    quarantine_uri: str,
) -> ImportOutcome:
    opted_out = staged.profile.opted_out_count
    if opted_out:  # a "do not mail" stays true in a file that is otherwise no good
        sentence = f"{verdict.sentence} Its opt-outs were taken in all the same (rows: {opted_out:,})."
        verdict = replace(verdict, sentence=sentence)
    refusal = outcome_of(lead_file_id, verdict, staged.profile, quarantine_uri=quarantine_uri)
    refusal = replace(refusal, suppressed_count=opted_out)
    work.ledger.refuse(refusal, staged, as_of=as_of)
    return refusal


def _content(store: ObjectStore, key: str) -> LeadFileContent:
    found = next((item for item in store.list(key) if item.key == key), None)
    if found is None:
        raise NotFound(f"There is no lead file {key} in the store; it may have been moved or deleted.")
    if found.byte_size > FILE_BYTES_MAX:  # never read: identified by name, size and time instead of its content
        identity = f"{key} {found.byte_size} {found.modified_at.isoformat()}".encode()
        body, digest = b"", f"unread-{hashlib.sha256(identity).hexdigest()}"
    else:
        body = store.read(key)
        digest = hashlib.sha256(body).hexdigest()
    return LeadFileContent(key, store.uri_of(key), found.modified_at, digest, found.byte_size, body)


def understood_defaults(said: ImportDefaults) -> ImportDefaults:
    """What somebody said of all rows, as codes.

    Raises:
        ConfigInvalid: A legal basis or country that is none.
    """
    basis = legal_basis(said.legal_basis) if said.legal_basis else ""
    if basis is None or (basis and basis not in set(LegalBasis)):
        raise ConfigInvalid(f"{said.legal_basis!r} is no legal basis; use {', '.join(LegalBasis)}.")
    country = country_code(said.country) if said.country else ""
    if country is None:
        raise ConfigInvalid(f"{said.country!r} is no country; use an ISO code such as DE.")
    return ImportDefaults(said.source, basis, country)


def _repeated(
    work: LeadImport, content: LeadFileContent, first: Mapping[str, Any], *, requested_by: str
) -> ImportOutcome:
    lead_file_id = work.ledger.repeat(content, first, requested_by=requested_by)
    sentence = f"Same content as lead file {first['lead_file_id']}, imported before; nothing was done."
    outcome = outcome_of(lead_file_id, Verdict(LeadFileStatus.REPEATED, sentence))
    return replace(outcome, already_imported=True)


def _tell(alerts: Alerts, content: LeadFileContent, outcome: ImportOutcome, *, as_of: datetime) -> None:
    dedupe_key = f"lead_file_refused:{content.sha256[:16]}"
    if outcome.status not in (LeadFileStatus.REFUSED, LeadFileStatus.FAILED):
        alerts.resolve(dedupe_key, as_of=as_of)
        return
    became = "was refused" if outcome.status == LeadFileStatus.REFUSED else "could not be imported"
    alerts.raise_alert(
        kind="lead_file_refused",
        severity="warning",
        subject=content.file_name,
        message=f"The lead file {became} and none of its leads taken in; its report on the page Leads says why.",
        dedupe_key=dedupe_key,
        as_of=as_of,
    )
