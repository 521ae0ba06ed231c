"""DKIM keys from the sender file to the signature on the wire."""

from __future__ import annotations

import stat
from pathlib import Path

import dkim
import pytest
from typer.testing import CliRunner

from leadmill.bootstrap import App
from leadmill.cli import main
from leadmill.errors import InputInvalid
from leadmill.sender_file import apply_sender_file
from tests.mail_servers import SmtpRecorder, smtp_server
from tests.sending_world import ADMIN, NOW, execute, make_campaign, make_lane, make_mailboxes, make_pool, people, states


def test_a_domain_with_keys_signs_every_mail_that_leaves_by_our_own_server(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = app.new_dkim_keys("brand.test", as_of=NOW)
    for key in keys:
        monkeypatch.setenv(f"DKIM_{key.selector.upper()}", key.pem)
    recorder = SmtpRecorder()
    with smtp_server(recorder) as port:
        make_lane(app, port)
        pool = make_pool(app)
        make_mailboxes(app, 2)
        lines = "".join(f"[selector: {k.selector}, secret_ref: 'env:DKIM_{k.selector.upper()}']," for k in keys)
        given = lines.replace("[", "{").replace("]", "}")
        apply_sender_file(app, f"domains: [{{name: brand.test, dkim_keys: [{given}]}}]", as_of=NOW)
        campaign = make_campaign(app, pool, people(6))
        app.send_lane("own smtp", NOW, time_budget_seconds=20)
    assert states(app, campaign) == {"accepted": 6}
    records = {f"{key.name}.".encode(): key.record.encode() for key in keys}
    assert len(recorder.mails) == 6
    for raw in recorder.mails:
        for number in range(2):
            assert dkim.DKIM(raw).verify(idx=number, dnsfunc=lambda name, **_: records.get(name))


def test_saving_a_domain_without_saying_keys_keeps_them_and_an_empty_list_takes_them_away(app: App) -> None:
    def kept() -> list[dict[str, str]]:
        return list(
            execute(app, "select dkim_keys from ledger.sending_domains where name = 'acme.test'")[0]["dkim_keys"]
        )

    app.add_sending_domain(ADMIN, name="acme.test", as_of=NOW)
    assert kept() == []
    key = {"selector": "lm1", "secret_ref": "env:ACME_DKIM"}
    app.add_sending_domain(ADMIN, name="acme.test", dkim_keys=[key], as_of=NOW)
    app.add_sending_domain(ADMIN, name="acme.test", daily_limit=5, as_of=NOW)
    assert kept() == [key]
    assert [domain.dkim_selectors for domain in app.sender_setup(ADMIN).domains] == [("lm1",)]
    app.add_sending_domain(ADMIN, name="acme.test", dkim_keys=[], as_of=NOW)
    assert kept() == []


@pytest.mark.parametrize(
    "keys",
    [
        [{"selector": "a_b", "secret_ref": "env:ACME_DKIM"}],
        [{"selector": "lm1", "secret_ref": ""}],
        [{"selector": "lm1", "secret_ref": "-----BEGIN PRIVATE KEY-----"}],
        [{"selector": "lm1", "secret_ref": "env:LEADMILL_SECRET_KEY"}],
        [{"selector": "lm1", "secret_ref": "env:A"}, {"selector": "lm1", "secret_ref": "env:B"}],
    ],
)
def test_a_key_without_a_selector_or_place_of_its_own_is_refused(app: App, keys: list[dict[str, str]]) -> None:
    with pytest.raises(InputInvalid) as refused:
        app.add_sending_domain(ADMIN, name="acme.test", dkim_keys=keys, as_of=NOW)
    assert "BEGIN" not in str(refused.value)


def test_the_command_makes_keys_and_says_what_to_publish(tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, ["dkim-key", "mail.acme.test", "--folder", str(tmp_path / "keys")])
    assert ran.exit_code == 0, ran.output
    files = list((tmp_path / "keys").glob("mail.acme.test.*.pem"))
    assert len(files) == 2
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert ran.output.count('._domainkey.mail.acme.test. TXT "v=DKIM1; k=') == 2
