"""Contract of every object store: a folder and S3 (moto's server) behave the same."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from leadmill.adapters.store import open_store
from leadmill.errors import ConfigInvalid, NotFound, StoreUnavailable
from leadmill.ports.store import ObjectStore


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    if request.param == "folder":
        return open_store(f"file://{tmp_path}/store")
    import boto3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    endpoint = request.getfixturevalue("s3_endpoint")
    bucket = tmp_path.name.replace("_", "-").lower()
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket=bucket)
    return open_store(f"s3://{bucket}/some/prefix", endpoint_url=endpoint)


def test_what_is_written_is_read_back(store: ObjectStore) -> None:
    store.write("landing/leads/a b ü.csv", b"\x00one")
    store.write("landing/leads/a b ü.csv", b"two")
    assert store.read("landing/leads/a b ü.csv") == b"two"
    assert store.exists("landing/leads/a b ü.csv")


def test_a_list_is_in_key_order_and_starts_after_a_key(store: ObjectStore) -> None:
    for key in ("landing/b", "landing/a", "landing/c/d", "elsewhere/x", "landing-not"):
        store.write(key, b"12345")
    assert [o.key for o in store.list("landing/")] == ["landing/a", "landing/b", "landing/c/d"]
    assert [o.key for o in store.list("landing/", start_after="landing/a")] == ["landing/b", "landing/c/d"]
    first = next(iter(store.list("landing/")))
    assert first.byte_size == 5
    assert first.modified_at.utcoffset() is not None
    assert list(store.list("nothing/")) == []


def test_a_missing_object_is_not_found_and_deleting_it_is_no_error(store: ObjectStore) -> None:
    assert not store.exists("landing/none")
    with pytest.raises(NotFound):
        store.read("landing/none")
    store.delete("landing/none")
    store.write("landing/one", b"")
    store.delete("landing/one")
    assert not store.exists("landing/one")


def test_keys_and_uris_translate_both_ways(store: ObjectStore) -> None:
    assert store.key_of(store.uri_of("lake/x/y.parquet")) == "lake/x/y.parquet"
    assert store.key_of(f"{store.uri}/lake/z") == "lake/z"
    with pytest.raises(ConfigInvalid):
        store.key_of("/etc/passwd")


@pytest.mark.parametrize("key", ["../outside", "a/../../b", "/absolute", ""])
def test_no_key_leads_out_of_the_store(store: ObjectStore, key: str) -> None:
    with pytest.raises(ConfigInvalid):
        store.write(key, b"x")


def test_an_object_is_replaced_only_where_it_still_is_what_it_was(store: ObjectStore) -> None:
    assert store.replace("lease.json", b"one", was=None)
    assert not store.replace("lease.json", b"two", was=None)
    assert not store.replace("lease.json", b"two", was=b"none")
    assert store.replace("lease.json", b"two", was=b"one")
    assert store.read("lease.json") == b"two"
    assert [o.key for o in store.list("")] == ["lease.json"]


@pytest.mark.parametrize("was", [None, b"one"], ids=["first", "renewed"])
def test_of_many_who_replace_an_object_at_once_one_succeeds(store: ObjectStore, was: bytes | None) -> None:
    if was is not None:
        store.write("lease.json", was)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda n: store.replace("lease.json", f"by {n}".encode(), was=was), range(8)))
    assert done.count(True) == 1
    assert store.read("lease.json") == f"by {done.index(True)}".encode()


def test_a_list_that_starts_within_folders_is_in_order_and_leaves_earlier_ones_out(store: ObjectStore) -> None:
    keys = ["j/01/a", "j/01/b", "j/01-x", "j/02/a", "j/02/b/c", "j/03/a", "k/01"]
    for key in keys:
        store.write(key, b"1")
    assert [o.key for o in store.list("j/")] == sorted(k for k in keys if k.startswith("j/"))
    assert [o.key for o in store.list("j/", start_after="j/02/a~")] == ["j/02/b/c", "j/03/a"]
    assert next(o.key for o in store.list("j/0", start_after="j/01/a")) == "j/01/b"
    assert [o.key for o in store.list("", start_after="j/03")] == ["j/03/a", "k/01"]


def test_a_bucket_that_refuses_or_does_not_answer_is_an_unavailable_store(
    s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for endpoint, why in ((s3_endpoint, "NoSuchBucket"), ("http://127.0.0.1:9", "EndpointConnectionError")):
        store = open_store("s3://no-such-bucket/prefix", endpoint_url=endpoint)
        doors = (
            lambda store=store: store.read("a"),
            lambda store=store: store.write("a", b""),
            lambda store=store: store.replace("a", b"", was=None),
            lambda store=store: store.exists("a"),
            lambda store=store: store.delete("a"),
            lambda store=store: list(store.list("a/")),
        )
        for door in doors:
            with pytest.raises(StoreUnavailable, match=why):
                door()


def test_a_disk_that_fails_is_an_unavailable_store_and_keeps_no_half_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(f"file://{tmp_path}/store")
    store.write("a/b", b"whole")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="a/b: No space left on device"):
        store.write("a/b", b"new")
    with pytest.raises(StoreUnavailable):
        store.replace("a/b", b"new", was=b"whole")

    def broken(_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", broken)
        with pytest.raises(StoreUnavailable, match="Input/output error"):
            list(store.list("a/"))
    assert store.read("a/b") == b"whole"
    assert [each.name for each in (tmp_path / "store" / "a").iterdir() if each.name.endswith("-part")] == []
