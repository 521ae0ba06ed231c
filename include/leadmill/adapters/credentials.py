"""Password hashes (bcrypt) and session tokens (JWT)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from functools import cached_property
from uuid import UUID

import bcrypt
import jwt

_ALGORITHM = "HS256"
_AUDIENCE = "leadmill-dashboards"
_KEY_PURPOSE = b"leadmill session tokens v1"
_DEFAULT_ROUNDS = 12  # about 0.2 s on a 2020s core: dear for a guesser, bearable once a day


class BcryptPasswords:
    """`ports.access.Passwords` by bcrypt over SHA-256, since bcrypt itself ends after 72 bytes."""

    def __init__(self, *, rounds: int = _DEFAULT_ROUNDS) -> None:
        """`rounds` is bcrypt's cost: the work doubles with each."""
        self._rounds = rounds

    def hash(self, password: str) -> str:
        return bcrypt.hashpw(_digest(password), bcrypt.gensalt(self._rounds)).decode()

    def matches(self, password: str, password_hash: str | None) -> bool:
        # An unknown user costs the same work as a known one, or the clock would tell them apart.
        right = bcrypt.checkpw(_digest(password), (password_hash or self._nobodys_hash).encode())
        return right and password_hash is not None

    @cached_property
    def _nobodys_hash(self) -> str:
        return self.hash("nobody has this password")


class JwtSessionTokens:
    """`ports.access.SessionTokens` as JWTs signed with a key of their own; the ledger decides expiry."""

    def __init__(self, secret: bytes) -> None:
        """`secret` is the installation's secret key; tokens are signed with a key derived from it."""
        self._key = hmac.new(secret, _KEY_PURPOSE, hashlib.sha256).digest()

    def issue(self, session_id: UUID, user_id: int, *, as_of: datetime, expires_at: datetime) -> str:
        claims = {"jti": str(session_id), "sub": str(user_id), "aud": _AUDIENCE, "iat": as_of, "exp": expires_at}
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def read(self, token: str) -> UUID | None:
        try:
            # Times are compared with `as_of` against the session's row, which can also be revoked.
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                options={"verify_exp": False, "verify_iat": False, "require": ["jti", "sub", "exp"]},
            )
            return UUID(claims["jti"])
        except (jwt.InvalidTokenError, ValueError):
            return None


def _digest(password: str) -> bytes:
    return base64.b64encode(hashlib.sha256(password.encode()).digest())
