"""What the person at the terminal sees while the stack works: one line a stage, with the time it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

_LOG_WIDTH = 160


@dataclass
class Stage:
    """A stage under way; `result` is what its line says in the end."""

    title: str
    result: str = ""


class Progress:
    """Prints stages to a terminal (with a spinner) or to a log (one plain line each)."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = _LOG_WIDTH

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        """Show that a stage runs, then that it is done, how long it took and what came out."""
        stage, started = Stage(title), time.monotonic()
        try:
            if self.console.is_terminal:
                with self.console.status(title):
                    yield stage
            else:
                yield stage
        except BaseException:
            self.console.print(f"[red]✗[/red] {title}")
            raise
        seconds = f"[dim]{time.monotonic() - started:6.1f} s[/dim]"
        self.console.print(f"[green]✓[/green] {seconds}  {title}{': ' + stage.result if stage.result else ''}")

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(text)
