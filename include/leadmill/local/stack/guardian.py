"""`python -m leadmill.local.stack.guardian FILE`: outlives a supervisor that is killed, and ends what it leaves.

The kernel's signal at a parent's death reaches the supervisor's children, not theirs: Airflow's scheduler, ended that
way, was seen to leave its idle workers. This process waits on a pipe that closes when the supervisor is gone.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from leadmill.local.stack.sessions import Sessions

_GRACE_SECONDS = 10.0  # the children were told to end; what then still runs is killed


def main(sessions: Sessions) -> None:
    """Wait for the supervisor's end, and end the sessions that it had not ended itself."""
    sys.stdin.buffer.read()
    left = sessions.noted()
    deadline = time.monotonic() + _GRACE_SECONDS
    while left and sessions.members(left) and time.monotonic() < deadline:
        time.sleep(0.2)
    sessions.kill(left)


if __name__ == "__main__":
    main(Sessions(Path(sys.argv[1])))
