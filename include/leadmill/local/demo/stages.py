"""The stages of the demonstration. Each looks at what is there first, so a second run goes on where the first stood."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from leadmill.domain.access import SYSTEM
from leadmill.domain.campaigns import CampaignStatus
from leadmill.errors import LeadFileInvalid
from leadmill.local.demo.campaign import NAME, demo_campaign
from leadmill.local.demo.senders import POOL, sending_domains, set_up_senders
from leadmill.local.demo.size import DemoSize
from leadmill.local.demo.waiting import wait_for
from leadmill.local.sample_leads import write_sample_leads
from leadmill.local.stack.stack import Stack
from leadmill.sql import query

_TOUR = "ledger/tour"
_QUIET_ROUNDS = 2  # dispatch runs in a row that handed nothing over


@dataclass
class Demonstration:
    """One demonstration on a running stack."""

    stack: Stack
    size: DemoSize
    lead_file: dict[str, Any] | None = None
    campaign_id: int = 0

    def run(self) -> None:
        """Every stage, in order."""
        self.configure()
        self.import_leads()
        self.score_and_plan_windows()
        self.approve_campaign()
        self.dispatch()
        self.let_recipients_answer()
        self.check_blacklists()

    def configure(self) -> None:
        """Sending domains, mailboxes, lanes, pool and organisation."""
        settings = self.stack.settings
        with self.stack.progress.stage("Senders are configured") as stage:
            stage.result = set_up_senders(
                self.stack.app, self.size, smtp_host=settings.host, smtp_port=settings.smtp_port, as_of=now()
            )

    def import_leads(self) -> None:
        """Drop a lead file into the landing zone; Airflow's watcher finds it."""
        name, body = "demo-leads.csv", write_sample_leads(self.size.leads, self.size.bad_rows, self.size.seed)
        with self.stack.progress.stage(f"A lead file is dropped in landing/leads/ and imported ({name})") as stage:
            sha256 = hashlib.sha256(body).hexdigest()
            if self._finished_file(sha256) is None:
                self.stack.app.store.write(f"landing/leads/{name}", body)
            found = self._wait("the import of the lead file", lambda: self._finished_file(sha256))
            if found["status"] in {"refused", "failed"}:
                raise LeadFileInvalid(f"The demonstration's lead file was not imported. {found['verdict']}")
            self.lead_file = found
            stage.result = (
                f"{found['status'].replace('_', ' ')}; {found['row_count']:,} rows: {found['new_count']:,} new leads, "
                f"{found['duplicate_count']:,} duplicates, {found['rejected_count']:,} rejected with reasons"
            )

    def score_and_plan_windows(self) -> None:
        """Wait until the chain of assets has scored every lead and worked out its window."""
        with self.stack.progress.stage("Leads are scored") as stage:
            ready = self._wait("scores", lambda: self._ready("scored"))
            stage.result = f"{ready['scored']:,} leads"
        with self.stack.progress.stage("Send-time windows are worked out") as stage:
            ready = self._wait("send-time windows", lambda: self._ready("with_window"))
            stage.result = f"{ready['with_window']:,} leads"

    def approve_campaign(self) -> None:
        """Create the campaign where it is missing, approve it, and have Airflow plan it."""
        app = self.stack.app
        with self.stack.progress.stage("Campaign is approved and planned (two steps, A/B subject)") as stage:
            known = next((each for each in app.campaigns() if each.name == NAME), None)
            if known is None:
                pool = next(pool for pool in app.pools() if pool.name == POOL)
                self.campaign_id = app.create_campaign(SYSTEM, demo_campaign(pool.pool_id), now())
            else:
                self.campaign_id = known.campaign_id
            if known is None or known.status is CampaignStatus.DRAFT:
                app.approve_campaign(SYSTEM, self.campaign_id, now())
            if app.campaign(self.campaign_id).planned_at is None:
                self.stack.airflow.run("plan_campaigns", {"campaign_id": self.campaign_id})
            campaign = app.campaign(self.campaign_id)
            left_out = sum(campaign.left_out.values())
            stage.result = f"audience {campaign.audience_count:,}" + (
                f"; {left_out:,} left out (the campaign's page says why)" if left_out else ""
            )

    def dispatch(self) -> None:
        """Have Airflow dispatch until nothing that is due can still be handed over today."""
        with self.stack.progress.stage(f"Mail is dispatched, at most {self.size.daily_limit} per mailbox") as stage:
            standing, quiet = self._standing(), 0
            while (standing["due"] or standing["under_way"]) and quiet < _QUIET_ROUNDS:
                before = standing["handed_over"]
                self.stack.airflow.run("dispatch_campaigns", seconds=self.size.patience_seconds)
                standing = self._standing()
                quiet = 0 if standing["handed_over"] > before else quiet + 1
            stage.result = f"{standing['handed_over']:,} mails handed over"
            if standing["due"]:
                stage.result += f", {standing['due']:,} wait for capacity"

    def let_recipients_answer(self) -> None:
        """Wait while people and machines react, and have Airflow collect what they did."""
        with self.stack.progress.stage("Simulated recipients answer; events are collected") as stage:
            self._wait("the recipients' answers", self._nobody_is_about_to_act)
            if self.stack.app.waiting_event_objects():
                self.stack.airflow.run("collect_events", seconds=self.size.patience_seconds)
            self._wait("the collection of events", lambda: self.stack.app.waiting_event_objects() == 0)
            counts = self._world()
            stage.result = f"{counts['received']:,} mails received, {counts['more_than_one_copy']} of them twice"

    def check_blacklists(self) -> None:
        """List one sending domain on the local DNS server, and have Airflow find it."""
        domain = sending_domains(self.size)[-1]
        with self.stack.progress.stage("Blacklists are checked") as stage:
            listed = self.stack.settings.var / "local" / "listed.txt"
            if not listed.exists():
                listed.write_text(f"{domain}\n")
                self.stack.airflow.run("check_blacklists")
            found = {each.subject for each in self.stack.app.blacklist_status() if each.outcome == "listed"}
            stage.result = f"{', '.join(sorted(found)) or 'nothing'} listed; its mailboxes cool down"

    def _wait(self, what: str, look: Any) -> Any:
        return wait_for(self.stack, what, look, seconds=self.size.patience_seconds)

    def _row(self, name: str, **values: object) -> dict[str, Any] | None:
        with self.stack.app.database.transaction() as connection:
            return connection.execute(query(_TOUR, name), values).fetchone()

    def _finished_file(self, sha256: str) -> dict[str, Any] | None:
        found = self._row("lead_file_of_content", sha256=sha256)
        return found if found and found["status"] != "importing" else None

    def _ready(self, column: str) -> dict[str, Any] | None:
        found = self._row("readiness_of_leads") or {"leads": 0}
        return found if found["leads"] and found[column] == found["leads"] else None

    def _standing(self) -> dict[str, Any]:
        return self._row("dispatch_standing", campaign_id=self.campaign_id, as_of=now()) or {}

    def _world(self) -> dict[str, Any]:
        url = f"{self.stack.settings.url(self.stack.settings.mail_page_port)}/api/counts"
        return dict(httpx.get(url, timeout=10.0, trust_env=False).json())

    def _nobody_is_about_to_act(self) -> bool:
        return bool(self._world()["pending"] == 0)


def now() -> datetime:
    """The time that the demonstration hands to Leadmill, as Airflow does with a run's own."""
    return datetime.fromtimestamp(time.time(), UTC)
