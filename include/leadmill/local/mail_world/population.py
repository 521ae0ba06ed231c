"""The population at work: does what the plans say when it is due, and notes what is done."""

from __future__ import annotations

import asyncio
import heapq
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import structlog

from leadmill.errors import TransientError
from leadmill.local.mail_world import letters
from leadmill.local.mail_world.chance import digest
from leadmill.local.mail_world.edge_calls import EdgeCaller, calls_for
from leadmill.local.mail_world.journal import Journal
from leadmill.local.mail_world.mails import Mail, Relay, links_of, parse
from leadmill.local.mail_world.options import WorldOptions
from leadmill.local.mail_world.plan import Action, Deed, plan
from leadmill.local.mail_world.provider_events import sendgrid_event, ses_record
from leadmill.local.mail_world.signing import signed_headers, webhook_key
from leadmill.local.mail_world.temperament import temperament
from leadmill.ports.store import ObjectStore

log = structlog.get_logger(__name__)

_TICK_SECONDS = 0.5
_CALLERS = 6
_DSN = {Deed.BOUNCE_HARD, Deed.BOUNCE_SOFT, Deed.BOUNCE_BLOCKED}
_RETRY_SECONDS = 15.0  # a provider whose webhook is refused tries again, up to a day


class Population:
    """Plans for every mail it is told of, and does what is due: provider events in batches, the rest one by one."""

    def __init__(self, options: WorldOptions, journal: Journal, store: ObjectStore) -> None:
        self._options = options
        self._journal = journal
        self._store = store
        self._due: list[tuple[float, Action]] = []
        self._doing = 0
        self._caller = EdgeCaller(options.edge_url, requests_per_second=options.requests_per_second)
        self.deeds: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()

    def meet(self, mail: Mail) -> None:
        """Plan what follows from a mail, or keep to the plan of an earlier run; what was done is left out."""
        if mail.number not in self._journal.planned:
            self._journal.note_plan(mail.number, [(action.at, action.deed.value) for action in self._plan(mail)])
        for at, deed in self._journal.planned[mail.number]:
            action = Action(at, mail.number, Deed(deed))
            if action.name not in self._journal.done:
                heapq.heappush(self._due, (at, action))

    def _plan(self, mail: Mail) -> list[Action]:
        temper = temperament(
            self._options,
            sender=mail.sender,
            recipient=mail.recipient,
            message=mail.message_id,
            bad_sender=self._options.bad_sender or self._journal.bad_sender,
        )
        return plan(mail, temper, self._options)

    @property
    def pending(self) -> int:
        """Deeds planned or under way."""
        return len(self._due) + self._doing

    async def live(self) -> None:
        """Do what is due until cancelled."""
        queue: asyncio.Queue[Action] = asyncio.Queue()
        workers = [asyncio.create_task(self._work(queue)) for _ in range(_CALLERS)]
        try:
            while True:
                actions = self._take_due()
                events = {relay: [a for a in actions if self._is_event(a, relay)] for relay in Relay}
                for action in actions:
                    if not any(action in batch for batch in (events[Relay.SES], events[Relay.SENDGRID])):
                        queue.put_nowait(action)
                await self._report_ses(events[Relay.SES])
                await self._report_sendgrid(events[Relay.SENDGRID])
                await asyncio.sleep(_TICK_SECONDS)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await self._caller.close()

    def _take_due(self) -> list[Action]:
        now, found = time.time(), []
        while self._due and self._due[0][0] <= now:
            found.append(heapq.heappop(self._due)[1])
        self._doing += len(found)
        return found

    def _mail(self, action: Action) -> Mail:
        return self._journal.mails[action.mail - 1]

    def _is_event(self, action: Action, relay: Relay) -> bool:
        """Whether the provider that relayed the mail reports this deed."""
        if self._mail(action).relay is not relay or relay is Relay.SMTP:
            return False
        return action.deed in _DSN | {Deed.PROVIDER_SENT, Deed.PROVIDER_DELIVERED, Deed.COMPLAIN}

    async def _work(self, queue: asyncio.Queue[Action]) -> None:
        while True:
            action = await queue.get()
            try:
                await self._do(action)
                self._finish([action])
            except Exception as error:  # noqa: BLE001 - one broken mail must not end the world
                log.warning("tried again later", deed=action.deed.value, mail=action.mail, error=type(error).__name__)
                self._again([action])

    async def _do(self, action: Action) -> None:
        mail, options = self._mail(action), self._options
        content = self._journal.content(mail)
        letter = _letter(action, mail, content, seed=options.seed)
        if letter:
            key = f"landing/inbound/{_day(action.at)}/{_time(action.at)}-{_id(options, action, mail)}.eml"
            await asyncio.to_thread(self._store.write, key, letter)
            return
        if action.deed is not Deed.UNSUBSCRIBE:
            # The edge gives opens and clicks new ids: noted first, a crash may lose one but never repeats it.
            self._journal.note_done(action.name)
        for call in calls_for(action.deed, mail, links_of(parse(content)), seed=options.seed):
            status = await self._caller.make(call)
            self.answers[f"{call.method} {call.path[:2]} {status}"] += 1
            if action.deed is Deed.UNSUBSCRIBE and not httpx.codes.is_success(status):
                raise TransientError(f"The edge answered an unsubscribe with {status}; it is sent again.")

    async def _report_ses(self, actions: Sequence[Action]) -> None:
        """One Firehose object with a line per event, straight into the bucket, as Firehose does."""
        records = self._events(actions, ses_record)
        if not records:
            return
        body = "".join(json.dumps(record) + "\n" for record in records).encode()
        await self._land("ses", "ndjson", body, actions)

    async def _report_sendgrid(self, actions: Sequence[Action]) -> None:
        """One array, posted to the edge's webhook with a signature, or into the bucket."""
        events = self._events(actions, sendgrid_event)
        if not events:
            return
        body = json.dumps(events).encode() + b"\r\n"
        if not self._options.sendgrid_webhook:
            await self._land("sendgrid", "json", body, actions)
            return
        headers = signed_headers(webhook_key(self._options.folder), body, at=time.time())
        status = await self._caller.post_events("/webhooks/sendgrid", body, headers)
        self.answers[f"POST /webhooks/sendgrid {status}"] += 1
        if httpx.codes.is_success(status):
            self._finish(actions)
            return
        log.warning("the edge did not take SendGrid's events; they are posted again", status=status, events=len(events))
        self._again(actions)

    def _events(self, actions: Iterable[Action], form: Callable[..., dict[str, Any] | None]) -> list[dict[str, Any]]:
        made = (form(self._mail(action), action, seed=self._options.seed) for action in actions)
        return [record for record in made if record is not None]

    async def _land(self, provider: str, suffix: str, body: bytes, actions: Sequence[Action]) -> None:
        at = actions[0].at
        name = digest(self._options.seed, provider, *(action.name for action in actions))
        key = f"landing/events/{provider}/{_day(at)}/{_time(at)}-{name}.{suffix}"
        try:
            await asyncio.to_thread(self._store.write, key, body)
        except Exception:
            log.exception("events could not be written; they are written again", provider=provider)
            self._again(actions)
        else:
            self._finish(actions)

    def _finish(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self._journal.note_done(action.name)
            self.deeds[action.deed.value] += 1
            self._doing -= 1

    def _again(self, actions: Iterable[Action]) -> None:
        """Put deeds back for later. Their times and ids stay what they were, so that a repeat is known as one."""
        for action in actions:
            heapq.heappush(self._due, (time.time() + _RETRY_SECONDS, action))
            self._doing -= 1


def _letter(action: Action, mail: Mail, content: bytes, *, seed: int) -> bytes:
    """The mail that this deed writes; empty where it writes none."""
    if action.deed in _DSN:
        return letters.delivery_status(mail, content, action.deed, at=action.at, seed=seed)
    if action.deed is Deed.COMPLAIN:
        return letters.abuse_report(mail, content, at=action.at, seed=seed)
    if action.deed is Deed.REPLY:
        return letters.reply(mail, parse(content), at=action.at, seed=seed)
    if action.deed is Deed.AUTO_REPLY:
        return letters.auto_reply(mail, parse(content), at=action.at, seed=seed)
    return b""


def _id(options: WorldOptions, action: Action, mail: Mail) -> str:
    return digest(options.seed, "letter", action.name, mail.message_id, mail.recipient)


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y/%m/%d")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H%M%S")
