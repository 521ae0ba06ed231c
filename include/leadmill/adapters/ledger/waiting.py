"""Counts behind "why is nothing being sent": `ports.waiting.WaitingLedger`."""

from __future__ import annotations

from datetime import datetime

from psycopg.rows import DictRow

from leadmill.adapters.ledger.database import Database
from leadmill.adapters.ledger.sending_lease import LedgerSendingLease
from leadmill.errors import NotFound
from leadmill.ports.waiting import CampaignStanding, RecipientsWaiting, SendsOpen, SendsWaiting, SharingCampaign
from leadmill.sql import query

_SUBJECT = "ledger/waiting"


class LedgerWaiting:
    """Reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def campaign(self, campaign_id: int) -> CampaignStanding:
        rows = self._rows("campaign_of_waiting", campaign_id)
        if not rows:
            raise NotFound(f"There is no campaign {campaign_id}.")
        return CampaignStanding(**rows[0])

    def refusal(self) -> str:
        return LedgerSendingLease(self._database).refusal()

    def sends_waiting(self, campaign_id: int, *, as_of: datetime) -> SendsWaiting:
        return SendsWaiting(**self._rows("sends_waiting", campaign_id, as_of)[0])

    def sends_open(self, campaign_id: int) -> SendsOpen:
        return SendsOpen(**self._rows("sends_open_elsewhere", campaign_id)[0])

    def recipients_waiting(self, campaign_id: int, *, as_of: datetime) -> list[RecipientsWaiting]:
        rows = self._rows("recipient_waiting", campaign_id, as_of, subject="ledger/recipient_limits")
        return [RecipientsWaiting(**row) for row in rows]

    def sharing_pool(self, campaign_id: int, *, as_of: datetime) -> list[SharingCampaign]:
        return [SharingCampaign(**row) for row in self._rows("sharing_pool", campaign_id, as_of)]

    def sticky_waiting(self, campaign_id: int, *, as_of: datetime) -> dict[int, int]:
        return {row["mailbox_id"]: row["waiting"] for row in self._rows("sticky_waiting", campaign_id, as_of)}

    def _rows(
        self, name: str, campaign_id: int, as_of: datetime | None = None, *, subject: str = _SUBJECT
    ) -> list[DictRow]:
        with self._database.transaction() as connection:
            return connection.execute(query(subject, name), {"campaign_id": campaign_id, "as_of": as_of}).fetchall()
