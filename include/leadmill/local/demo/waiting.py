"""Waiting for what Airflow does, without missing Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from leadmill.errors import LeadmillError
from leadmill.local.stack.stack import Stack, Stopped

Found = TypeVar("Found")
_POLL_SECONDS = 0.5


class TookTooLong(LeadmillError):
    """What a stage waits for did not happen in time."""


def wait_for(stack: Stack, what: str, look: Callable[[], Found | None], *, seconds: float) -> Found:
    """Look again and again until there is something; return it.

    Raises:
        Stopped: The stack was asked to stop meanwhile.
        TookTooLong: Nothing came in that time; says what was waited for.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if stack.stop_asked.wait(_POLL_SECONDS):
            raise Stopped("Stopped.")
        if time.monotonic() > deadline:
            raise TookTooLong(f"{what}: nothing within {seconds:.0f} s. `make logs` and Airflow's pages show why.")
    return found
