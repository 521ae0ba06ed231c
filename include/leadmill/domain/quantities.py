"""Numbers of things as people read them."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun, or with its noun and verb: "1 mail is", "2,000 mails are"; `many`: `one` with an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
