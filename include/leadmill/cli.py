"""The `leadmill` command: what an operator does from a shell."""

from __future__ import annotations

import typer

main = typer.Typer(no_args_is_help=True, help="Leadmill: mass mailing and lead generation that you host yourself.")


@main.command()
def migrate() -> None:
    """Bring the ledger's and the lake's schemas up to date."""
    from leadmill.bootstrap import app

    app().migrate()
    typer.echo("The ledger and the lake are up to date.")


@main.callback()
def leadmill() -> None:
    """Leadmill's operator commands."""


if __name__ == "__main__":
    main()
