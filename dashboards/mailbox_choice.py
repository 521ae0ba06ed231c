"""Why a mail went out from its mailbox, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import receivers
import senders

from leadmill.domain.mailboxes import Binding

REASONS = {
    "sticky": "it sent the first mail",
    "retry": "it tried before",
    "rotation": "least full and healthiest",
}


STANDSTILLS = frozenset(
    {
        *(Binding.MAILBOX_PAUSED, Binding.MAILBOX_COOLING_DOWN, Binding.DOMAIN_PAUSED, Binding.DOMAIN_COOLING_DOWN),
        *(Binding.ACCOUNT_PAUSED, Binding.ACCOUNT_WAITS),
    }
)
"""Bindings whose words are a clause and no limit's name."""


def _because(binding: Binding) -> str:
    return f"{'since' if binding in STANDSTILLS else 'by'} {senders.BINDINGS[binding]}"


def words(reason: str | None, why: Mapping[str, Any] | None) -> str:
    """A choice as the claim stored it; empty where there is none."""
    if not reason:
        return ""
    word, _, family = reason.partition(" ")
    said = REASONS.get(word, word)
    if not why:
        return said
    if word == "rotation":
        said += f" of {why['candidates']:,} that could"
    said += f": {why['fill']:.0%} of its day used, {why['bounce_rate']:.1%} bounces"
    others = [
        f"{count:,} {_because(Binding(binding))}"
        for binding, count in sorted(why["others_bound"].items(), key=lambda each: -each[1])
    ]
    if others:
        said += f"; others that could not: {', '.join(others)}"
    return f"{said} (to {receivers.name_of(family)})" if family else said
