"""Who a recipient is: what becomes of mail to that address, decided by the seed, the same at every look."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from leadmill.local.mail_world.chance import uniform
from leadmill.local.mail_world.options import WorldOptions


class Fate(StrEnum):
    """What happens to a mail; at most one of the sad ones."""

    ARRIVES = "arrives"
    UNKNOWN_USER = "unknown_user"
    BLOCKED = "blocked"
    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class Temperament:
    """How a recipient treats one message. Clicks, replies and unsubscribes come only from those who open."""

    fate: Fate
    greylists: bool = False
    machine_opens: bool = False
    scanner: bool = False
    opens: bool = False
    clicks: bool = False
    replies: bool = False
    unsubscribes: bool = False
    auto_replies: bool = False


def temperament(options: WorldOptions, *, sender: str, recipient: str, message: str, bad_sender: str) -> Temperament:
    """How `recipient` treats that message of that sender.

    Args:
        options: Seed and rates.
        sender: Envelope sender.
        recipient: Envelope recipient; the address itself decides whether it exists and who protects it.
        message: Message-ID or another name of the message: moods change from mail to mail.
        bad_sender: Pattern of the sender with the bad list.
    """
    rates, seed = options.rates, options.seed
    who = recipient.lower()
    greylists = uniform(seed, "greylists", who) < rates.greylisted
    fate = _fate(options, who, sender.lower(), message, bad_sender)
    if fate is not Fate.ARRIVES:
        return Temperament(fate, greylists=greylists)

    def happens(what: str, rate: float, name: str = message) -> bool:
        return uniform(seed, what, who, name) < rate

    opens = happens("opens", rates.human_open)
    return Temperament(
        fate,
        greylists=greylists,
        machine_opens=happens("machine opens", rates.machine_open, name=""),
        scanner=happens("scanner", rates.scanner, name=""),
        opens=opens,
        clicks=opens and happens("clicks", rates.click),
        replies=opens and happens("replies", rates.reply),
        unsubscribes=opens and happens("unsubscribes", rates.unsubscribe),
        auto_replies=happens("auto-replies", rates.auto_reply),
    )


def _fate(options: WorldOptions, who: str, sender: str, message: str, bad_sender: str) -> Fate:
    rates, seed = options.rates, options.seed
    bad = bool(bad_sender) and fnmatchcase(sender, bad_sender.lower())
    if uniform(seed, "exists", who) < (rates.unknown_user_of_bad_sender if bad else rates.unknown_user):
        return Fate.UNKNOWN_USER
    chances = (
        (Fate.HARD_BOUNCE, rates.hard_bounce_later, ""),
        (Fate.BLOCKED, rates.blocked, message),
        (Fate.SOFT_BOUNCE, rates.soft_bounce, message),
        (Fate.COMPLAINT, rates.complaint, message),
    )
    return next((fate for fate, rate, name in chances if uniform(seed, fate, who, name) < rate), Fate.ARRIVES)
