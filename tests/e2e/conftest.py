"""The whole embedded stack, Airflow included, on free ports and in a folder of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadmill.local.stack.layout import StackSettings
from leadmill.local.stack.ports import free_ports
from leadmill.local.stack.stack import Stack

PORTS = ("airflow_port", "edge_port", "streamlit_port", "smtp_port", "mail_page_port", "dns_port")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A running stack (about a minute to start on two cores); stopped before other files need them."""
    folder = Path("/tmp") / f"leadmill-e2e-{os.getpid()}"  # short: PostgreSQL's socket lies below it
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    stack = Stack(StackSettings(var_dir=folder, **ports))
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
        if not os.environ.get("LEADMILL_KEEP_E2E"):
            shutil.rmtree(folder, ignore_errors=True)
