"""Find leads, and tell everything that is known of one."""

from __future__ import annotations

from leadmill.domain.access import Actor, Role
from leadmill.ports.lead_search import LeadDetail, LeadFilter, LeadHistory, LeadPage, LeadSearch, PageKey
from leadmill.services.render_subjects import SubjectSources, render_subjects

PAGE_SIZE_MOST = 500


def find_leads(
    search: LeadSearch,
    actor: Actor,
    wanted: LeadFilter,
    *,
    by_score: bool = False,
    after: PageKey | None = None,
    size: int = 50,
) -> LeadPage:
    """One page of the leads that a filter holds, newest or best first.

    Args:
        search: Where leads are.
        actor: Who asks; every role may.
        wanted: The filter.
        by_score: Highest score first, without unscored leads; else newest first.
        after: The last row of the page before; None for the first page.
        size: Leads per page, 1 to 500.

    Raises:
        NotAllowed: The actor may not see leads.
    """
    actor.require(Role.VIEWER, to="see leads")
    return search.page(wanted, by_score=by_score, after=after, size=max(1, min(size, PAGE_SIZE_MOST)))


def describe_lead(
    search: LeadSearch, history: LeadHistory, subjects: SubjectSources, actor: Actor, lead_id: int
) -> LeadDetail:
    """Everything known of one lead, its mails with their subjects as it reads them.

    Raises:
        NotAllowed: The actor may not see leads.
        NotFound: There is no such lead, or it was erased.
    """
    actor.require(Role.VIEWER, to="see a lead")
    lead = search.lead(lead_id)
    events, scores = history.of(lead_id)
    sends = search.sends(lead_id)
    said = render_subjects(sends, lead_id, subjects)
    return LeadDetail(lead, tuple({**send, "subject": said[send["send_id"]]} for send in sends), events, scores)
