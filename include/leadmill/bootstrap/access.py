"""Users, sessions and the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from leadmill.bootstrap.core import Core

if TYPE_CHECKING:
    from leadmill.domain.access import Actor, Role
    from leadmill.ports.access import (
        Invitation,
        Invitations,
        Passwords,
        SessionHolder,
        Sessions,
        SessionTokens,
        User,
        Users,
    )
    from leadmill.ports.audit import AuditEntry, AuditLog


class Access(Core):
    """Users, sessions and the audit log."""

    @cached_property
    def _users(self) -> Users:
        from leadmill.adapters.ledger.access import LedgerUsers

        return LedgerUsers(self.database)

    @cached_property
    def _invitations(self) -> Invitations:
        from leadmill.adapters.ledger.sessions import LedgerInvitations

        return LedgerInvitations(self.database)

    @cached_property
    def _sessions(self) -> Sessions:
        from leadmill.adapters.ledger.sessions import LedgerSessions

        return LedgerSessions(self.database)

    @cached_property
    def _passwords(self) -> Passwords:
        from leadmill.adapters.credentials import BcryptPasswords

        return BcryptPasswords()

    @cached_property
    def _session_tokens(self) -> SessionTokens:
        from leadmill.adapters.credentials import JwtSessionTokens

        return JwtSessionTokens(self.settings.secret)

    @cached_property
    def _audit_log(self) -> AuditLog:
        from leadmill.adapters.ledger.audit_log import LedgerAuditLog

        return LedgerAuditLog(self.database)

    def ensure_first_admin(self, email: str, as_of: datetime) -> str | None:
        """Make the first administrator; the random password, told this once, or None where a user exists."""
        from leadmill.services.register_user import create_first_admin

        return create_first_admin(email, users=self._users, passwords=self._passwords, as_of=as_of)

    def log_in(self, email: str, password: str, as_of: datetime) -> str:
        """The token of a new session. Raises `LogInRefused`."""
        from leadmill.services.log_in import log_in

        return log_in(
            email,
            password,
            users=self._users,
            sessions=self._sessions,
            passwords=self._passwords,
            tokens=self._session_tokens,
            as_of=as_of,
        )

    def open_session(self, user_id: int, as_of: datetime) -> str:
        """The token of a new session for somebody who has just registered or proven who they are."""
        from leadmill.services.log_in import open_session

        return open_session(user_id, sessions=self._sessions, tokens=self._session_tokens, as_of=as_of)

    def session_holder(self, token: str, as_of: datetime) -> SessionHolder | None:
        """Whose session that token is: id, name and actor; None where it is no good any more."""
        from leadmill.services.log_in import session_holder

        return session_holder(token, sessions=self._sessions, tokens=self._session_tokens, as_of=as_of)

    def session_actor(self, token: str, as_of: datetime) -> Actor | None:
        """Who acts with that token; None where it is no good any more."""
        holder = self.session_holder(token, as_of)
        return holder.actor if holder else None

    def log_out(self, token: str, as_of: datetime) -> None:
        """End that session."""
        from leadmill.services.log_in import log_out

        log_out(token, sessions=self._sessions, tokens=self._session_tokens, as_of=as_of)

    def invite_user(self, actor: Actor, email: str, role: Role, as_of: datetime) -> str:
        """Invite somebody; the link, shown this once."""
        from leadmill.services.register_user import invite_user

        token = invite_user(actor, email, role, invitations=self._invitations, as_of=as_of)
        return f"{self.settings.streamlit_base_url.rstrip('/')}/register?token={token}"

    def invitation(self, token: str, as_of: datetime) -> Invitation:
        """The open invitation of a link. Raises `NotFound`."""
        from leadmill.services.register_user import find_invitation

        return find_invitation(token, invitations=self._invitations, as_of=as_of)

    def accept_invitation(self, token: str, full_name: str, password: str, as_of: datetime) -> int:
        """Become a user; the id. Raises `NotFound`, `InputInvalid`."""
        from leadmill.services.register_user import accept_invitation

        return accept_invitation(
            token, full_name, password, invitations=self._invitations, passwords=self._passwords, as_of=as_of
        )

    def register_self(self, email: str, full_name: str, password: str, as_of: datetime) -> int:
        """Become a viewer, where `allow_self_registration` is on; the id."""
        from leadmill.services.register_user import register_self

        return register_self(
            email,
            full_name,
            password,
            is_allowed=self.settings.allow_self_registration,
            users=self._users,
            passwords=self._passwords,
            as_of=as_of,
        )

    def users(self, actor: Actor) -> Sequence[User]:
        """Every user."""
        from leadmill.services.administer_users import list_users

        return list_users(actor, users=self._users)

    def invitations(self, actor: Actor, as_of: datetime) -> Sequence[Invitation]:
        """Every open invitation."""
        from leadmill.services.administer_users import list_invitations

        return list_invitations(actor, invitations=self._invitations, as_of=as_of)

    def withdraw_invitation(self, actor: Actor, invitation_id: int, as_of: datetime) -> None:
        """Make an invitation's link stop working."""
        from leadmill.services.administer_users import withdraw_invitation

        withdraw_invitation(actor, invitation_id, invitations=self._invitations, as_of=as_of)

    def change_role(self, actor: Actor, user_id: int, role: Role, as_of: datetime) -> None:
        """Give a user another role. Raises `Conflict` for the last administrator."""
        from leadmill.services.administer_users import change_role

        change_role(actor, user_id, role, users=self._users, as_of=as_of)

    def set_user_active(self, actor: Actor, user_id: int, as_of: datetime, *, is_active: bool) -> None:
        """Deactivate (and log out) or reactivate a user. Raises `Conflict` for the last administrator."""
        from leadmill.services.administer_users import set_user_active

        set_user_active(actor, user_id, is_active=is_active, users=self._users, as_of=as_of)

    def reset_password(self, actor: Actor, user_id: int, as_of: datetime) -> str:
        """Give a user a random password, shown this once."""
        from leadmill.services.administer_users import reset_password

        return reset_password(actor, user_id, users=self._users, passwords=self._passwords, as_of=as_of)

    def change_own_password(self, actor: Actor, current: str, new: str, as_of: datetime) -> int:
        """Change the actor's own password, which ends every session; the user's id."""
        from leadmill.services.administer_users import change_own_password

        return change_own_password(actor, current, new, users=self._users, passwords=self._passwords, as_of=as_of)

    def sign_out_everywhere(self, actor: Actor, user_id: int, as_of: datetime) -> int:
        """End every session of a user; how many there were."""
        from leadmill.services.administer_users import sign_out_everywhere

        return sign_out_everywhere(actor, user_id, users=self._users, sessions=self._sessions, as_of=as_of)

    def audit_entries(self, actor: Actor, limit: int = 200, *, subject_kind: str = "") -> Sequence[AuditEntry]:
        """Who did what of late, newest first; of one kind of subject where one is named."""
        from leadmill.services.read_audit_log import read_audit_log

        return read_audit_log(actor, limit=limit, subject_kind=subject_kind, log=self._audit_log)

    def audited_kinds(self, actor: Actor) -> Sequence[str]:
        """The kinds of subjects that the audit log tells of."""
        from leadmill.services.read_audit_log import audited_kinds

        return audited_kinds(actor, log=self._audit_log)
