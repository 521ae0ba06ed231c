"""Photograph every page of a running Leadmill (`make demo`) into this folder. `make screenshots` runs it.

Log-ins come from the state folder's `credentials.txt`; Chromium from the machine. A demonstration has neither unclear
mails nor young mailboxes: for these two pictures kill a dispatch while it sends, and add mailboxes that warm up.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
VAR = Path(os.environ.get("LEADMILL_VAR_DIR", "var"))
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = {
    "overview": "",
    "campaigns": "campaigns",
    "campaign": "campaigns?campaign=1",
    "results": "campaigns?campaign=1#Results",
    "leads": "leads",
    "lead": "leads?lead=1",
    "deliverability": "deliverability",
    "mailboxes": "deliverability#Mailboxes",
    "stopped": "deliverability#Stopped",
    "warm-up": "deliverability#Warm-up",
    "simulation": "deliverability#Simulation",
    "unclear": "unclear",
    "team": "team",
    "organisation": "organisation",
    "account": "account",
}
"""Picture to address and, after a #, the tab; the demonstration's first campaign and lead have the number 1."""
PRESSED = {"simulation": "Simulate"}
"""The button without which a page has nothing to show."""


def main() -> None:
    """One picture a page, 1440 points wide."""
    log_ins = dict(read_log_ins((VAR / "credentials.txt").read_text()))
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        photograph_dashboards(page, *log_ins["Streamlit"])
        if "Airflow" in log_ins:
            photograph_airflow(browser.new_page(viewport={"width": 1440, "height": 900}), *log_ins["Airflow"])
        browser.close()


def read_log_ins(text: str) -> list[tuple[str, tuple[str, str, str]]]:
    """(name, (URL, user, password)) of each line that holds all three."""
    found = re.findall(r"^(\S+)\s+(https?://\S+)\s+(\S+)\s+(\S+)\s*$", text, re.MULTILINE)
    return [(name, (url, user, password)) for name, url, user, password in found]


def photograph_dashboards(page: Page, url: str, user: str, password: str) -> None:
    """The log-in page, then each page after it."""
    page.goto(f"{url}/login")
    page.screenshot(path=HERE / "log-in.png")
    page.fill("input[name=email]", user)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    for name, address in PAGES.items():
        path, _, tab = address.partition("#")
        page.goto(f"{url}/{path}")
        settle(page)
        if tab:
            page.locator("[data-testid=stTab]", has_text=tab).first.click()
            settle(page)
        if name in PRESSED:
            page.get_by_role("button", name=PRESSED[name], exact=True).click()
            settle(page)
        take(page, name)


def settle(page: Page) -> None:
    """Wait until Streamlit has drawn the page and nothing runs."""
    page.wait_for_selector("h1", timeout=60_000)
    page.wait_for_timeout(2_500)
    for busy in ("stStatusWidget", "stSkeleton", "stSpinner"):
        page.wait_for_function(f"!document.querySelector('[data-testid=\"{busy}\"]')", timeout=60_000)
    page.wait_for_timeout(1_500)


def take(page: Page, name: str) -> None:
    """The whole page, although Streamlit scrolls inside of it."""
    tall = page.evaluate(
        "Math.max(900, ...[...document.querySelectorAll('[data-testid=stMain]')].map(e => e.scrollHeight))"
    )
    page.set_viewport_size({"width": 1440, "height": min(int(tall) + 20, 2600)})
    settle(page)  # tables and charts draw themselves anew
    page.screenshot(path=HERE / f"{name}.png")
    page.set_viewport_size({"width": 1440, "height": 900})


def photograph_airflow(page: Page, url: str, user: str, password: str) -> None:
    """The list of DAGs."""
    page.goto(f"{url}/")
    page.wait_for_timeout(3_000)
    if page.locator("input[name=username]").count():
        page.fill("input[name=username]", user)
        page.fill("input[name=password]", password)
        page.keyboard.press("Enter")
        page.wait_for_timeout(3_000)
    page.goto(f"{url}/dags")
    page.wait_for_timeout(5_000)
    page.screenshot(path=HERE / "airflow.png")


if __name__ == "__main__":
    main()
