"""Many lanes in one process: they send at the same time, and the trouble of one is not the others'."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from leadmill.bootstrap import App
from leadmill.domain.crash_points import CrashPoint, observe
from leadmill.errors import InputInvalid, NotFound
from tests.mail_servers import SmtpRecorder, closed_port, smtp_server
from tests.sending_world import NOW, execute, make_campaign, make_lane, make_mailboxes, make_pool, people, states


def test_forty_lanes_send_in_six_groups_and_everybody_gets_one_mail(app: App) -> None:
    mail = SmtpRecorder()
    with smtp_server(mail) as port:
        pool = make_pool(app)
        for n in range(40):
            make_lane(app, port, name=f"lane {n}")
            make_mailboxes(app, 1, lane=f"lane {n}", domain=f"brand{n}.test", daily_limit=5)
        campaign = make_campaign(app, pool, people(200))
        groups = app.open_lane_groups(NOW)
        counts = [app.send_lanes(group, NOW, time_budget_seconds=20) for group in groups]
    assert len(groups) == 6
    assert sum(lane["accepted"] for group in counts for lane in group.values()) == 200
    assert states(app, campaign) == {"accepted": 200}
    assert set(mail.copies.values()) == {1}
    assert len(mail.by_sender) == 40


def test_the_next_claim_does_not_wait_for_answers_that_are_being_written(app: App) -> None:
    claims, claimed_again, waits = [], threading.Event(), []

    def observer(point: CrashPoint) -> None:
        if point is CrashPoint.CLAIM_COMMITTED:
            claims.append(point)
            if len(claims) > 1:
                claimed_again.set()
        elif point is CrashPoint.BEFORE_RECORD:
            waits.append(claimed_again.wait(20))

    mail = SmtpRecorder()
    with smtp_server(mail) as port:
        pool, lane = make_pool(app), make_lane(app, port)
        make_mailboxes(app, 2, daily_limit=1_000)
        campaign = make_campaign(app, pool, people(120))
        observe(observer)
        try:
            app.send_lane(lane, NOW, time_budget_seconds=60)
        finally:
            observe(None)
    assert waits
    assert all(waits)
    assert states(app, campaign) == {"accepted": 120}


def test_a_lane_that_cannot_connect_stops_no_other_lane_of_its_task(app: App) -> None:
    mail = SmtpRecorder()
    with smtp_server(mail) as port:
        pool = make_pool(app)
        lanes = [make_lane(app, port, name="good"), make_lane(app, closed_port(), name="bad")]
        for lane in lanes:
            make_mailboxes(app, 1, lane=lane, domain=f"{lane}.test", daily_limit=10)
        make_campaign(app, pool, people(20))
        counts = app.send_lanes(lanes, NOW, time_budget_seconds=5)
    assert counts["good"]["accepted"] == 10
    assert counts["bad"].get("accepted", 0) == 0
    assert sum(mail.copies.values()) == 10


def test_a_server_that_asks_to_come_back_later_is_not_asked_again_by_the_next_claim(app: App) -> None:
    asked = []

    def refuse(server: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed at the end of the test
            while True:
                connection, _ = server.accept()
                asked.append(connection.getpeername())
                with connection:
                    connection.sendall(b"421 4.7.0 Too busy\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=refuse, args=(server,), daemon=True).start()
        pool, lane = make_pool(app), make_lane(app, server.getsockname()[1])
        make_mailboxes(app, 10, daily_limit=1_000)
        campaign = make_campaign(app, pool, people(400))
        counts = app.send_lane(lane, NOW, time_budget_seconds=3)
        server.shutdown(socket.SHUT_RDWR)
    assert 10 <= len(asked) <= 20, "once a mailbox, and once more where its failure met a claim under way"
    assert counts["released"] == counts["claimed"] < 400
    assert states(app, campaign) == {"planned": 400}


def test_a_lane_that_does_not_exist_fails_the_task_after_the_others_have_sent(app: App) -> None:
    mail = SmtpRecorder()
    with smtp_server(mail) as port:
        pool = make_pool(app)
        lane = make_lane(app, port)
        make_mailboxes(app, 1)
        make_campaign(app, pool, people(5))
        with pytest.raises(NotFound, match="nowhere"):
            app.send_lanes(["nowhere", lane], NOW, time_budget_seconds=5)
    assert sum(mail.copies.values()) == 5


def test_a_reply_that_no_table_knows_is_counted_without_its_text(app: App) -> None:
    mail = SmtpRecorder()
    with smtp_server(mail) as port:
        pool = make_pool(app)
        lane = make_lane(app, port, preset="ses")
        make_mailboxes(app, 1)
        campaign = make_campaign(app, pool, [*people(3, "odd"), *people(2), *people(1, "unknown")])
        app.send_lane(lane, NOW, time_budget_seconds=5)
    (reply,) = app.unknown_replies()
    assert (reply.provider, reply.code, reply.replies) == ("smtp ses", "550 5.9.9", 3)
    assert states(app, campaign) == {"accepted": 2, "refused": 4}
    assert "people.test" not in str(execute(app, "select * from ledger.unknown_replies"))


@pytest.mark.parametrize(("preset", "limit"), [("gmail", 500), ("gmail-oauth", 2_000)])
def test_a_mailbox_cannot_be_set_above_what_its_mail_service_takes(app: App, preset: str, limit: int) -> None:
    lane = make_lane(app, 1, preset=preset)
    make_pool(app)
    make_mailboxes(app, 1, daily_limit=limit)
    with pytest.raises(InputInvalid, match=str(limit)):
        make_mailboxes(app, 1, daily_limit=limit + 1)
    assert lane
