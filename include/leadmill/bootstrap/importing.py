"""Lead files, leads and their validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from leadmill.bootstrap.wishing import Wishing
from leadmill.errors import LeadFileInvalid, NotFound

if TYPE_CHECKING:
    from leadmill.adapters.lake.validation_results import LakeValidationHistory
    from leadmill.adapters.ledger.lead_files import LedgerLeadFiles
    from leadmill.domain.access import Actor
    from leadmill.ports.people import PeopleLedger, PersonOutcome
    from leadmill.services.import_lead_file import LeadImport


class Importing(Wishing):
    """Lead files, leads and their validation."""

    @cached_property
    def _lead_files(self) -> LedgerLeadFiles:
        from leadmill.adapters.ledger.lead_files import LedgerLeadFiles

        return LedgerLeadFiles(self.database, key=self.settings.secret)

    @cached_property
    def _validation_history(self) -> LakeValidationHistory:
        from leadmill.adapters.lake.validation_results import LakeValidationHistory

        return LakeValidationHistory(self.lake)

    @cached_property
    def _lead_import(self) -> LeadImport:
        from leadmill.adapters.lead_files.staging import DuckLeadFileReader
        from leadmill.adapters.ledger.alerts import LedgerAlerts
        from leadmill.adapters.quality.lead_batch import GreatExpectationsJudge
        from leadmill.services.import_lead_file import LeadImport

        return LeadImport(
            store=self.store,
            reader=DuckLeadFileReader(allow_special_use_domains=self.settings.allow_special_use_domains),
            judge=GreatExpectationsJudge(),
            ledger=self._lead_files,
            history=self._validation_history,
            alerts=LedgerAlerts(self.database),
        )

    def waiting_lead_files(self) -> list[str]:
        """Keys of lead files in the landing zone that were not dealt with yet."""
        from leadmill.services.read_lead_files import waiting_lead_files

        return list(waiting_lead_files(self.store, self._lead_files))

    def lead_files_to_import(
        self, uri: str = "", *, default_legal_basis: str | None = None, default_country: str | None = None
    ) -> list[list[str]]:
        """Keys in groups that are imported together: of the file at a URI or key, or where none was named, all waiting.

        Raises:
            ConfigInvalid: A default is no legal basis or no country.
            NotFound: There is no such file.
        """
        from leadmill.domain.lead_files import ImportDefaults, imported_together
        from leadmill.services.import_lead_file import understood_defaults
        from leadmill.services.read_lead_files import waiting_lead_files

        understood_defaults(ImportDefaults("", default_legal_basis or "", default_country or ""))
        if not uri:
            return imported_together(waiting_lead_files(self.store, self._lead_files))
        key = self._key(uri)
        if not self.store.exists(key):
            raise NotFound(f"There is no lead file {key} in the store; it may have been moved or deleted.")
        return [[key]]

    def import_lead_files(
        self,
        keys: Sequence[str],
        *,
        as_of: datetime,
        requested_by: str,
        only_waiting: bool,
        default_source: str | None = None,
        default_legal_basis: str | None = None,
        default_country: str | None = None,
    ) -> list[dict[str, Any]]:
        """Import lead files one after the other; one that goes wrong stops no other. Returns their outcomes.

        `only_waiting` leaves out what was dealt with meanwhile, as after a try that ended halfway.
        """
        from leadmill.domain.lead_files import ImportDefaults
        from leadmill.services.import_lead_file import import_lead_files

        if only_waiting:
            waiting = set(self.waiting_lead_files())
            keys = [key for key in keys if key in waiting]
        said = ImportDefaults(default_source or "", default_legal_basis or "", default_country or "")
        work = self._lead_import
        return [
            asdict(each)
            for each in import_lead_files(work, keys, defaults=said, requested_by=requested_by, as_of=as_of)
        ]

    def import_lead_file(
        self,
        key_or_uri: str,
        *,
        as_of: datetime,
        requested_by: str,
        default_source: str | None = None,
        default_legal_basis: str | None = None,
        default_country: str | None = None,
    ) -> dict[str, Any]:
        """Import one lead file of the store. Returns `ImportOutcome` as a dict; a refused file is an outcome too."""
        from leadmill.domain.lead_files import ImportDefaults
        from leadmill.services.import_lead_file import import_lead_file

        defaults = ImportDefaults(default_source or "", default_legal_basis or "", default_country or "")
        key = self._key(key_or_uri)
        outcome = import_lead_file(self._lead_import, key, defaults=defaults, requested_by=requested_by, as_of=as_of)
        return asdict(outcome)

    def require_accepted_lead_files(self, lead_file_ids: list[int]) -> int:
        """How many files these are.

        Raises:
            LeadFileInvalid: One of them was refused; the message says which and why.
        """
        files = [self._lead_files.file(lead_file_id) for lead_file_id in lead_file_ids]
        refused = [
            f"lead file {file['lead_file_id']}: {file['verdict']}" for file in files if file["status"] == "refused"
        ]
        if refused:
            raise LeadFileInvalid("; ".join(refused))
        return len(files)

    def lead_files(self, *, limit: int = 100, offset: int = 0) -> list[dict[str, Any]]:
        """Lead files with their counts, newest first."""
        return self._lead_files.files(limit=limit, offset=offset)

    def lead_file_report(self, lead_file_id: int) -> dict[str, Any]:
        """One lead file: its row, `reasons` in words with counts, and `validation`, the batch's expectations."""
        from leadmill.services.read_lead_files import lead_file_report

        return lead_file_report(self._lead_files, self._validation_history, lead_file_id)

    def lead_file_quarantine(self, lead_file_id: int) -> bytes:
        """The rejected rows of a lead file as CSV; empty where none was rejected."""
        row = self._lead_files.file(lead_file_id)
        return self.store.read(f"quarantine/leads/{lead_file_id}.csv") if row["quarantine_uri"] else b""

    def upload_lead_file(
        self,
        actor: Actor,
        file_name: str,
        body: bytes,
        as_of: datetime,
        *,
        default_source: str = "",
        default_legal_basis: str = "",
        default_country: str = "",
    ) -> str:
        """Put a lead file into the landing zone, where the import finds it; needs the role analyst. Returns its key."""
        from leadmill.domain.lead_files import ImportDefaults
        from leadmill.services.upload_lead_file import upload_lead_file

        defaults = ImportDefaults(default_source, default_legal_basis, default_country)
        return upload_lead_file(self.store, self._lead_files, actor, file_name, body, defaults=defaults, as_of=as_of)

    @cached_property
    def _people(self) -> PeopleLedger:
        from leadmill.adapters.ledger.people import LedgerPeople

        return LedgerPeople(self.database, key=self.settings.secret)

    def suppress_person(
        self, actor: Actor, *, lead_id: int | None = None, email: str | None = None, reason: str, as_of: datetime
    ) -> PersonOutcome:
        """Never mail a person again, named by lead id or by address; needs the role analyst."""
        from leadmill.services.suppress_person import suppress_person

        done = suppress_person(actor, people=self._people, lead_id=lead_id, email=email, reason=reason, as_of=as_of)
        self.log_wishes(as_of)
        return done

    def lift_suppression(
        self,
        actor: Actor,
        *,
        lead_id: int | None = None,
        email: str | None = None,
        reason: str,
        proof: str,
        as_of: datetime,
    ) -> PersonOutcome:
        """Let a person be mailed again who wants to come back, with a proof of it; needs the role admin."""
        from leadmill.services.lift_suppression import lift_suppression

        done = lift_suppression(
            actor, people=self._people, lead_id=lead_id, email=email, reason=reason, proof=proof, as_of=as_of
        )
        self.log_wishes(as_of)
        return done

    def erase_person(
        self, actor: Actor, *, lead_id: int | None = None, email: str | None = None, reason: str, as_of: datetime
    ) -> PersonOutcome:
        """Empty a person's lead and keep only a keyed hash that blocks; needs the role admin. Not undone."""
        from leadmill.services.erase_person import erase_person

        done = erase_person(actor, people=self._people, lead_id=lead_id, email=email, reason=reason, as_of=as_of)
        self.log_wishes(as_of)
        return done

    def _key(self, key_or_uri: str) -> str:
        is_uri = key_or_uri.startswith(("s3://", "file://", "/"))
        return self.store.key_of(key_or_uri) if is_uri else key_or_uri
