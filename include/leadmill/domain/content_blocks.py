"""Content blocks: a named piece of a mail with a version for each category of leads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

BLOCKS_LIMIT = 20
VERSIONS_LIMIT = 100
BLOCK_LENGTH_LIMIT = 50_000
"""Characters of one version; a whole template may have four times as many."""

NO_VERSION = "no_version_of_block_"
"""How the variable begins that is missing where a lead's category has no version and there is no default one."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_USE = re.compile(r"""\{\{-?\s*block\(\s*(?:"([^"{}]{1,60})"|'([^'{}]{1,60})')\s*\)\s*-?\}\}""")


@dataclass(frozen=True, slots=True)
class ContentBlock:
    """A block as an analyst writes it: `versions` by the lead's category, `default` for every other lead.

    Versions are HTML templates; in a subject and in the text part their text is taken. Without a default (None), a lead
    of a category that has no version gets no mail.
    """

    name: str
    default: str | None = ""
    versions: tuple[tuple[str, str], ...] = ()

    def version_for(self, category: str) -> str | None:
        """What a lead of that category gets; None where nothing fits."""
        return dict(self.versions).get(category, self.default)

    def problems(self) -> list[str]:
        """What makes the block impossible to keep, one sentence each."""
        found = []
        if not _NAME.fullmatch(self.name):
            found.append(f"Name the block {self.name!r} with small letters, digits and underscores, such as intro.")
        categories = [category for category, _ in self.versions]
        if len(set(categories)) < len(categories) or "" in (c.strip() for c in categories):
            found.append(f"Block {self.name}: give each version a category of its own.")
        if len(categories) > VERSIONS_LIMIT:
            found.append(f"Block {self.name}: at most {VERSIONS_LIMIT} versions.")
        if any(len(text) > BLOCK_LENGTH_LIMIT for text in (self.default or "", *dict(self.versions).values())):
            found.append(f"Block {self.name}: a version has at most {BLOCK_LENGTH_LIMIT:,} characters.")
        return found

    def to_json(self) -> dict[str, Any]:
        """The block as the ledger keeps it."""
        return {"name": self.name, "default": self.default, "versions": [list(pair) for pair in self.versions]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The block out of the ledger."""
        return cls(stored["name"], stored["default"], tuple((c, text) for c, text in stored["versions"]))


def blocks_problems(blocks: Sequence[ContentBlock]) -> list[str]:
    """What makes a campaign's blocks impossible to keep, one sentence each."""
    names = [block.name for block in blocks]
    found = [problem for block in blocks for problem in block.problems()]
    if len(set(names)) < len(names):
        found.append("Two content blocks have the same name.")
    if len(blocks) > BLOCKS_LIMIT:
        found.append(f"At most {BLOCKS_LIMIT} content blocks.")
    return found


def block_uses(source: str) -> Iterator[re.Match[str]]:
    """Every `{{ block("name") }}` of a template; `used_name` says which."""
    return _USE.finditer(source)


def used_name(use: re.Match[str]) -> str:
    """The name in one use."""
    return use[1] or use[2]


def used_blocks(*sources: str) -> frozenset[str]:
    """The names of the blocks that templates use, whether there are such blocks or not."""
    return frozenset(used_name(use) for source in sources for use in block_uses(source))
