"""The sender file: the documented example works, twice, and a mistake is named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from leadmill.bootstrap import App
from leadmill.errors import ConfigInvalid, LeadmillError
from leadmill.sender_file import apply_sender_file

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[2] / "docs" / "senders.example.yaml"


def test_the_documented_example_sets_up_what_it_says_and_again_changes_nothing(app: App) -> None:
    text = EXAMPLE.read_text()
    counts = apply_sender_file(app, text, as_of=NOW)
    first = app.mailboxes(NOW)
    wanted = {"pools": 2, "accounts": 5, "domains": 2, "mailboxes": 2, "recipient limits": 2, "seed inboxes": 1}
    assert apply_sender_file(app, text, as_of=NOW) == counts == wanted
    assert app.mailboxes(NOW) == first
    assert len(first) == 2
    organisation = app.organisation()
    assert organisation is not None
    assert organisation.name == "Example Ltd"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("mailboxes: [{address: a@b.example, acount: x, pool: y}]", "mailboxes.0"),
        ("accounts:\n  - name: [", "line"),
        ("- a list", "no sender file"),
        ("domains: [{name: d.example, daily_limit: many}]", "daily_limit"),
    ],
)
def test_a_mistake_is_refused_and_named(app: App, text: str, names: str) -> None:
    with pytest.raises(ConfigInvalid, match=names):
        apply_sender_file(app, text, as_of=NOW)


def test_a_secret_in_the_file_is_refused(app: App) -> None:
    with pytest.raises(LeadmillError, match="secret_ref"):
        apply_sender_file(app, "accounts: [{name: x, provider: smtp, config: {password: hunter2}}]", as_of=NOW)
