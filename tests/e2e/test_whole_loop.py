"""The demonstration's path at a smaller size: lead file → Airflow → mail → events → ledger, on real parts."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from leadmill.domain.dispatch import LEASE
from leadmill.local.demo.size import DemoSize
from leadmill.local.demo.stages import Demonstration
from leadmill.local.demo.summary import show_summary
from leadmill.local.demo.waiting import wait_for
from leadmill.local.stack.stack import Stack
from tests.sending_world import execute, make_campaign, make_lane, make_mailboxes, make_pool, people

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SIZE = DemoSize(
    leads=60, bad_rows=21, domains=4, mailboxes_per_domain=3, daily_limit=5
)  # no lane alone could send it all


@pytest.fixture(scope="module")
def demonstration(stack: Stack) -> Demonstration:
    """One whole run, looked at by every test below."""
    demonstration = Demonstration(stack, SIZE)
    demonstration.run()
    if put_off(
        demonstration
    ):  # one recipient greylists; whether a lane that hears it gets him is the rotation's matter
        wait_for(stack, "the mail of who greylists", lambda: put_off(demonstration) == ["due"], seconds=180)
        demonstration.run()
    return demonstration


def put_off(demonstration: Demonstration) -> list[str]:
    return [
        row["standing"]
        for row in execute(
            demonstration.stack.app,
            "select distinct case when due_at <= now() then 'due' else 'waits' end as standing from ledger.sends"
            " where campaign_id = %s and state = 'planned' and attempts > 0",
            demonstration.campaign_id,
        )
    ]


def counts_of_the_mail_world(stack: Stack) -> dict[str, object]:
    url = f"{stack.settings.url(stack.settings.mail_page_port)}/api/counts"
    return httpx.get(url, trust_env=False).json()


def sends(demonstration: Demonstration) -> dict[tuple[int, str], int]:
    with demonstration.stack.app.database.transaction() as connection:
        rows = connection.execute(
            "select step, state, count(*) as n from ledger.sends where campaign_id = %s group by step, state",
            [demonstration.campaign_id],
        ).fetchall()
    return {(row["step"], row["state"]): row["n"] for row in rows}


def test_every_row_of_the_file_is_accounted_for(demonstration: Demonstration) -> None:
    file = demonstration.lead_file

    assert file["row_count"] == SIZE.leads + SIZE.bad_rows
    assert file["new_count"] + file["duplicate_count"] + file["rejected_count"] == file["row_count"]
    assert file["new_count"] == SIZE.leads
    assert sum(file["rejected_by_reason"].values()) == file["rejected_count"]


def test_the_audience_is_the_sum_of_all_states(demonstration: Demonstration) -> None:
    law = demonstration.stack.app.conservation(demonstration.campaign_id)

    assert law.holds
    assert law.audience == SIZE.leads
    assert law.rows == law.planned_leads * 2


def test_the_first_step_went_out_and_the_second_waits(demonstration: Demonstration) -> None:
    found = sends(demonstration)

    assert not any(state in ("planned", "claimed", "ambiguous") for step, state in found if step == 1)
    assert found.get((1, "delivered"), 0) > SIZE.leads / 2
    assert {state for step, state in found if step == 2} <= {"planned", "cancelled", "suppressed"}


def test_the_mail_server_got_one_copy_of_each_mail_handed_over(demonstration: Demonstration) -> None:
    counts = counts_of_the_mail_world(demonstration.stack)
    with demonstration.stack.app.database.transaction() as connection:
        row = connection.execute("select count(*) as n from ledger.sends where accepted_at is not null").fetchone()

    assert counts["received"] == row["n"] > 0
    assert counts["more_than_one_copy"] == 0


def test_what_people_and_machines_did_is_in_the_lake_and_apart(demonstration: Demonstration) -> None:
    with demonstration.stack.app.lake.connect(read_only=True) as connection:
        rows = connection.execute("select kind, machine, count(*) from lake.events group by all").fetchall()
    by_kind = {(kind, machine): number for kind, machine, number in rows}

    assert by_kind[("delivered", False)] > 0
    assert any(kind == "opened" and machine for kind, machine in by_kind)
    assert any(kind == "opened" and not machine for kind, machine in by_kind)


def test_no_mailbox_sent_more_than_its_limit(demonstration: Demonstration) -> None:
    with demonstration.stack.app.database.transaction() as connection:
        row = connection.execute("select max(taken) as most from ledger.mailbox_usage").fetchone()

    assert 0 < row["most"] <= SIZE.daily_limit


def test_a_listed_domain_cools_down_and_rings_an_alert(demonstration: Demonstration) -> None:
    from leadmill.local.demo.senders import sending_domains

    listed = sending_domains(SIZE)[-1]
    with demonstration.stack.app.database.transaction() as connection:
        row = connection.execute("select status from ledger.sending_domains where name = %s", [listed]).fetchone()

    assert row["status"] == "cooling_down"
    assert any(listed in alert.subject for alert in demonstration.stack.app.open_alerts())


def test_running_it_all_again_mails_nobody_twice(demonstration: Demonstration) -> None:
    before = counts_of_the_mail_world(demonstration.stack)["received"]

    again = Demonstration(demonstration.stack, SIZE)
    again.run()
    again.stack.airflow.run("dispatch_campaigns")

    after = counts_of_the_mail_world(demonstration.stack)
    assert again.campaign_id == demonstration.campaign_id
    assert after["received"] == before
    assert after["more_than_one_copy"] == 0


def test_a_task_killed_while_it_sends_is_run_again_by_airflow_and_mails_nobody_twice(stack: Stack) -> None:
    app, airflow = stack.app, stack.airflow
    lane = make_lane(app, stack.settings.smtp_port, name="to be killed", max_per_second=10.0)
    pool = make_pool(app, "to be killed")
    make_mailboxes(app, 12, lane=lane, domain="killed.test", pool="to be killed", daily_limit=SIZE.daily_limit)
    campaign_id = make_campaign(app, pool, people(12 * SIZE.daily_limit), due_at=datetime.now(UTC))

    def workers_of(what: str) -> dict[int, str]:
        rows = execute(
            app,
            "select s.send_id, c.worker from ledger.sends s left join ledger.claims c using (claim_id)"
            f" where s.campaign_id = %s and {what}",
            campaign_id,
        )
        return {row["send_id"]: row["worker"] for row in rows}

    run_id = airflow.trigger("dispatch_campaigns")
    wait_for(stack, "some mails to go out", lambda: len(workers_of("answered")) >= 5, seconds=120)
    (killed,) = set(workers_of("s.state = 'claimed'").values())
    os.kill(int(killed.split(":")[1]), signal.SIGKILL)
    airflow.wait("dispatch_campaigns", run_id)

    in_doubt = workers_of("s.state = 'claimed'")
    assert set(in_doubt.values()) == {killed}
    assert workers_of("s.attempts = 0") == {}, "Airflow ran the task again, and it sent the rest"
    assert not [run for run in airflow.runs("dispatch_campaigns") if run["state"] == "failed"]
    app.send_ledger.recover(as_of=datetime.now(UTC) + LEASE + timedelta(minutes=1))
    airflow.run("dispatch_campaigns")
    assert workers_of("s.state = 'claimed'") == {}
    assert in_doubt.items() <= workers_of("s.attempts = 1").items(), "nothing in doubt was sent again"
    assert app.conservation(campaign_id).rows == len(workers_of("true")) == 12 * SIZE.daily_limit
    assert counts_of_the_mail_world(stack)["more_than_one_copy"] == 0


def test_the_summary_shows_what_the_ledger_holds(demonstration: Demonstration) -> None:
    console = demonstration.stack.progress.console
    with console.capture() as captured:
        show_summary(demonstration)

    assert "holds" in captured.get()
    assert "BROKEN" not in captured.get()


def test_airflow_has_no_import_errors_and_no_failed_runs(demonstration: Demonstration) -> None:
    airflow = demonstration.stack.airflow

    assert airflow.import_errors() == []
    failed = [run["dag_run_id"] for dag in airflow.dag_ids() for run in airflow.runs(dag) if run["state"] == "failed"]
    assert failed == []


def test_a_browser_without_a_session_is_sent_to_the_log_in(stack: Stack) -> None:
    url, as_browser = stack.settings.url(stack.settings.streamlit_port), {"Accept": "text/html"}
    answer = httpx.get(url, headers=as_browser, follow_redirects=True, trust_env=False)

    assert answer.status_code == httpx.codes.OK
    assert "password" in answer.text.lower()
