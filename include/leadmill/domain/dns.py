"""What asking the DNS for addresses can come to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DnsStatus(StrEnum):
    """`NO_NAME` and `NO_ADDRESS` are answers (NXDOMAIN, NODATA); the last four are the lack of one."""

    ADDRESSES = "addresses"
    NO_NAME = "no such name"
    NO_ADDRESS = "no address"
    TIMEOUT = "timeout"
    SERVER_FAILED = "server failure"
    REFUSED = "refused"
    UNREADABLE = "unreadable answer"


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """IPv4 addresses of one name, sorted, or why there are none. It does not repeat the name: that may hold a key."""

    status: DnsStatus
    addresses: tuple[str, ...] = ()
