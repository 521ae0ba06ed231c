"""`python -m leadmill.local.stack up|down|reset|logs|memory`: what the Makefile's targets run."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from leadmill.errors import LeadmillError
from leadmill.local.stack.layout import StackSettings
from leadmill.local.stack.memory import memory_by_part
from leadmill.local.stack.stack import Stack, Stopped, stop_running

main = typer.Typer(no_args_is_help=True, add_completion=False)


@main.command()
def up() -> None:
    """Start everything and keep it running until Ctrl-C."""
    raise SystemExit(run_until_stopped(Stack(StackSettings())))


@main.command()
def down() -> None:
    """Stop the stack that runs, from any terminal."""
    typer.echo(stop_running(StackSettings().var))


@main.command()
def reset(*, force: Annotated[bool, typer.Option(help="Do not ask.")] = False) -> None:
    """Stop the stack and delete all of its state: database, store, logs, secrets."""
    var = StackSettings().var
    if not var.exists():
        typer.echo("There is no state to delete.")
        return
    if not force and not typer.confirm(f"Delete everything in {var}?"):
        raise SystemExit(1)
    stop_running(var)
    shutil.rmtree(var)
    typer.echo(f"Deleted {var}.")


@main.command()
def logs(*, follow: Annotated[bool, typer.Option(help="Go on until Ctrl-C.")] = True) -> None:
    """Print every process's log as it grows, each line with its process's name."""
    folder = StackSettings().var / "logs"
    offsets = {path: max(0, path.stat().st_size - 2_000) for path in folder.glob("*.log")}
    try:
        while True:
            for path in sorted(folder.glob("*.log")):
                offsets[path] = _print_from(path, offsets.get(path, 0))
            if not follow:
                return
            time.sleep(0.5)
    except KeyboardInterrupt:
        return


@main.command()
def memory() -> None:
    """Print how much memory the running stack uses (PSS), by part."""
    parts = memory_by_part(StackSettings().var)
    for name, mebibytes in parts.items():
        typer.echo(f"{mebibytes:8.0f} MiB  {name}")
    typer.echo(f"{sum(parts.values()):8.0f} MiB  in all")


def run_until_stopped(stack: Stack) -> int:
    """Start a stack, wait for Ctrl-C or `make down`, stop it; returns the exit code."""
    stack.handle_signals()
    try:
        stack.start()
        stack.progress.say("\nLeadmill runs. Log-ins (also in credentials.txt under the state folder):\n")
        stack.progress.say(stack.credentials())
        stack.progress.say("\nCtrl-C stops everything.")
        while not stack.stop_asked.wait(1.0):
            continue
    except Stopped:
        return 130
    except LeadmillError as error:
        stack.progress.console.print(str(error), style="red", markup=False)
        return 1
    finally:
        stack.stop()
    return 0


def _print_from(path: Path, offset: int) -> int:
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            sys.stdout.write(f"{path.stem:>22} | {line.decode(errors='replace').rstrip()}\n")
        return file.tell()


if __name__ == "__main__":
    main()
