"""Campaigns, content, audience and plan."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from leadmill.bootstrap.journaling import Journaling

if TYPE_CHECKING:
    from leadmill.domain.access import Actor
    from leadmill.domain.attachments import AttachmentLimits
    from leadmill.domain.campaigns import CampaignDraft
    from leadmill.domain.contact_rules import ContactBounds, ContactRules
    from leadmill.domain.messages import OutgoingMessage
    from leadmill.domain.segments import Segment
    from leadmill.ports.audience import AudienceLedger, AudiencePreview, SampleLead
    from leadmill.ports.campaigns import (
        CampaignDetail,
        CampaignLedger,
        CampaignProgress,
        CampaignSummary,
        Check,
        Conservation,
    )
    from leadmill.ports.content import ContentCompiler, Organisation
    from leadmill.ports.orchestrator import Orchestrator
    from leadmill.ports.plans import PlanLedger
    from leadmill.ports.sending_identity import PoolCapacity, SenderLedger
    from leadmill.services.approve_campaign import Seen
    from leadmill.services.check_campaign import Preflight

_SEED_BITS = 62  # a seed plus a step number stays within a bigint


class Campaigning(Journaling):
    """Campaigns, content, audience and plan."""

    @cached_property
    def content_compiler(self) -> ContentCompiler:
        """Compiles variants; rendering needs no database."""
        from leadmill.adapters.content.attached import StoredAttachments
        from leadmill.adapters.content.compiler import JinjaContentCompiler

        return JinjaContentCompiler(
            edge_base_url=self.settings.edge_base_url,
            key=self.settings.secret,
            attachments=StoredAttachments(self.store),
        )

    @cached_property
    def _campaign_ledger(self) -> CampaignLedger:
        from leadmill.adapters.ledger.campaigns import PostgresCampaigns

        return PostgresCampaigns(self.database)

    @cached_property
    def _audience(self) -> AudienceLedger:
        from leadmill.adapters.ledger.audience import PostgresAudience

        return PostgresAudience(self.database)

    @cached_property
    def _senders(self) -> SenderLedger:
        from leadmill.adapters.ledger.senders import PostgresSenders

        return PostgresSenders(self.database)

    @cached_property
    def _plans(self) -> PlanLedger:
        from leadmill.adapters.ledger.plan import PostgresPlan

        return PostgresPlan(self.database, usual_days_apart=self.settings.days_between_campaigns)

    @cached_property
    def _orchestrator(self) -> Orchestrator | None:
        """Airflow, where a log-in to its API is configured."""
        from leadmill.adapters.airflow_api import AirflowApi

        password = self.settings.airflow_password.get_secret_value()
        if not self.settings.airflow_user or not password:
            return None
        url = self.settings.airflow_api_url or self.settings.airflow_base_url
        return AirflowApi(url, user=self.settings.airflow_user, password=password)

    def _keep_calendars(self, as_of: datetime, *, asked: bool = False) -> None:
        """Know the working days and holidays that open campaigns, or a draft, ask for."""
        from leadmill.adapters.ledger.calendars import PostgresCalendars
        from leadmill.adapters.public_holidays import PublicHolidays
        from leadmill.services.keep_calendars import keep_calendars

        keep_calendars(PostgresCalendars(self.database), PublicHolidays(), as_of=as_of, asked=asked)

    def _preflight(self) -> Preflight:
        from leadmill.adapters.unsubscribe_probe import HttpUnsubscribeProbe
        from leadmill.services.check_campaign import Preflight

        probe = HttpUnsubscribeProbe(
            self.settings.edge_base_url, self.settings.secret, neighbour_url=self.settings.edge_neighbour_url
        )
        return Preflight(
            self._audience,
            self._senders,
            self.content_compiler,
            probe,
            usual_days_apart=self.settings.days_between_campaigns,
            mails_a_week=self.settings.mails_per_person_week,
        )

    @property
    def attachment_limits(self) -> AttachmentLimits:
        """How large attachments may be."""
        from leadmill.domain.attachments import AttachmentLimits

        megabyte = 1_000_000
        return AttachmentLimits(
            per_file=round(self.settings.attachment_max_mb * megabyte),
            per_mail=round(self.settings.attachments_total_max_mb * megabyte),
        )

    def create_campaign(self, actor: Actor, draft: CampaignDraft, as_of: datetime) -> int:
        """Keep a new draft; returns its id."""
        from leadmill.services.create_campaign import create_campaign

        seed = secrets.randbits(_SEED_BITS)
        return create_campaign(actor, draft, campaigns=self._campaign_ledger, seed=seed, as_of=as_of)

    def edit_campaign(
        self,
        actor: Actor,
        campaign_id: int,
        draft: CampaignDraft,
        as_of: datetime,
        loaded_at: datetime | None = None,
    ) -> None:
        """Put a draft's content anew; `loaded_at` (the `updated_at` seen) keeps somebody else's edit safe."""
        from leadmill.services.edit_campaign import edit_campaign

        edit_campaign(
            actor,
            campaign_id,
            draft,
            campaigns=self._campaign_ledger,
            limits=self.attachment_limits,
            as_of=as_of,
            loaded_at=loaded_at,
        )

    def copy_campaign(self, actor: Actor, campaign_id: int, as_of: datetime) -> int:
        """Make a new draft of a campaign; returns its id."""
        from leadmill.services.copy_campaign import copy_campaign

        seed = secrets.randbits(_SEED_BITS)
        return copy_campaign(
            actor, campaign_id, campaigns=self._campaign_ledger, store=self.store, seed=seed, as_of=as_of
        )

    def delete_campaign(self, actor: Actor, campaign_id: int, as_of: datetime) -> None:
        """Take a draft, or a cancelled campaign that never sent, out of sight."""
        from leadmill.services.change_campaign import delete_campaign

        delete_campaign(actor, campaign_id, campaigns=self._campaign_ledger, store=self.store, as_of=as_of)

    def approve_campaign(self, actor: Actor, campaign_id: int, as_of: datetime, *, seen: Seen | None = None) -> None:
        """Approve a draft whose pre-flight checks show no error; `seen`: what the person was shown."""
        from leadmill.services.approve_campaign import approve_campaign
        from leadmill.services.check_campaign import check_campaign

        self._keep_calendars(as_of, asked=self.campaign(campaign_id).draft.send_days.asks_country)
        approve_campaign(
            actor,
            campaign_id,
            campaigns=self._campaign_ledger,
            checks=lambda campaign: check_campaign(campaign.draft, self._preflight(), as_of=as_of),
            as_of=as_of,
            seen=seen,
        )

    def start_planning(self, campaign_id: int) -> bool:
        """Have Airflow plan an approved campaign at once; False: its schedule does so within 15 minutes."""
        from leadmill.services.start_planning import start_planning

        return start_planning(self._orchestrator, campaign_id)

    def pause_campaign(self, actor: Actor, campaign_id: int, as_of: datetime, reason: str = "") -> None:
        """Claim nothing more for it until it is resumed."""
        from leadmill.services.change_campaign import pause_campaign

        pause_campaign(actor, campaign_id, campaigns=self._campaign_ledger, as_of=as_of, reason=reason)

    def resume_campaign(self, actor: Actor, campaign_id: int, as_of: datetime, reason: str = "") -> None:
        """Go on where a paused campaign stood."""
        from leadmill.services.change_campaign import resume_campaign

        resume_campaign(actor, campaign_id, campaigns=self._campaign_ledger, as_of=as_of, reason=reason)

    def cancel_campaign(self, actor: Actor, campaign_id: int, as_of: datetime, reason: str = "") -> int:
        """End it for good; returns how many planned sends that cancelled."""
        from leadmill.services.change_campaign import cancel_campaign

        return cancel_campaign(actor, campaign_id, campaigns=self._campaign_ledger, as_of=as_of, reason=reason)

    def weigh_campaign(self, actor: Actor, campaign_id: int, weight: float, as_of: datetime) -> None:
        """Give a campaign another share of its pool's days; 1 is normal."""
        from leadmill.services.change_campaign import weigh_campaign

        weigh_campaign(actor, campaign_id, weight, campaigns=self._campaign_ledger, as_of=as_of)

    def campaigns(self) -> list[CampaignSummary]:
        """Every campaign that is not deleted, newest first."""
        return self._campaign_ledger.summaries()

    def campaign(self, campaign_id: int) -> CampaignDetail:
        """One campaign whole."""
        return self._campaign_ledger.detail(campaign_id)

    def campaign_progress(self, campaign_id: int) -> CampaignProgress:
        """Sends by step, variant and state."""
        return self._campaign_ledger.progress(campaign_id)

    def conservation(self, campaign_id: int) -> Conservation:
        """The counts of a campaign that must add up."""
        return self._campaign_ledger.conservation(campaign_id)

    def audience_preview(self, segment: Segment, pool_id: int | None) -> AudiencePreview:
        """Live counts of a segment: matched, will be mailed, left out per reason."""
        return self._audience.preview(segment, pool_id)

    def contact_bounds(self, rules: ContactRules, as_of: datetime) -> ContactBounds:
        """Whom a campaign with these rules leaves out now for what other campaigns have with them."""
        return rules.bounds(usual_days_apart=self.settings.days_between_campaigns, as_of=as_of)

    def audience_of(self, draft: CampaignDraft, as_of: datetime) -> AudiencePreview:
        """Live counts of a draft: as `audience_preview`, with what other campaigns have with its people."""
        bounds = self.contact_bounds(draft.contacts, as_of)
        return self._audience.preview(draft.segment, draft.pool_id, bounds)

    def contacts_file(self, actor: Actor, draft: CampaignDraft, kind: str, as_of: datetime) -> bytes:
        """A CSV of the leads behind one count of `audience_of`'s contacts; the audit log says who took it."""
        from leadmill.adapters.ledger.audit_log import LedgerAuditTrail
        from leadmill.services.list_contacts import list_contacts

        return list_contacts(
            actor,
            draft.segment,
            draft.pool_id,
            bounds=self.contact_bounds(draft.contacts, as_of),
            kind=kind,
            audience=self._audience,
            audit=LedgerAuditTrail(self.database),
            as_of=as_of,
        )

    def sample_leads(self, segment: Segment, limit: int = 10) -> list[SampleLead]:
        """A few mailable leads of a segment, spread over its categories."""
        return self._audience.sample(segment, limit)

    def preview_message(self, campaign: CampaignDraft | int, step: int, label: str, lead_id: int) -> OutgoingMessage:
        """One variant of a draft (or of a stored campaign, by id) as one lead would get it; nothing is tracked."""
        from leadmill.services.preview_message import preview_message

        return preview_message(
            self.campaign(campaign).draft if isinstance(campaign, int) else campaign,
            step=step,
            label=label,
            lead_id=lead_id,
            audience=self._audience,
            senders=self._senders,
            compiler=self.content_compiler,
        )

    def preflight(self, campaign_id: int, as_of: datetime) -> list[Check]:
        """What would go wrong if this campaign were approved now?"""
        from leadmill.services.check_campaign import check_campaign

        draft = self.campaign(campaign_id).draft
        self._keep_calendars(as_of, asked=draft.send_days.asks_country)
        return check_campaign(draft, self._preflight(), as_of=as_of)

    def plan_campaigns(self, as_of: datetime, campaign_id: int | None = None) -> dict[str, int]:
        """Turn approved campaigns into send rows and keep running plans true; returns counts.

        Raises:
            LedgerBehindJournal: This ledger is an older copy: what is planned now would get numbers that were given.
        """
        from leadmill.services.plan_campaigns import plan_campaigns

        self.require_current_ledger()
        self._keep_calendars(as_of)
        return plan_campaigns(self._plans, as_of=as_of, campaign_id=campaign_id)

    def organisation(self) -> Organisation | None:
        """Who is behind the mails; None until an admin said it."""
        return self._senders.organisation()

    def set_organisation(
        self, actor: Actor, name: str, postal_address: str, as_of: datetime, website: str = ""
    ) -> None:
        """Say who is behind the mails."""
        from leadmill.ports.content import Organisation
        from leadmill.services.set_up_sending_identity import set_organisation

        set_organisation(actor, Organisation(name, postal_address, website), senders=self._senders, as_of=as_of)

    def pools(self) -> list[PoolCapacity]:
        """Every pool with its policy and capacity."""
        return self._senders.pools()

    def create_pool(
        self,
        actor: Actor,
        name: str,
        as_of: datetime,
        *,
        provider: str = "smtp",
        legal_bases: Collection[str] | None = None,
        override_reason: str = "",
    ) -> int:
        """Make a pool with its provider's policy, or a wider one for a reason; the same name is the same pool."""
        from leadmill.services.set_up_sending_identity import create_pool

        return create_pool(
            actor,
            name,
            provider=provider,
            legal_bases=legal_bases,
            override_reason=override_reason,
            senders=self._senders,
            as_of=as_of,
        )

    def set_pool_policy(
        self, actor: Actor, pool_id: int, legal_bases: Collection[str], as_of: datetime, override_reason: str = ""
    ) -> None:
        """Change which legal bases a pool mails; planned sends to others are withdrawn."""
        from leadmill.services.set_up_sending_identity import set_pool_policy

        set_pool_policy(
            actor, pool_id, legal_bases, override_reason=override_reason, senders=self._senders, as_of=as_of
        )
