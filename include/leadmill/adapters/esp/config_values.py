"""Reading a provider account's `config` (JSON), with the setting's name in the error."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from leadmill.errors import ConfigInvalid

_LONGEST = 500
_LARGEST = 1_000_000


def text_of(config: Mapping[str, object], name: str, default: str = "") -> str:
    """A text setting. Raises `ConfigInvalid` where it is something else."""
    value = config.get(name, default)
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isprintable():
        raise ConfigInvalid(f"The provider setting {name!r} must be one line of text, at most {_LONGEST} characters.")
    return value


def number_of(config: Mapping[str, object], name: str, default: float = 1) -> float:
    """A numeric setting, above 0 and up to a million. Raises `ConfigInvalid` where it is something else."""
    value = config.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LARGEST:
        raise ConfigInvalid(f"The provider setting {name!r} must be a number above 0, and at most {_LARGEST:,}.")
    return value


def flag_of(config: Mapping[str, object], name: str) -> bool:
    """A setting that is true or false. Raises `ConfigInvalid` where it is something else."""
    value = config.get(name, False)
    if not isinstance(value, bool):
        raise ConfigInvalid(f"The provider setting {name!r} must be true or false.")
    return value


def one_of(config: Mapping[str, object], name: str, choices: tuple[str, ...]) -> str:
    """A setting with fixed choices; the first is the default. Raises `ConfigInvalid` for any other value."""
    value = text_of(config, name, choices[0])
    if value not in choices:
        raise ConfigInvalid(f"The provider setting {name!r} must be one of {', '.join(choices)}.")
    return value


def is_private_address(url: str) -> bool:
    """Whether nobody on the way reads what is sent there: an https address, or one on this machine."""
    try:
        address = urlsplit(url)
        host = address.hostname or ""
    except ValueError:
        return False
    return bool(host) and (address.scheme == "https" or (address.scheme == "http" and is_loopback(host)))


def api_address(config: Mapping[str, object], name: str, default: str = "") -> str:
    """An API's address. Raises `ConfigInvalid` where the account's key would travel in the clear."""
    value = text_of(config, name, default)
    if value and not is_private_address(value):
        raise ConfigInvalid(
            f"The provider setting {name!r} must be an https address; another would show the account's key."
        )
    return value


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by name or address."""
    return host in {"localhost", "127.0.0.1", "::1"}
