"""A small authoritative DNS server on loopback that plays blacklists, for the demo and the tests.

It serves every built-in blacklist with its test entries; names are listed by option, by a file that may change while
it runs, or by a call. A zone can be told to misbehave the way real ones do. `python -m leadmill.local.dns_server -h`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self, cast

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from leadmill.domain.blacklist_zones import BUILT_IN
from leadmill.domain.blacklists import SubjectKind, Zone, query_name, self_test_subjects
from leadmill.errors import ConfigInvalid

HOST = "127.0.0.1"
_TTL_SECONDS = 60
_LISTED_CODE = {SubjectKind.IP: "127.0.0.2", SubjectKind.DOMAIN: "127.0.1.2"}


class Mode(StrEnum):
    """How a zone behaves; all but the first were seen in the wild (STANDARDS A4)."""

    HEALTHY = "healthy"
    SILENT = "silent"  # no answer at all
    SERVFAIL = "servfail"
    REFUSED = "refused"
    BLOCKED = "blocked"  # 127.255.255.254 for everything: a public resolver asked
    WILDCARD = "wildcard"  # every name is listed: shut down, still delegated
    PARKED = "parked"  # every name has a web server's address
    EMPTY = "empty"  # no entry left, not even the test's
    GARBAGE = "garbage"  # bytes that are no DNS message


_RCODES = {Mode.SERVFAIL: dns.rcode.SERVFAIL, Mode.REFUSED: dns.rcode.REFUSED}
_CODE_FOR_ALL = {Mode.BLOCKED: "127.255.255.254", Mode.WILDCARD: "127.0.0.2", Mode.PARKED: "203.0.113.80"}


@dataclass
class ServedZone:
    """One zone as served: `entries` are codes by full query name, lower case, no dot at the end."""

    zone: Zone
    mode: Mode = Mode.HEALTHY
    entries: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def list_subject(self, subject: str, *codes: str) -> None:
        """Put an IP address or a domain on the list."""
        self.entries[query_name(subject, self.zone)] = codes or (_LISTED_CODE[self.zone.kind],)

    def delist(self, subject: str) -> None:
        """Take it off."""
        self.entries.pop(query_name(subject, self.zone), None)


class Blacklists:
    """What the server knows: zones, their entries, and a file of entries that is read again when it changes."""

    def __init__(self, zones: tuple[Zone, ...] = BUILT_IN, *, listed_file: Path | None = None) -> None:
        """`listed_file` has a line per entry: subject, zone, codes (space-separated; `#` starts a comment)."""
        self.zones = {zone.query_zone: ServedZone(zone) for zone in zones}
        for served in self.zones.values():
            for name in self_test_subjects(served.zone)[0]:
                served.list_subject(name)
        self.queries: Counter[str] = Counter()
        self._listed_file = listed_file
        self._from_file: list[tuple[ServedZone, str]] = []
        self._read_at = -1

    def codes(self, name: str) -> tuple[ServedZone | None, tuple[str, ...]]:
        """The zone that a query name lies in and its entry's codes."""
        self._reread()
        self.queries[name] += 1
        zone = next((s for key, s in self.zones.items() if name == key or name.endswith(f".{key}")), None)
        if zone is None:
            return None, ()
        everything = _CODE_FOR_ALL.get(zone.mode)
        if everything:
            return zone, (everything,)
        return zone, () if zone.mode is Mode.EMPTY else zone.entries.get(name, ())

    def list_line(self, line: str) -> tuple[ServedZone, str] | None:
        """Take in `subject [zone [code …]]`; without a zone, Spamhaus' for that kind. None for a comment."""
        words = line.partition("#")[0].split()
        if not words:
            return None
        subject, codes = words[0].lower(), tuple(words[2:])
        default = "zen.spamhaus.org" if subject.replace(".", "").isdigit() or ":" in subject else "dbl.spamhaus.org"
        served = self.zones[words[1] if len(words) > 1 else default]
        served.list_subject(subject, *codes)
        return served, subject

    def _reread(self) -> None:
        if self._listed_file is None or not self._listed_file.exists():
            return
        changed_at = self._listed_file.stat().st_mtime_ns
        if changed_at == self._read_at:
            return
        self._read_at = changed_at
        for served, subject in self._from_file:
            served.delist(subject)
        self._from_file = []
        for line in self._listed_file.read_text().splitlines():
            try:
                entry = self.list_line(line)
            except (KeyError, ConfigInvalid):  # a slip of the pen must not end the server
                print(f"Not understood in {self._listed_file.name}: {line}", flush=True)
                continue
            self._from_file += [entry] if entry else []


class _Responder(asyncio.DatagramProtocol):
    def __init__(self, blacklists: Blacklists) -> None:
        self._blacklists = blacklists

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # CPython 3.11's own is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = answer_to(data, self._blacklists)
        if answer:
            self._transport.sendto(answer, addr)


def answer_to(data: bytes, blacklists: Blacklists) -> bytes:
    """The wire form of the answer; empty where the server keeps silent."""
    try:
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
    except (dns.exception.DNSException, IndexError):
        return b""
    served, codes = blacklists.codes(name)
    mode = served.mode if served else Mode.REFUSED
    if mode is Mode.SILENT:
        return b""
    if mode is Mode.GARBAGE:
        return data[:2] + b"not a DNS message"
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    if mode in _RCODES:
        response.set_rcode(_RCODES[mode])
    elif not codes:
        below = served is not None and any(entry.endswith(f".{name}") for entry in served.entries)
        response.set_rcode(dns.rcode.NOERROR if below else dns.rcode.NXDOMAIN)
    elif query.question[0].rdtype == dns.rdatatype.A:
        response.answer.append(dns.rrset.from_text(query.question[0].name, _TTL_SECONDS, "IN", "A", *codes))
    return response.to_wire()


class LocalDnsServer:
    """The server in a thread of this process; use it as a context."""

    def __init__(self, blacklists: Blacklists | None = None, *, port: int = 0) -> None:
        self.blacklists = blacklists or Blacklists()
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="local-dns", daemon=True)

    @property
    def address(self) -> str:
        """`host:port`, as `LEADMILL_DNS_RESOLVER` wants it."""
        return f"{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        opening = asyncio.run_coroutine_threadsafe(_open(self.blacklists, self.port), self._loop)
        self._transport = opening.result(timeout=10)
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._transport.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()


async def _open(blacklists: Blacklists, port: int) -> asyncio.DatagramTransport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Responder(blacklists), local_addr=(HOST, port))
    return transport


async def _serve(blacklists: Blacklists, port: int) -> None:
    transport = await _open(blacklists, port)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    host, bound = transport.get_extra_info("sockname")[:2]
    print(f"Blacklists answer on {host}:{bound}/udp", flush=True)
    await stopped.wait()
    transport.close()


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="leadmill.local.dns_server", description=__doc__)
    port = int(os.environ.get("LEADMILL_DNS_PORT", "8053"))
    listed_file = Path(os.environ.get("LEADMILL_VAR_DIR", "var")) / "listed.txt"
    parser.add_argument("--port", type=int, default=port, help="UDP port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--listed", action="append", default=[], help="`subject [zone [code …]]`, may be repeated")
    parser.add_argument("--listed-file", type=Path, default=listed_file, help="the same by line, read when it changes")
    parser.add_argument("--misbehave", action="append", default=[], help="`zone=mode`: " + ", ".join(Mode))
    options = parser.parse_args(arguments)
    blacklists = Blacklists(listed_file=options.listed_file)
    for line in options.listed:
        blacklists.list_line(line)
    for setting in options.misbehave:
        zone, _, mode = setting.partition("=")
        blacklists.zones[zone].mode = Mode(mode)
    asyncio.run(_serve(blacklists, options.port))


if __name__ == "__main__":
    main()
