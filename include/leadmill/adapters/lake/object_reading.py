"""Landed objects as text: unzipped, with broken bytes replaced rather than a whole object lost."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from leadmill.errors import NotFound
from leadmill.ports.store import ObjectStore

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib: a gzip header, largest window
_TEXT_BYTES_MAX = 256 << 20  # an object that unzips to more is no list of events: Firehose's largest have 128 MiB
_READERS = 8


def read_texts(store: ObjectStore, keys: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """(key, text) of each object; None where it cannot be unzipped. Objects that vanished meanwhile are left out."""
    with ThreadPoolExecutor(_READERS) as pool:
        for key, raw in zip(keys, pool.map(lambda key: _read(store, key), keys), strict=True):
            if raw is not None:
                yield key, _text(raw)


def _read(store: ObjectStore, key: str) -> bytes | None:
    try:
        return store.read(key)
    except NotFound:
        return None


def _text(raw: bytes) -> str | None:
    if raw.startswith(_GZIP_MAGIC):
        try:
            raw = _unzip(raw)
        except zlib.error:
            return None
    return raw.decode("utf-8", "replace").removeprefix("\ufeff")


def _unzip(raw: bytes) -> bytes:
    """Unzip one or several gzip members, as Firehose and `cat` make them."""
    texts, size = [], 0
    while raw:
        unzipper = zlib.decompressobj(_GZIP_WINDOW)
        texts.append(unzipper.decompress(raw, _TEXT_BYTES_MAX - size))
        size += len(texts[-1])
        if not unzipper.eof:
            raise zlib.error("cut off, or larger than an object of events can be")
        raw = unzipper.unused_data
    return b"".join(texts)
