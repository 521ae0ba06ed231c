"""People who come back: an administrator lifts their suppression, with a reason and a proof."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from leadmill import bootstrap
from leadmill.bootstrap import App
from leadmill.cli import main
from leadmill.domain.send_references import unsubscribe_url
from leadmill.edge.app import create_app
from leadmill.errors import Conflict, InputInvalid, NotAllowed
from tests.campaign_world import approved_campaign, make_leads
from tests.campaign_world import sends as planned_sends
from tests.event_world import NOON, edge_line, land, make_sends
from tests.sending_world import ADMIN, ANALYST, NOW, VIEWER, execute, later, suppress


def audit(app: App) -> list[dict[str, Any]]:
    return execute(app, "select * from ledger.audit_log where action like 'person.%%' order by audit_id")


def test_an_admin_lifts_a_suppression_with_reason_and_proof_and_a_new_campaign_mails_the_person(app: App) -> None:
    kept, back = make_leads(app, 2)
    app.suppress_person(ANALYST, lead_id=back, reason="Asked by phone", as_of=NOW)
    for actor in (VIEWER, ANALYST):
        with pytest.raises(NotAllowed):
            app.lift_suppression(actor, lead_id=back, reason="Wants it", proof="Form of 3 May", as_of=later(days=1))
    for said in (
        {"reason": "", "proof": "Form"},
        {"reason": "Wants it", "proof": " "},
        {"reason": "x", "proof": "a@x"},
    ):
        with pytest.raises(InputInvalid):
            app.lift_suppression(ADMIN, lead_id=back, **said, as_of=later(days=1))
    said = {"reason": "Wants our news", "proof": "Form of 3 May"}
    assert app.lift_suppression(ADMIN, lead_id=back, **said, as_of=later(days=1)).changed
    assert not app.lift_suppression(ADMIN, lead_id=back, **said, as_of=later(days=1)).changed
    campaign = approved_campaign(app)
    app.plan_campaigns(NOW)
    assert {send["lead_id"] for send in planned_sends(app, campaign)} == {kept, back}
    line = audit(app)[-1]
    assert (line["action"], line["subject_id"], line["reason"]) == ("person.unsuppress", str(back), "Wants our news")
    assert line["details"] == {"proof": "Form of 3 May", "suppressed_for": "manual", "withdrawn_sends": 0}


def test_a_lift_counts_for_every_alias_of_the_inbox(app: App) -> None:
    (lead,) = make_leads(app, 1)
    suppress(app, "lead0+news@people0.test", "unsubscribed")
    suppress(app, "lead0@people0.test", "complained")
    suppress(app, "lead0+old@people0.test", "hard_bounced")
    assert app.lift_suppression(ADMIN, lead_id=lead, reason="Wants it", proof="Form", as_of=later(days=1)).changed
    assert [row["email"] for row in execute(app, "select email from ledger.suppressions")] == ["lead0+old@people0.test"]


def test_an_erased_person_does_not_come_back(app: App) -> None:
    (lead,) = make_leads(app, 1)
    app.erase_person(ADMIN, lead_id=lead, reason="By letter", as_of=NOW)
    for named in ({"lead_id": lead}, {"email": "lead0@people0.test"}):
        with pytest.raises(Conflict):
            app.lift_suppression(ADMIN, **named, reason="Wants it", proof="Form", as_of=later(days=1))


def test_after_a_lift_old_events_bar_nobody_and_a_new_unsubscription_does(lake_app: App) -> None:
    app = lake_app
    (send,) = make_sends(app, 1)
    land(app, "edge", "a.ndjson", [edge_line(send, "unsubscribed")])
    app.collect_events(NOON)
    app.project_events(NOON)
    (row,) = execute(app, "select email, reason from ledger.suppressions")
    back = NOON + timedelta(days=1)
    app.lift_suppression(ADMIN, email=row["email"], reason="Wants it", proof="Form", as_of=back)
    land(app, "edge", "b.ndjson", [edge_line(send, "unsubscribed", at=NOON + timedelta(minutes=1))])
    app.collect_events(back)
    app.project_events(back)
    app.rebuild_events(back)
    assert execute(app, "select 1 from ledger.suppressions") == []
    again = back + timedelta(hours=1)
    land(app, "edge", "c.ndjson", [edge_line(send, "unsubscribed", at=again)])
    app.collect_events(again)
    app.project_events(again)
    after = execute(app, "select reason, created_at from ledger.suppressions")
    assert after == [{"reason": "unsubscribed", "created_at": again}]
    execute(app, "delete from ledger.suppressions")
    app.rebuild_events(again)
    assert execute(app, "select reason, created_at from ledger.suppressions") == after


def test_who_unsubscribes_again_by_the_same_link_after_a_lift_stays_out(lake_app: App) -> None:
    app = lake_app
    (send,) = make_sends(app, 1)
    link = unsubscribe_url("", send, app.settings.secret)

    def unsubscribe(at: datetime) -> None:
        with TestClient(create_app(app.settings, store=app.store, clock=lambda: at)) as client:
            assert client.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        app.collect_events(at + timedelta(minutes=1))
        app.project_events(at + timedelta(minutes=1))

    unsubscribe(NOON)
    (row,) = execute(app, "select email from ledger.suppressions")
    app.lift_suppression(ADMIN, email=row["email"], reason="Wants it", proof="Form", as_of=NOON + timedelta(hours=1))
    assert execute(app, "select 1 from ledger.suppressions") == []
    unsubscribe(NOON + timedelta(hours=2))
    assert execute(app, "select reason from ledger.suppressions") == [{"reason": "unsubscribed"}]


def test_the_command_lifts_and_says_so(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    make_leads(app, 1)
    suppress(app, "lead0@people0.test", "unsubscribed")
    monkeypatch.setattr(bootstrap, "app", lambda: app)
    run = CliRunner().invoke
    said = ["unsuppress", "lead0@people0.test", "--reason", "Wants it", "--proof", "Form"]
    assert "New campaigns may mail lead" in run(main, said).output
    assert "Nothing to do" in run(main, said).output
    assert run(main, said[:4]).exit_code == 2
