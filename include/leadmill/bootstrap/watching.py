"""Blacklists and alerts."""

from __future__ import annotations

from leadmill.bootstrap.core import Core


class Watching(Core):
    """Blacklists and alerts."""
