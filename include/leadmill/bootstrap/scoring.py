"""Lead scores and send-time windows."""

from __future__ import annotations

from leadmill.bootstrap.core import Core


class Scoring(Core):
    """Lead scores and send-time windows."""
