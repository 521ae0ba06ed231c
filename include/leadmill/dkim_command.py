"""What `leadmill dkim-key` writes: the private keys into files, and what goes into DNS and into the sender file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from leadmill.domain.dkim import NewDkimKey
from leadmill.errors import Conflict, InputInvalid

_STRING = 255  # characters of one string of a TXT record (RFC 1035 §3.3.14)


def write_keys(keys: Sequence[NewDkimKey], domain: str, folder: Path) -> str:
    """Write each private key to a file of its own, for its owner's eyes; returns what to tell the operator.

    Raises:
        Conflict: A file of that name is there; nothing was overwritten.
        InputInvalid: The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputInvalid(f"The folder {folder} cannot be made ({error.strerror}); name another.") from error
    paths = [folder.resolve() / f"{domain}.{key.selector}.pem" for key in keys]
    for path in paths:
        if path.exists():
            raise Conflict(f"{path} exists; move it away, or use the key in it.")
    for key, path in zip(keys, paths, strict=True):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key.pem)
    records = "\n".join(f"{key.name}. TXT {_quoted(key.record)}" for key in keys)
    lines = "\n".join(
        f"      - {{selector: {key.selector}, secret_ref: 'file:{path}'}}"
        for key, path in zip(keys, paths, strict=True)
    )
    return (
        f"Publish in DNS, and wait until it is seen:\n{records}\n\n"
        f"Then add to the entry of {domain} in the sender file, and apply it with leadmill senders:\n"
        f"    dkim_keys:\n{lines}\n\n"
        "The processes that send must be able to read the files; or put a key into an environment variable or an "
        "Airflow connection, and name that instead."
    )


def _quoted(record: str) -> str:
    return " ".join(f'"{record[at : at + _STRING]}"' for at in range(0, len(record), _STRING))
