"""Finding leads, and looking at domains, mailboxes and blacklist checks."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from leadmill.bootstrap.core import Core

if TYPE_CHECKING:
    from leadmill.domain.access import Actor
    from leadmill.ports.deliverability import CheckCounts, SendingDomain
    from leadmill.ports.lead_search import LeadDetail, LeadFilter, LeadPage, LeadSearch, LeadTotals, PageKey
    from leadmill.ports.mailboxes import MailboxHealth
    from leadmill.ports.sender_setup import SenderSetup


class Browsing(Core):
    """Finding leads, and looking at domains, mailboxes and blacklist checks."""

    @cached_property
    def _lead_search(self) -> LeadSearch:
        from leadmill.adapters.ledger.lead_search import LedgerLeadSearch

        return LedgerLeadSearch(self.database)

    def find_leads(
        self, actor: Actor, wanted: LeadFilter, *, by_score: bool = False, after: PageKey | None = None, size: int = 50
    ) -> LeadPage:
        """One page of the leads that a filter holds, newest or best first."""
        from leadmill.services.find_leads import find_leads

        return find_leads(self._lead_search, actor, wanted, by_score=by_score, after=after, size=size)

    def count_leads(self, wanted: LeadFilter, *, most: int = 100_000) -> int:
        """How many leads a filter holds, counted no further than `most`."""
        return self._lead_search.count(wanted, most=most)

    def lead_totals(self) -> LeadTotals:
        """How many leads there are, how many of them are suppressed and scored."""
        return self._lead_search.totals()

    def lead_values(self) -> dict[str, tuple[str, ...]]:
        """The values in use of country, industry, category and source."""
        return self._lead_search.values()

    def lead_detail(self, actor: Actor, lead_id: int) -> LeadDetail:
        """Everything known of one lead. Raises `NotFound`."""
        from leadmill.adapters.content.compiler import JinjaContentCompiler
        from leadmill.adapters.lake.lead_history import LakeLeadHistory
        from leadmill.adapters.ledger.audience import PostgresAudience
        from leadmill.adapters.ledger.sends import LedgerSends
        from leadmill.services.find_leads import describe_lead
        from leadmill.services.render_subjects import SubjectSources

        compiler = JinjaContentCompiler(edge_base_url=self.settings.edge_base_url, key=self.settings.secret)
        subjects = SubjectSources(LedgerSends(self.database), PostgresAudience(self.database), compiler)
        return describe_lead(self._lead_search, LakeLeadHistory(self.lake), subjects, actor, lead_id)

    def sending_domains(self, as_of: datetime) -> tuple[SendingDomain, ...]:
        """Every sending domain with its status and what it sent today."""
        from leadmill.adapters.ledger.deliverability import LedgerDomainList

        return LedgerDomainList(self.database).domains(as_of=as_of)

    def sender_setup(self, actor: Actor) -> SenderSetup:
        """Accounts, domains and mailboxes as they are set up, for an administrator."""
        from leadmill.adapters.ledger.sender_setup import LedgerSenderSetups
        from leadmill.services.show_sender_setup import show_sender_setup

        return show_sender_setup(actor, setups=LedgerSenderSetups(self.database))

    def mailbox_health(self, as_of: datetime) -> dict[int, MailboxHealth]:
        """What happened to each mailbox's mails within the guardrails' window, by mailbox id."""
        from leadmill.adapters.ledger.mailboxes import LedgerMailboxes

        return {health.mailbox_id: health for health in LedgerMailboxes(self.database).health(as_of=as_of)}

    def blacklist_timeline(self, *, since: datetime, subject: str = "") -> tuple[CheckCounts, ...]:
        """How many lists said what, check by check; of every subject where none is named."""
        from leadmill.adapters.lake.deliverability import LakeCheckTimeline

        return LakeCheckTimeline(self.lake).timeline(subject, since=since)
