"""The restore drill: an older copy of the ledger comes back, and nobody is mailed twice, and nobody who left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from leadmill.adapters.store_journal import StoreJournal
from leadmill.bootstrap import App
from leadmill.domain.journal import JournalEntry
from leadmill.errors import InputInvalid, LedgerBehindJournal, NotTheSender
from tests.event_world import edge_line, land, sendgrid_event
from tests.mail_servers import SmtpRecorder, smtp_server
from tests.restore_world import copy_ledger, mails_by_person, restore_ledger
from tests.sending_world import (
    ADMIN,
    NOW,
    execute,
    later,
    make_campaign,
    make_lane,
    make_mailboxes,
    make_pool,
    people,
    sends,
    states,
    usage,
)

MAILS = 200
LEFT, COMPLAINED, ANSWERED, DELIVERED = range(10), range(10, 15), range(15, 30), range(30, 120)


@pytest.fixture
def mail() -> SmtpRecorder:
    return SmtpRecorder()


@pytest.fixture
def lane(app: App, mail: SmtpRecorder) -> Iterator[str]:
    with smtp_server(mail) as port:
        yield make_lane(app, port)


def dispatch(app: App, as_of) -> None:
    for group in app.open_lane_groups(as_of):
        app.send_lanes(group, as_of, time_budget_seconds=20)


def plan(app: App, campaign: int, variant: int, at: datetime, *, with_tag: bool = False) -> None:
    """Give leads their first mail's row: those whose address has a "+tag", or the others."""
    rows = (
        "insert into ledger.sends (campaign_id, step, lead_id, variant_id, due_at, state_changed_at) "
        "select %s, 1, l.lead_id, %s, %s, %s from ledger.leads l where (position('+' in l.email) > 0) = %s order by l.lead_id"
    )
    execute(app, rows, campaign, variant, at, at, with_tag)


def reply(app: App, send: dict, at) -> bytes:
    from leadmill.domain.send_references import message_id

    ours = message_id(send["send_id"], "brand.test", app.settings.secret)
    return (
        f"From: Lead <{send['email']}>\r\nTo: box0@brand.test\r\nSubject: Re: Step 1\r\n"
        f"Date: {at:%a, %d %b %Y %H:%M:%S} +0000\r\nMessage-ID: <re-{send['send_id']}@people.test>\r\n"
        f"In-Reply-To: {ours}\r\n\r\nTell me more.\r\n"
    ).encode()


def hear_from_them(app: App, mailed: list[dict], at) -> None:
    """Some leave, some complain, some answer, of most a provider says that they have it; the rest stays silent."""
    ids = [send["send_id"] for send in mailed]
    land(app, "edge", "left.ndjson", [edge_line(ids[n], "unsubscribed", at=at) for n in LEFT])
    words = [*((n, "spamreport") for n in COMPLAINED), *((n, "delivered") for n in DELIVERED)]
    land(app, "sendgrid", "heard.json", [sendgrid_event(ids[n], word, at=at) for n, word in words], array=True)
    for n in ANSWERED:
        app.store.write(f"landing/inbound/2026/03/02/{ids[n]}.eml", reply(app, mailed[n], at))


@pytest.mark.parametrize("is_the_same_database", [True, False], ids=["disk snapshot", "dump restored"])
@pytest.mark.parametrize("were_collected", [True, False], ids=["events were collected", "events wait"])
def test_the_drill_of_a_restore_mails_nobody_twice_and_nobody_who_left(
    lake_app: App, mail: SmtpRecorder, lane: str, *, is_the_same_database: bool, were_collected: bool
) -> None:
    app = lake_app
    pool = make_pool(app)
    boxes = make_mailboxes(app, 4, daily_limit=1_000)
    make_campaign(app, pool, people(20, "before"), name="before")
    dispatch(app, NOW)
    campaign = make_campaign(app, pool, people(MAILS), steps=2, due_at=later(minutes=10))
    copy = copy_ledger(app, f"snapshot_{is_the_same_database}_{were_collected}".lower())
    app = App(app.settings)

    dispatch(app, later(minutes=20))
    mailed = sends(app, campaign, "step = 1")
    assert states(app, campaign)["accepted"] == MAILS
    hear_from_them(app, mailed, later(minutes=25))
    if were_collected:
        app.collect_events(later(minutes=30))
        app.project_events(later(minutes=30))
    app.pause_mailbox(ADMIN, boxes[0], reason="its owner is away", as_of=later(minutes=31))
    app.suppress_person(ADMIN, email=mailed[150]["email"], reason="said so by phone", as_of=later(minutes=32))
    app.erase_person(ADMIN, email=mailed[151]["email"], reason="asked for it", as_of=later(minutes=33))
    app.open_lanes(later(minutes=35))
    before = usage(app)

    app = restore_ledger(app, copy, is_the_same_database=is_the_same_database)
    with pytest.raises(LedgerBehindJournal if is_the_same_database else NotTheSender, match="after-restore"):
        dispatch(app, later(minutes=40))
    assert [alert.severity for alert in app.open_alerts() if alert.kind == "sending_refused"] == ["critical"]
    assert any("after-restore" in each.sentence for each in app.explain_waiting(campaign, later(minutes=40)))

    outcome = app.after_restore(ADMIN, reason="the drill", as_of=later(minutes=50))

    heard = len(LEFT) + len(COMPLAINED) + len(ANSWERED) + len(DELIVERED)
    assert outcome.doubted + outcome.known == MAILS
    assert outcome.known <= 2  # whom wishes withdrew before
    assert (outcome.settled, outcome.waiting) == (heard, outcome.doubted - heard)
    assert outcome.missing == 0
    assert outcome.wishes["stopped"] >= 1
    assert usage(app) == before
    assert not [alert for alert in app.open_alerts() if alert.kind == "sending_refused"]
    for day in range(6):
        dispatch(app, later(days=day, minutes=60))
    copies = mails_by_person(mail)
    assert set(copies.values()) == {1}
    assert sum(subject == "Step 1" for _, subject in copies) == MAILS + 20
    # The complaints have paused the mailboxes: follow-ups are due to those who were heard of, and to nobody else.
    due = {row["email"] for row in sends(app, campaign, "step = 2") if row["state"] == "planned" and row["due_at"]}
    assert due == {mailed[n]["email"] for n in DELIVERED}
    assert execute(app, "select status from ledger.mailboxes where mailbox_id = %s", boxes[0]) == [{"status": "paused"}]
    assert execute(app, "select email from ledger.leads where lead_id = %s", mailed[151]["lead_id"]) == [
        {"email": None}
    ]
    gone = {mailed[n]["email"] for n in (*LEFT, *COMPLAINED, 150)}
    assert gone <= {row["email"] for row in execute(app, "select email from ledger.suppressions")}
    assert not gone & {to for to, subject in copies if subject == "Step 2"}
    left = {mailed[n]["email"] for n in (*LEFT, *COMPLAINED)}
    assert {row["state"] for row in sends(app, campaign, "step = 2") if row["email"] in left} == {"cancelled"}
    assert len([d for i in app.open_incidents() for d in i.doubts]) == outcome.waiting
    assert not app.check_conservation(later(days=7)).faults


def test_a_campaign_planned_after_the_copy_is_in_doubt_when_it_is_planned_again(
    lake_app: App, mail: SmtpRecorder, lane: str
) -> None:
    app = lake_app
    pool = make_pool(app)
    make_mailboxes(app, 2, daily_limit=1_000)
    campaign = make_campaign(app, pool, people(10))
    planned = sends(app, campaign)
    execute(app, "delete from ledger.sends")  # as it was before it was planned
    app.open_lanes(NOW)
    copy = copy_ledger(app, "planned_after_the_copy")
    app = App(app.settings)
    variant = planned[0]["variant_id"]
    plan(app, campaign, variant, NOW)
    dispatch(app, NOW)

    app = restore_ledger(app, copy)
    outcome = app.after_restore(ADMIN, reason="the drill", as_of=later(minutes=5))
    assert (outcome.doubted, outcome.missing) == (0, 10)
    plan(app, campaign, variant, NOW)
    dispatch(app, later(minutes=10))

    assert states(app, campaign) == {"ambiguous": 10}
    assert set(mails_by_person(mail).values()) == {1}
    assert min(row["send_id"] for row in sends(app, campaign)) > max(row["send_id"] for row in planned) + 9


def test_mails_without_a_row_are_mails_to_their_people_also_at_another_address_of_theirs(
    lake_app: App, mail: SmtpRecorder, lane: str
) -> None:
    app = lake_app
    pool = make_pool(app)
    make_mailboxes(app, 1, daily_limit=1_000)
    names = people(5)
    lost = make_campaign(app, pool, names)
    aliases = [email.replace("@", "+2@") for email in names]
    other = make_campaign(app, pool, aliases, days_apart=7, leave_out_in_sequence=False)
    later_on = NOW + timedelta(days=3)
    execute(app, "update ledger.sends set due_at = %s where campaign_id = %s", later_on, other)
    variant = sends(app, lost)[0]["variant_id"]
    execute(app, "delete from ledger.sends where campaign_id = %s", lost)
    app.open_lanes(NOW)
    copy = copy_ledger(app, "lost_rows")
    app = App(app.settings)
    plan(app, lost, variant, NOW)
    dispatch(app, NOW)

    app = restore_ledger(app, copy)
    assert app.after_restore(ADMIN, reason="the drill", as_of=later(minutes=5)).missing == 5
    contacts = execute(
        app, "select kind, count(*) as people from ledger.contacts(%s) group by 1 order by 1", NOW - timedelta(days=1)
    )
    assert {row["kind"]: row["people"] for row in contacts} == {"in_sequence": 5, "mailed": 5}
    dispatch(app, later_on)  # within the days between two campaigns
    assert states(app, other) == {"planned": 5}
    plan(app, lost, variant, later_on, with_tag=True)  # planned again, by their other addresses
    dispatch(app, later_on + timedelta(minutes=1))
    assert states(app, lost) == {"ambiguous": 5}
    assert len(mail.mails) == 5
    dispatch(app, NOW + timedelta(days=8))
    assert states(app, other) == {"accepted": 5}


def test_a_later_campaign_with_the_number_of_a_lost_one_hides_none_of_its_mails(lake_app: App) -> None:
    campaign = make_campaign(lake_app, make_pool(lake_app), people(3))
    execute(
        lake_app,
        "insert into ledger.restored_sends (campaign_id, step, email_hash, claimed_at)"
        " select c.campaign_id, 1, l.email_hash, c.created_at - interval '1 day'"
        " from ledger.campaigns c, ledger.leads l where c.campaign_id = %s",
        campaign,
    )
    assert len(execute(lake_app, "select * from ledger.lost_mails")) == 3
    execute(lake_app, "update ledger.restored_sends set claimed_at = claimed_at + interval '2 days'")  # its own ones
    assert execute(lake_app, "select * from ledger.lost_mails") == []


def test_what_was_refused_in_the_copy_and_sent_again_since_is_in_doubt_and_not_sent_again_once_more(
    lake_app: App, mail: SmtpRecorder, lane: str
) -> None:
    app = lake_app
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign = make_campaign(app, pool, people(3), planned_at=NOW, audience_count=3)
    app.open_lanes(NOW)
    refused = "state = 'refused', fault = 'moment', code = 'server-unavailable', claimed_at = %s, attempts = 10"
    execute(app, f"update ledger.sends set {refused}", NOW)
    execute(app, "update ledger.campaigns set status = 'finished', finished_at = %s", NOW)
    copy = copy_ledger(app, "refused_and_sent_again")
    app = App(app.settings)
    app.send_refused_again(ADMIN, campaign, ["server-unavailable"], reason="it works", as_of=later(minutes=1))
    dispatch(app, later(minutes=2))

    app = restore_ledger(app, copy)
    assert app.after_restore(ADMIN, reason="the drill", as_of=later(minutes=10)).doubted == 3
    assert (
        app.send_refused_again(ADMIN, campaign, ["server-unavailable"], reason="?", as_of=later(minutes=11)).mails == 0
    )
    dispatch(app, later(minutes=20))
    assert set(mails_by_person(mail).values()) == {1}
    assert app.check_conservation(later(minutes=21)).faults == 0


def test_a_restore_that_is_broken_off_goes_on_where_it_was_and_a_further_one_changes_nothing(
    lake_app: App, mail: SmtpRecorder, lane: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = lake_app
    make_mailboxes(app, 2, pool=(make_pool(app), "pool")[1], daily_limit=1_000)
    campaign = make_campaign(app, 1, people(MAILS), steps=2, due_at=later(minutes=10))
    app.open_lanes(NOW)
    copy = copy_ledger(app, "broken_off")
    app = App(app.settings)
    dispatch(app, later(minutes=20))
    before = usage(app)
    app = restore_ledger(app, copy)

    reads = StoreJournal.read
    read: list[str] = []

    def dies_halfway(journal: StoreJournal, key: str) -> JournalEntry:
        read.append(key)
        if len(read) == 2:
            raise KeyboardInterrupt
        return reads(journal, key)

    monkeypatch.setattr(StoreJournal, "read", dies_halfway)
    with pytest.raises(KeyboardInterrupt):
        app.after_restore(ADMIN, reason="the drill", as_of=later(minutes=30))
    assert len(read) == 2, "there were several claims"
    monkeypatch.undo()
    with pytest.raises(LedgerBehindJournal, match="began at"):
        dispatch(app, later(minutes=31))
    outcome = app.after_restore(ADMIN, reason="the drill", as_of=later(minutes=40))
    assert (outcome.doubted, outcome.waiting) == (MAILS, MAILS)
    again = app.after_restore(ADMIN, reason="to be sure", as_of=later(minutes=50))
    assert (again.entries, again.doubted, again.missing) == (0, 0, 0)
    dispatch(app, later(days=4))
    assert states(app, campaign) == {"ambiguous": MAILS, "planned": MAILS}
    assert usage(app) == before
    assert set(mails_by_person(mail).values()) == {1}


def test_who_opts_out_by_an_answer_stays_out_after_a_restore(lake_app: App, mail: SmtpRecorder, lane: str) -> None:
    app = lake_app
    make_mailboxes(app, 1, pool=(make_pool(app), "pool")[1], daily_limit=1_000)
    campaign = make_campaign(app, 1, people(3), steps=2, due_at=later(minutes=10))
    app.open_lanes(NOW)
    copy = copy_ledger(app, "opted_out_by_answer")
    app = App(app.settings)
    dispatch(app, later(minutes=20))
    first, second, _ = sends(app, campaign, "step = 1")
    for send, text in ((first, b"unsubscribe"), (second, b"Tell me more.")):
        answer = reply(app, send, later(minutes=25)).replace(b"Tell me more.", text)
        app.store.write(f"landing/inbound/2026/03/02/{send['send_id']}.eml", answer)
    app.collect_events(later(minutes=26))
    app.project_events(later(minutes=26))

    app = restore_ledger(app, copy)
    app.after_restore(ADMIN, reason="the drill", as_of=later(minutes=30))
    dispatch(app, later(days=4))
    follow_ups = {row["lead_id"]: (row["state"], row["code"]) for row in sends(app, campaign, "step = 2")}
    assert follow_ups[first["lead_id"]][0] == "cancelled"
    assert follow_ups[second["lead_id"]] == ("cancelled", "replied")
    suppressed = execute(app, "select email, reason from ledger.suppressions")
    assert [(row["email"], row["reason"]) for row in suppressed] == [(first["email"], "unsubscribed")]


@pytest.mark.parametrize("before", [True, False], ids=["before the restore", "after it"])
@pytest.mark.parametrize("how", ["link", "complaint", "answer"])
def test_who_leaves_by_a_mail_that_the_copy_has_no_row_of_stays_out(
    lake_app: App, mail: SmtpRecorder, lane: str, how: str, before: bool
) -> None:
    app = lake_app
    make_mailboxes(app, 2, pool=(make_pool(app), "pool")[1], daily_limit=1_000)
    campaign = make_campaign(app, 1, people(10))
    variant = sends(app, campaign)[0]["variant_id"]
    execute(app, "delete from ledger.sends")
    app.open_lanes(NOW)
    copy = copy_ledger(app, f"no_row_{how}_{before}".lower())
    app = App(app.settings)
    plan(app, campaign, variant, NOW)
    dispatch(app, NOW)
    gone = sends(app, campaign)[0]

    def leave(at: datetime) -> None:
        if how == "link":
            land(app, "edge", "left.ndjson", [edge_line(gone["send_id"], "unsubscribed", at=at)])
        elif how == "complaint":
            land(app, "sendgrid", "c.json", [sendgrid_event(gone["send_id"], "spamreport", at=at)], array=True)
        else:
            said = reply(app, gone, at).replace(b"Tell me more.", b"unsubscribe")
            app.store.write("landing/inbound/2026/03/02/x.eml", said.replace(gone["email"].encode(), b"jo@home.test"))

    if before:
        leave(later(minutes=4))
    app = restore_ledger(app, copy)
    assert app.after_restore(ADMIN, reason="the drill", as_of=later(minutes=5)).missing == 10
    if not before:
        leave(later(minutes=30))
    app.collect_events(later(minutes=60))
    app.project_events(later(minutes=60))
    assert [row["email"] for row in execute(app, "select email from ledger.suppressions")] == [gone["email"]]
    other = make_campaign(app, 1, [gone["email"]], name="other", due_at=later(days=20))
    dispatch(app, later(days=20, minutes=1))
    assert states(app, other) == {"suppressed": 1}
    app.database.close()


def test_evidence_of_the_old_number_settles_the_doubt_that_a_new_plan_made_of_the_mail(
    lake_app: App, mail: SmtpRecorder, lane: str
) -> None:
    app = lake_app
    make_mailboxes(app, 2, pool=(make_pool(app), "pool")[1], daily_limit=1_000)
    campaign = make_campaign(app, 1, people(10))
    variant = sends(app, campaign)[0]["variant_id"]
    execute(app, "delete from ledger.sends")
    execute(app, "update ledger.campaigns set created_at = %s", NOW - timedelta(days=1))
    app.open_lanes(NOW)
    copy = copy_ledger(app, "old_number")
    app = App(app.settings)
    plan(app, campaign, variant, NOW)
    dispatch(app, NOW)
    old = sends(app, campaign)
    app = restore_ledger(app, copy)
    app.after_restore(ADMIN, reason="the drill", as_of=later(minutes=5))
    plan(app, campaign, variant, later(minutes=6))
    assert states(app, campaign) == {"ambiguous": 10}
    assert not {row["send_id"] for row in sends(app, campaign)} & {row["send_id"] for row in old}
    words = [sendgrid_event(row["send_id"], "delivered", at=later(minutes=1)) for row in old[:4]]
    land(app, "sendgrid", "heard.json", words, array=True)
    app.store.write("landing/inbound/2026/03/02/x.eml", reply(app, old[4], later(minutes=30)))
    app.collect_events(later(minutes=60))
    app.project_events(later(minutes=60))
    assert states(app, campaign)["delivered"] == 5
    assert {r["email"] for r in sends(app, campaign, "state = 'delivered'")} == {row["email"] for row in old[:5]}
    assert [row["email"] for row in sends(app, campaign, "replied_at is not null")] == [old[4]["email"]]
    app.database.close()


def test_a_mail_sent_again_since_the_copy_counts_for_the_days_between_campaigns(
    lake_app: App, mail: SmtpRecorder, lane: str
) -> None:
    app = lake_app
    make_mailboxes(app, 2, pool=(make_pool(app), "pool")[1], daily_limit=1_000)
    first = make_campaign(app, 1, ["jo@people.test"], name="first", planned_at=NOW)
    refused = "update ledger.sends set state = 'refused', code = '550 5.7.1', fault = 'message', mailbox_id = 1"
    execute(app, f"{refused}, claimed_at = %s where campaign_id = %s", NOW, first)
    app.plan_campaigns(NOW)
    other = make_campaign(app, 1, ["jo@people.test"], name="other", planned_at=NOW, days_apart=7, due_at=later(days=2))
    app.open_lanes(NOW)
    copy = copy_ledger(app, "sent_again_apart")
    app = App(app.settings)
    app.send_refused_again(ADMIN, first, ["550 5.7.1"], reason="Wrong", as_of=later(hours=1))
    dispatch(app, later(hours=2))
    app = restore_ledger(app, copy)
    app.after_restore(ADMIN, reason="the drill", as_of=later(hours=3))
    assert states(app, first) == {"ambiguous": 1}
    dispatch(app, later(days=2, minutes=1))
    assert states(app, other) == {"planned": 1}
    app.database.close()


def test_a_restore_without_a_reason_is_refused_before_it_begins(lake_app: App, mail: SmtpRecorder, lane: str) -> None:
    with pytest.raises(InputInvalid, match="Say why"):
        lake_app.after_restore(ADMIN, reason=" ", as_of=NOW)
    lake_app.open_lanes(later(minutes=1))
