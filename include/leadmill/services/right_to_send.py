"""Who may send: lease and journal are looked at before a run, and each claim is journaled before it leaves.

Two copies of one ledger never both send the same mail. A run first replaces the token in the store, and then looks
whether the journal holds claims that its ledger does not know. A claim is first put into the journal, and then the
token is looked at. Whichever of two copies comes second to the store sees what the other did first (ADR 0025).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from leadmill.domain.access import Actor, Role, required_reason
from leadmill.domain.crash_points import CrashPoint, reached
from leadmill.domain.journal import JournalEntry
from leadmill.domain.sending_lease import MAY_SEND, DatabaseIdentity, Standing, StoredLease, refusal, standing
from leadmill.errors import (
    LeadmillError,
    LedgerBehindJournal,
    NotTheSender,
    PartnerSends,
    PermanentError,
    StoreUnavailable,
)
from leadmill.ports.alerts import Alerts
from leadmill.ports.dispatch import Claim
from leadmill.ports.journal import Journal
from leadmill.ports.sending_lease import LeaseLedger, LeaseRow, LeaseStore
from leadmill.services.compare_journal import require_all_known

REFUSED_ALERT_KEY = "sending_refused"
_TRIES = 20
"""Workers of one ledger take turns; only another copy of it can come between, once a minute."""
_OURS = frozenset({Standing.FIRST, Standing.HELD, Standing.OLDER})
"""With these it was this very database that sent last, or nobody."""


@dataclass(slots=True)
class SendingRight:
    """One process's right to send."""

    ledger: LeaseLedger
    store: LeaseStore
    journal: Journal
    alerts: Alerts
    catch_up_with_wishes: Callable[[datetime], None]
    _token: str = ""
    _database: DatabaseIdentity | None = None
    _journaled: set[int] = field(default_factory=set)

    def take(self, *, as_of: datetime) -> None:
        """Renew the lease and compare the journal: at the start of every run, before anything is claimed.

        Raises:
            NotTheSender: Another copy of this installation, or another installation, sends by this store.
            PartnerSends: The server that this one stands by for has sent within the last minutes.
            LedgerBehindJournal: This ledger is an older copy, and `leadmill after-restore` has not ended.
            StoreUnavailable: The store did not answer, so nobody can say.
        """
        try:
            self._renew(as_of)
            require_all_known(self.ledger, self.journal)
            self.catch_up_with_wishes(as_of)  # a copy that lacks no claim may lack words about people all the same
        except (NotTheSender, PartnerSends, LedgerBehindJournal, StoreUnavailable) as error:
            self._tell(error, as_of)
            raise
        self.alerts.resolve(REFUSED_ALERT_KEY, as_of=as_of)

    def take_over(self, actor: Actor, *, reason: str, as_of: datetime) -> str:
        """Let this ledger send on a person's word; returns who else did before, empty for nobody else.

        Whoever did sends nothing more from its next claim on. What the journal holds is still compared.

        Raises:
            NotAllowed: The actor is no admin.
            InputInvalid: No reason is given.
        """
        actor.require(Role.ADMIN, to="let this copy of the installation send")
        why = required_reason(reason, "Say why this copy is to send from now on; the audit log keeps it.")
        before = self._renew(as_of, on_a_persons_word=True)
        was = before.database.name if before else ""
        self.ledger.record_take_over(actor, reason=why, was=was, as_of=as_of)
        return was

    def journal_claim(
        self, claim: Claim, *, lane: str, worker: str, steps: Mapping[int, tuple[int, int]], now: datetime
    ) -> None:
        """Put a claim into the journal, and look whether this ledger still may send: before its first mail leaves.

        A ledger that was restored under this worker, or whose replica was promoted, may have claimed what left already:
        where it is not as it was when the right was taken, the journal is compared again.

        Args:
            claim: With at least one send.
            lane: Its provider account.
            worker: Whose claim it is.
            steps: Campaign and step of each of its variants.
            now: Aware UTC.

        Raises:
            NotTheSender, LedgerBehindJournal, StoreUnavailable: Nothing of the claim may leave.
        """
        try:
            if claim.claim_id in self._journaled:
                raise _restored_under_worker(claim.claim_id)  # its entry must not be written over
            known = [claim.claim_id, *([max(self._journaled)] if self._journaled else [])]
            if not self.ledger.is_as_taken(self._token, self._database, claim_ids=known, worker=worker):
                self._require_still_ours(claim.claim_id, worker, now)
            self.journal.keep(self._entry(claim, lane, worker, steps))
            self._journaled.add(claim.claim_id)
            reached(CrashPoint.JOURNAL_WRITTEN)
            stored = self.store.read()
            if stored is None or stored.token != self._token:
                self._require_still_ours(claim.claim_id, worker, now)
        except (NotTheSender, LedgerBehindJournal, StoreUnavailable) as error:
            self._tell(error, now)
            raise

    def _entry(self, claim: Claim, lane: str, worker: str, steps: Mapping[int, tuple[int, int]]) -> JournalEntry:
        assert claim.claimed_at is not None  # noqa: S101 - it has sends
        send_ids, _, variant_ids, mailbox_ids, _, recipients = zip(*claim.sends, strict=True)
        return JournalEntry(
            claim.claim_id,
            worker,
            lane,
            claim.claimed_at,
            send_ids,
            variant_ids,
            mailbox_ids,
            claim.email_hashes,
            max(recipient.lead_id for recipient in recipients),
            {variant_id: steps[variant_id] for variant_id in set(variant_ids)},
            {mailbox_id: claim.senders[mailbox_id].address for mailbox_id in set(mailbox_ids)},
        )

    def _renew(self, as_of: datetime, *, on_a_persons_word: bool = False) -> StoredLease | None:
        """Replace the token in store and ledger; returns what lay in the store before, where it was not our own."""
        with self.ledger.locked() as row:
            if not on_a_persons_word:
                _require_no_restore(row)
            for _ in range(_TRIES):
                stored = self.store.read()
                how = standing(row.own, stored, row.database, store_uri=self.store.uri, now=as_of)
                if how not in MAY_SEND and not on_a_persons_word:
                    sentence = f"Nothing is sent. {refusal(how, stored, store_uri=self.store.uri)}"
                    raise (PartnerSends if how is Standing.PARTNER_ALIVE else NotTheSender)(sentence)
                lease = self._next(row, stored, as_of)
                if self.store.replace(lease, was=stored):
                    row.keep(lease)
                    self._token, self._database = lease.token, row.database
                    return None if how in _OURS else stored
        raise StoreUnavailable("The lease in the object store changed too often to be renewed; nothing was sent.")

    def _next(self, row: LeaseRow, stored: StoredLease | None, as_of: datetime) -> StoredLease:
        installation = row.own.installation or (stored.installation if stored else str(uuid4()))
        renewed_at = max(as_of, stored.renewed_at) if stored else as_of
        return StoredLease(installation, str(uuid4()), row.database, self.store.uri, renewed_at)

    def _require_still_ours(self, claim_id: int, worker: str, now: datetime) -> None:
        """Token or database is another: a run of this ledger began meanwhile, it was restored, or another sends."""
        with self.ledger.locked() as row:  # no run of this ledger replaces the token while we look
            _require_no_restore(row)
            stored = self.store.read()
            if stored is not None and stored.token == self._token != row.own.token:
                raise _restored_under_worker(claim_id)
            if stored is None or stored.token != row.own.token:
                raise NotTheSender(
                    f"Claim {claim_id} was given back: another copy of this installation began to send by this store "
                    f"({stored.database.name if stored else 'its lease is gone'}). See docs/runbooks/restore.md."
                )
            if not row.has_claim(claim_id, worker):
                raise _restored_under_worker(claim_id)
            self._token, self._database = stored.token, row.database
        require_all_known(self.ledger, self.journal)
        self.catch_up_with_wishes(now)

    def _tell(self, error: LeadmillError, as_of: datetime) -> None:
        self.ledger.refuse(str(error), as_of=as_of)
        self.alerts.raise_alert(
            kind="sending_refused",
            severity="critical" if isinstance(error, PermanentError) else "warning",
            subject="dispatch",
            message=str(error),
            dedupe_key=REFUSED_ALERT_KEY,
            as_of=as_of,
        )


def _restored_under_worker(claim_id: int) -> LedgerBehindJournal:
    return LedgerBehindJournal(
        f"Claim {claim_id} was not handed over, or is not in the ledger any more: an older copy was restored under "
        "this worker. Run `leadmill after-restore`."
    )


def _require_no_restore(row: LeaseRow) -> None:
    if row.restoring_since is not None:
        raise LedgerBehindJournal(
            f"Nothing is sent: `leadmill after-restore` began at {row.restoring_since:%Y-%m-%d %H:%M} UTC and has not "
            "ended. Wait for it, or run it again if it was broken off."
        )
