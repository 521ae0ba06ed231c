"""Attachments on their way through a lane: once from the store, whole at the recipient, and patient with the store."""

from __future__ import annotations

import email
import email.policy
import hashlib
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from leadmill.adapters.store import FolderStore
from leadmill.bootstrap import App
from leadmill.domain.attachments import AttachedFile, object_key
from leadmill.domain.campaigns import CampaignStatus
from leadmill.errors import StoreUnavailable
from tests.mail_servers import SmtpRecorder, smtp_server
from tests.sending_world import NOW, execute, later, make_campaign, make_lane, make_mailboxes, make_pool, people, states

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 40


@pytest.fixture
def mail() -> SmtpRecorder:
    return SmtpRecorder()


@pytest.fixture
def lane(app: App, mail: SmtpRecorder) -> Iterator[str]:
    with smtp_server(mail) as port:
        yield make_lane(app, port)


def campaign_with_file(app: App, *, stored: bool = True) -> int:
    """A running campaign of 5 leads whose mail has a file."""
    pool = make_pool(app)
    make_mailboxes(app, 1)
    campaign_id = make_campaign(app, pool, people(5))
    digest = hashlib.sha256(PDF).hexdigest()
    file = AttachedFile("Offer.pdf", "application/pdf", len(PDF), digest, object_key(campaign_id, digest, "Offer.pdf"))
    if stored:
        app.store.write(file.key, PDF)
    execute(app, "update ledger.campaign_steps set attachments = %s", Jsonb([file.to_json()]))
    return campaign_id


class _Silent(FolderStore):
    """A store that does not answer about keys that begin so."""

    about = ""

    def read(self, key: str) -> bytes:
        if key.startswith(self.about):
            raise TimeoutError(f"no answer about {key}")
        return super().read(key)


def test_every_recipient_gets_the_file_as_it_was_uploaded(app: App, mail: SmtpRecorder, lane: str) -> None:
    campaign_id = campaign_with_file(app)
    app.send_lane(lane, NOW, time_budget_seconds=10)
    assert states(app, campaign_id) == {"accepted": 5}
    for raw in mail.mails:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        (part,) = message.iter_attachments()
        assert (part.get_filename(), part.get_content_type(), part.get_content()) == (
            "Offer.pdf",
            "application/pdf",
            PDF,
        )


@pytest.mark.parametrize("about", ["attachments/", ""])
def test_while_the_store_is_silent_nothing_is_refused_or_in_doubt(
    app: App, mail: SmtpRecorder, lane: str, about: str
) -> None:
    campaign_id = campaign_with_file(app)
    store = app.store
    app.__dict__["store"] = silent = _Silent(Path(store.uri.removeprefix("file://")))
    silent.about = about
    with nullcontext() if about else pytest.raises(StoreUnavailable):  # nothing to keep the journal in
        app.send_lane(lane, NOW, time_budget_seconds=5)
    assert states(app, campaign_id) == {"planned": 5}
    assert mail.mails == []
    app.__dict__["store"] = store
    app.__dict__.pop("_compiler", None)
    app.send_lane(lane, later(minutes=10), time_budget_seconds=10)
    assert states(app, campaign_id) == {"accepted": 5}


def test_a_file_that_is_gone_stops_the_campaign_before_any_provider_hears_of_it(
    app: App, mail: SmtpRecorder, lane: str
) -> None:
    campaign_id = campaign_with_file(app, stored=False)
    app.send_lane(lane, NOW, time_budget_seconds=5)
    assert states(app, campaign_id) == {"planned": 5}
    assert mail.mails == []
    assert app.campaign(campaign_id).status is CampaignStatus.PAUSED
    assert [alert.kind for alert in app.open_alerts()] == ["template_broke"]
