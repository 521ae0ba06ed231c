"""Users, invitations, sessions and roles on the real ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest

from leadmill.adapters.credentials import BcryptPasswords, JwtSessionTokens
from leadmill.bootstrap import App
from leadmill.domain.access import Actor, Role
from leadmill.domain.passwords import INVITATION_DURATION, LOCK_DURATION, MAX_FAILED_LOGINS, SESSION_DURATION
from leadmill.errors import Conflict, InputInvalid, LogInRefused, NotAllowed, NotFound
from leadmill.settings import Settings
from tests.campaign_world import make_draft
from tests.conftest import TEST_SECRET

NOW = datetime(2026, 6, 18, 9, tzinfo=UTC)
PASSWORD = "four quiet brown horses"
ROOT = Actor("root@acme.test", Role.ADMIN)


@pytest.fixture
def team(app: App) -> App:
    """An App with its first administrator, root@acme.test; hashes cost as little as bcrypt permits."""
    app.__dict__["_passwords"] = BcryptPasswords(rounds=4)
    assert app.ensure_first_admin(ROOT.email, NOW)
    return app


def join(app: App, email: str, role: Role, *, as_of: datetime = NOW) -> int:
    """A user who came by invitation; the id."""
    link = app.invite_user(ROOT, email, role, as_of)
    return app.accept_invitation(link.partition("token=")[2], "Ada Lovelace", PASSWORD, as_of)


def refusal(app: App, email: str, password: str, as_of: datetime = NOW) -> str:
    with pytest.raises(LogInRefused) as refused:
        app.log_in(email, password, as_of)
    return str(refused.value)


def id_of(app: App, email: str) -> int:
    return next(user.user_id for user in app.users(ROOT) if user.email == email)


def actions(app: App) -> list[str]:
    return [entry.action for entry in app.audit_entries(ROOT)]


def test_only_the_very_first_administrator_is_made_without_an_invitation(team: App) -> None:
    assert team.ensure_first_admin("second@acme.test", NOW) is None
    assert [user.email for user in team.users(ROOT)] == [ROOT.email]


def test_the_first_password_that_was_told_logs_in(app: App) -> None:
    password = app.ensure_first_admin(ROOT.email, NOW)
    assert password
    assert app.session_actor(app.log_in(ROOT.email, password, NOW), NOW) == ROOT


def test_somebody_invited_accepts_once_and_logs_in_with_the_role_of_the_invitation(team: App) -> None:
    link = team.invite_user(ROOT, " Ada@ACME.test ", Role.ANALYST, NOW)
    token = link.partition("/register?token=")[2]
    assert team.invitation(token, NOW).email == "ada@acme.test"
    team.accept_invitation(token, "Ada Lovelace", PASSWORD, NOW)
    actor = team.session_actor(team.log_in("ADA@acme.test", PASSWORD, NOW), NOW)
    assert actor == Actor("ada@acme.test", Role.ANALYST)
    with pytest.raises(NotFound):
        team.accept_invitation(token, "Eve", PASSWORD, NOW)
    assert actions(team)[:2] == ["user.add", "user.invite"]


def test_an_invitation_ends_by_time_by_withdrawal_and_by_a_newer_one(team: App) -> None:
    first = team.invite_user(ROOT, "ada@acme.test", Role.VIEWER, NOW).partition("token=")[2]
    second = team.invite_user(ROOT, "ada@acme.test", Role.VIEWER, NOW).partition("token=")[2]
    with pytest.raises(NotFound):
        team.invitation(first, NOW)
    with pytest.raises(NotFound):
        team.invitation(second, NOW + INVITATION_DURATION)
    (invitation,) = team.invitations(ROOT, NOW)
    team.withdraw_invitation(ROOT, invitation.invitation_id, NOW)
    with pytest.raises(NotFound):
        team.accept_invitation(second, "Ada", PASSWORD, NOW)


def test_nobody_is_invited_twice_over(team: App) -> None:
    join(team, "ada@acme.test", Role.VIEWER)
    with pytest.raises(Conflict):
        team.invite_user(ROOT, "ada@acme.test", Role.ADMIN, NOW)


def test_the_ledger_holds_neither_passwords_nor_tokens(team: App) -> None:
    link = team.invite_user(ROOT, "ada@acme.test", Role.VIEWER, NOW)
    token = link.partition("token=")[2]
    team.accept_invitation(token, "Ada", PASSWORD, NOW)
    with team.database.transaction() as ledger:
        kept = ledger.execute(
            "select (select json_agg(u) from ledger.users u)::text || (select json_agg(i) from ledger.invitations i)::text"
            " || (select json_agg(a) from ledger.audit_log a)::text as everything"
        ).fetchone()
    assert kept is not None
    assert PASSWORD not in kept["everything"]
    assert token not in kept["everything"]


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "ada@acme.test1", "x" * 201])
def test_a_weak_password_is_refused_and_the_invitation_still_works(team: App, password: str) -> None:
    token = team.invite_user(ROOT, "ada@acme.test", Role.VIEWER, NOW).partition("token=")[2]
    with pytest.raises(InputInvalid):
        team.accept_invitation(token, "Ada", password, NOW)
    assert team.accept_invitation(token, "Ada", PASSWORD, NOW)


def test_a_wrong_password_an_unknown_an_inactive_and_a_locked_user_look_the_same(team: App) -> None:
    for name in ("ada", "grace", "locked"):
        join(team, f"{name}@acme.test", Role.VIEWER)
    team.set_user_active(ROOT, id_of(team, "grace@acme.test"), NOW, is_active=False)
    for _ in range(MAX_FAILED_LOGINS):
        refusal(team, "locked@acme.test", "wrong")
    said = {
        refusal(team, "ada@acme.test", "wrong"),
        refusal(team, "nobody@acme.test", PASSWORD),
        refusal(team, "grace@acme.test", PASSWORD),
        refusal(team, "locked@acme.test", PASSWORD),
    }
    assert len(said) == 1


def test_a_password_longer_than_72_bytes_counts_to_its_end(team: App) -> None:
    token = team.invite_user(ROOT, "ada@acme.test", Role.VIEWER, NOW).partition("token=")[2]
    team.accept_invitation(token, "Ada", PASSWORD * 4, NOW)
    refusal(team, "ada@acme.test", PASSWORD * 4 + "!")
    assert team.log_in("ada@acme.test", PASSWORD * 4, NOW)


def test_guessing_locks_the_account_and_time_unlocks_it(team: App) -> None:
    join(team, "ada@acme.test", Role.VIEWER)
    for _ in range(MAX_FAILED_LOGINS - 1):
        refusal(team, "ada@acme.test", "wrong")
    assert team.log_in("ada@acme.test", PASSWORD, NOW)  # the count starts anew
    for _ in range(MAX_FAILED_LOGINS):
        refusal(team, "ada@acme.test", "wrong")
    refusal(team, "ada@acme.test", PASSWORD, NOW + LOCK_DURATION - timedelta(seconds=1))
    assert team.log_in("ada@acme.test", PASSWORD, NOW + LOCK_DURATION)


def test_people_register_themselves_only_where_the_setting_permits_it_and_as_viewers(
    team: App, settings: Settings
) -> None:
    with pytest.raises(NotAllowed):
        team.register_self("ada@acme.test", "Ada", PASSWORD, NOW)
    open_app = App(settings.model_copy(update={"allow_self_registration": True}))
    open_app.register_self("ada@acme.test", "Ada", PASSWORD, NOW)
    with pytest.raises(Conflict):
        open_app.register_self("Ada@acme.test", "Eve", PASSWORD, NOW)
    open_app.database.close()
    actor = team.session_actor(team.log_in("ada@acme.test", PASSWORD, NOW), NOW)
    assert actor == Actor("ada@acme.test", Role.VIEWER)


def test_a_session_survives_the_process_and_ends_by_time(team: App, settings: Settings) -> None:
    join(team, "ada@acme.test", Role.ANALYST)
    token = team.log_in("ada@acme.test", PASSWORD, NOW)
    another = App(settings)
    assert another.session_actor(token, NOW + timedelta(hours=1)) == Actor("ada@acme.test", Role.ANALYST)
    assert another.session_actor(token, NOW + SESSION_DURATION) is None
    another.database.close()


def test_a_token_that_we_did_not_sign_is_nobodys(team: App) -> None:
    user_id = join(team, "ada@acme.test", Role.ADMIN)
    good = team.open_session(user_id, NOW)
    claims = jwt.decode(good, options={"verify_signature": False})
    forged = {
        "another key": jwt.encode(claims, "k" * 32, algorithm="HS256"),
        "the secret itself": jwt.encode(claims, TEST_SECRET, algorithm="HS256"),
        "no signature": jwt.encode(claims, None, algorithm="none"),
        "changed": good[:-2] + ("AA" if not good.endswith("AA") else "BB"),
        "no token": "",
        "no session": JwtSessionTokens(TEST_SECRET.encode()).issue(
            uuid4(), user_id, as_of=NOW, expires_at=NOW + SESSION_DURATION
        ),
    }
    assert {why: team.session_actor(token, NOW) for why, token in forged.items()} == dict.fromkeys(forged)


def test_logging_out_ends_one_session_and_signing_out_everywhere_all(team: App) -> None:
    user_id = join(team, "ada@acme.test", Role.VIEWER)
    laptop, phone, desk = (team.log_in("ada@acme.test", PASSWORD, NOW) for _ in range(3))
    team.log_out(laptop, NOW)
    assert team.session_actor(laptop, NOW) is None
    ada = team.session_actor(phone, NOW)
    assert ada is not None
    assert team.sign_out_everywhere(ada, user_id, NOW) == 2
    assert team.session_actor(phone, NOW) is None
    assert team.session_actor(desk, NOW) is None
    with pytest.raises(NotAllowed):
        team.sign_out_everywhere(ada, id_of(team, ROOT.email), NOW)


def test_a_new_role_and_a_deactivation_hold_at_once(team: App) -> None:
    user_id = join(team, "ada@acme.test", Role.VIEWER)
    token = team.log_in("ada@acme.test", PASSWORD, NOW)
    team.change_role(ROOT, user_id, Role.ANALYST, NOW)
    assert team.session_actor(token, NOW) == Actor("ada@acme.test", Role.ANALYST)
    team.set_user_active(ROOT, user_id, NOW, is_active=False)
    assert team.session_actor(token, NOW) is None
    team.set_user_active(ROOT, user_id, NOW, is_active=True)
    assert team.session_actor(token, NOW) is None
    assert team.log_in("ada@acme.test", PASSWORD, NOW)
    assert actions(team)[:3] == ["user.reactivate", "user.deactivate", "user.role"]


def test_the_last_administrator_stays_one(team: App) -> None:
    root = id_of(team, ROOT.email)
    with pytest.raises(Conflict):
        team.change_role(ROOT, root, Role.ANALYST, NOW)
    with pytest.raises(Conflict):
        team.set_user_active(ROOT, root, NOW, is_active=False)
    join(team, "ada@acme.test", Role.ADMIN)
    team.change_role(ROOT, root, Role.ANALYST, NOW)
    assert {user.email: user.role for user in team.users(ROOT)}[ROOT.email] is Role.ANALYST


def test_a_new_password_ends_every_session_and_the_old_password(team: App) -> None:
    user_id = join(team, "ada@acme.test", Role.VIEWER)
    ada, token = Actor("ada@acme.test", Role.VIEWER), team.log_in("ada@acme.test", PASSWORD, NOW)
    with pytest.raises(InputInvalid):
        team.change_own_password(ada, "wrong", "six loud green herons", NOW)
    team.change_own_password(ada, PASSWORD, "six loud green herons", NOW)
    assert team.session_actor(token, NOW) is None
    refusal(team, ada.email, PASSWORD)
    given = team.reset_password(ROOT, user_id, NOW)
    refusal(team, ada.email, "six loud green herons")
    assert team.log_in(ada.email, given, NOW)


def test_guessing_the_current_password_of_an_open_session_locks_too(team: App) -> None:
    join(team, "ada@acme.test", Role.VIEWER)
    ada = Actor("ada@acme.test", Role.VIEWER)
    for _ in range(MAX_FAILED_LOGINS):
        with pytest.raises(InputInvalid):
            team.change_own_password(ada, "wrong", "six loud green herons", NOW)
    with pytest.raises(InputInvalid):
        team.change_own_password(ada, PASSWORD, "six loud green herons", NOW)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_only_administrators_see_and_change_users_senders_and_the_audit_log(team: App, role: Role) -> None:
    actor = Actor("ada@acme.test", role)
    attempts = [
        lambda: team.users(actor),
        lambda: team.invitations(actor, NOW),
        lambda: team.invite_user(actor, "eve@acme.test", Role.ADMIN, NOW),
        lambda: team.withdraw_invitation(actor, 1, NOW),
        lambda: team.change_role(actor, 1, Role.ADMIN, NOW),
        lambda: team.set_user_active(actor, 1, NOW, is_active=False),
        lambda: team.reset_password(actor, 1, NOW),
        lambda: team.audit_entries(actor),
        lambda: team.audited_kinds(actor),
        lambda: team.sender_setup(actor),
        lambda: team.set_organisation(actor, "Acme", "1 Road", NOW),
        lambda: team.create_pool(actor, "cold", NOW),
        lambda: team.add_provider_account(actor, name="x", provider="smtp", as_of=NOW),
        lambda: team.add_sending_domain(actor, name="x.test", as_of=NOW),
        lambda: team.add_mailbox(actor, address="a@x.test", account="x", pool="cold", as_of=NOW),
    ]
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            attempt()
    assert actions(team) == ["user.add"]


def test_a_viewer_is_refused_by_what_analysts_do(team: App) -> None:
    viewer = Actor("ada@acme.test", Role.VIEWER)
    with pytest.raises(NotAllowed):
        team.create_campaign(viewer, make_draft(None), NOW)
    with pytest.raises(NotAllowed):
        team.pause_domain(viewer, "acme.test", reason="why not", as_of=NOW)
    with pytest.raises(NotAllowed):
        team.resolve_alert(viewer, 1, NOW)


def test_the_audit_log_is_read_newest_first_and_by_subject(team: App) -> None:
    team.create_pool(ROOT, "cold", NOW)
    team.set_organisation(ROOT, "Acme", "1 Road, 10115 Berlin", NOW)
    newest = team.audit_entries(ROOT, limit=1)
    assert [entry.actor for entry in newest] == [ROOT.email]
    (pool,) = team.audit_entries(ROOT, subject_kind="pool")
    assert pool.action.startswith("pool.")
    assert "pool" in team.audited_kinds(ROOT)
