"""Is a process of the stack ready? Each check returns "" when it is, else what is missing, in words."""

from __future__ import annotations

import socket
from collections.abc import Callable

import httpx

HealthCheck = Callable[[], str]
_TIMEOUT_SECONDS = 5.0
_DNS_QUERY = bytes.fromhex("4c4d01000001000000000000") + b"\x04test\x07invalid\x00\x00\x01\x00\x01"


def http_answers(url: str) -> HealthCheck:
    """Healthy once that URL answers 200."""

    def check() -> str:
        try:
            status = httpx.get(url, timeout=_TIMEOUT_SECONDS, trust_env=False).status_code
        except httpx.HTTPError as error:
            return f"no answer yet ({type(error).__name__})"
        return "" if status == httpx.codes.OK else f"answers {status}"

    return check


def tcp_accepts(host: str, port: int) -> HealthCheck:
    """Healthy once that port takes connections."""

    def check() -> str:
        try:
            socket.create_connection((host, port), timeout=_TIMEOUT_SECONDS).close()
        except OSError:
            return "not listening yet"
        return ""

    return check


def dns_answers(host: str, port: int) -> HealthCheck:
    """Healthy once a DNS question over UDP gets any answer."""

    def check() -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(1.0)
            try:
                asking.sendto(_DNS_QUERY, (host, port))
                asking.recv(512)
            except OSError:
                return "no answer yet"
        return ""

    return check


def airflow_component(base_url: str, component: str) -> HealthCheck:
    """Healthy once Airflow's own health report says so for one of its components."""

    def check() -> str:
        try:
            report = httpx.get(f"{base_url}/api/v2/monitor/health", timeout=_TIMEOUT_SECONDS, trust_env=False).json()
        except (httpx.HTTPError, ValueError) as error:
            return f"Airflow's API does not answer yet ({type(error).__name__})"
        status = (report.get(component) or {}).get("status")
        return "" if status == "healthy" else f"Airflow reports {status or 'nothing yet'}"

    return check
