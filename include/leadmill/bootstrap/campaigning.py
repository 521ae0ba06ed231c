"""Campaigns, content, audience and plan."""

from __future__ import annotations

from leadmill.bootstrap.core import Core


class Campaigning(Core):
    """Campaigns, content, audience and plan."""
