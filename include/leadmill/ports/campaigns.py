"""Campaigns as pages and services see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from leadmill.domain.access import Actor
from leadmill.domain.campaigns import CampaignDraft, CampaignStatus, Timing
from leadmill.domain.sends import SendState
from leadmill.ports.audience import CountryGap, GapKey, SampleLead


@dataclass(frozen=True, slots=True)
class CampaignSummary:
    """One line of the list. `counts`: sends by state, states with none left out."""

    campaign_id: int
    name: str
    status: CampaignStatus
    pool_name: str
    timing: Timing
    step_count: int
    starts_at: datetime | None
    ends_at: datetime | None
    audience_count: int
    counts: Mapping[SendState, int]
    created_by: str
    created_at: datetime
    updated_at: datetime
    status_reason: str = ""


@dataclass(frozen=True, slots=True)
class CampaignDetail:
    """One campaign whole. `variant_ids`: by (step, label)."""

    campaign_id: int
    draft: CampaignDraft
    status: CampaignStatus
    pool_name: str
    variant_ids: Mapping[tuple[int, str], int]
    created_by: str
    created_at: datetime
    updated_at: datetime
    approved_by: str
    approved_at: datetime | None
    planned_at: datetime | None
    finished_at: datetime | None
    status_reason: str
    audience_count: int
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StepProgress:
    """Sends of one variant of one step by state; `waiting` of the planned ones wait for the step before."""

    step: int
    variant_id: int
    label: str
    subject: str
    counts: Mapping[SendState, int]
    replied: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Conservation:
    """The law of DESIGN §2 for one campaign: leads with a row, times steps, = the sum over all states.

    `missing`: rows that should exist and do not; anything but 0 is a defect.
    """

    campaign_id: int
    audience: int
    left_out: int
    planned_leads: int
    steps: int
    by_state: Mapping[SendState, int]

    @property
    def rows(self) -> int:
        """All send rows of the campaign."""
        return sum(self.by_state.values())

    @property
    def missing(self) -> int:
        """Rows owed minus rows there."""
        return self.planned_leads * self.steps - self.rows

    @property
    def holds(self) -> bool:
        """Whether nobody was lost: every lead of the audience has all its rows, or is counted as left out."""
        return self.missing == 0 and self.planned_leads + self.left_out == self.audience


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """How far a campaign is. `next_due_at`: of the planned sends, the earliest."""

    campaign_id: int
    status: CampaignStatus
    audience_count: int
    left_out: Mapping[str, int]
    steps: tuple[StepProgress, ...]
    conservation: Conservation
    next_due_at: datetime | None


CheckResult = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class LeadGap:
    """Leads of the audience that a variable or a content block leaves without a mail.

    `name`: the variable's or the block's. `without_count`: of a variable, all leads of the audience that lack it, those
    too whose mail does not need it. `categories`: for a block, those of these leads ("" for none). `keys`: the groups
    of leads, for a list of all of them. A "blank" block leaves nobody without a mail: its version is empty for them.
    """

    kind: Literal["variable", "block", "blank"]
    name: str
    lead_count: int
    without_count: int
    samples: tuple[SampleLead, ...]
    categories: tuple[str, ...]
    keys: tuple[GapKey, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One pre-flight check: what was found and, unless ok, what to do; the gaps say which leads it concerns.

    `count`: of the check "audience", the leads that will be mailed.
    """

    name: str
    result: CheckResult
    message: str
    advice: str = ""
    lead_ids: tuple[int, ...] = ()
    gaps: tuple[LeadGap, ...] = ()
    country_gaps: tuple[CountryGap, ...] = ()
    count: int | None = None


class CampaignLedger(Protocol):
    """Campaigns and their content in the ledger; each change writes the audit log in its own transaction."""

    def create(self, actor: Actor, draft: CampaignDraft, *, seed: int, as_of: datetime) -> int:
        """Store a draft; returns its id."""
        ...

    def replace(
        self, actor: Actor, campaign_id: int, draft: CampaignDraft, *, as_of: datetime, loaded_at: datetime | None
    ) -> None:
        """Put a draft's whole content anew.

        Args:
            actor: Who edits.
            campaign_id: Which.
            draft: The new content.
            as_of: When, aware UTC.
            loaded_at: The `updated_at` that the editor started from; None skips that comparison.

        Raises:
            NotFound: No such campaign.
            Conflict: It is no draft any more, or somebody else changed it since `loaded_at`.
        """
        ...

    def change_status(
        self,
        actor: Actor,
        campaign_id: int,
        status: CampaignStatus,
        *,
        as_of: datetime,
        reason: str = "",
        loaded_at: datetime | None = None,
    ) -> int:
        """Move to a status that may follow; cancelling closes planned sends. Returns how many sends it closed.

        Raises:
            NotFound: No such campaign.
            Conflict: That status cannot follow, somebody else changed the campaign since `loaded_at`, or a campaign
                that has sent is to be deleted.
        """
        ...

    def set_weight(self, actor: Actor, campaign_id: int, weight: float, *, as_of: datetime) -> None:
        """Change a campaign's share of its pool, also while it runs.

        Raises:
            NotFound: No such campaign.
            Conflict: It is over.
        """
        ...

    def detail(self, campaign_id: int) -> CampaignDetail:
        """One campaign. Raises `NotFound`."""
        ...

    def summaries(self) -> list[CampaignSummary]:
        """Every campaign that is not deleted, newest first."""
        ...

    def progress(self, campaign_id: int) -> CampaignProgress:
        """Counts by step, variant and state. Raises `NotFound`."""
        ...

    def conservation(self, campaign_id: int) -> Conservation:
        """The counts that must add up. Raises `NotFound`."""
        ...
