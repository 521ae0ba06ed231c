"""One run of an assumed world, day by day: the production's rotation, capacity, warm-up and guardrails decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from leadmill.domain.guardrails import (
    COOL_DOWN,
    DAYS_OF_MONTH,
    Action,
    Finding,
    Health,
    Verdict,
    content_is_doubtful,
    half_are_stopped,
    judge_domain,
    judge_mailbox,
    pause_threshold,
)
from leadmill.domain.mailboxes import Mailbox, SenderStatus, account_remaining, capacity
from leadmill.domain.rotation import DueSend, Rotation, rotate
from leadmill.domain.rotation_limits import AssignmentReason, candidate_of, domain_remaining
from leadmill.domain.simulated_senders import SimulatedDomain, SimulatedMailbox, start_of
from leadmill.domain.simulation import CONTENT_REVIEW, WORKING_HOURS, Run, World
from leadmill.domain.spread import Spread
from leadmill.domain.warm_up import EVIDENCE_DAYS, next_day, next_probation_day

_MORNING = time(8)


class SimulatedRun:
    """The state of one run; `go` plays it to its end."""

    def __init__(self, world: World, chance: np.random.Generator) -> None:
        self.world = world
        self.chance = chance
        self.bounce = world.bounce_rate.draw(chance)
        self.complain = world.complaint_rate.draw(chance)
        self.block = world.block_rate.draw(chance)
        self.reply = world.reply_rate.draw(chance)
        self.boxes = {
            m.mailbox_id: SimulatedMailbox(m, start_of(m), clean_days=0 if m.is_on_probation else None)
            for m in world.mailboxes
        }
        self.domains: dict[int, SimulatedDomain] = {}
        self.lanes: dict[int, list[SimulatedMailbox]] = {}
        for box in self.boxes.values():
            self.domains.setdefault(box.setup.domain_id, SimulatedDomain([])).boxes.append(box)
            self.lanes.setdefault(box.setup.account_id, []).append(box)
        mails_a_day = sum(m.daily_limit for m in world.mailboxes)
        self.threshold = pause_threshold(mails_a_day * DAYS_OF_MONTH, false_pauses_a_month=world.false_pauses_a_month)
        self.fresh = _by_family(world)
        self.follow_ups: dict[tuple[date, int, int], int] = {}  # (due, step, mailbox) -> mails
        self.stops: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        self.stopped_days = self.complained = self.bounced = 0
        self.unreviewed = Health(0)
        self.held_until: date | None = None

    def go(self) -> Run:
        """Play day after day until nothing is left, or the time is up."""
        sent: list[int] = []
        finished_on = None
        for number in range(self.world.most_days):
            day = self.world.first_day + timedelta(days=number)
            self._morning(day, is_first=number == 0)
            sent.append(self._send(day, number) if day.weekday() in self.world.weekdays else 0)
            if not any(self.fresh.values()) and not self.follow_ups:
                finished_on = day
                break
        return Run(sent, self.stops, self.stopped_days, self.bounced, self.complained, finished_on, self.warnings)

    # --- the morning: what yesterday's evidence leads to

    def _morning(self, day: date, *, is_first: bool) -> None:
        for domain in self.domains.values():
            if domain.back_on is not None and domain.back_on <= day:
                domain.status, domain.back_on = SenderStatus.ACTIVE, None
                for box in domain.boxes:
                    if not box.stopped_by:
                        self._let_back(box, day)
        for box in self.boxes.values():
            if box.back_on is not None and box.back_on <= day:
                self._let_back(box, day)
            if not is_first:
                self._grow(box, day)
            box.accepted = box.taken = 0
        self._judge(day)
        active = SenderStatus.ACTIVE
        self.stopped_days += sum(
            len(d.boxes) if d.status is not active else sum(bool(b.stopped_by) for b in d.boxes)
            for d in self.domains.values()
        )

    def _let_back(self, box: SimulatedMailbox, day: date) -> None:
        """A released mailbox starts low, and what paused it does not count again."""
        box.stopped_by, box.back_on, box.since, box.clean_days = "", None, day, 0

    def _grow(self, box: SimulatedMailbox, day: date) -> None:
        if box.warm_up is not None:
            since = box.warm_up.last_cut_on or date.min
            box.warm_up = next_day(
                box.warm_up,
                box.setup.warm_up_curve,
                full_limit=box.setup.daily_limit,
                accepted=box.accepted,
                health=box.health(day, EVIDENCE_DAYS, since=since),
                day=day,
            ).warm_up
        if box.clean_days is not None:
            health = box.health(day, EVIDENCE_DAYS, since=box.since)
            probation = next_probation_day(box.clean_days, accepted=box.accepted, health=health)
            box.clean_days = None if probation.is_over else probation.clean_days

    def _judge(self, day: date) -> None:
        rules = self.world.rules
        for domain in self.domains.values():
            if domain.status is not SenderStatus.ACTIVE:
                continue
            windows = {id(box): box.health(day, rules.window_days, since=box.since) for box in domain.boxes}
            for box in domain.boxes:
                if not box.stopped_by:
                    self._judge_box(box, windows[id(box)], day)
            verdicts = judge_domain(sum(windows.values(), start=Health(0)), rules=rules)
            self._warn(domain, verdicts, Action.ALERT)
            if any(verdict.action is Action.COOL_DOWN for verdict in verdicts):
                domain.status, domain.back_on = SenderStatus.COOLING_DOWN, day + COOL_DOWN
                self.stops[Finding.SPAM_BLOCK.value] += 1
            elif half_are_stopped(len(domain.boxes), sum(bool(box.stopped_by) for box in domain.boxes)):
                domain.status, domain.back_on = SenderStatus.PAUSED, self._lifted(day)
                self.stops[Finding.HALF_STOPPED.value] += 1
        if content_is_doubtful(self.unreviewed.complained, self.unreviewed.sent, rules=rules):
            self.stops[CONTENT_REVIEW] += 1
            self.held_until, self.unreviewed = self._lifted(day) or date.max, Health(0)

    def _judge_box(self, box: SimulatedMailbox, window: Health, day: date) -> None:
        days, rules = box.days_of_mail(day), self.world.rules
        verdicts = judge_mailbox(window, days=days, threshold=self.threshold, rules=rules)
        for verdict in verdicts:
            if verdict.action is Action.PAUSE and not box.stopped_by:
                box.stopped_by, box.back_on = verdict.finding.value, self._lifted(day)
                self.stops[verdict.finding.value] += 1
        self._warn(box, verdicts, Action.WARN)

    def _warn(self, sender: SimulatedMailbox | SimulatedDomain, verdicts: Sequence[Verdict], action: Action) -> None:
        """Count what people are told of: once, until it is over."""
        told = [verdict.finding.value for verdict in verdicts if verdict.action is action]
        if not sender.is_warned:
            self.warnings.update(told)
        sender.is_warned = bool(told)

    def _lifted(self, day: date) -> date | None:
        after = self.world.lift_after_days
        return None if after is None else day + timedelta(days=after)

    # --- the day: rotation

    def _send(self, day: date, number: int) -> int:
        if self.held_until is not None and day < self.held_until:
            return 0
        rounds = WORKING_HOURS if self.world.hourly_limits else 1
        sent = 0
        for hour in range(rounds):
            now = datetime.combine(day, _MORNING, tzinfo=UTC) + timedelta(hours=hour)
            for account_id, boxes in self.lanes.items():
                taken = sum(box.taken for box in boxes)
                lane = [self._standing(box, now, taken) for box in boxes]
                sent += self._rotate(lane, now, seed=(number * WORKING_HOURS + hour) * 1_000 + account_id)
        self._happen(day)
        return sent

    def _standing(self, box: SimulatedMailbox, now: datetime, account_taken: int) -> Mailbox:
        """The mailbox as production would read it from the ledger now."""
        domain = self.domains[box.setup.domain_id]
        window = box.health(now.date(), self.world.rules.window_days, since=date.min)
        return replace(
            box.setup,
            day=now.date(),
            time_zone="UTC",
            taken_today=box.taken,
            warm_up=box.warm_up,
            is_on_probation=box.clean_days is not None,
            status=SenderStatus.PAUSED if box.stopped_by else SenderStatus.ACTIVE,
            domain_status=domain.status,
            domain_cool_down_until=None,
            domain_taken_today=sum(each.taken for each in domain.boxes),
            account_taken=account_taken,
            account_spread=Spread.AS_FAST_AS_POSSIBLE,  # a day is one step here, and evenness does not change its sum
            hourly_limit=None,
            min_gap_seconds=0,
            next_send_at=None,
            account_next_send_at=None,
            delivered=window.sent,
            bounced=window.hard_bounced,
        )

    def _rotate(self, lane: list[Mailbox], now: datetime, *, seed: int) -> int:
        left = {m.mailbox_id: capacity(m, now) for m in lane}
        room = sum(each.remaining for each in left.values())
        due = self._due(lane, now.date(), room)
        if not due:
            return 0
        account = account_remaining(lane[0])
        limits = self.world.hourly_limits
        found = rotate(
            due,
            [candidate_of(m, left[m.mailbox_id]) for m in lane],
            domain_remaining=domain_remaining(lane),
            account_remaining=None if account is None else max(0, account[0]),
            recipient_remaining={(m.domain_id, family): limit for m in lane for family, limit in limits.items()},
            seed=seed,
        )
        return self._take(found, now.date())

    def _due(self, lane: list[Mailbox], day: date, room: int) -> list[DueSend]:
        """What is due, as interchangeable sends; no more of each kind than there is room for."""
        pools = {m.mailbox_id: m.pool_id for m in lane}
        due: list[DueSend] = []
        for (at, _, mailbox_id), mails in self.follow_ups.items():
            if at <= day and mailbox_id in pools:
                due += [DueSend(0, pools[mailbox_id], sticky_mailbox_id=mailbox_id)] * min(mails, room)
        for family, mails in self.fresh.items():
            due += [DueSend(0, lane[0].pool_id, recipient_family=family)] * min(mails, room)
        return due

    def _take(self, found: Rotation, day: date) -> int:
        sent = 0
        for place, mails in Counter(found.chosen).items():
            if place < 0:
                continue
            choice = found.choices[place]
            self.boxes[choice.mailbox_id].taken += mails
            sent += mails
            if choice.reason is AssignmentReason.STICKY:
                self._take_follow_ups(choice.mailbox_id, mails, day)
            else:
                self.fresh[choice.recipient_family] -= mails
                self._plan_follow_ups(choice.mailbox_id, mails, step=1, day=day)
        return sent

    def _take_follow_ups(self, mailbox_id: int, mails: int, day: date) -> None:
        for key in sorted(key for key in self.follow_ups if key[0] <= day and key[2] == mailbox_id):
            taken = min(mails, self.follow_ups[key])
            self.follow_ups[key] -= taken
            mails -= taken
            if not self.follow_ups[key]:
                del self.follow_ups[key]
            if taken:
                self._plan_follow_ups(mailbox_id, taken, step=key[1], day=day)

    def _plan_follow_ups(self, mailbox_id: int, mails: int, *, step: int, day: date) -> None:
        """Whoever neither bounced nor replied gets the next step, from the same mailbox."""
        if step >= self.world.steps:
            return
        going_on = int(self.chance.binomial(mails, (1 - self.bounce) * (1 - self.reply)))
        if going_on:
            key = (day + timedelta(days=self.world.step_delay_days), step + 1, mailbox_id)
            self.follow_ups[key] = self.follow_ups.get(key, 0) + going_on

    # --- the night: what became of the mails

    def _happen(self, day: date) -> None:
        boxes = [box for box in self.boxes.values() if box.taken]
        mails = np.array([box.taken for box in boxes], dtype=np.int64)
        bounced = self.chance.binomial(mails, self.bounce)
        blocked = self.chance.binomial(mails - bounced, self.block)
        complained = self.chance.binomial(mails - bounced - blocked, self.complain)
        outcomes = np.stack([mails, bounced, blocked, complained], axis=1).tolist()
        for box, counts in zip(boxes, outcomes, strict=True):
            health = Health(*counts)
            box.log.append((day, health))
            box.accepted = box.taken
            self.unreviewed = self.unreviewed + health
            self.bounced += health.hard_bounced
            self.complained += health.complained


def run_once(world: World, chance: np.random.Generator) -> Run:
    """One run of a world."""
    return SimulatedRun(world, chance).go()


def _by_family(world: World) -> dict[str, int]:
    """The recipients by limited family, the unlimited rest under ""."""
    counts = {family: round(share * world.recipients) for family, share in world.family_shares.items()}
    counts = {family: mails for family, mails in counts.items() if mails and family in world.hourly_limits}
    return {**counts, "": max(0, world.recipients - sum(counts.values()))}
