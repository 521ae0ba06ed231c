"""Is this webhook body from whom it claims to be? One file a provider; the verdict is data, to be logged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from starlette.datastructures import Headers

Fetch = Callable[[str], Awaitable[bytes]]
"""Gets an https URL's body; raises `TransientError` when it cannot."""


class Trust(StrEnum):
    """What the check of a webhook body came to."""

    GENUINE = "genuine"
    FORGED = "forged"
    NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is for our log; `replay_key` is the same for each copy of a genuine request, empty = copies are fine."""

    trust: Trust
    reason: str = ""
    replay_key: str = ""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One webhook call as received; `received_at` is aware UTC."""

    headers: Headers
    body: bytes
    received_at: datetime


Check = Callable[[WebhookRequest], Awaitable[Verdict]]
"""One provider's check; raises `TransientError` where it could not be made, so that the provider tries again."""


def forged(reason: str) -> Verdict:
    """The verdict over a body that must not be believed."""
    return Verdict(Trust.FORGED, reason)
