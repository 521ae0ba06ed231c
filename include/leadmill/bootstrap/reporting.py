"""What dashboards read."""

from __future__ import annotations

from leadmill.bootstrap.core import Core


class Reporting(Core):
    """What dashboards read."""
