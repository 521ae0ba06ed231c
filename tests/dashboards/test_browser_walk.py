"""A person's day in a real browser: log in, upload leads, make a campaign, approve it, and read its results.

The dashboards are a real process; what Airflow would run between the clicks is called here, mail goes out by SMTP to a
server on loopback, and the touches come back as the edge app writes them. Screenshots of each station stay in the
test's folder.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM
from tests.campaign_world import HTML, sends, set_organisation
from tests.mail_servers import SmtpRecorder, smtp_server

REPOSITORY = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AT_REST = """() => document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === 'notRunning'
    && ![...document.querySelectorAll('[data-testid="stSkeleton"]')].some(e => e.checkVisibility())"""
PATIENCE_MS = 20_000
ADMIN = "admin@leadmill.test"
LEADS = 12

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def dashboards(lake_app: App, tmp_path: Path) -> Iterator[str]:
    """URL of the dashboards' process over the test's own ledger and store."""
    port = free_port()
    settings = lake_app.settings
    environment = dict(os.environ) | {
        "LEADMILL_VAR_DIR": str(settings.var_dir),
        "LEADMILL_DATABASE_URL": settings.database_url,
        "LEADMILL_STORE": settings.store,
        "LEADMILL_SECRET_KEY": settings.secret_key.get_secret_value(),
        "LEADMILL_EDGE_BASE_URL": settings.edge_base_url,
        "LEADMILL_ALLOW_SPECIAL_USE_DOMAINS": "true",
        "LEADMILL_STREAMLIT_BASE_URL": f"http://127.0.0.1:{port}",
    }
    command = [sys.executable, "-m", "streamlit", "run", "dashboards/streamlit_app.py"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    with (tmp_path / "streamlit.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log)
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}/healthz", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(300):
        assert process.poll() is None, "the dashboards ended while starting; see streamlit.log"
        try:
            opener.open(url, timeout=2)
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail("the dashboards did not become healthy")


class Walker:
    """A browser's page with the few moves that the walk makes."""

    def __init__(self, page, folder: Path) -> None:
        self.page = page
        self._folder = folder
        self._shots = 0

    def shoot(self, name: str) -> None:
        """Keep what is on the screen, once nothing runs."""
        self.settle()
        self._shots += 1
        self.page.screenshot(path=str(self._folder / f"{self._shots:02}-{name}.png"), full_page=True)

    def settle(self) -> None:
        """Wait until Streamlit has stopped running the page and everything is drawn."""
        self.page.wait_for_timeout(150)
        self.page.wait_for_function(AT_REST)

    def see(self, text: str) -> None:
        self.page.get_by_text(text).locator("visible=true").first.wait_for()

    def click(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()
        self.settle()

    def section(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()
        self.settle()

    def fill(self, label: str, value: str) -> None:
        field = self.page.get_by_label(label, exact=True).locator("visible=true").first
        field.fill(value)
        field.press("Tab")
        self.settle()

    def choose(self, label: str, option: str) -> None:
        self.page.get_by_role("combobox", name=label).click()
        self.page.get_by_role("option", name=option).click()
        self.settle()

    def open(self, name: str) -> None:
        """Another page, by the navigation."""
        self.page.get_by_test_id("stSidebarNav").get_by_text(name, exact=True).click()
        self.page.get_by_role("heading", name=name, exact=True).wait_for()
        self.settle()


@pytest.fixture
def walker(tmp_path: Path) -> Iterator[Walker]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(PATIENCE_MS)
        yield Walker(page, tmp_path)
        page.screenshot(path=str(tmp_path / "last.png"), full_page=True)
        browser.close()


def lead_file(folder: Path) -> Path:
    """Twelve people and one broken row."""
    rows = ["email,first_name,company,country"]
    rows += [f"person{n}@people{n % 3}.test,Person{n},Works {n % 3},DE" for n in range(LEADS)]
    path = folder / "fair.csv"
    path.write_text("\n".join([*rows, "no-address,Nobody,,DE"]) + "\n")
    return path


def set_up_sending(app: App, port: int) -> None:
    at = datetime.now(UTC)
    set_organisation(app)
    app.create_pool(SYSTEM, "own smtp", at, legal_bases=["consent"])
    config = {"host": "127.0.0.1", "port": port, "tls": "none", "timeout_seconds": 5}
    app.add_provider_account(
        SYSTEM, name="relay", provider="smtp", config=config, spread="as_fast_as_possible", as_of=at
    )
    app.add_sending_domain(SYSTEM, name="brand.test", as_of=at)
    for number in range(2):
        app.add_mailbox(
            SYSTEM,
            address=f"ann{number}@brand.test",
            account="relay",
            pool="own smtp",
            display_name="Ann of Acme",
            as_of=at,
        )


def log_in(walker: Walker, url: str, password: str) -> None:
    walker.page.goto(url)
    walker.page.get_by_label("E-mail address").fill(ADMIN)
    walker.page.get_by_label("Password").fill(password)
    walker.page.get_by_role("button", name="Log in").click()
    walker.see("What was sent, what came back, and what is blocked.")


def upload(walker: Walker, app: App, folder: Path) -> None:
    walker.open("Leads")
    walker.section("Upload a file")
    walker.page.locator("input[type=file]").set_input_files(str(lead_file(folder)))
    walker.see("fair.csv")
    walker.fill("Source", "fair")
    walker.choose("Legal basis", "Consent")
    walker.click("Upload and import")
    walker.see("waiting for Airflow to pick it up")
    (key,) = app.waiting_lead_files()
    app.import_lead_file(key, as_of=datetime.now(UTC), requested_by=ADMIN)
    walker.see("Report: ")
    walker.shoot("lead-file")


def make_campaign(walker: Walker) -> None:
    walker.open("Campaigns")
    walker.see("There is no campaign yet.")
    walker.shoot("campaigns-empty")
    walker.fill("Campaign name", "Spare parts in two days")
    walker.click("Create campaign")
    walker.see("Will be mailed")
    walker.shoot("campaign-audience")
    walker.click("Save and go on to Content")
    walker.fill("Subject", "{{ company }}: spare parts in two days")
    walker.see("Works")
    # Typing while a slow run draws the page must not empty its neighbours.
    assert "unsubscribe_url" in walker.page.locator("textarea").first.input_value()
    walker.shoot("campaign-content")
    write_own_words(walker)
    walker.click("Save and go on to Schedule")
    walker.page.get_by_text("As soon as possible", exact=True).click()
    walker.settle()
    walker.page.get_by_text("On every day", exact=True).click()  # the walk may be taken on a Sunday
    walker.settle()
    walker.page.get_by_text("Not on public holidays", exact=True).click()
    walker.settle()
    walker.shoot("campaign-schedule")
    walker.click("Save and go on to Check and approve")
    walker.see("It can be approved.")
    walker.shoot("campaign-checks")
    walker.click("Approve …")
    walker.see("12 people get up to 2 mails each, the first from now on, as soon as a mailbox is free.")
    walker.shoot("campaign-question")
    walker.click("Yes, mail 12 people")
    walker.see("Approved. Planning starts within 15 minutes")
    walker.shoot("campaign-approved")


def write_own_words(walker: Walker) -> None:
    """Own words in place of what the sample asks for, in every mail of the sequence."""
    for choice in ("A", "B", "Follow-up 1"):
        walker.page.get_by_test_id("stButtonGroup").get_by_text(choice, exact=True).click()
        walker.settle()
        body = walker.page.locator("textarea").first
        body.fill(HTML)
        body.press("Tab")
        walker.settle()


def land_touches(app: App, campaign_id: int, at: datetime) -> None:
    """One person opens and clicks, one reads and writes nothing, as the edge app would write it."""
    first, second = [row["send_id"] for row in sends(app, campaign_id, "state = 'accepted'")][:2]
    touches = [("opened", first), ("clicked", first), ("opened", second)]
    lines = [
        {
            "event_id": f"walk-{number}",
            "kind": kind,
            "send_id": send_id,
            "occurred_at": (at + timedelta(minutes=5)).isoformat().replace("+00:00", "Z"),
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0",
            "ip": "192.0.2.1",
            "url": "https://www.example.com" if kind == "clicked" else "",
            "method": "GET",
        }
        for number, (kind, send_id) in enumerate(touches)
    ]
    body = "\n".join(json.dumps(line) for line in lines).encode()
    app.store.write(f"landing/events/edge/{at:%Y/%m/%d}/{at:%H%M%S}-walk.ndjson", body)


def test_from_the_log_in_to_the_results(lake_app: App, dashboards: str, walker: Walker, tmp_path: Path) -> None:
    app, recorder = lake_app, SmtpRecorder()
    password = app.ensure_first_admin(ADMIN, datetime.now(UTC))
    assert password
    with smtp_server(recorder) as smtp_port:
        set_up_sending(app, smtp_port)
        log_in(walker, dashboards, password)
        upload(walker, app, tmp_path)
        make_campaign(walker)
        (campaign,) = app.campaigns()
        at = datetime.now(UTC)
        app.plan_campaigns(at)
        app.open_lanes(at)
        app.send_lane("relay", at, time_budget_seconds=10)
    assert len(recorder.copies) == LEADS
    assert set(recorder.copies.values()) == {1}
    land_touches(app, campaign.campaign_id, at)
    later = at + timedelta(minutes=10)
    app.collect_events(later)
    app.project_events(later)

    walker.page.reload()
    walker.see("12 leads times 2 mails = 24")
    walker.shoot("campaign-progress")
    walker.section("Results")
    walker.see("17% (2)")
    walker.see("By people")
    walker.shoot("campaign-results")
    walker.click("All campaigns")
    walker.see("Whom we mail, with what")
    walker.shoot("campaigns")
    walker.open("Overview")
    walker.see("From sent to replied")
    walker.shoot("overview")
    assert not walker.page.get_by_text("Traceback").count()
