"""Events, inbound mail and projections."""

from __future__ import annotations

from leadmill.bootstrap.core import Core


class Collecting(Core):
    """Events, inbound mail and projections."""
