"""Lead files, leads and their validation."""

from __future__ import annotations

from leadmill.bootstrap.core import Core


class Importing(Core):
    """Lead files, leads and their validation."""
