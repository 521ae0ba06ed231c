"""What follows from one received mail, and when: a pure function, so that a restart plans the same again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from leadmill.local.mail_world.chance import between, lognormal
from leadmill.local.mail_world.mails import Mail, Relay
from leadmill.local.mail_world.options import WorldOptions
from leadmill.local.mail_world.temperament import Fate, Temperament

_SLOWEST_HUMAN_SECONDS = 6 * 3600.0
_MEDIAN_OPEN_SECONDS = 2400.0
_OPEN_SIGMA = 1.2


class Deed(StrEnum):
    """One thing that happens once."""

    PROVIDER_SENT = "sent"
    PROVIDER_DELIVERED = "delivered"
    BOUNCE_HARD = "bounce_hard"
    BOUNCE_SOFT = "bounce_soft"
    BOUNCE_BLOCKED = "bounce_blocked"
    COMPLAIN = "complain"
    MACHINE_OPEN = "machine_open"
    SCAN = "scan"
    OPEN = "open"
    CLICK = "click"
    REPLY = "reply"
    AUTO_REPLY = "auto_reply"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True, order=True)
class Action:
    """A deed that is due at `at` (seconds since 1970, UTC). `name` is its identity for ever."""

    at: float
    mail: int
    deed: Deed

    @property
    def name(self) -> str:
        """Mail number and deed: a mail sees each deed once."""
        return f"{self.mail}:{self.deed}"


_BOUNCES = {
    Fate.UNKNOWN_USER: Deed.BOUNCE_HARD,
    Fate.HARD_BOUNCE: Deed.BOUNCE_HARD,
    Fate.SOFT_BOUNCE: Deed.BOUNCE_SOFT,
    Fate.BLOCKED: Deed.BOUNCE_BLOCKED,
}


def plan(mail: Mail, temper: Temperament, options: WorldOptions) -> list[Action]:
    """Everything that will happen to this mail, in order of time.

    Machines react within seconds; a person at the earliest `human_floor` seconds after delivery and then as reaction
    times go (lognormal, median 40 minutes of world time, six hours at most), divided by the world's speed.
    """
    clock = _Clock(mail, options)
    delays: dict[Deed, float] = {}
    provider = mail.relay is not Relay.SMTP
    if provider:
        delays[Deed.PROVIDER_SENT] = 0.0
    bounce = _BOUNCES.get(temper.fate)
    if bounce is not None:
        delays[bounce] = clock.after(5, 60, bounce, floor=1.0)
        return _actions(mail, delays)
    if provider:
        delays[Deed.PROVIDER_DELIVERED] = clock.after(1, 3, Deed.PROVIDER_DELIVERED, floor=0.2)
    if temper.machine_opens:
        delays[Deed.MACHINE_OPEN] = clock.after(2, 8, Deed.MACHINE_OPEN, floor=0.5)
    if temper.scanner:
        delays[Deed.SCAN] = clock.after(3, 9, Deed.SCAN, floor=0.7)
    if temper.auto_replies:
        delays[Deed.AUTO_REPLY] = clock.after(5, 20, Deed.AUTO_REPLY, floor=1.0)
    if temper.opens or temper.fate is Fate.COMPLAINT:
        delays |= _human(temper, clock)
    return _actions(mail, delays)


def _human(temper: Temperament, clock: _Clock) -> dict[Deed, float]:
    opened = clock.human()
    delays = {Deed.OPEN: opened}
    if temper.clicks:
        delays[Deed.CLICK] = opened + clock.after(15, 75, Deed.CLICK, floor=clock.pause)
    if temper.replies:
        delays[Deed.REPLY] = opened + clock.after(180, 900, Deed.REPLY, floor=clock.pause * 1.5)
    if temper.unsubscribes:
        delays[Deed.UNSUBSCRIBE] = opened + clock.after(20, 60, Deed.UNSUBSCRIBE, floor=clock.pause)
    if temper.fate is Fate.COMPLAINT:
        delays[Deed.COMPLAIN] = opened + clock.after(10, 60, Deed.COMPLAIN, floor=clock.pause)
    return delays


def _actions(mail: Mail, delays: dict[Deed, float]) -> list[Action]:
    return sorted(Action(round(mail.received_at + delay, 3), mail.number, deed) for deed, delay in delays.items())


@dataclass(frozen=True, slots=True)
class _Clock:
    mail: Mail
    options: WorldOptions

    def after(self, low: float, high: float, deed: Deed, *, floor: float) -> float:
        """A delay of `low` to `high` world seconds, at least `floor` seconds."""
        world = between(low, high, self.options.seed, "delay", deed, self.mail.recipient, self.mail.message_id)
        return max(world / self.options.speed, floor)

    @property
    def pause(self) -> float:
        """Seconds that a person needs between two things, a quarter of what the first takes."""
        return self.options.human_floor / 4

    def human(self) -> float:
        """The delay of a person's first look at the mail."""
        key = (self.mail.recipient, self.mail.message_id)
        world = lognormal(_MEDIAN_OPEN_SECONDS, _OPEN_SIGMA, self.options.seed, "human", *key)
        jitter = between(0.0, 0.5, self.options.seed, "jitter", *key) * self.options.human_floor
        return max(min(world, _SLOWEST_HUMAN_SECONDS) / self.options.speed, self.options.human_floor) + jitter
