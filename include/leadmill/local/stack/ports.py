"""Which ports the stack needs, and a clear word where one is taken."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from leadmill.errors import ConfigInvalid
from leadmill.local.stack.layout import StackSettings


@dataclass(frozen=True)
class Port:
    """A port that one process of the stack listens on."""

    number: int
    process: str
    setting: str
    kind: socket.SocketKind = socket.SOCK_STREAM


def ports_of(settings: StackSettings) -> tuple[Port, ...]:
    """Every port that the stack needs with these settings."""
    always = (
        Port(settings.airflow_port, "Airflow", "LEADMILL_AIRFLOW_PORT"),
        Port(settings.edge_port, "the edge app", "LEADMILL_EDGE_PORT"),
        Port(settings.streamlit_port, "Streamlit", "LEADMILL_STREAMLIT_PORT"),
    )
    if not settings.local_world:
        return always
    return (
        *always,
        Port(settings.smtp_port, "the simulated recipients (SMTP)", "LEADMILL_SMTP_PORT"),
        Port(settings.mail_page_port, "the simulated recipients (page)", "LEADMILL_MAIL_PAGE_PORT"),
        Port(settings.dns_port, "the local DNS server", "LEADMILL_DNS_PORT", socket.SOCK_DGRAM),
    )


def refuse_taken_ports(host: str, ports: Sequence[Port]) -> None:
    """Make sure that each port can be listened on.

    Raises:
        ConfigInvalid: A port is taken, or asked for twice; names each port, its process and its setting.
    """
    taken = [port for port in ports if not _is_free(host, port)]
    numbers = [(port.number, port.kind) for port in ports]
    taken += [port for port in ports if numbers.count((port.number, port.kind)) > 1 and port not in taken]
    if taken:
        lines = [f"port {port.number} for {port.process} is taken: set {port.setting}" for port in taken]
        raise ConfigInvalid(
            "Leadmill cannot start:\n  " + "\n  ".join(lines) + f"\nFor example: {taken[0].setting}="
            f"{taken[0].number + 1000} make up. If another Leadmill runs in this folder, `make down` stops it."
        )


def free_ports(count: int) -> list[int]:
    """Port numbers that are free now, all different; for tests and benchmarks."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    numbers = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return numbers


def _is_free(host: str, port: Port) -> bool:
    with socket.socket(socket.AF_INET, port.kind) as probe:
        if port.kind is socket.SOCK_STREAM:  # a port that a stopped server left in TIME_WAIT is free for servers
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port.number))
        except OSError:
            return False
    return True
