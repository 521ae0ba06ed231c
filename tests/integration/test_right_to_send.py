"""One installation sends, and no copy of it beside it; and nothing leaves that the journal in the store does not hold."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from leadmill.bootstrap import App
from leadmill.domain.sending_lease import LEASE
from leadmill.errors import LeadmillError, LedgerBehindJournal, NotAllowed, NotTheSender, StoreUnavailable
from leadmill.settings import Settings
from tests.mail_servers import SmtpRecorder, smtp_server
from tests.recall_world import until
from tests.restore_world import beside, copy_ledger, mails_by_person, restore_ledger
from tests.sending_world import (
    ADMIN,
    ANALYST,
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


def folder_of(app: App) -> Path:
    return Path(app.settings.store_uri.removeprefix("file://"))


def campaign_of(app: App, count: int, **limits: int) -> int:
    pool = make_pool(app)
    make_mailboxes(app, 2, **{"daily_limit": 1_000} | limits)
    return make_campaign(app, pool, people(count))


def test_before_its_first_mail_leaves_a_claims_sends_are_in_the_journal(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    campaign = campaign_of(app, 120)
    missing = []

    def look(*_: object) -> None:
        known = {i for key in app.journal.keys(after_claim=-1) for i in app.journal.read(key).send_ids}
        claimed = {row["send_id"] for row in sends(app, campaign, "state <> 'planned'")}
        missing.append(claimed - known if not known else set())

    original = mail.handle_RCPT

    async def handle(server, session, envelope, address, options):
        look()
        return await original(server, session, envelope, address, options)

    mail.handle_RCPT = handle  # type: ignore[method-assign]
    app.send_lane(lane, NOW, time_budget_seconds=20)
    assert len(missing) == 120
    assert not any(missing)
    entries = [app.journal.read(key) for key in app.journal.keys(after_claim=-1)]
    assert sorted(i for entry in entries for i in entry.send_ids) == [row["send_id"] for row in sends(app, campaign)]
    rows = execute(app, "select claim_id, worker, claimed_at from ledger.claims order by claim_id")
    assert [(e.claim_id, e.worker, e.claimed_at) for e in entries] == [tuple(row.values()) for row in rows]
    assert {step for entry in entries for step in entry.variants.values()} == {(campaign, 1)}
    hashes = {bytes(row["email_hash"]) for row in execute(app, "select email_hash from ledger.leads")}
    assert {each for entry in entries for each in entry.email_hashes} == hashes


def test_the_journal_names_nobody(app: App, mail: SmtpRecorder, lane: str) -> None:
    campaign_of(app, 5)
    app.send_lane(lane, NOW, time_budget_seconds=20)
    stored = b"".join(each.read_bytes() for each in folder_of(app).rglob("*") if each.is_file())
    assert b"people.test" not in stored
    assert b"lead-0" not in stored


@pytest.mark.parametrize("place", ["journal", "installation.json"])
def test_without_the_store_nothing_leaves_and_all_is_given_back(
    app: App, mail: SmtpRecorder, lane: str, place: str
) -> None:
    campaign = campaign_of(app, 30)
    app.open_lanes(NOW)
    blocked = folder_of(app) / place
    kept = blocked.read_bytes() if blocked.is_file() else b""
    blocked.write_bytes(b"in the way")  # the lease cannot be read; nothing can be written below journal/
    with pytest.raises(StoreUnavailable):
        app.send_lane(lane, NOW, time_budget_seconds=20)
    assert not mail.copies
    assert states(app, campaign) == {"planned": 30}
    assert not any(usage(app).values())
    assert [alert.kind for alert in app.open_alerts()] == ["sending_refused"]
    assert any("store" in each.sentence for each in app.explain_waiting(campaign, NOW))
    blocked.unlink()
    if kept:
        blocked.write_bytes(kept)
    app.send_lane(lane, later(minutes=1), time_budget_seconds=20)
    assert states(app, campaign) == {"accepted": 30}
    assert not app.open_alerts()


def test_several_workers_of_one_installation_send_at_once(app: App, mail: SmtpRecorder, lane: str) -> None:
    campaign = campaign_of(app, 600)
    mail.delay_seconds = 0.01
    errors: list[Exception] = []

    def work() -> None:
        own = App(app.settings)
        try:
            own.open_lanes(NOW)
            own.send_lane(lane, NOW, time_budget_seconds=30)
        except Exception as error:  # noqa: BLE001 - told by the assertion
            errors.append(error)
        finally:
            own.database.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert states(app, campaign) == {"accepted": 600}
    assert set(mail.copies.values()) == {1}


def test_a_copy_of_the_database_on_the_same_store_does_not_send_and_says_why(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    campaign = campaign_of(app, 40)
    app.open_lanes(NOW)
    copied = beside(app, copy_ledger(app, "beside_same_store"))
    app = App(app.settings)
    for at in (NOW, NOW + LEASE + timedelta(minutes=1), later(days=3)):
        with pytest.raises(NotTheSender, match=r"copy of .*take-over"):
            copied.open_lanes(at)
        with pytest.raises(NotTheSender):
            copied.send_lane(lane, at)
    assert not mail.copies
    assert [alert.severity for alert in copied.open_alerts()] == ["critical"]
    assert any("take-over" in each.sentence for each in copied.explain_waiting(campaign, NOW))
    dispatch(app, NOW)
    assert states(app, campaign) == {"accepted": 40}
    with pytest.raises(NotTheSender, match="after-restore"):
        copied.open_lanes(later(minutes=1))
    copied.database.close()


def test_another_installation_on_the_same_store_does_not_send(
    app: App, mail: SmtpRecorder, lane: str, postgres: str, template_database: str
) -> None:
    from tests.conftest import fresh_database

    campaign_of(app, 3)
    dispatch(app, NOW)
    with fresh_database(postgres, template_database) as url:
        other = beside(app, url)
        with pytest.raises(NotTheSender, match="Another installation"):
            other.open_lanes(NOW)
        other.database.close()


def test_a_copy_with_a_store_of_its_own_does_not_send_until_a_person_says_so(
    app: App, mail: SmtpRecorder, lane: str, tmp_path: Path
) -> None:
    campaign = campaign_of(app, 10)
    app.open_lanes(NOW)
    copy = copy_ledger(app, "beside_own_store")
    empty = beside(app, copy, store=f"file://{tmp_path}/empty")
    with pytest.raises(NotTheSender, match="is not the one"):
        dispatch(empty, NOW)
    shutil.copytree(folder_of(app), tmp_path / "copied")
    cloned = beside(app, copy, store=f"file://{tmp_path}/copied")
    with pytest.raises(NotTheSender, match="is a copy of"):
        dispatch(cloned, NOW)
    with pytest.raises(NotAllowed):
        cloned.take_over_sending(ANALYST, reason="staging", as_of=NOW)
    cloned.take_over_sending(ADMIN, reason="the store was moved", as_of=NOW)
    dispatch(cloned, NOW)
    assert states(cloned, campaign) == {"accepted": 10}
    rows = execute(cloned, "select reason from ledger.audit_log where action = 'store.take_over'")
    assert rows == [{"reason": "the store was moved"}]
    empty.database.close()
    cloned.database.close()


def test_who_is_taken_over_stops_with_its_next_claim(lake_app: App, mail: SmtpRecorder, lane: str) -> None:
    """The copy takes over while the first sends: no mail leaves twice, and none is lost."""
    app = lake_app
    campaign = campaign_of(app, 200)
    app.open_lanes(NOW)
    copied = beside(app, copy_ledger(app, "beside_take_over"))
    app = App(app.settings)
    mail.delay_seconds = 0.02
    stopped: list[Exception] = []

    def send() -> None:
        try:
            app.send_lane(lane, NOW, time_budget_seconds=20)
        except Exception as error:  # noqa: BLE001 - told by the assertion
            stopped.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    while len(mail.copies) < 10:
        thread.join(0.01)
    copied.take_over_sending(ADMIN, reason="moving house", as_of=later(minutes=1))
    with pytest.raises(LedgerBehindJournal):
        dispatch(copied, later(minutes=1))
    thread.join()
    assert [type(error) for error in stopped] == [NotTheSender]
    assert set(states(app, campaign)) == {"accepted", "planned"}
    sent = states(app, campaign)["accepted"]
    assert copied.after_restore(ADMIN, reason="moving house", as_of=later(minutes=2)).doubted >= sent
    dispatch(copied, later(minutes=3))
    assert set(mails_by_person(mail).values()) == {1}
    assert states(copied, campaign)["accepted"] + states(copied, campaign)["ambiguous"] == 200
    copied.database.close()


def test_a_worker_whose_ledger_was_restored_under_it_hands_nothing_over(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    campaign = campaign_of(app, 30)
    app.open_lanes(NOW)
    copy = copy_ledger(app, "restored_under_a_worker")
    app = App(app.settings)
    right = app.sending_right()
    right.take(as_of=NOW)
    claim = app.send_ledger.claim(lane, worker="host:1:old", now=NOW, limit=30)
    restored = restore_ledger(app, copy)
    dispatch(restored, later(minutes=1))
    assert states(restored, campaign) == {"accepted": 30}
    late = App(restored.settings).sending_right()
    late._token = right._token
    steps = {send.variant_id: (campaign, 1) for send in claim.sends}
    with pytest.raises(LedgerBehindJournal, match="not in the ledger any more"):
        late.journal_claim(claim, lane=lane, worker="host:1:old", steps=steps, now=later(minutes=2))
    restored.database.close()


def test_a_ledger_that_lacks_nothing_goes_on_by_itself_after_a_restore(app: App, mail: SmtpRecorder, lane: str) -> None:
    campaign = campaign_of(app, 5)
    dispatch(app, NOW)
    copy = copy_ledger(app, "nothing_lacks")
    app = App(app.settings)
    app.open_lanes(later(minutes=1))
    restored = restore_ledger(app, copy)
    dispatch(restored, later(minutes=2))
    assert states(restored, campaign) == {"accepted": 5}
    restored.database.close()


def test_planning_waits_until_a_restored_ledger_knows_which_numbers_were_given(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    campaign_of(app, 5)
    app.open_lanes(NOW)
    copy = copy_ledger(app, "planning_waits")
    app = App(app.settings)
    dispatch(app, NOW)
    restored = restore_ledger(app, copy)
    with pytest.raises(LedgerBehindJournal):
        restored.plan_campaigns(later(minutes=1))
    restored.database.close()


def test_a_dry_run_needs_no_right_and_leaves_nothing(app: App, mail: SmtpRecorder, lane: str) -> None:
    campaign_of(app, 5)
    assert app.send_lane(lane, NOW, dry_run=True)["claimed"] == 5
    assert [o.key for o in app.store.list("")] == []


def test_another_worker_name_makes_another_entry_for_the_same_number() -> None:
    from leadmill.domain.journal import key_of, read_key

    one, other = (key_of(7, worker, NOW) for worker in ("a:1:x", "b:1:x"))
    assert one != other
    assert "a:1" not in one
    assert read_key(one).claim_id == read_key(other).claim_id == 7  # type: ignore[union-attr]


def test_the_settings_of_two_workers_may_differ_in_where_they_run(app: App, lane: str) -> None:
    app.open_lanes(NOW)
    elsewhere = App(Settings(**(app.settings.model_dump() | {"var_dir": Path("/tmp/elsewhere")})))
    elsewhere.open_lanes(NOW)
    elsewhere.database.close()


def test_who_takes_over_from_itself_stops_nobody(app: App, lane: str) -> None:
    app.open_lanes(NOW)
    assert app.take_over_sending(ADMIN, reason="to be sure", as_of=later(minutes=1)) == ""
    copied = beside(app, copy_ledger(app, "beside_named"))
    assert "on this machine" in copied.take_over_sending(ADMIN, reason="moving house", as_of=later(minutes=2))
    copied.database.close()


def test_a_lane_that_waits_while_its_ledger_is_restored_mails_nobody_again(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    """The looks of the waiting lane have replaced its broken connections, so that its next claim meets no error."""
    campaign_of(app, 6, min_gap_seconds=3)
    app.open_lanes(NOW)
    copy = copy_ledger(app, "restored_while_a_lane_waits")
    app = App(app.settings)

    def send() -> None:
        with contextlib.suppress(LeadmillError, psycopg.OperationalError):  # it ends its run by what it meets first
            app.send_lane(lane, NOW, time_budget_seconds=8)

    thread = threading.Thread(target=send)
    thread.start()
    until(lambda: states(app)["accepted"] == 2)
    restore_ledger(App(app.settings), copy)
    thread.join()
    assert set(mails_by_person(mail).values()) == {1}
    app.database.close()


def test_a_worker_that_lived_on_hands_nothing_over_of_a_restored_ledger_whose_token_was_renewed(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    campaign = campaign_of(app, 30)
    app.open_lanes(NOW)
    copy = copy_ledger(app, "restored_and_renewed")
    app = App(app.settings)
    right = app.sending_right()
    dispatch(app, later(minutes=1))
    right.take(as_of=later(minutes=1))
    restored = restore_ledger(app, copy)
    with pytest.raises(LedgerBehindJournal):
        restored.open_lanes(later(minutes=2))
    claim = restored.send_ledger.claim(lane, worker="host:1:old", now=later(minutes=2), limit=30)
    assert len(claim.sends) == 30
    lived_on = restored.sending_right()
    lived_on._token, lived_on._database = right._token, right._database
    steps = {send.variant_id: (campaign, 1) for send in claim.sends}
    with pytest.raises(LedgerBehindJournal):
        lived_on.journal_claim(claim, lane=lane, worker="host:1:old", steps=steps, now=later(minutes=2))
    restored.database.close()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"claim_id": "x", "before": 7}'])
def test_a_broken_note_of_how_far_the_journal_reaches_stops_dispatch_and_is_told(app: App, body: bytes) -> None:
    app.store.write("journal-tidied.json", body)
    with pytest.raises(StoreUnavailable, match="journal-tidied"):
        app.open_lanes(NOW)
    assert [alert.kind for alert in app.open_alerts()] == ["sending_refused"]
