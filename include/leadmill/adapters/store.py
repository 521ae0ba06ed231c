"""The object store on a local folder and on S3."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from leadmill.errors import ConfigInvalid, NotFound, StoreUnavailable
from leadmill.ports.store import ObjectStore, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PART_SUFFIX = ".leadmill-part"


def open_store(uri: str, *, endpoint_url: str | None = None, region: str = "us-east-1") -> ObjectStore:
    """The store at a `file://` or `s3://` URI.

    Raises:
        ConfigInvalid: The URI is of neither kind.
    """
    parts = urlsplit(uri)
    if parts.scheme == "file" and not parts.netloc:
        return FolderStore(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        import boto3

        client: S3Client = boto3.client("s3", endpoint_url=endpoint_url, region_name=region)
        return S3Store(client, bucket=parts.netloc, prefix=parts.path.strip("/"))
    raise ConfigInvalid("LEADMILL_STORE must be file:///folder or s3://bucket/prefix.")


def _checked(key: str) -> str:
    if not key or key.startswith("/") or "\0" in key or ".." in key.split("/"):
        raise ConfigInvalid(f"Not an object key: {key!r}.")
    return key


class FolderStore:
    """A folder; a write lands under its name only when it is whole."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._root.mkdir(parents=True, exist_ok=True)

    @property
    def uri(self) -> str:
        return f"file://{self._root}"

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[StoredObject]:
        folder = self._root / (prefix if prefix.endswith("/") else prefix.rpartition("/")[0])
        paths = (Path(base) / name for base, _, names in os.walk(folder) for name in names)
        keys = (path.relative_to(self._root).as_posix() for path in paths)
        for key in sorted(k for k in keys if k.startswith(prefix) and k > start_after):
            if key.endswith(_PART_SUFFIX):
                continue
            try:
                stat = (self._root / key).stat()
            except FileNotFoundError:  # removed while we listed
                continue
            yield StoredObject(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))

    def read(self, key: str) -> bytes:
        try:
            return (self._root / _checked(key)).read_bytes()
        except (FileNotFoundError, IsADirectoryError) as error:
            raise NotFound(f"No object {key} in the store.") from error

    def write(self, key: str, body: bytes) -> None:
        path = self._root / _checked(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, suffix=_PART_SUFFIX)
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(part).chmod(0o640)
        Path(part).replace(path)

    def exists(self, key: str) -> bool:
        return (self._root / _checked(key)).is_file()

    def delete(self, key: str) -> None:
        (self._root / _checked(key)).unlink(missing_ok=True)

    def uri_of(self, key: str) -> str:
        return str(self._root / _checked(key))

    def key_of(self, uri: str) -> str:
        path = Path(unquote(uri.removeprefix("file://"))).resolve()
        if not path.is_relative_to(self._root) or path == self._root:
            raise ConfigInvalid("That file does not lie in Leadmill's object store.")
        return path.relative_to(self._root).as_posix()


class S3Store:
    """A bucket under a prefix, on AWS or anything that speaks S3."""

    def __init__(self, client: S3Client, *, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    @property
    def uri(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[StoredObject]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket,
            Prefix=self._prefix + prefix,
            StartAfter=self._prefix + start_after if start_after else "",
        )
        try:
            for page in pages:
                for item in page.get("Contents", []):
                    if not item["Key"].endswith("/"):
                        key = item["Key"].removeprefix(self._prefix)
                        yield StoredObject(key, item["Size"], item["LastModified"].astimezone(UTC))
        except self._client.exceptions.ClientError as error:
            raise StoreUnavailable(f"Listing {prefix} in the store failed.") from error

    def read(self, key: str) -> bytes:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=self._prefix + _checked(key))["Body"].read()
        except self._client.exceptions.NoSuchKey as error:
            raise NotFound(f"No object {key} in the store.") from error

    def write(self, key: str, body: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + _checked(key), Body=body)

    def exists(self, key: str) -> bool:
        found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix + _checked(key), MaxKeys=1)
        return any(item["Key"] == self._prefix + key for item in found.get("Contents", []))

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=self._prefix + _checked(key))

    def uri_of(self, key: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{_checked(key)}"

    def key_of(self, uri: str) -> str:
        root = f"s3://{self._bucket}/{self._prefix}"
        if not uri.startswith(root) or uri == root:
            raise ConfigInvalid("That object does not lie in Leadmill's object store.")
        return uri.removeprefix(root)
