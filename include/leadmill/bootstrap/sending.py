"""Mailboxes, pools, lanes and dispatch."""

from __future__ import annotations

from leadmill.bootstrap.core import Core


class Sending(Core):
    """Mailboxes, pools, lanes and dispatch."""
