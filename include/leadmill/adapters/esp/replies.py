"""What an SMTP reply means: whose fault a refusal is. One table; what it does not know is judged by the basic code."""

from __future__ import annotations

import re
from dataclasses import dataclass

from leadmill.domain.dispatch import SPAM_BLOCK_MARK
from leadmill.domain.messages import Fault

_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")

_FAULT_BY_ENHANCED: dict[str, Fault] = {
    # The address is dead: RFC 3463 §3.2, §3.3; Microsoft's 5.1.10 (recipient not found).
    "5.1.1": Fault.ADDRESS,
    "5.1.2": Fault.ADDRESS,
    "5.1.3": Fault.ADDRESS,
    "5.1.6": Fault.ADDRESS,
    "5.1.10": Fault.ADDRESS,
    "5.2.1": Fault.ADDRESS,
    # Full today, read tomorrow: treated as of the moment though the server says 5.
    "5.2.2": Fault.MOMENT,
    # Our own envelope or log-in: RFC 3463 §3.2 (5.1.7, 5.1.8), RFC 4954 (5.7.0, 5.7.8), Microsoft 5.7.60, 5.7.57.
    "5.1.7": Fault.SENDER,
    "5.1.8": Fault.SENDER,
    "5.7.8": Fault.SENDER,
    "5.7.57": Fault.SENDER,
    "5.7.60": Fault.SENDER,
    # Our authentication or reputation: RFC 7372, Google's and Microsoft's sender rules.
    "5.7.20": Fault.SENDER,
    "5.7.21": Fault.SENDER,
    "5.7.22": Fault.SENDER,
    "5.7.23": Fault.SENDER,
    "5.7.24": Fault.SENDER,
    "5.7.25": Fault.SENDER,
    "5.7.26": Fault.SENDER,
    "5.7.27": Fault.SENDER,
    "5.7.28": Fault.SENDER,
    "5.7.29": Fault.SENDER,
    "5.7.30": Fault.SENDER,
    "5.7.31": Fault.SENDER,
    "5.7.32": Fault.SENDER,
    "5.7.509": Fault.SENDER,
    "5.7.515": Fault.SENDER,
    # The content: RFC 3463 §3.7; a policy's verdict on this one mail.
    "5.3.4": Fault.MESSAGE,
    "5.6.0": Fault.MESSAGE,
    "5.7.1": Fault.MESSAGE,
}

_UNKNOWN_RECIPIENT = re.compile(
    r"user unknown|unknown user|unknown recipient|no such (user|recipient|mailbox|address)|does ?n[o']t exist"
    r"|invalid (recipient|mailbox)|recipient (not found|unknown|rejected: user)|mailbox not found"
    r"|address rejected: (unknown|undeliverable)",
    re.IGNORECASE,
)
_BLOCKLISTED = re.compile(
    r"block ?list|black ?list|blacklisted|spamhaus|spamcop|barracuda|\brbl\b|dnsbl|blocked using"
    r"|(ip|host|sender|domain|address).{0,40}\b(listed|blocked|banned|reputation)|poor reputation|reputation of",
    re.IGNORECASE,
)
_NOT_ALLOWED_TO_RELAY = re.compile(
    r"relay(ing)? (access )?(denied|not (allowed|permitted))|not permitted to relay", re.IGNORECASE
)
_DAILY_QUOTA = re.compile(r"daily .{0,40}(quota|limit)", re.IGNORECASE)
_THROTTLED = re.compile(r"rate|too many|throttl|try again later|slow down|maximum sending", re.IGNORECASE)
_OUR_RATE = re.compile(
    r"too many (concurrent |simultaneous )?(connections|sessions)|too many (messages|e-?mails) (sent )?(from|by) "
    r"|sending rate|throttling failure|\b(your|sender|client)\b.{0,30}\brate\b"
    r"|\brate.?limit.{0,30}\b(your|sender|client)\b",
    re.IGNORECASE,
)
"""What speaks of our rate even at RCPT TO, where "try again later" and "at a rate that" speak of the recipient."""
_PERMANENT = 500
_CLOSING = 421
_THROTTLED_BASIC = frozenset({_CLOSING, 454})
_LOG_IN_REFUSED = frozenset({530, 534, 535, 538})
_DOMAIN_TAKES_NO_MAIL = 556
_THROTTLED_ENHANCED = frozenset({"4.7.0", "4.7.28", "4.7.30", "4.4.5", "4.3.2"})
_ALWAYS_OUR_RATE = frozenset({"4.7.28"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a refusing reply means. `code` holds no free text: the basic code, the enhanced code, perhaps a mark."""

    fault: Fault
    code: str
    is_throttling: bool = False
    is_daily_quota: bool = False


def classify(basic: int, text: str, *, of_recipient: bool) -> Verdict:
    """Whose fault a refusal is.

    Args:
        basic: The three-digit reply code, 400 to 599.
        text: The reply's text; only read for patterns, never kept.
        of_recipient: Whether it answered RCPT TO: there a missing user is likely, a bad content impossible.

    Source: RFC 3463, RFC 5321 §4.2, RFC 7372, RFC 7504; Google's and Microsoft's lists of codes.
    """
    found = _ENHANCED.search(text)
    enhanced = f"{found[1]}.{found[2]}.{found[3]}" if found else ""
    code = f"{basic} {enhanced}".strip()
    if _DAILY_QUOTA.search(text) and (basic < _PERMANENT or enhanced.startswith("5.4.")):
        return Verdict(Fault.MOMENT, code, is_throttling=True, is_daily_quota=True)
    if basic < _PERMANENT:
        return Verdict(Fault.MOMENT, code, is_throttling=_throttles(basic, enhanced, text, of_recipient=of_recipient))
    if _BLOCKLISTED.search(text) and not enhanced.startswith(("5.1.", "5.2.")):
        return Verdict(Fault.SENDER, f"{code} {SPAM_BLOCK_MARK}")
    return Verdict(_permanent_fault(basic, enhanced, text, of_recipient=of_recipient), code)


def _throttles(basic: int, enhanced: str, text: str, *, of_recipient: bool) -> bool:
    """Whether a 4xx reply holds the whole channel; at RCPT TO most are greylisting or the recipient's own trouble."""
    if of_recipient:
        return basic == _CLOSING or enhanced in _ALWAYS_OUR_RATE or bool(_OUR_RATE.search(text))
    return basic in _THROTTLED_BASIC or (enhanced in _THROTTLED_ENHANCED and bool(_THROTTLED.search(text)))


def _permanent_fault(basic: int, enhanced: str, text: str, *, of_recipient: bool) -> Fault:
    if basic in _LOG_IN_REFUSED or _NOT_ALLOWED_TO_RELAY.search(text):
        return Fault.SENDER
    if enhanced in _FAULT_BY_ENHANCED:
        return _FAULT_BY_ENHANCED[enhanced]
    if of_recipient and (basic == _DOMAIN_TAKES_NO_MAIL or _UNKNOWN_RECIPIENT.search(text)):
        return Fault.ADDRESS
    return Fault.MESSAGE
