"""The trigger that watches the object store: fires on news, never twice for the same, and survives an outage."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "plugins"))

from leadmill.adapters.store import FolderStore  # noqa: E402
from leadmill.errors import StoreUnavailable  # noqa: E402
from leadmill.ports.store import StoredObject  # noqa: E402
from leadmill_airflow.store_listing import StoreListing  # noqa: E402 - plugins are on Airflow's path, not on pytest's


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def test_what_waits_at_the_start_is_news_once(store: FolderStore) -> None:
    store.write("landing/leads/a.csv", b"1")
    listing = StoreListing("landing/leads/")

    assert [listing.news(store) for _ in range(3)] == [1, 0, 0]


def test_an_empty_prefix_is_no_news(store: FolderStore) -> None:
    assert StoreListing("landing/leads/").news(store) == 0


def test_new_and_changed_objects_are_news_and_deleted_ones_are_not(store: FolderStore) -> None:
    listing = StoreListing("landing/leads/")
    store.write("landing/leads/b.csv", b"1")
    assert listing.news(store) == 1

    store.write("landing/leads/a.csv", b"1")  # sorts before the last one seen
    store.write("landing/leads/b.csv", b"22")
    assert listing.news(store) == 2

    store.delete("landing/leads/a.csv")
    assert listing.news(store) == 0


class CountingStore:
    """Remembers how each listing began."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys
        self.asked: list[tuple[str, str]] = []

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[StoredObject]:
        self.asked.append((prefix, start_after))
        for key in sorted(self.keys):
            if key.startswith(prefix) and key > start_after:
                yield StoredObject(key, 1, datetime(2026, 1, 1, tzinfo=UTC))


def test_dated_prefixes_are_listed_from_the_day_before_their_newest() -> None:
    store = CountingStore(
        [f"landing/events/{name}/2026/11/{day:02d}/x.json" for name in ("edge", "ses") for day in (1, 22)]
    )
    listing = StoreListing("landing/events/")
    assert listing.news(store) == 4

    store.keys += ["landing/events/ses/2026/11/21/late.json", "landing/events/edge/2026/11/23/new.json"]
    assert listing.news(store) == 2
    assert listing.news(store) == 0
    assert ("landing/events/ses/", "landing/events/ses/2026/11/21/") in store.asked


def test_a_new_source_is_found_by_the_next_full_listing() -> None:
    store = CountingStore(["landing/events/edge/2026/11/22/x.json"])
    listing = StoreListing("landing/events/")
    assert listing.news(store) == 1

    store.keys.append("landing/events/sendgrid/2026/11/22/x.json")

    assert sum(listing.news(store) for _ in range(60)) == 1


class FlakyStore(CountingStore):
    """Fails at the first listing."""

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[StoredObject]:
        if not self.asked:
            self.asked.append((prefix, start_after))
            raise StoreUnavailable("gone")
        return super().list(prefix, start_after=start_after)


def test_the_trigger_fires_with_a_count_and_outlives_an_outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "AIRFLOW_HOME", str(tmp_path))
    from leadmill_airflow import watchers

    store = FlakyStore(["landing/leads/a.csv"])
    trigger = watchers.StoreObjectsTrigger("landing/leads/", poll_seconds=0.01, open_store=lambda: store)

    async def first_event() -> dict[str, object]:
        async for event in trigger.run():
            return dict(event.payload)
        raise AssertionError

    assert asyncio.run(asyncio.wait_for(first_event(), 10)) == {"prefix": "landing/leads/", "objects": 1}


def test_the_trigger_is_made_again_from_what_it_says_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "AIRFLOW_HOME", str(tmp_path))
    from leadmill_airflow.watchers import StoreObjectsTrigger, watcher

    path, arguments = watcher("landing_leads", "landing/leads/", poll_seconds=2).trigger.serialize()

    assert path == "leadmill_airflow.watchers.StoreObjectsTrigger"
    assert StoreObjectsTrigger(**arguments).serialize() == (path, arguments)
