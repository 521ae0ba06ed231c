"""DNS through dnspython: many questions in flight, and every way to get no answer told apart."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from leadmill.adapters.event_loop import where_no_loop_runs
from leadmill.domain.dns import DnsAnswer, DnsStatus
from leadmill.errors import ConfigInvalid

_DNS_PORT = 53
_STATUS_OF_RCODE = {
    dns.rcode.NXDOMAIN: DnsStatus.NO_NAME,
    dns.rcode.SERVFAIL: DnsStatus.SERVER_FAILED,
    dns.rcode.REFUSED: DnsStatus.REFUSED,
}
_NO_ANSWER = frozenset({DnsStatus.TIMEOUT, DnsStatus.SERVER_FAILED, DnsStatus.REFUSED, DnsStatus.UNREADABLE})


@dataclass(frozen=True, slots=True)
class Resolver:
    """Where to ask."""

    host: str
    port: int = _DNS_PORT


def resolvers_of(setting: str) -> tuple[Resolver, ...]:
    """The resolver that a `host:port` setting names (IPv6 as `[::1]:53`), or the system's.

    Raises:
        ConfigInvalid: It is no address with a port, or the system has no resolver.
    """
    if not setting:
        try:
            system = dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration as error:
            raise ConfigInvalid("This machine has no DNS resolver; set LEADMILL_DNS_RESOLVER=host:port.") from error
        return tuple(Resolver(str(host), system.port) for host in system.nameservers)
    host, _, port = setting.rpartition(":") if setting.count(":") == 1 or "]:" in setting else (setting, "", "")
    host = host.strip("[]")
    try:
        ipaddress.ip_address(host)
        return (Resolver(host, int(port or _DNS_PORT)),)
    except ValueError as error:
        raise ConfigInvalid("LEADMILL_DNS_RESOLVER must be an IP address and a port, such as 127.0.0.1:53.") from error


class DnsLookup:
    """Implements `ports.dns.AddressLookup`."""

    def __init__(
        self, resolvers: Sequence[Resolver], *, timeout_seconds: float = 3.0, tries: int = 2, concurrency: int = 32
    ) -> None:
        """`timeout_seconds` and `tries` hold for one question at one resolver, `concurrency` for all of them."""
        self._resolvers = tuple(resolvers)
        self._timeout = timeout_seconds
        self._tries = tries
        self._concurrency = concurrency

    def look_up(self, names: Sequence[str]) -> Sequence[DnsAnswer]:
        return where_no_loop_runs(lambda: asyncio.run(self._look_up(names)))

    async def _look_up(self, names: Sequence[str]) -> list[DnsAnswer]:
        slots = asyncio.Semaphore(self._concurrency)
        distinct = list(dict.fromkeys(names))
        answers = await asyncio.gather(*(self._ask(name, slots) for name in distinct))
        by_name = dict(zip(distinct, answers, strict=True))
        return [by_name[name] for name in names]

    async def _ask(self, name: str, slots: asyncio.Semaphore) -> DnsAnswer:
        try:
            question = dns.message.make_query(dns.name.from_text(name), dns.rdatatype.A)
        except dns.exception.DNSException:
            return DnsAnswer(DnsStatus.UNREADABLE)
        answer = DnsAnswer(DnsStatus.TIMEOUT)
        for _ in range(self._tries):
            for resolver in self._resolvers:
                async with slots:
                    answer = await self._ask_once(question, resolver)
                if answer.status not in _NO_ANSWER:
                    return answer
        return answer

    async def _ask_once(self, question: dns.message.Message, resolver: Resolver) -> DnsAnswer:
        try:
            response, _ = await dns.asyncquery.udp_with_fallback(
                question, resolver.host, timeout=self._timeout, port=resolver.port, ignore_unexpected=True
            )
        except (dns.exception.Timeout, OSError):
            return DnsAnswer(DnsStatus.TIMEOUT)
        except (dns.exception.DNSException, EOFError, ValueError):
            return DnsAnswer(DnsStatus.UNREADABLE)
        return _answer_of(response)


def _answer_of(response: dns.message.Message) -> DnsAnswer:
    if response.rcode() != dns.rcode.NOERROR:
        return DnsAnswer(_STATUS_OF_RCODE.get(response.rcode(), DnsStatus.UNREADABLE))
    found = {item.address for rrset in response.answer if rrset.rdtype == dns.rdatatype.A for item in rrset}
    if not found:
        return DnsAnswer(DnsStatus.NO_ADDRESS)
    return DnsAnswer(DnsStatus.ADDRESSES, tuple(sorted(found, key=ipaddress.IPv4Address)))
