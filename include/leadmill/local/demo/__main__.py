"""`python -m leadmill.local.demo`: what `make demo` runs."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from leadmill.errors import LeadmillError
from leadmill.local.demo.size import DemoSize
from leadmill.local.demo.stages import Demonstration
from leadmill.local.demo.summary import show_summary
from leadmill.local.stack.layout import StackSettings
from leadmill.local.stack.stack import Stack, Stopped

main = typer.Typer(add_completion=False)


@main.command()
def demo(
    *,
    leads: Annotated[int, typer.Option(help="Good rows in the lead file.")] = DemoSize.leads,
    exit_after_summary: Annotated[
        bool, typer.Option(envvar="LEADMILL_DEMO_EXIT", help="Stop after the summary instead of running on.")
    ] = False,
) -> None:
    """Start everything, run the main job, show what came of it, and run on until Ctrl-C."""
    started = time.monotonic()
    stack = Stack(StackSettings())
    stack.handle_signals()
    code = 0
    try:
        stack.start()
        demonstration = Demonstration(stack, DemoSize(leads=leads))
        demonstration.run()
        show_summary(demonstration)
        stack.progress.say(f"From start to this summary: {time.monotonic() - started:.0f} s.\n")
        stack.progress.say(stack.credentials())
        if not exit_after_summary:
            stack.progress.say("\nLook around; Ctrl-C stops everything. `make demo` goes on from here later.")
            while not stack.stop_asked.wait(1.0):
                continue
    except Stopped:
        code = 130
    except LeadmillError as error:
        stack.progress.console.print(str(error), style="red", markup=False)
        code = 1
    finally:
        stack.stop()
    raise SystemExit(code)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
