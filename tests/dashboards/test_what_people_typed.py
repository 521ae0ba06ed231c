"""What somebody typed: shown as text, kept after an error, gone after it was done, and never done twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from leadmill.bootstrap import App
from leadmill.domain.access import Role
from leadmill.domain.mailboxes import SenderStatus
from tests.campaign_world import ANALYST, NOW, execute, make_draft, make_pool
from tests.dashboards.page_runner import open_page, words_of

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

HOSTILE = "**5 for 4** [free](https://evil.test) $x$ :material/home: `code`"
AS_TEXT = r"\*\*5 for 4\*\* \[free\]\(https\://evil.test\) \$x\$ \:material/home: \`code\`"


def press(page: AppTest, label: str) -> None:
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception


def test_a_refusal_names_a_campaign_as_text(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = lake_app.create_campaign(ANALYST, make_draft(make_pool(lake_app), name=HOSTILE), NOW)
    execute(lake_app, "update ledger.campaigns set status = 'paused', planned_at = updated_at")
    execute(
        lake_app,
        "insert into ledger.content_reviews (campaign_id, complaints, mails, mailbox_ids, is_held, opened_at)"
        " values (%s, 2, 40, '{}', true, %s)",
        campaign_id, NOW,
    )  # fmt: skip
    page = open_page(monkeypatch, lake_app, "campaigns", campaign=str(campaign_id))
    assert page.title[0].value == AS_TEXT
    page.text_input(key="resume_reason").set_value("right again")
    press(page, "Resume campaign")
    assert f"“{AS_TEXT}” drew complaints" in page.error[0].value


@pytest.mark.parametrize("kind", ["campaign", "lead"])
@pytest.mark.parametrize("said", ["9" * 30, "x", "-1", "²", "1 or 1=1"])
def test_an_address_that_names_nobody_is_a_sentence_above_the_list(
    lake_app: App, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    page = open_page(monkeypatch, lake_app, f"{kind}s", **{kind: said})
    assert not page.exception
    assert f"The address names no {kind}. Choose one from the list." in words_of(page)
    assert page.title[0].value == f"{kind.capitalize()}s"


def test_a_deleted_campaigns_page_says_so(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = lake_app.create_campaign(ANALYST, make_draft(make_pool(lake_app)), NOW)
    lake_app.delete_campaign(ANALYST, campaign_id, NOW)
    page = open_page(monkeypatch, lake_app, "campaigns", campaign=str(campaign_id))
    assert not page.exception
    assert "Somebody deleted this campaign" in words_of(page)
    assert [button.label for button in page.button] == ["All campaigns"]


def test_an_upload_that_is_refused_keeps_what_was_typed_and_stores_nothing(
    lake_app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(monkeypatch, lake_app, "leads")
    page.file_uploader(key="lead_file").upload("fair.csv", b"email\nada@acme.test\n", "text/csv")
    page.text_input(key="file_source").set_value("fair")
    page.text_input(key="file_country").set_value("QQ")
    press(page, "Upload and import")
    assert "'QQ' is no country; use an ISO code such as DE." in words_of(page)
    assert lake_app.waiting_lead_files() == []
    assert page.text_input(key="file_source").value == "fair"
    page.text_input(key="file_country").set_value("DE")
    press(page, "Upload and import")
    assert len(lake_app.waiting_lead_files()) == 1
    assert [field.value for field in page.text_input if field.label == "Source"] == [""]


def test_an_invitation_that_is_refused_keeps_what_was_typed(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, app, "team", role=Role.ADMIN)
    page.text_input(key="invite_email").set_value("alan")
    page.selectbox(key="invite_role").set_value(Role.ANALYST)
    press(page, "Make an invitation link")
    assert page.text_input(key="invite_email").value == "alan"
    page.text_input(key="invite_email").set_value("alan@acme.test")
    press(page, "Make an invitation link")
    assert "**alan@acme.test** as analyst" in words_of(page)
    assert [field.value for field in page.text_input if field.key.startswith("invite_email")] == [""]


def test_the_second_click_on_pause_is_not_the_first_on_release(lake_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pool(lake_app, mailboxes=1)
    page = open_page(monkeypatch, lake_app, "deliverability", role=Role.ADMIN)
    page.selectbox(key="domain_chosen").set_value(page.selectbox(key="domain_chosen").options[0]).run()
    press(page, "Pause this domain")  # without a reason: what was chosen stays
    assert "reason" in page.error[0].value.lower()
    page.text_input(key="pause_domain_reason").set_value("odd")
    paused = next(button for button in page.button if button.label == "Pause this domain")
    paused.click().run()
    (domain,) = lake_app.sending_domains(datetime.now(UTC))
    assert SenderStatus(domain.status) is SenderStatus.PAUSED
    keys = {button.label: button.proto.id for button in page.button}
    assert keys["Let this domain send again"] != paused.proto.id
    assert "Pause this domain" not in keys
