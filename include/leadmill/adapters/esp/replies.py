"""What an SMTP reply means: whose fault a refusal is. The table is `reply_codes.toml`; here is how it is read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from leadmill.domain.dispatch import AUTHENTICATION_MARK, REFUSES_US_MARK, SPAM_BLOCK_MARK
from leadmill.domain.messages import Fault
from leadmill.domain.reply_words import Said, said_in

_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")  # never within an IP address
_PERMANENT = 500
_MARKED = {
    "spam-block": (Fault.SENDER, SPAM_BLOCK_MARK),
    "authentication": (Fault.SENDER, AUTHENTICATION_MARK),
    "refuses-us": (Fault.ADDRESS, REFUSES_US_MARK),
}
_MEANINGS = frozenset({"address", "message", "sender", "moment", "throttled", "quota", *_MARKED})
_CONDITIONS = frozenset({"class", "basic", "enhanced", "not_enhanced", "at", "text", "words", "means", "source"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a refusing reply means. `code` holds no free text: the basic code, the enhanced code, perhaps a mark.

    `is_known` is false where no rule knew the reply, so that only its basic code decided. `is_about_server`: "later",
    and not for the recipient's sake.
    """

    fault: Fault
    code: str
    is_throttling: bool = False
    is_daily_quota: bool = False
    is_known: bool = True
    is_about_server: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the table; conditions that are None or empty always hold."""

    means: str
    source: str
    basic: frozenset[int]
    first_digit: int | None
    enhanced: tuple[str, ...]
    not_enhanced: tuple[str, ...]
    of_recipient: bool | None
    text: re.Pattern[str] | None
    words: Said | None

    def holds(self, basic: int, enhanced: str, text: str, said: Said | None, *, of_recipient: bool) -> bool:
        """Whether the rule speaks of this reply."""
        return (
            (self.first_digit is None or basic // 100 == self.first_digit)
            and (not self.basic or basic in self.basic)
            and (self.of_recipient is None or self.of_recipient == of_recipient)
            and (not self.enhanced or _is_among(enhanced, self.enhanced))
            and not _is_among(enhanced, self.not_enhanced)
            and (self.words is None or self.words is said)
            and (self.text is None or self.text.search(text) is not None)
        )


@dataclass(frozen=True, slots=True)
class ReplyTable:
    """The rules in their order, with the version that says which table judged."""

    version: str
    rules: tuple[Rule, ...]


def classify(basic: int, text: str, *, of_recipient: bool) -> Verdict:
    """Whose fault a refusal is.

    Args:
        basic: The three-digit reply code, 400 to 599.
        text: The reply's text; only read for patterns, never kept.
        of_recipient: Whether it answered RCPT TO: there a missing user is likely, a bad content impossible.

    Source: `reply_codes.toml`, rule by rule.
    """
    found = _ENHANCED.search(text)
    enhanced = f"{found[1]}.{found[2]}.{found[3]}" if found else ""
    code = f"{basic} {enhanced}".strip()
    said = said_in(text)
    for rule in reply_table().rules:
        if rule.holds(basic, enhanced, text, said, of_recipient=of_recipient):
            return _verdict(rule.means, code)
    return Verdict(Fault.MOMENT if basic < _PERMANENT else Fault.MESSAGE, code, is_known=False)


def _verdict(means: str, code: str) -> Verdict:
    if means in _MARKED:
        fault, mark = _MARKED[means]
        return Verdict(fault, f"{code} {mark}")
    if means in {"throttled", "quota"}:
        return Verdict(Fault.MOMENT, code, is_throttling=True, is_daily_quota=means == "quota")
    return Verdict(Fault(means), code)


@cache
def reply_table() -> ReplyTable:
    """The table, read once a process.

    Raises:
        ValueError: A rule names an unknown condition or meaning; a test reads the shipped table.
    """
    text = files("leadmill.adapters.esp").joinpath("reply_codes.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return ReplyTable(table["version"], tuple(_rule(entry) for entry in table["rule"]))


def _rule(entry: Mapping[str, Any]) -> Rule:
    places = {None, "recipient", "elsewhere"}
    if set(entry) - _CONDITIONS or entry["means"] not in _MEANINGS or entry.get("at") not in places:
        raise ValueError(f"reply_codes.toml: there is no such rule as {dict(entry)}")
    at = entry.get("at")
    return Rule(
        means=entry["means"],
        source=entry["source"],
        basic=frozenset(entry.get("basic", ())),
        first_digit=entry.get("class"),
        enhanced=tuple(entry.get("enhanced", ())),
        not_enhanced=tuple(entry.get("not_enhanced", ())),
        of_recipient=None if at is None else at == "recipient",
        words=Said(entry["words"]) if "words" in entry else None,
        text=re.compile(entry["text"], re.IGNORECASE | re.DOTALL) if "text" in entry else None,
    )


def _is_among(enhanced: str, codes: tuple[str, ...]) -> bool:
    """Whether a code is one of these: `5.7.26`, a range `5.7.606-649`, or everything below `5.1.`."""
    for code in codes:
        below, _, last = code.rpartition(".")
        if not last:
            found = enhanced.startswith(code)
        elif "-" in last:
            low, high = last.split("-")
            detail = enhanced.rpartition(".")[2]
            found = enhanced.startswith(f"{below}.") and int(low) <= int(detail) <= int(high)
        else:
            found = enhanced == code
        if found:
            return True
    return False
