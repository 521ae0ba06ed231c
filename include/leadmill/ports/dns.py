"""The DNS as the services see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from leadmill.domain.dns import DnsAnswer


class AddressLookup(Protocol):
    """Asks a resolver for IPv4 addresses of many names at once."""

    def look_up(self, names: Sequence[str]) -> Sequence[DnsAnswer]:
        """One answer per name, in their order; a name that cannot be resolved is an answer, not an exception.

        Raises:
            ConfigInvalid: There is no resolver to ask.
        """
        ...
