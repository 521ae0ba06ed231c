"""What a password must be, and when guessing is stopped."""

from __future__ import annotations

from datetime import timedelta

from leadmill.errors import InputInvalid

MIN_PASSWORD_CHARACTERS = 12
"""NIST SP 800-63B asks for at least 8 and advises more; ours guards a mailing list, so 12."""
MAX_PASSWORD_CHARACTERS = 200
"""An upper bound only so that nobody makes the server hash megabytes; SP 800-63B asks to permit at least 64."""
MIN_DISTINCT_CHARACTERS = 5
"""Refuses `aaaaaaaaaaaa` and the like; SP 800-63B asks to refuse repetitive passwords, not to prescribe classes."""

MAX_FAILED_LOGINS = 5
"""Wrong passwords in a row before an account is locked; OWASP ASVS 4.0, 2.2.1 permits far more (100 an hour)."""
LOCK_DURATION = timedelta(minutes=15)
"""How long a locked account refuses even the right password."""
SESSION_DURATION = timedelta(hours=12)
"""A working day; OWASP ASVS 4.0, 3.3.2 asks to log in again after at most 12 hours (level 2)."""
INVITATION_DURATION = timedelta(days=7)
"""How long the link of an invitation works."""


def check_password(password: str, *, email: str) -> None:
    """Pass where the password is good enough for this user.

    Raises:
        InputInvalid: Too short, too long, repetitive, or made of the user's own address.

    Source: NIST SP 800-63B, section 5.1.1.2 (length over composition rules).
    """
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise InputInvalid(f"Choose a password of at least {MIN_PASSWORD_CHARACTERS} characters.")
    if len(password) > MAX_PASSWORD_CHARACTERS:
        raise InputInvalid(f"Choose a password of at most {MAX_PASSWORD_CHARACTERS} characters.")
    if len(set(password)) < MIN_DISTINCT_CHARACTERS:
        raise InputInvalid("Choose a password that does not repeat the same few characters.")
    local_part = email.partition("@")[0].lower()
    if email.lower() in password.lower() or (local_part in password.lower() and len(local_part) * 2 > len(password)):
        raise InputInvalid("Choose a password that is not your e-mail address.")
