"""Placement tests: one real mail a mailbox to a seed inbox of our own, and where it landed."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from html import escape

from leadmill.domain.access import Actor, Role
from leadmill.domain.messages import Frame, OutgoingMessage, ReceiptStatus
from leadmill.domain.placement import LOOK_BACK, MISSING_AFTER_HOURS, TOKEN_HEADER, Placement, is_missing
from leadmill.domain.setup_texts import ADDRESS_LIMIT, require_short
from leadmill.errors import InputInvalid, LeadmillError
from leadmill.ports.esp import Esps
from leadmill.ports.placement import Found, OpenTest, PlacementLedger, PlannedTest, SeedInbox, SeedReader

AT_ONCE = 8
"""Connections at once: a test is no campaign and may take its time."""

_ADDRESS = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9.-]+\.[a-z0-9-]+")
_FAMILY = re.compile(r"[a-z0-9_-]{1,30}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")
_SECRET_REF = re.compile(r"(env:)?[A-Z_][A-Z0-9_]*|(?!env:)[a-z][a-z0-9_]*:[\w./-]+")
MOST_WORDS = 20_000
_LAST_PORT = 65_535
_LONGEST_ADDRESS = 254


@dataclass(frozen=True, slots=True)
class MailContent:
    """What a test mail says: filters judge words, so use those of a real campaign, without links that track."""

    subject: str
    text: str


def add_seed(ledger: PlacementLedger, actor: Actor, seed: SeedInbox, *, as_of: datetime) -> int:
    """Add or update a seed inbox; returns its id.

    Raises:
        NotAllowed: The actor is no admin.
        InputInvalid: Address, family, server or secret_ref make no sense.
    """
    actor.require(Role.ADMIN, to="configure seed inboxes")
    require_short("The user name at the seed inbox's server", seed.user_name, ADDRESS_LIMIT)
    require_short("“Where its secret is” (secret_ref)", seed.secret_ref, ADDRESS_LIMIT)
    if len(seed.address) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(seed.address):
        raise InputInvalid("A seed inbox has an address in lower case, such as leadmill.seed@gmail.com.")
    if not _FAMILY.fullmatch(seed.provider_family):
        raise InputInvalid("The provider family is a word such as gmail, microsoft or yahoo.")
    if not _HOST.fullmatch(seed.imap_host) or not 0 < seed.imap_port <= _LAST_PORT:
        raise InputInvalid("A seed inbox needs the IMAP server's host name, such as imap.gmail.com, and its port.")
    if seed.tls not in {"implicit", "starttls", "none"}:
        raise InputInvalid("tls is implicit, starttls or none.")
    if seed.secret_ref and not _SECRET_REF.fullmatch(seed.secret_ref):
        raise InputInvalid(
            "“Where its secret is” (secret_ref) names a place, such as env:SEED_PASSWORD; never the password itself."
        )
    return ledger.save_seed(actor, seed, as_of=as_of)


async def send_test_mails(
    ledger: PlacementLedger, esps: Esps, content: MailContent, *, family: str = "", as_of: datetime
) -> Counter[str]:
    """Send one test mail of each mailbox that may send and had none on its day; returns counts by outcome.

    Running it again on the same day sends nothing more: each mail is promised to the ledger first.

    Raises:
        InputInvalid: The content is empty or too long.
    """
    if not content.subject.strip() or not content.text.strip() or len(content.text) > MOST_WORDS:
        raise InputInvalid("A test mail needs a subject and a text of at most 20,000 characters.")
    limit, counts = asyncio.Semaphore(AT_ONCE), Counter[str]()
    frame = Frame.of(" ".join(content.subject.split()), content.text, _as_html(content.text))
    for lane in ledger.lanes():
        planned = ledger.plan_tests(lane, family=family, now=as_of)

        async def send(test: PlannedTest) -> tuple[int, tuple[str, str]]:
            async with limit:
                return test.test_id, await _hand_over(test, esps, frame, as_of)

        results = dict(await asyncio.gather(*map(send, planned)))
        if results:
            ledger.record_tests(results)
        counts.update(state for state, _ in results.values())
    return counts


async def _hand_over(test: PlannedTest, esps: Esps, frame: Frame, now: datetime) -> tuple[str, str]:
    """The state and code of one test mail."""
    said: tuple[str, str] | None = None
    try:
        esp = esps.open(test.channel, date=now)
        try:
            async for receipt in esp.send([mail_of(test, frame)]):
                accepted = receipt.status is ReceiptStatus.ACCEPTED
                refused = "refused" if receipt.status is ReceiptStatus.REFUSED else "doubtful"
                said = ("sent" if accepted else refused, receipt.code)
        finally:
            await esp.close()
    except LeadmillError as error:
        return said or ("refused", type(error).__name__)
    except Exception:  # noqa: BLE001 - whatever broke, the mail may have gone out, and the other mailboxes go on
        return said or ("doubtful", "defect")
    return said or ("doubtful", "no answer")


def _as_html(text: str) -> str:
    """The text as a plain page: campaigns' mails have both parts, too."""
    return "".join(f"<p>{escape(part.strip())}</p>" for part in text.split("\n\n") if part.strip())


def mail_of(test: PlannedTest, frame: Frame) -> OutgoingMessage:
    """The mail with its token; it is no campaign's send, so it carries no send id (0 is none's)."""
    return OutgoingMessage(
        send_id=0,
        sender_address=test.sender.address,
        sender_name=test.sender.display_name,
        recipient=test.recipient,
        frame=frame,
        values=(),
        message_id=f"<placement.{test.token}@{test.sender.domain}>",
        headers=((TOKEN_HEADER, test.token),),
    )


def read_seeds(
    ledger: PlacementLedger, reader: SeedReader, *, as_of: datetime, missing_after_hours: float = MISSING_AFTER_HOURS
) -> Counter[str]:
    """Look for the test mails that were not found yet; returns counts by placement, of `waiting` and `unreadable`."""
    waiting: dict[int, list[OpenTest]] = {}
    for test in ledger.open_tests(since=as_of - LOOK_BACK):
        waiting.setdefault(test.seed_id, []).append(test)
    counts: Counter[str] = Counter()
    for seed in ledger.seeds():
        tests = waiting.get(seed.seed_id, [])
        if not tests:
            continue
        oldest = min(test.sent_at for test in tests)
        try:
            lying = reader.find(seed.inbox, [test.token for test in tests], since=oldest)
        except LeadmillError as error:
            ledger.seed_read(seed.seed_id, str(error), as_of=as_of)
            counts["unreadable"] += 1
            continue
        found = {test.test_id: lying[test.token] for test in tests if test.token in lying}
        late = [test for test in tests if test.is_sent and test.token not in lying]
        gone = [t.test_id for t in late if is_missing(t.sent_at, as_of, after_hours=missing_after_hours)]
        ledger.place_tests(found | dict.fromkeys(gone, Found(Placement.MISSING, "")), as_of=as_of)
        ledger.seed_read(seed.seed_id, "", as_of=as_of)
        counts.update(each.placement.value for each in found.values())
        counts["missing"] += len(gone)
        counts["waiting"] += len(tests) - len(found) - len(gone)
    return counts
