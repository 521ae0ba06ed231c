"""The object store as the services see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object. `key` is relative to the store's root, `/` between its parts; `modified_at` is UTC."""

    key: str
    byte_size: int
    modified_at: datetime


class ObjectStore(Protocol):
    """A flat store of bytes by key, the same over a folder and over S3."""

    @property
    def uri(self) -> str:
        """The root: `file:///…` or `s3://bucket/prefix`, no slash at the end."""
        ...

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[StoredObject]:
        """Objects whose key starts with `prefix` and sorts after `start_after`, in key order."""
        ...

    def read(self, key: str) -> bytes:
        """The object's bytes. Raises `NotFound`."""
        ...

    def write(self, key: str, body: bytes) -> None:
        """Put the object whole or not at all, replacing what was there."""
        ...

    def replace(self, key: str, body: bytes, *, was: bytes | None) -> bool:
        """Put the object if it still holds `was` (None: if it is not there); of several at once, one succeeds.

        Returns:
            Whether it was put.
        """
        ...

    def exists(self, key: str) -> bool:
        """Whether the object is there."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; no error where it is not there."""
        ...

    def uri_of(self, key: str) -> str:
        """The object's full URI or path, in the form that DuckDB reads."""
        ...

    def key_of(self, uri: str) -> str:
        """The key of a full URI under this root. Raises `ConfigInvalid` for one that lies elsewhere."""
        ...
