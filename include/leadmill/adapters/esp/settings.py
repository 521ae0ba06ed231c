"""Whether the settings of an account are those of its provider: asked when they are saved, not when mail waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from leadmill.adapters.esp.config_values import api_address, flag_of, number_of, text_of
from leadmill.adapters.esp.opening_smtp import require_server
from leadmill.errors import ConfigInvalid

Config = Mapping[str, object]

_READ: Mapping[str, Mapping[str, Callable[[Config, str], object]]] = {
    "smtp": {
        **dict.fromkeys(
            ("preset", "host", "region", "tls", "ca_file", "auth", "oauth_endpoint", "oauth_scope"), text_of
        ),
        **dict.fromkeys(("user_name", "helo", "configuration_set"), text_of),
        **dict.fromkeys(("port", "connections", "messages_per_connection", "final_timeout_seconds"), number_of),
    },
    "ses": {
        **dict.fromkeys(("region", "configuration_set", "tenant"), text_of),
        "endpoint": api_address,
        "bulk": flag_of,
    },
    "sendgrid": {"host": api_address, "sandbox": flag_of},
    "mailgun": {"host": api_address, "domain": text_of, "bulk": flag_of, "sandbox": flag_of},
    "postmark": {"host": api_address, "stream": text_of, "sandbox": flag_of},
}
"""By provider, each setting and how it is read; docs/feature-matrix.md says what they are for."""

_OF_ALL: Mapping[str, Callable[[Config, str], object]] = {"timeout_seconds": number_of, "batch_size": number_of}


def require_settings(provider: str, config: Config) -> None:
    """Pass where every setting is one of the provider's and of its kind; nothing is connected.

    Raises:
        ConfigInvalid: Names the setting that is unknown, missing or of another kind.
    """
    known = {**_READ.get(provider, {}), **_OF_ALL}
    for name in config:
        if name not in known:
            meant = get_close_matches(name, known, 1)
            hint = f"is it {meant[0]!r}?" if meant else f"there are {', '.join(sorted(known))}."
            raise ConfigInvalid(f"The provider {provider} has no setting {name!r}; {hint}")
        known[name](config, name)
    if provider == "smtp":
        require_server(config)
