"""What a campaign's content may hold and whom it may go to: attachments, lacking fields, the countries' rules."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from leadmill.bootstrap.campaigning import Campaigning

if TYPE_CHECKING:
    from leadmill.domain.access import Actor
    from leadmill.domain.attachments import AttachedFile
    from leadmill.domain.campaigns import CampaignDraft
    from leadmill.domain.segments import Segment
    from leadmill.domain.template_fields import AskedFields
    from leadmill.ports.audience import CountryGap
    from leadmill.ports.campaigns import LeadGap
    from leadmill.ports.content import PreviewNotes
    from leadmill.ports.country_rules import CountryPolicy, CountryRuleLedger


class ContentRules(Campaigning):
    """Attachments, lacking fields, the countries' rules."""

    @cached_property
    def _country_rules(self) -> CountryRuleLedger:
        from leadmill.adapters.ledger.country_rules import PostgresCountryRules

        return PostgresCountryRules(self.database)

    def upload_attachment(self, actor: Actor, campaign_id: int, name: str, body: bytes) -> AttachedFile:
        """Put a file into the store for a draft's mails; keep what this returns in one of its steps."""
        from leadmill.services.attach_files import upload_attachment

        return upload_attachment(
            actor,
            campaign_id,
            name,
            body,
            campaigns=self._campaign_ledger,
            store=self.store,
            limits=self.attachment_limits,
        )

    def template_fields(self, draft: CampaignDraft) -> AskedFields:
        """The lead fields that a draft's templates read; those of templates that do not compile are left out."""
        from leadmill.ports.content import Organisation
        from leadmill.services.check_content import compile_variants

        organisation = self.organisation() or Organisation("Not set yet", "Not set yet")
        return compile_variants(draft, organisation, self.content_compiler).fields

    def preview_notes(self, campaign: CampaignDraft | int, step: int, label: str, lead_id: int) -> PreviewNotes:
        """Which fallbacks and which versions of its blocks stand in a lead's mail."""
        from leadmill.services.preview_message import preview_notes

        return preview_notes(
            self.campaign(campaign).draft if isinstance(campaign, int) else campaign,
            step=step,
            label=label,
            lead_id=lead_id,
            audience=self._audience,
            senders=self._senders,
            compiler=self.content_compiler,
        )

    def lacking_leads_file(self, actor: Actor, draft: CampaignDraft, gap: LeadGap, as_of: datetime) -> bytes:
        """A CSV of the leads that pre-flight found lacking; the audit log says who took it."""
        from leadmill.adapters.ledger.audit_log import LedgerAuditTrail
        from leadmill.services.list_lacking_leads import list_lacking_leads

        return list_lacking_leads(
            actor,
            draft.segment,
            draft.pool_id,
            fields=self.template_fields(draft),
            keys=gap.keys,
            lacking=gap.name,
            audience=self._audience,
            audit=LedgerAuditTrail(self.database),
            as_of=as_of,
            bounds=self.contact_bounds(draft.contacts, as_of),
        )

    def country_gaps(self, segment: Segment, pool_id: int | None) -> tuple[CountryGap, ...]:
        """Whom of a segment the countries' rules leave out, by country and legal basis."""
        from leadmill.domain.template_fields import AskedFields

        return self._audience.examine(segment, pool_id, AskedFields()).country_gaps

    def country_policies(self) -> list[CountryPolicy]:
        """Whom each country's law lets us mail, with sources and admins' decisions."""
        from leadmill.services.rule_countries import country_policies

        return country_policies(self._country_rules)

    def override_country_rule(
        self, actor: Actor, country: str, legal_bases: Collection[str], as_of: datetime, *, reason: str
    ) -> int:
        """Decide for a country otherwise than its rule (admin); returns how many planned sends that withdrew."""
        from leadmill.services.rule_countries import override_country_rule

        return override_country_rule(
            actor, country, legal_bases, reason=reason, ledger=self._country_rules, as_of=as_of
        )

    def restore_country_rule(self, actor: Actor, country: str, as_of: datetime, *, reason: str) -> int:
        """Let a country's own rule hold again (admin); returns how many planned sends that withdrew."""
        from leadmill.services.rule_countries import restore_country_rule

        return restore_country_rule(actor, country, reason=reason, ledger=self._country_rules, as_of=as_of)
