"""What the world remembers: one append-only journal and a folder of mails; replayed when the world starts again."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from leadmill.local.mail_world.mails import Headers, Mail, Relay

_MAILS_PER_FOLDER = 1000


class Journal:
    """`journal.ndjson` (received, refused, planned, done, bad sender) and `mails/0001/000001.eml`.

    A line is written before the world acts on it: a mail before it is acknowledged. A deed is noted after it was done,
    so that a crash repeats it with the same event ids rather than losing it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.mails: list[Mail] = []
        self.planned: dict[int, list[tuple[float, str]]] = {}
        self.done: set[str] = set()
        self.refusals: Counter[str] = Counter()
        self.greylisted: dict[tuple[str, str], float] = {}
        self.bad_sender = ""
        self.relays: dict[str, Relay] = {}
        self._copies: dict[str, list[int]] = defaultdict(list)
        path = folder / "journal.ndjson"
        for entry in _entries(path):
            self._remember(entry)
        self._file = path.open("a", encoding="utf-8")

    def close(self) -> None:
        """Close the journal's file."""
        self._file.close()

    def keep(
        self,
        content: bytes,
        headers: Headers,
        *,
        received_at: float,
        sender: str,
        recipient: str,
        relay: Relay,
        relay_id: str,
    ) -> Mail:
        """Write one accepted copy down: first the mail, then its line."""
        number = len(self.mails) + 1
        file = f"mails/{number // _MAILS_PER_FOLDER:04d}/{number:06d}.eml"
        path = self._folder / file
        if number == 1 or number % _MAILS_PER_FOLDER == 0 or not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        mail = Mail(
            number=number,
            received_at=round(received_at, 3),
            sender=sender,
            recipient=recipient,
            message_id=headers.message_id,
            subject=headers.subject,
            relay=relay,
            relay_id=relay_id,
            tags=headers.tags,
            file=file,
            byte_size=len(content),
        )
        self._write({"entry": "received", **asdict(mail)})
        return mail

    def note_refusal(self, *, at: float, sender: str, recipient: str, code: str) -> None:
        """Note that a recipient was refused, and with which reply."""
        entry = {"entry": "refused", "at": round(at, 3), "sender": sender, "recipient": recipient, "code": code}
        self._write(entry)

    def note_bad_sender(self, sender: str) -> None:
        """Note who has the bad list."""
        self._write({"entry": "bad_sender", "sender": sender})

    def note_plan(self, number: int, actions: list[tuple[float, str]]) -> None:
        """Note what will happen to a mail: later runs keep to it, even with other rates."""
        self._write({"entry": "planned", "mail": number, "actions": actions})

    def note_done(self, name: str) -> None:
        """Note that a deed is done; once is enough."""
        if name not in self.done:
            self._write({"entry": "done", "name": name})

    def content(self, mail: Mail) -> bytes:
        """The mail as it came."""
        return (self._folder / mail.file).read_bytes()

    def received(self, *, recipient: str = "", message_id: str = "") -> list[Mail]:
        """Every accepted copy, or those for a recipient and of a Message-ID."""
        if recipient:
            mails = [self.mails[number - 1] for number in self._copies.get(recipient.lower(), [])]
        else:
            mails = list(self.mails)
        return [mail for mail in mails if not message_id or mail.message_id == message_id]

    def copies(self) -> Counter[tuple[str, str]]:
        """How many copies each (recipient, Message-ID) got; anything above one is a double mail."""
        return Counter((mail.recipient.lower(), mail.message_id) for mail in self.mails)

    def _write(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._file.flush()
        self._remember(entry)

    def _remember(self, entry: dict[str, Any]) -> None:
        kind = entry["entry"]
        if kind == "received":
            fields = {key: value for key, value in entry.items() if key != "entry"}
            mail = Mail(**{**fields, "relay": Relay(fields["relay"])})
            self.mails.append(mail)
            self._copies[mail.recipient.lower()].append(mail.number)
            if mail.relay is not Relay.SMTP:
                self.relays[mail.sender_domain] = mail.relay
        elif kind == "refused":
            self.refusals[entry["code"]] += 1
            if entry["code"].startswith("4"):
                self.greylisted.setdefault((entry["sender"].lower(), entry["recipient"].lower()), entry["at"])
        elif kind == "planned":
            self.planned[entry["mail"]] = [(at, deed) for at, deed in entry["actions"]]
        elif kind == "done":
            self.done.add(entry["name"])
        elif kind == "bad_sender":
            self.bad_sender = entry["sender"]


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    """Entries of a journal; a last line that a crash cut short is cut off, as if it had not been written."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole != len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
    for line in content[:whole].splitlines():
        yield json.loads(line)
