"""One database with a lane per (crash point, provider): limits that bind, leads to mail, and the laws to check after it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from leadmill.bootstrap import App
from leadmill.domain.crash_points import CrashPoint
from leadmill.domain.dispatch import LEASE
from leadmill.domain.sends import SENT_STATES, SendState
from tests.provider_stubs import Copy, ProviderSide
from tests.sending_world import ADMIN, NOW, execute, make_campaign, make_pool

LEADS = 12
ZONES = ("UTC", "Asia/Kolkata", "America/New_York")
MAILBOX_A_DAY, MAILBOX_AN_HOUR, DOMAIN_A_DAY, ACCOUNT_A_DAY = 4, 3, 8, 10
RECIPIENTS_AN_HOUR = DOMAIN_A_DAY
"""In every other cell the limit of the recipients' domain binds, and the sending domain's is one above it."""
PROVIDERS = ("smtp", "ses", "sendgrid")
MINUTE = timedelta(minutes=1)
SECRETS = {"CRASH_SES_SECRET": "AKIAEXAMPLE:secret", "CRASH_SENDGRID_SECRET": "SG.example"}


@dataclass(frozen=True)
class Lane:
    """One cell's own account, domain, three mailboxes in three zones, pool and campaign."""

    name: str
    provider: str
    point: CrashPoint
    campaign_id: int
    domain: str
    is_held_by_recipients: bool = False

    @property
    def domain_a_day(self) -> int:
        """Mails that the sending domain may send."""
        return DOMAIN_A_DAY + self.is_held_by_recipients


def make_crash_lane(
    app: App, side: ProviderSide, provider: str, point: CrashPoint, *, is_held_by_recipients: bool = False
) -> Lane:
    name = f"{provider}-{point.name.lower().replace('_', '-')}"
    config: dict[str, Any] = {
        "smtp": {"host": "127.0.0.1", "port": side.smtp_port, "tls": "none", "timeout_seconds": 20},
        "ses": {"region": "eu-central-1", "endpoint": side.urls["ses"], "timeout_seconds": 20},
        "sendgrid": {"host": side.urls["sendgrid"], "timeout_seconds": 20},
    }[provider]
    secret = "" if provider == "smtp" else f"CRASH_{provider.upper()}_SECRET"
    app.add_provider_account(
        ADMIN,
        name=name,
        provider=provider,
        config=config,
        secret_ref=secret,
        daily_limit=ACCOUNT_A_DAY,
        spread="as_fast_as_possible",
        as_of=NOW,
    )
    pool_id = make_pool(app, name)
    domain = f"{name}.test"
    lane = Lane(name, provider, point, 0, domain, is_held_by_recipients)
    app.add_sending_domain(ADMIN, name=domain, daily_limit=lane.domain_a_day, as_of=NOW)
    for number, zone in enumerate(ZONES):
        app.add_mailbox(
            ADMIN, address=f"box{number}@{domain}", account=name, pool=name, display_name="Ann", time_zone=zone,
            daily_limit=MAILBOX_A_DAY, hourly_limit=MAILBOX_AN_HOUR, as_of=NOW,
        )  # fmt: skip
    people = "people.test"
    if is_held_by_recipients:
        people = f"people.{domain}"
        app.set_recipient_limit(ADMIN, name, NOW, hourly_limit=RECIPIENTS_AN_HOUR, domains=[people])
    recipients = [f"{name}-{n}@{people}" for n in range(LEADS)]
    campaign_id = make_campaign(app, pool_id, recipients, steps=2, name=name)
    execute(
        app,
        "update ledger.campaigns set audience_count = %s, left_out = %s, planned_at = %s where campaign_id = %s",
        LEADS, Jsonb({}), NOW, campaign_id,
    )  # fmt: skip
    return replace(lane, campaign_id=campaign_id)


def dispatch(app: App, as_of: datetime) -> None:
    """What the DAG does in a minute: sweep, then each lane with work."""
    for group in app.open_lane_groups(as_of):
        app.send_lanes(group, as_of, time_budget_seconds=20)


def first_mails(app: App, lane: Lane) -> dict[int, dict[str, Any]]:
    rows = execute(
        app,
        "select send_id, state, code, mailbox_id, claimed_at from ledger.sends where campaign_id = %s and step = 1",
        lane.campaign_id,
    )
    return {row["send_id"]: row for row in rows}


def tell_what_arrived(app: App, copies: list[Copy]) -> None:
    """What the providers would report of these copies: events with our send id, bounces and replies quoting our Message-ID."""
    from tests.event_world import land, sendgrid_event, ses_record

    at = max(copy.at for copy in copies) + 5 * MINUTE if copies else NOW
    ses = [ses_record(copy.send_id, "Delivery", at=at) for copy in copies if copy.provider == "ses"]
    sendgrid = [sendgrid_event(copy.send_id, "delivered", at=at) for copy in copies if copy.provider == "sendgrid"]
    if ses:
        land(app, "ses", "matrix.json", ses)
    if sendgrid:
        land(app, "sendgrid", "matrix.json", sendgrid, array=True)
    for copy in (copy for copy in copies if copy.provider == "smtp"):
        mail = _delivery_report(app, copy, at) if copy.send_id % 2 else _reply(app, copy, at)
        app.store.write(f"landing/inbound/2026/03/02/{copy.send_id}.eml", mail)


def _delivery_report(app: App, copy: Copy, at: datetime) -> bytes:
    from leadmill.domain.send_references import message_id

    ours = message_id(copy.send_id, copy.mailbox.partition("@")[2], app.settings.secret)
    return (
        f"From: MAILER-DAEMON@mx.people.test\r\nTo: {copy.mailbox}\r\nSubject: Delivered\r\n"
        f"Date: {at:%a, %d %b %Y %H:%M:%S} +0000\r\nMessage-ID: <dsn-{copy.send_id}@mx.people.test>\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nYour mail was delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.people.test\r\n\r\n"
        f"Final-Recipient: rfc822; {copy.recipient}\r\nAction: delivered\r\nStatus: 2.0.0\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {ours}\r\n\r\n--b--\r\n"
    ).encode()


def _reply(app: App, copy: Copy, at: datetime) -> bytes:
    from leadmill.domain.send_references import message_id

    ours = message_id(copy.send_id, copy.mailbox.partition("@")[2], app.settings.secret)
    return (
        f"From: Lead <{copy.recipient}>\r\nTo: {copy.mailbox}\r\nSubject: Re: Step 1\r\n"
        f"Date: {at:%a, %d %b %Y %H:%M:%S} +0000\r\nMessage-ID: <re-{copy.send_id}@people.test>\r\n"
        f"In-Reply-To: {ours}\r\n\r\nTell me more.\r\n"
    ).encode()


# --- the laws


def assert_no_lead_has_two_copies(copies: list[Copy]) -> None:
    for counted in (Counter(copy.recipient for copy in copies), Counter(copy.send_id for copy in copies)):
        twice = [each for each, count in counted.items() if count > 1]
        assert not twice, f"two copies: {twice}"


def assert_no_limit_is_exceeded(app: App, lane: Lane, copies: list[Copy]) -> None:
    """By what arrived, under the clock of the receiving side; and the books never hold less than that."""
    by_day: Counter[tuple[str, date]] = Counter()
    by_hour: Counter[tuple[str, datetime]] = Counter()
    by_domain_day: Counter[date] = Counter()
    for copy in copies:
        zone = ZoneInfo(ZONES[int(copy.mailbox[3])])
        by_day[copy.mailbox, copy.at.astimezone(zone).date()] += 1
        by_hour[copy.mailbox, copy.at.replace(minute=0, second=0, microsecond=0)] += 1
        by_domain_day[copy.at.astimezone(UTC).date()] += 1
    assert max(by_day.values(), default=0) <= MAILBOX_A_DAY, by_day
    assert max(by_hour.values(), default=0) <= MAILBOX_AN_HOUR, by_hour
    assert max(by_domain_day.values(), default=0) <= lane.domain_a_day, by_domain_day
    if lane.is_held_by_recipients:
        to_their_domain = Counter(copy.at.replace(minute=0, second=0, microsecond=0) for copy in copies)
        assert max(to_their_domain.values(), default=0) <= RECIPIENTS_AN_HOUR, to_their_domain
    times = sorted(copy.at for copy in copies)
    assert all(sum(start <= at < start + timedelta(hours=24) for at in times) <= ACCOUNT_A_DAY for start in times), (
        times
    )
    assert_books_hold_what_arrived(app, lane, copies)


def assert_books_hold_what_arrived(app: App, lane: Lane, copies: list[Copy]) -> None:
    rows = execute(
        app,
        "select m.address, m.daily_limit, sum(u.taken) as taken, max(u.taken) as most"
        " from ledger.mailboxes m join ledger.sending_domains d using (domain_id)"
        " left join ledger.mailbox_usage u using (mailbox_id) where d.name = %s group by 1, 2",
        lane.domain,
    )
    arrived = Counter(copy.mailbox for copy in copies)
    for row in rows:
        assert (row["taken"] or 0) >= arrived[row["address"]], row
        assert (row["most"] or 0) <= row["daily_limit"], row
    if lane.is_held_by_recipients:
        (used,) = execute(
            app,
            "select coalesce(sum(taken), 0) as taken, coalesce(max(taken), 0) as most from ledger.recipient_usage"
            " where family = %s",
            lane.name,
        )
        assert used["taken"] >= len(copies), used
        assert used["most"] <= RECIPIENTS_AN_HOUR, used


def assert_nobody_is_lost(app: App, lane: Lane, copies: list[Copy]) -> None:
    """Every lead has its row; none is left claimed; what arrived is sent or in doubt; what is sent arrived."""
    law = app.conservation(lane.campaign_id)
    assert law.holds, law
    assert law.rows == 2 * LEADS
    rows = first_mails(app, lane)
    sent = {i for i, row in rows.items() if SendState(row["state"]) in SENT_STATES}
    doubtful = {i for i, row in rows.items() if row["state"] == SendState.AMBIGUOUS}
    planned = {i for i, row in rows.items() if row["state"] == SendState.PLANNED}
    arrived = {copy.send_id for copy in copies}
    assert sent | doubtful | planned == set(rows), Counter(row["state"] for row in rows.values())
    assert arrived <= sent | doubtful, "went out, and the ledger does not know"
    assert sent <= arrived, "counts as sent, and never went out"


def later(day: int = 0, minutes: float = 0) -> datetime:
    return NOW + timedelta(days=day, minutes=minutes)


AFTER_LEASE = LEASE / MINUTE + 1
