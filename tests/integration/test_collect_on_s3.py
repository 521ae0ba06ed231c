"""Collecting from a bucket: DuckDB's reader, the store and the lake all speak S3 (moto's server)."""

from __future__ import annotations

import boto3
import pytest

from leadmill.bootstrap import App
from leadmill.settings import Settings
from tests.contract.test_object_store import s3_endpoint  # noqa: F401 -- a fixture
from tests.event_world import NOON, edge_line, land, ledger_rows, make_sends, ses_record


def test_large_and_small_objects_of_a_bucket_are_collected_and_projected(
    settings: Settings,
    s3_endpoint: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1").create_bucket(Bucket="leadmill-events")
    bucket = {"store": "s3://leadmill-events/prefix", "s3_endpoint_url": s3_endpoint}
    app = App(settings.model_copy(update=bucket))
    app.lake.migrate()
    sends = make_sends(app, 300)
    land(app, "ses", "large.json", [ses_record(s, "Delivery") for s in sends])
    land(app, "edge", "small.ndjson", [edge_line(sends[0], "opened")])
    assert app.collect_events(NOON).events == 301
    assert app.project_events(NOON).sends_moved == 300
    states = ledger_rows(app, "select distinct state from ledger.sends")
    assert states == [{"state": "delivered"}]
    app.database.close()
