"""The object store on a local folder and on S3."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from leadmill.errors import ConfigInvalid, NotFound, StoreUnavailable
from leadmill.ports.store import ObjectStore, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PART_SUFFIX = ".leadmill-part"
_LOCK_SUFFIX = ".leadmill-lock"
_LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409", "404"}


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


@contextmanager
def _on_disk(key: str) -> Iterator[None]:
    """Whatever the disk raises is `StoreUnavailable`, with what it is about and why."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise StoreUnavailable(f"The object store failed at {key}: {why}.") from error


@contextmanager
def _on_s3(key: str) -> Iterator[None]:
    """Whatever the client raises is `StoreUnavailable`, with what it is about and why."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        why = error.response.get("Error", {}).get("Code", "no code")
        raise StoreUnavailable(f"The object store refused {key}: {why}.") from error
    except BotoCoreError as error:
        raise StoreUnavailable(f"The object store did not answer about {key}: {type(error).__name__}.") from error


class FolderStore:
    """A folder; a write lands under its name only when it is whole."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._root.mkdir(parents=True, exist_ok=True)

    @property
    def uri(self) -> str:
        return f"file://{self._root}"

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[StoredObject]:
        for key in self._keys(prefix if prefix.endswith("/") else f"{prefix.rpartition('/')[0]}/", start_after):
            if not key.startswith(prefix) or key <= start_after or key.endswith((_PART_SUFFIX, _LOCK_SUFFIX)):
                continue
            try:
                stat = (self._root / key).stat()
            except FileNotFoundError:  # removed while we listed
                continue
            yield StoredObject(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))

    def _keys(self, folder: str, start_after: str) -> Iterator[str]:
        """Keys below a folder (`a/b/`, or `/` for all) in order; folders wholly before `start_after` are not opened."""
        folder = folder.lstrip("/")
        with _on_disk(folder):
            try:
                with os.scandir(self._root / folder) as entries:
                    names = sorted(
                        f"{each.name}/" if each.is_dir(follow_symlinks=False) else each.name
                        for each in entries
                        if each.is_dir(follow_symlinks=False) or not each.is_dir()
                    )
            except (FileNotFoundError, NotADirectoryError):
                return
        for name in names:
            key = folder + name
            if not name.endswith("/"):
                yield key
            elif key > start_after or start_after.startswith(key):
                yield from self._keys(key, start_after)

    def read(self, key: str) -> bytes:
        path = self._root / _checked(key)
        with _on_disk(key):
            try:
                return path.read_bytes()
            except (FileNotFoundError, IsADirectoryError) as error:
                raise NotFound(f"No object {key} in the store.") from error

    def write(self, key: str, body: bytes) -> None:
        path = self._root / _checked(key)
        with _on_disk(key):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=path.parent, suffix=_PART_SUFFIX)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(body)
                    file.flush()
                    os.fsync(file.fileno())
                Path(part).chmod(0o640)
                Path(part).replace(path)
            except OSError:  # a full disk, as a rule: what was written so far fills it
                Path(part).unlink(missing_ok=True)
                raise

    def replace(self, key: str, body: bytes, *, was: bytes | None) -> bool:
        path = self._root / _checked(key)
        with _on_disk(key):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.with_name(path.name + _LOCK_SUFFIX).open("w") as lock:
                fcntl.flock(
                    lock, fcntl.LOCK_EX
                )  # until the file is closed; between machines too, on NFS since Linux 2.6
                if (path.read_bytes() if path.is_file() else None) != was:
                    return False
                self.write(key, body)
        return True

    def exists(self, key: str) -> bool:
        return (self._root / _checked(key)).is_file()

    def delete(self, key: str) -> None:
        path = self._root / _checked(key)
        with _on_disk(key):
            path.unlink(missing_ok=True)

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
        listed = iter(pages)
        while True:
            with _on_s3(prefix):
                page = next(listed, None)
            if page is None:
                return
            for item in page.get("Contents", []):
                if not item["Key"].endswith("/"):
                    key = item["Key"].removeprefix(self._prefix)
                    yield StoredObject(key, item["Size"], item["LastModified"].astimezone(UTC))

    def read(self, key: str) -> bytes:
        name = self._prefix + _checked(key)
        with _on_s3(key):
            try:
                return self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
            except self._client.exceptions.NoSuchKey as error:
                raise NotFound(f"No object {key} in the store.") from error

    def write(self, key: str, body: bytes) -> None:
        name = self._prefix + _checked(key)
        with _on_s3(key):
            self._client.put_object(Bucket=self._bucket, Key=name, Body=body)

    def replace(self, key: str, body: bytes, *, was: bytes | None) -> bool:
        name = self._prefix + _checked(key)
        with _on_s3(key):
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=name)
                is_still_so, tag = found["Body"].read() == was, found["ETag"]
            except self._client.exceptions.NoSuchKey:
                is_still_so, tag = was is None, ""
            if not is_still_so:
                return False
            try:
                if tag:
                    self._client.put_object(Bucket=self._bucket, Key=name, Body=body, IfMatch=tag)
                else:
                    self._client.put_object(Bucket=self._bucket, Key=name, Body=body, IfNoneMatch="*")
            except self._client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] in _LOST_RACE:
                    return False
                raise
        return True

    def exists(self, key: str) -> bool:
        name = self._prefix + _checked(key)
        with _on_s3(key):
            found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=name, MaxKeys=1)
        return any(item["Key"] == name for item in found.get("Contents", []))

    def delete(self, key: str) -> None:
        name = self._prefix + _checked(key)
        with _on_s3(key):
            self._client.delete_object(Bucket=self._bucket, Key=name)

    def uri_of(self, key: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{_checked(key)}"

    def key_of(self, uri: str) -> str:
        root = f"s3://{self._bucket}/{self._prefix}"
        if not uri.startswith(root) or uri == root:
            raise ConfigInvalid("That object does not lie in Leadmill's object store.")
        return uri.removeprefix(root)
