"""The one row that says which secret key this ledger was made with."""

from __future__ import annotations

import hmac
from datetime import datetime

from leadmill.adapters.ledger.database import Database
from leadmill.domain.identity import key_check
from leadmill.errors import ConfigInvalid
from leadmill.sql import query

_SQL = "ledger/installation"


def require_same_key(database: Database, key: bytes, *, as_of: datetime) -> None:
    """Keep a check value of the secret key at the first run, and compare it at every later one.

    Raises:
        ConfigInvalid: The ledger was made with another key, so no suppressed or erased person would be recognised.
    """
    with database.transaction() as connection:
        connection.execute(query(_SQL, "keep_key_check"), {"key_check": key_check(key), "as_of": as_of})
        row = connection.execute(query(_SQL, "key_check")).fetchone()
    if row is None or not hmac.compare_digest(bytes(row["key_check"]), key_check(key)):
        raise ConfigInvalid(
            "LEADMILL_SECRET_KEY is not the key that this database was made with: unsubscribed and erased people would "
            "not be recognised and be mailed again, so nothing starts. Put the old key back. (`make reset` deletes the "
            "key under var/ and keeps an external database: set that database's key as LEADMILL_SECRET_KEY.)"
        )
