"""Which folder means what for a mail found in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leadmill.domain.placement import Placement, is_missing, placement_of

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("folder", "flags", "placement"),
    [
        ("INBOX", ["\\HasNoChildren"], Placement.INBOX),
        ("Inbox", [], Placement.INBOX),
        ("[Gmail]/Spam", ["\\HasNoChildren", "\\Junk"], Placement.SPAM),
        ("[Google Mail]/Courrier indésirable", ["\\Junk"], Placement.SPAM),
        ("Bulk Mail", [], Placement.SPAM),
        ("INBOX.Junk", [], Placement.SPAM),
        ("INBOX/spam", [], Placement.SPAM),
        ("Junk Email", ["\\HasNoChildren"], Placement.SPAM),
        ("Promotions", [], Placement.ELSEWHERE),
        ("Trash", ["\\Trash"], Placement.ELSEWHERE),
        ("[Gmail]/All Mail", ["\\All", "\\HasNoChildren"], None),
        ("[Gmail]", ["\\Noselect"], None),
        ("Sent", ["\\Sent"], None),
    ],
)
def test_a_folder_is_known_by_its_special_use_and_else_by_its_name(folder, flags, placement) -> None:
    assert placement_of(folder, flags) is placement


def test_a_mail_is_missing_after_a_day() -> None:
    assert not is_missing(NOW, NOW + timedelta(hours=23))
    assert is_missing(NOW, NOW + timedelta(hours=24))
