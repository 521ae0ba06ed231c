"""Contract of every object store: a folder and S3 (moto's server) behave the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leadmill.adapters.store import open_store
from leadmill.errors import ConfigInvalid, NotFound
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
