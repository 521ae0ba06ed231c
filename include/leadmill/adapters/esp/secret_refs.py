"""Where secrets are: `env:NAME` (or a bare `NAME`) is an environment variable; the host registers other schemes.

Airflow's glue registers `airflow:conn_id`. A secret is read when a connection opens, kept in memory, and never logged.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from leadmill.domain.secret_names import is_our_own
from leadmill.errors import ConfigInvalid

Resolver = Callable[[str], str]


def _from_environment(name: str) -> str:
    if is_our_own(name):
        raise ConfigInvalid(f"A secret_ref names {name}, which is no mail secret; use a variable of its own.")
    value = os.environ.get(name, "")
    if not value:
        raise ConfigInvalid(f"The environment variable {name} is not set; a sender's secret_ref names it.")
    return value


_RESOLVERS: dict[str, Resolver] = {"env": _from_environment}


def register_resolver(scheme: str, resolver: Resolver) -> None:
    """Let `scheme:name` references be resolved by a function that raises `ConfigInvalid` for an unknown name."""
    _RESOLVERS[scheme] = resolver


def resolve_secret(secret_ref: str) -> str:
    """The secret that a reference names; empty for an empty reference.

    Raises:
        ConfigInvalid: Nothing of that name, or nobody knows the scheme.
    """
    if not secret_ref:
        return ""
    scheme, colon, name = secret_ref.partition(":")
    if not colon:
        scheme, name = "env", secret_ref
    if scheme not in _RESOLVERS:
        raise ConfigInvalid(f"Nobody here resolves secrets of the kind {scheme!r}; use env:NAME.")
    return _RESOLVERS[scheme](name)
