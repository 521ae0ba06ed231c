"""Campaigns as analysts write them: segment, steps with A/B variants, timing; and a campaign's states."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from leadmill.domain.attachments import AttachedFile
from leadmill.domain.contact_rules import ContactRules
from leadmill.domain.content_blocks import ContentBlock, blocks_problems
from leadmill.domain.segments import Segment
from leadmill.domain.send_days import BEST_OF_DAYS, EVERY_DAY, MOST_BEST_OF_DAYS, SendDays
from leadmill.domain.template_fields import fallback_problems
from leadmill.domain.turns import LEAST_WEIGHT, MOST_WEIGHT, NORMAL_WEIGHT
from leadmill.errors import Conflict

NAME_LIMIT = 200
DELAY_DAYS_LIMIT = 365
HOURS_A_DAY = 24
STEPS_LIMIT = 20
VARIANTS_LIMIT = 10


class CampaignStatus(StrEnum):
    """Where a campaign stands; `deleted` ones are kept for the audit log and shown nowhere."""

    DRAFT = "draft"
    APPROVED = "approved"  # waits for the plan
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    DELETED = "deleted"


TRANSITIONS: dict[CampaignStatus, frozenset[CampaignStatus]] = {
    CampaignStatus.DRAFT: frozenset({CampaignStatus.APPROVED, CampaignStatus.DELETED}),
    CampaignStatus.APPROVED: frozenset({CampaignStatus.RUNNING, CampaignStatus.PAUSED, CampaignStatus.CANCELLED}),
    CampaignStatus.RUNNING: frozenset({CampaignStatus.PAUSED, CampaignStatus.FINISHED, CampaignStatus.CANCELLED}),
    CampaignStatus.PAUSED: frozenset(
        {CampaignStatus.APPROVED, CampaignStatus.RUNNING, CampaignStatus.FINISHED, CampaignStatus.CANCELLED}
    ),
    CampaignStatus.FINISHED: frozenset(),
    CampaignStatus.CANCELLED: frozenset({CampaignStatus.DELETED}),  # only where nothing was ever sent
    CampaignStatus.DELETED: frozenset(),
}
"""Which status may follow which."""


def require_transition(name: str, now: CampaignStatus, then: CampaignStatus) -> None:
    """Pass where that change is allowed.

    Raises:
        Conflict: It is not.
    """
    if then not in TRANSITIONS[now]:
        raise Conflict(f"“{name}” is {now.value} and cannot become {then.value}; reload and look again.")


class Timing(StrEnum):
    """When a send may go out."""

    AS_SOON_AS_POSSIBLE = "as_soon_as_possible"
    BEST_TIME = "best_time"  # the best of each lead's own hours within some days
    LOCAL_TIME = "local_time"  # `send_hour` where the lead lives
    UTC_TIME = "utc_time"  # at `starts_at`, or at `send_hour` UTC where one is given


@dataclass(frozen=True, slots=True)
class Variant:
    """One wording of a step. `weight` is its share among the step's variants, any positive number."""

    label: str
    subject: str
    body_html: str
    body_text: str = ""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """One mail of the sequence; its number is its place, from 1.

    `delay_days`: calendar days after the day on which the step before was accepted, where the lead lives (in UTC for
    a time in UTC); 0 for the first. `attachments` go with every variant.
    """

    variants: tuple[Variant, ...]
    delay_days: int = 0
    attachments: tuple[AttachedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """What an analyst edits; may be incomplete, the pre-flight checks say what is missing. Times are aware UTC.

    `send_days`: on which days of the lead mails go out. `best_of_days`: for `best_time`, of so many of these days the
    best hour. `fallbacks`: what stands in for a variable that a lead lacks, wherever the template gives no default of
    its own. `ends_on_any_bounce`: a full mailbox ends the sequence, too; otherwise it only delays the next mail.
    `weight`: its share of the pool's days beside the other campaigns that have mail due; 1 is normal.
    """

    name: str
    pool_id: int | None = None
    segment: Segment = field(default_factory=Segment)
    steps: tuple[Step, ...] = ()
    timing: Timing = Timing.BEST_TIME
    send_hour: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    track_opens: bool = True
    track_clicks: bool = True
    ends_on_any_bounce: bool = False
    fallbacks: tuple[tuple[str, str], ...] = ()
    blocks: tuple[ContentBlock, ...] = ()
    send_days: SendDays = EVERY_DAY
    best_of_days: int = BEST_OF_DAYS
    contacts: ContactRules = field(default_factory=ContactRules)
    weight: float = NORMAL_WEIGHT

    def problems(self) -> list[str]:
        """What makes the draft impossible to keep, one sentence each; empty where it is fine."""
        found = [] if 0 < len(self.name.strip()) <= NAME_LIMIT else [f"Give a name of 1 to {NAME_LIMIT} characters."]
        if self.send_hour is not None and not 0 <= self.send_hour < HOURS_A_DAY:
            found.append("The send hour lies between 0 and 23.")
        if self.timing is Timing.LOCAL_TIME and self.send_hour is None:
            found.append("A fixed local time needs a send hour.")
        for label, moment in (("start", self.starts_at), ("end", self.ends_at)):
            if moment is not None and moment.tzinfo is None:
                found.append(f"The {label} needs a time zone.")
        found += self._schedule_problems()
        found += weight_problems(self.weight)
        if len(self.steps) > STEPS_LIMIT:
            found.append(f"At most {STEPS_LIMIT} steps.")
        for number, step in enumerate(self.steps, start=1):
            found += _step_problems(number, step)
        return (
            found
            + blocks_problems(self.blocks)
            + fallback_problems(self.fallbacks)
            + self.segment.problems()
            + self.contacts.problems()
        )

    def _schedule_problems(self) -> list[str]:
        times = [t for t in (self.starts_at, self.ends_at) if t is not None and t.tzinfo is not None]
        found = ["The end must come after the start."] if times != sorted(set(times)) else []
        if not 1 <= self.best_of_days <= MOST_BEST_OF_DAYS:
            found.append(f"A best hour is looked for within 1 to {MOST_BEST_OF_DAYS} days.")
        return found + self.send_days.problems()


def weight_problems(weight: float) -> list[str]:
    """What is wrong with a campaign's weight; empty where it is fine."""
    if LEAST_WEIGHT <= weight <= MOST_WEIGHT:
        return []
    return [f"A campaign's weight lies between {LEAST_WEIGHT:g} and {MOST_WEIGHT:g}; 1 is normal."]


def _step_problems(number: int, step: Step) -> list[str]:
    found = []
    labels = [variant.label.strip() for variant in step.variants]
    if not 1 <= len(labels) <= VARIANTS_LIMIT:
        found.append(f"Step {number} needs 1 to {VARIANTS_LIMIT} variants.")
    if "" in labels or len(set(labels)) < len(labels):
        found.append(f"Step {number}: give each variant a label of its own, such as A and B.")
    if any(not 0 < variant.weight < float("inf") for variant in step.variants):
        found.append(f"Step {number}: a variant's weight is a number above 0.")
    if not 0 <= step.delay_days <= DELAY_DAYS_LIMIT:
        found.append(f"Step {number}: wait 0 to {DELAY_DAYS_LIMIT} days.")
    if number == 1 and step.delay_days:
        found.append("Step 1 starts the sequence: its delay is 0 days.")
    return found
