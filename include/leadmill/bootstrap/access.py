"""Users, sessions and the audit log."""

from __future__ import annotations

from leadmill.bootstrap.core import Core


class Access(Core):
    """Users, sessions and the audit log."""
