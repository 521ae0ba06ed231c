"""Which legal basis may be mailed through which kind of provider."""

from __future__ import annotations

from collections.abc import Iterable

DEFAULT_POLICY: dict[str, frozenset[str]] = {
    "ses": frozenset({"consent", "contract"}),
    "sendgrid": frozenset({"consent", "contract"}),
    "mailgun": frozenset({"consent", "contract"}),
    "postmark": frozenset({"consent", "contract"}),
    "smtp": frozenset({"consent", "contract", "legitimate_interest"}),
}
"""The services' terms ask for recipients who agreed; own SMTP servers are bound by law alone (GDPR Art. 6)."""


def default_legal_bases(providers: Iterable[str]) -> frozenset[str]:
    """What a pool over these providers may mail without an admin's override: what all of them permit."""
    return frozenset.intersection(*(DEFAULT_POLICY[p] for p in providers), DEFAULT_POLICY["smtp"])
