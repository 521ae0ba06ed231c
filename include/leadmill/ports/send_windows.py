"""What planning send-time windows needs: time zones and delivery history by local hour."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from leadmill.ports.scoring import Need


@dataclass(frozen=True, slots=True)
class HourCounts:
    """Mails by the local hour of their delivery, for zones or leads; arrays of shape (rows, 168).

    `answered` holds weighted acts of people, at most 1 a mail.
    """

    zones: tuple[str, ...]
    answered: NDArray[np.float64]
    delivered: NDArray[np.float64]
    lead_ids: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class WindowsPublished:
    """Leads with a window, how many changed, and how they divide by basis and by where the zone came from."""

    planned: int
    changed: int
    by_basis: dict[str, int]
    by_zone_source: dict[str, int]
    is_stale: bool = False


class WindowSession(Protocol):
    """One planning run at one `as_of`."""

    def zone_counts(self) -> HourCounts:
        """Mails by time zone and local hour."""
        ...

    def own_counts(self) -> Iterator[HourCounts]:
        """Mails by lead and local hour for leads with a history worth the name, in batches; `zones[i]` is row i's."""
        ...

    def keep_zones(
        self, zones: tuple[str, ...], hours: NDArray[np.int16], confidence: NDArray[np.float64], basis: str
    ) -> None:
        """Take the windows of whole zones; the zone "" stands for every other."""
        ...

    def keep_own(self, lead_ids: NDArray[np.int64], hours: NDArray[np.int16], confidence: NDArray[np.float64]) -> None:
        """Take one batch of leads' own windows."""
        ...

    def publish(self) -> WindowsPublished:
        """Write every lead's window: history to the lake, windows to the ledger."""
        ...


class WindowBook(Protocol):
    """Leads, their zones and their windows."""

    def need(self, *, as_of: datetime) -> Need:
        """When windows were last planned and whether some lead has none."""
        ...

    def session(self, *, as_of: datetime) -> AbstractContextManager[WindowSession]:
        """Open one run."""
        ...
