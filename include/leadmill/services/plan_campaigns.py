"""Turn approved campaigns into send rows, and keep the plans of the running ones true."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from leadmill.ports.plans import PlanLedger


def plan_campaigns(plans: PlanLedger, *, as_of: datetime, campaign_id: int | None = None) -> dict[str, int]:
    """Plan every approved campaign (or the one asked for), then do the upkeep of all.

    Upkeep: suppress planned sends of addresses that were suppressed meanwhile, release follow-ups that were missed,
    expire what its campaign's end has overtaken, cancel follow-ups whose step before will not come, move missed windows
    on, finish campaigns without an open send. Safe to run twice and at the same time as itself.

    Returns:
        Counts: campaigns (newly planned), rows, left_out, and those of the upkeep.

    Raises:
        NotFound: `campaign_id` names no campaign.
    """
    ids = plans.awaiting_plan() if campaign_id is None else [campaign_id]
    outcomes = [plans.plan(i, as_of=as_of) for i in ids]
    planned = [outcome for outcome in outcomes if outcome.planned_now]
    counts = {
        "campaigns": len(planned),
        "rows": sum(outcome.rows_created for outcome in planned),
        "left_out": sum(sum(outcome.left_out.values()) for outcome in planned),
    }
    return counts | asdict(plans.upkeep(as_of=as_of))
