"""Ask for an approved campaign to be planned at once."""

from __future__ import annotations

import logging

from leadmill.errors import LeadmillError
from leadmill.ports.orchestrator import Orchestrator

PLANNING_DAG = "plan_campaigns"
_log = logging.getLogger(__name__)


def start_planning(orchestrator: Orchestrator | None, campaign_id: int) -> bool:
    """Start the planning DAG for one campaign; planning twice plans once.

    Args:
        orchestrator: Starts DAG runs; None where none is configured.
        campaign_id: The approved campaign.

    Returns:
        Whether a run was started; if not, the DAG's schedule does the same within 15 minutes.
    """
    if orchestrator is None:
        return False
    try:
        run_id = orchestrator.start(PLANNING_DAG, {"campaign_id": campaign_id})
    except LeadmillError as error:
        _log.warning("campaign %s waits for the schedule of %s: %s", campaign_id, PLANNING_DAG, error)
        return False
    _log.info("campaign %s: started %s, run %s", campaign_id, PLANNING_DAG, run_id)
    return True
