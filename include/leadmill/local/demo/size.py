"""How big a demonstration is; the end-to-end test runs the same path at a smaller size."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoSize:
    """Counts of one demonstration; the defaults are those of `make demo`.

    `daily_limit`: mails per mailbox and day. `patience_seconds`: the longest that one stage may take.
    """

    leads: int = 1_200
    bad_rows: int = 40
    domains: int = 10
    mailboxes_per_domain: int = 3
    daily_limit: int = 40
    seed: int = 7
    patience_seconds: float = 300.0
