"""The time at which a lane claims: never earlier than before, and not ahead of the database server's clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from leadmill.errors import ClockAhead

TOLERANCE = timedelta(hours=1)
"""How far two clocks of one installation may be apart: a missed daylight-saving rule is an hour. Our choice."""


def check_clock(
    as_of: datetime, *, server_time: datetime, last_claim_at: datetime | None, last_claim_server_time: datetime | None
) -> None:
    """Refuse a time that runs ahead, before it opens tomorrow's limits today and holds every lane up until then.

    Lanes whose latest claim was in step with the server's clock have to stay in step. Where the times are simulated,
    as in tests and replays, the two were never in step, and any time is taken.

    Args:
        as_of: When the claim is, by the host that dispatches.
        server_time: When it is, by the database server.
        last_claim_at: The time of the latest claim of all lanes; None before the first.
        last_claim_server_time: The server's time at that claim; None where it was not noted.

    Raises:
        ClockAhead: The lanes follow the server's clock, and `as_of` is more than `TOLERANCE` ahead of it.
    """
    if last_claim_at is None or last_claim_server_time is None:
        return
    in_step = abs(last_claim_at - last_claim_server_time) <= TOLERANCE
    if in_step and as_of - server_time > TOLERANCE:
        raise ClockAhead(
            f"Nothing was claimed: it is {as_of:%Y-%m-%d %H:%M} UTC by the dispatching host and"
            f" {server_time:%Y-%m-%d %H:%M} UTC by the database server. Set the host's clock right and run it again."
        )
