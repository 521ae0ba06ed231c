"""Simulated recipients: a mail server that behaves like a population. `python -m leadmill.local.recipients -h`.

Options come from the command line, else from the environment (`LEADMILL_SMTP_PORT`, `LEADMILL_MAIL_PAGE_PORT`,
`LEADMILL_STORE`, `LEADMILL_EDGE_BASE_URL`, `LEADMILL_VAR_DIR`, `LEADMILL_WORLD_…`). See docs/local-world.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

import uvloop

from leadmill.local.mail_world.mails import Mail
from leadmill.local.mail_world.options import Rates, WorldOptions
from leadmill.local.mail_world.signing import sendgrid_public_key
from leadmill.local.mail_world.world import MailWorld, RunningWorld

__all__ = ["Mail", "MailWorld", "Rates", "RunningWorld", "WorldOptions", "main", "options_from", "sendgrid_public_key"]


def _environment(name: str, default: str) -> str:
    return os.environ.get(f"LEADMILL_{name}", "") or default


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in text.split(",") if name.strip())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="leadmill.local.recipients", description=__doc__)
    var = Path(_environment("VAR_DIR", "var"))
    parser.add_argument("--smtp-port", type=int, default=int(_environment("SMTP_PORT", "2525")))
    parser.add_argument("--web-port", type=int, default=int(_environment("MAIL_PAGE_PORT", "8026")))
    parser.add_argument("--store", default=_environment("STORE", f"file://{(var / 'store').resolve()}"))
    parser.add_argument("--edge-url", default=_environment("EDGE_BASE_URL", "http://127.0.0.1:8025"))
    parser.add_argument("--folder", type=Path, default=var / "outbox", help="mails, journal, certificate")
    parser.add_argument("--seed", type=int, default=int(_environment("WORLD_SEED", "7")))
    parser.add_argument("--speed", type=float, default=float(_environment("WORLD_SPEED", "600")))
    parser.add_argument("--human-floor", type=float, default=12.0, help="seconds before any person reacts")
    parser.add_argument("--password", default=_environment("WORLD_PASSWORD", ""), help="every log-in needs it")
    parser.add_argument("--bad-sender", default=_environment("WORLD_BAD_SENDER", ""), help="pattern of an address")
    parser.add_argument("--ses-domains", type=_names, default=_names(_environment("WORLD_SES_DOMAINS", "")))
    parser.add_argument("--sendgrid-domains", type=_names, default=_names(_environment("WORLD_SENDGRID_DOMAINS", "")))
    parser.add_argument("--sendgrid-to-store", action="store_true", help="no webhook: write SendGrid's events")
    parser.add_argument("--starttls", action="store_true", help="offer STARTTLS with a self-made certificate")
    parser.add_argument("--sink", action="store_true", help="keep mails, simulate nobody")
    parser.add_argument(
        "--rate", action="append", default=[], metavar="NAME=SHARE", help="see Rates, such as click=0.2"
    )
    return parser


def options_from(arguments: list[str] | None = None) -> WorldOptions:
    """The world's options from a command line, with the environment's values as defaults."""
    parser = _parser()
    given = parser.parse_args(arguments)
    names = {field.name for field in fields(Rates)}
    rates = dict(setting.split("=", 1) for setting in given.rate if "=" in setting)
    if len(rates) != len(given.rate) or not rates.keys() <= names:
        parser.error(f"--rate takes NAME=SHARE with a name out of: {', '.join(sorted(names))}")
    return WorldOptions(
        folder=given.folder,
        store=given.store,
        edge_url=given.edge_url,
        smtp_port=given.smtp_port,
        web_port=given.web_port,
        seed=given.seed,
        speed=given.speed,
        human_floor=given.human_floor,
        password=given.password,
        starttls=given.starttls,
        bad_sender=given.bad_sender,
        ses_domains=given.ses_domains,
        sendgrid_domains=given.sendgrid_domains,
        sendgrid_webhook=not given.sendgrid_to_store,
        population=not given.sink,
        rates=replace(Rates(), **{name: float(share) for name, share in rates.items()}),
    )


async def _serve(world: MailWorld) -> None:
    running = asyncio.create_task(world.run(lambda: _announce(world)))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    with suppress(asyncio.CancelledError):
        await running


def _announce(world: MailWorld) -> None:
    host = world.options.host
    print(f"Simulated recipients: smtp://{host}:{world.smtp_port} mails: http://{host}:{world.web_port}/", flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    uvloop.run(_serve(MailWorld(options_from(arguments))))


if __name__ == "__main__":
    main()
