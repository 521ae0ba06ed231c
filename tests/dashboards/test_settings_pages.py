"""Team, Organisation and Account on a real ledger, through Streamlit's own test runner."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from leadmill.adapters.credentials import BcryptPasswords
from leadmill.bootstrap import App
from leadmill.domain.access import SYSTEM, Actor, Role
from tests.dashboards.page_runner import open_page, words_of

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

PASSWORD = "four quiet brown horses"
ADA = Actor("ada@acme.test", Role.ADMIN)


@pytest.fixture
def team(app: App) -> App:
    """An App with grace@acme.test, a viewer; the page's own user ada@acme.test is an administrator."""
    app.__dict__["_passwords"] = BcryptPasswords(rounds=4)
    at = datetime.now(UTC)
    link = app.invite_user(SYSTEM, "grace@acme.test", Role.VIEWER, at)
    app.accept_invitation(link.partition("token=")[2], "Grace Hopper", PASSWORD, at)
    return app


def press(page: AppTest, label: str) -> AppTest:
    """Click the button with that label."""
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return page


def grace(app: App):
    return next(user for user in app.users(SYSTEM) if user.email == "grace@acme.test")


def choose_grace(page: AppTest) -> AppTest:
    return page.selectbox(key="user_chosen").set_value("grace@acme.test").run()


def test_an_invitation_link_is_shown_once(team: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, team, "team", role=Role.ADMIN)
    page.text_input(key="invite_email").set_value("alan@acme.test")
    page.selectbox(key="invite_role").set_value(Role.ANALYST)
    press(page, "Make an invitation link")
    (link,) = [code.value for code in page.code]
    token = link.partition("/register?token=")[2]
    assert team.invitation(token, datetime.now(UTC)).role is Role.ANALYST
    assert "**alan@acme.test** as analyst" in words_of(page)
    page.run()
    assert not page.code
    press(page, "Withdraw")
    assert "No invitation is open" in words_of(page)


def test_an_address_that_is_none_is_a_sentence(team: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, team, "team", role=Role.ADMIN)
    page.text_input(key="invite_email").set_value("alan")
    press(page, "Make an invitation link")
    assert "Enter an e-mail address" in words_of(page)
    assert not page.code


def test_an_administrator_changes_roles_and_shuts_people_out(team: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = choose_grace(open_page(monkeypatch, team, "team", role=Role.ADMIN))
    page.selectbox(key=f"role_{grace(team).user_id}").set_value(Role.ANALYST)
    press(page, "Change role")
    assert grace(team).role is Role.ANALYST
    press(choose_grace(page), "Deactivate")
    assert not grace(team).is_active
    assert set(page.dataframe[0].value["State"]) == {"active", "deactivated"}
    press(choose_grace(page), "Reactivate")
    assert grace(team).is_active


def test_a_reset_password_is_shown_once_and_works(team: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = press(choose_grace(open_page(monkeypatch, team, "team", role=Role.ADMIN)), "Reset password")
    (password,) = [code.value for code in page.code]
    assert team.log_in("grace@acme.test", password, datetime.now(UTC))
    page.run()
    assert not page.code


def test_the_last_administrator_cannot_step_down(team: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, team, "team", role=Role.ADMIN)
    page.selectbox(key="user_chosen").set_value(ADA.email).run()
    press(page, "Deactivate")
    assert "last active administrator" in words_of(page)


@pytest.mark.parametrize("name", ["team", "organisation"])
@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_settings_are_for_administrators(team: App, monkeypatch: pytest.MonkeyPatch, name: str, role: Role) -> None:
    page = open_page(monkeypatch, team, name, role=role)
    assert not page.exception
    assert "for administrators" in words_of(page)
    assert not page.button
    assert not page.dataframe


def test_the_organisation_is_saved_and_needs_an_address(team: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, team, "organisation", role=Role.ADMIN)
    assert "No campaign can be approved before this is filled in" in words_of(page)
    page.text_input(key="organisation_name").set_value("Acme")
    press(page, "Save")
    assert "postal address" in words_of(page)
    page.text_area(key="organisation_address").set_value("1 Road, 10115 Berlin")
    press(page, "Save")
    saved = team.organisation()
    assert saved is not None
    assert (saved.name, saved.postal_address) == ("Acme", "1 Road, 10115 Berlin")
    log = page.dataframe[-1].value
    assert next(iter(log["Who"])) == ADA.email


def test_senders_are_set_up_from_account_to_mailbox(team: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, team, "organisation", role=Role.ADMIN)
    page.text_input(key="account_smtp_name").set_value("gmail")
    press(page, "Save the account")
    page.text_input(key="domain__name").set_value("mail.acme.test")
    page.text_input(key="domain__ips").set_value("203.0.113.7, 203.0.113.8")
    press(page, "Save the domain")
    page.text_input(key="pool_name").set_value("outreach")
    press(page, "Make the pool")
    page.text_input(key="mailbox__address").set_value("ada@mail.acme.test")
    page.text_input(key="mailbox__user").set_value("ada@mail.acme.test")
    page.text_input(key="mailbox__secret").set_value("env:ADA_APP_PASSWORD")
    press(page, "Save the mailbox")
    setup = team.sender_setup(ADA)
    assert setup.accounts[0].setup.config == {"host": "smtp.gmail.com", "port": 587, "tls": "starttls"}
    assert setup.domains[0].sending_ips == ("203.0.113.7", "203.0.113.8")
    (mailbox,) = setup.mailboxes
    assert (mailbox.account, mailbox.pool, mailbox.secret_ref) == ("gmail", "outreach", "env:ADA_APP_PASSWORD")


def test_changing_a_mailbox_keeps_what_is_not_changed(team: App, monkeypatch: pytest.MonkeyPatch) -> None:
    at, kept = datetime.now(UTC), {"user_name": "ada", "secret_ref": "env:ADA", "time_zone": "Europe/Berlin"}
    team.create_pool(SYSTEM, "outreach", at)
    team.add_provider_account(SYSTEM, name="gmail", provider="smtp", config={"host": "mail.test"}, as_of=at)
    team.add_sending_domain(SYSTEM, name="acme.test", as_of=at)
    team.add_mailbox(SYSTEM, address="ada@acme.test", account="gmail", pool="outreach", as_of=at, **kept)
    (before,) = team.sender_setup(ADA).mailboxes
    page = open_page(monkeypatch, team, "organisation", role=Role.ADMIN)
    page.selectbox(key="mailbox_chosen").set_value("ada@acme.test").run()
    page.number_input(key="mailbox_ada@acme.test_day").set_value(25)
    press(page, "Save the mailbox")
    (after,) = team.sender_setup(ADA).mailboxes
    assert after.daily_limit == 25
    assert {name: getattr(after, name) for name in kept} == {name: getattr(before, name) for name in kept} == kept


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("config", '{"host": "mail.test", "password": "hunter2"}', "Put secrets into an environment variable"),
        ("config", "{host", "not valid JSON"),
        ("config", "[]", "one JSON object"),
        ("secret", "SG.abcdef.0123456789", "the secret itself never goes into Leadmill"),
    ],
)
def test_a_secret_or_a_mistake_in_an_account_is_refused(
    team: App, monkeypatch: pytest.MonkeyPatch, field: str, value: str, said: str
) -> None:
    page = open_page(monkeypatch, team, "organisation", role=Role.ADMIN)
    page.text_input(key="account_smtp_name").set_value("relay")
    kind = page.text_area if field == "config" else page.text_input
    kind(key=f"account_smtp_{field}").set_value(value)
    press(page, "Save the account")
    assert said in words_of(page)
    assert not team.sender_setup(ADA).accounts


def test_a_policy_beyond_the_providers_terms_needs_a_reason(team: App, monkeypatch: pytest.MonkeyPatch) -> None:
    pool_id = team.create_pool(SYSTEM, "news", datetime.now(UTC), provider="ses")
    team.add_provider_account(SYSTEM, name="ses", provider="ses", as_of=datetime.now(UTC))
    team.add_sending_domain(SYSTEM, name="acme.test", as_of=datetime.now(UTC))
    team.add_mailbox(SYSTEM, address="ada@acme.test", account="ses", pool="news", as_of=datetime.now(UTC))
    page = open_page(monkeypatch, team, "organisation", role=Role.ADMIN)
    page.selectbox(key="pool_chosen").set_value("news").run()
    page.multiselect(key=f"policy_bases_{pool_id}").set_value(["consent", "legitimate_interest"])
    press(page, "Change policy")
    assert "give the reason" in words_of(page)
    page.text_input(key=f"policy_reason_{pool_id}").set_value("agreed with AWS, case 123")
    press(page, "Change policy")
    (pool,) = team.pools()
    assert set(pool.accepts_legal_bases) == {"consent", "legitimate_interest"}
    assert pool.override_reason == "agreed with AWS, case 123"
    assert "agreed with AWS, case 123" in set(page.dataframe[-1].value["Reason"])


def account_page(team: App, monkeypatch: pytest.MonkeyPatch) -> tuple[AppTest, str]:
    """The Account page of grace@acme.test, a viewer, and the token of her session."""
    token = team.log_in("grace@acme.test", PASSWORD, datetime.now(UTC))
    holder = team.session_holder(token, datetime.now(UTC))
    assert holder is not None
    page = open_page(monkeypatch, team, "account", role=Role.VIEWER, holder=holder)
    return page, token


def test_people_change_their_own_password(team: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page, token = account_page(team, monkeypatch)
    fields = {field.label: field for field in page.text_input}
    fields["Current password"].set_value(PASSWORD)
    fields["New password"].set_value("six loud green herons")
    fields["New password again"].set_value("six loud grey herons")
    press(page, "Change password")
    assert "not the same twice" in words_of(page)
    fields = {field.label: field for field in page.text_input}
    fields["Current password"].set_value(PASSWORD)
    fields["New password"].set_value("six loud green herons")
    fields["New password again"].set_value("six loud green herons")
    press(page, "Change password")
    assert "Changed" in words_of(page)
    assert team.session_actor(token, datetime.now(UTC)) is None
    assert team.log_in("grace@acme.test", "six loud green herons", datetime.now(UTC))


def test_people_sign_out_everywhere(team: App, monkeypatch: pytest.MonkeyPatch) -> None:
    page, token = account_page(team, monkeypatch)
    press(page, "Sign out everywhere")
    assert "1 session ended" in words_of(page)
    assert team.session_actor(token, datetime.now(UTC)) is None
