"""Asks providers what they allow an account: `ports.provider_limits.LimitReader`."""

from __future__ import annotations

from leadmill.adapters.esp.opening_apis import OpenApis
from leadmill.ports.provider_limits import AccountToRead, ProviderLimits

_ASK_SECONDS = 5.0
"""A lane waits for the answer before it sends; without one it goes on."""


class ReadLimits:
    """Only SES has such a question; the others say by their answers to each call what they allow."""

    providers = frozenset({"ses"})

    def __init__(self, apis: OpenApis) -> None:
        self._apis = apis

    def read(self, account: AccountToRead) -> ProviderLimits:
        from leadmill.adapters.esp.ses_client import read_limits

        config = {**account.config, "timeout_seconds": _ASK_SECONDS}
        return read_limits(self._apis.ses_client(config, account.secret_ref))
