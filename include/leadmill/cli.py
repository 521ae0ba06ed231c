"""The `leadmill` command: what an operator does from a shell."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from leadmill.errors import LeadmillError
from leadmill.restore_commands import after_restore, take_over
from leadmill.simulate_command import simulate
from leadmill.threads_command import settle_threads

_HIGHEST_NUMBER = 2**63 - 1
"""Of anything in the ledger (bigint)."""

main = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Leadmill: mass mailing and lead generation that you host yourself.",
)


@main.command()
def migrate() -> None:
    """Bring the ledger's and the lake's schemas up to date; refuse a secret key other than the first one."""
    from leadmill.bootstrap import app

    app().migrate(datetime.now(UTC))
    typer.echo("The ledger and the lake are up to date.")


@main.command("import")
def import_lead_file(
    file: Annotated[str, typer.Argument(help="A file on this machine, or the URI or key of one in the store.")],
    source: Annotated[str, typer.Option(help="Where the leads come from, for rows that do not say.")] = "",
    legal_basis: Annotated[str, typer.Option(help="consent, contract or legitimate_interest.")] = "",
    country: Annotated[str, typer.Option(help="ISO code such as DE, for rows that do not say.")] = "",
) -> None:
    """Import a lead file now, and say what became of it."""
    from leadmill.bootstrap import app
    from leadmill.domain.access import SYSTEM

    now, path = datetime.now(UTC), Path(file)
    if not path.is_file() and (path.is_absolute() or path.exists()):
        what = "is a folder" if path.is_dir() else "is not there"
        raise typer.BadParameter(f"{file} {what}. Name a file on this machine, or one in the store by its URI or key.")
    said = {"default_source": source, "default_legal_basis": legal_basis, "default_country": country}
    key = app().upload_lead_file(SYSTEM, path.name, path.read_bytes(), now, **said) if path.is_file() else file
    outcome = app().import_lead_file(key, as_of=now, requested_by="command line", **said)
    typer.echo(outcome["verdict"])
    counts = ("row", "new", "updated", "unchanged", "duplicate", "rejected", "opted_out", "erased", "suppressed")
    for name in counts:
        typer.echo(f"{outcome[f'{name}_count']:>10,} {name.replace('_', ' ')}")
    for reason, count in outcome["rejected_by_reason"].items():
        typer.echo(f"{count:>10,} rejected: {reason}")
    if outcome["status"] == "refused":
        raise typer.Exit(1)


@main.command("suppress")
def suppress_person(
    address: Annotated[str, typer.Argument(help="The e-mail address; it need not be a lead's.")],
    reason: Annotated[str, typer.Option(help="Why, for the audit log; without the address.")],
) -> None:
    """Never mail a person again."""
    from leadmill.bootstrap import app
    from leadmill.domain.access import SYSTEM

    now = datetime.now(UTC)
    outcome = app().suppress_person(SYSTEM, email=address, reason=reason, as_of=now)
    who = "an address that is no lead" if outcome.lead_id is None else f"lead {outcome.lead_id}"
    typer.echo(
        f"No campaign mails {who} any more; {outcome.withdrawn:,} planned mails were withdrawn."
        f"{_in_hand_of(outcome.lead_id, now)}"
        if outcome.changed
        else f"Nothing to do: {who} was on the list of those never to be mailed."
    )


@main.command("unsuppress")
def lift_suppression(
    address: Annotated[str, typer.Argument(help="The e-mail address; it need not be a lead's.")],
    reason: Annotated[str, typer.Option(help="Why, for the audit log; without the address.")],
    proof: Annotated[str, typer.Option(help="How you know that they want it, such as the form and the day.")],
) -> None:
    """Let a person be mailed again who wants to come back; what was withdrawn stays so."""
    from leadmill.bootstrap import app
    from leadmill.domain.access import SYSTEM

    outcome = app().lift_suppression(SYSTEM, email=address, reason=reason, proof=proof, as_of=datetime.now(UTC))
    who = "an address that is no lead" if outcome.lead_id is None else f"lead {outcome.lead_id}"
    typer.echo(
        f"New campaigns may mail {who} again."
        if outcome.changed
        else f"Nothing to do: {who} is not on the list of those never to be mailed."
    )


@main.command("erase")
def erase_person(
    address: Annotated[str, typer.Argument(help="The e-mail address; it need not be a lead's.")],
    reason: Annotated[str, typer.Option(help="Why, for the audit log; without the address.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person from the ledger for good; they can never be imported or mailed again. Landed files stay."""
    from leadmill.bootstrap import app
    from leadmill.domain.access import SYSTEM

    if not yes:
        typer.confirm("This empties the person's record and cannot be undone. Erase them?", abort=True)
    now = datetime.now(UTC)
    outcome = app().erase_person(SYSTEM, email=address, reason=reason, as_of=now)
    who = "an address that is no lead" if outcome.lead_id is None else f"lead {outcome.lead_id}"
    typer.echo(
        f"Erased {who}; {outcome.withdrawn:,} planned mails were withdrawn.{_in_hand_of(outcome.lead_id, now)} "
        "Files in the object store are not touched."
        if outcome.changed
        else f"Nothing to do: {who} was erased before."
    )


def _in_hand_of(lead_id: int | None, now: datetime) -> str:
    from leadmill.bootstrap import app
    from leadmill.ports.recalls import Hands

    return app().words_on_mails_in_hand(Hands(lead_id=lead_id), now) if lead_id is not None else ""


main.command("threads")(settle_threads)


@main.command()
def why(
    campaign_id: Annotated[
        int, typer.Argument(metavar="CAMPAIGN", min=1, max=_HIGHEST_NUMBER, help="The campaign's number.")
    ],
) -> None:
    """Say why a campaign sends nothing now, or no more: what binds, and when it relaxes."""
    from leadmill.bootstrap import app

    found = app().explain_waiting(campaign_id, datetime.now(UTC))
    for each in found:
        until = f" Until {each.relaxes_at:%Y-%m-%d %H:%M} UTC." if each.relaxes_at else ""
        of = "mails" if each.subject == "sends" else each.subject
        typer.echo(f"{of}: {each.sentence}{until}")
    if not found:
        typer.echo("Nothing of this campaign is open.")


@main.command("send-again")
def send_refused_again(
    campaign_id: Annotated[
        int, typer.Argument(metavar="CAMPAIGN", min=1, max=_HIGHEST_NUMBER, help="The campaign's number.")
    ],
    *,
    code: Annotated[list[str] | None, typer.Option(help="A code to send again; may be said several times.")] = None,
    reason: Annotated[str, typer.Option(help="Why they were refused wrongly, for the audit log.")] = "",
) -> None:
    """List a campaign's refused mails by code; with --code and --reason, send those again that nobody took."""
    from leadmill.bootstrap import app
    from leadmill.domain.access import SYSTEM

    if not code:
        app().campaign(campaign_id)  # no such campaign is told, not taken for one without refusals
        refusals = app().refusals(campaign_id)
        if not refusals:
            typer.echo("No mail of this campaign was refused.")
        for each in refusals:
            may = f"{each.may_go_again:,} may be sent again"
            typer.echo(f"{each.mails:>10,} refused: {each.code or 'no code'}; {may}")
        return
    known = {each.code for each in app().refusals(campaign_id)}
    if unknown := [each for each in code if each not in known]:
        raise typer.BadParameter(
            f"No mail of this campaign was refused with {', '.join(unknown)}. Its codes: {', '.join(known) or 'none'}."
        )
    done = app().send_refused_again(SYSTEM, campaign_id, code, reason=reason, as_of=datetime.now(UTC))
    typer.echo(f"{done.mails:,} mails are planned again, and {done.follow_ups:,} follow-ups behind them.")
    if done.runs_again:
        typer.echo("The campaign was finished; it runs again.")


main.command()(simulate)
main.command("after-restore")(after_restore)
main.command("take-over")(take_over)


@main.command("senders")
def set_up_senders(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="YAML; see docs/senders.example.yaml.")],
) -> None:
    """Add or update the organisation, pools, provider accounts, sending domains and mailboxes that a file names."""
    from leadmill.bootstrap import app
    from leadmill.sender_file import apply_sender_file

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(
            f"{file} is no text in UTF-8; save it so. An example: docs/senders.example.yaml."
        ) from error
    counts = apply_sender_file(app(), text, as_of=datetime.now(UTC))
    if not any(counts.values()):
        typer.echo(
            f"{file} names no pool, account, domain or mailbox. An example: docs/senders.example.yaml.", err=True
        )
    typer.echo(", ".join(f"{count} {what}" for what, count in counts.items()) + " are set up.")


@main.command("placement")
def look_at_placement(
    *,
    send: Annotated[bool, typer.Option("--send", help="Send the day's test mails first.")] = False,
    missing_after_hours: Annotated[float, typer.Option(min=0, help="Then a mail that was not found is missing.")] = 24,
) -> None:
    """Read the seed inboxes (with --send: after a test mail of each mailbox) and say where test mails landed."""
    from leadmill.bootstrap import app

    now = datetime.now(UTC)
    if send:
        sent = app().send_placement_tests(now)
        typer.echo(", ".join(f"{count} {state}" for state, count in sorted(sent.items())) or "No mailbox has one.")
    found = app().read_placement_tests(now, missing_after_hours=missing_after_hours)
    typer.echo(", ".join(f"{count} {word}" for word, count in sorted(found.items())) or "No test mail is on its way.")
    for each in app().placements(now):
        counts = f"{each.inbox} inbox, {each.spam} spam, {each.elsewhere} elsewhere, {each.missing} missing"
        typer.echo(f"{each.mailbox} at {each.provider_family}: {counts}, {each.waiting} on their way")


@main.command("dkim-key")
def make_dkim_keys(
    domain: Annotated[str, typer.Argument(help="The sending domain, such as mail.example.com.")],
    folder: Annotated[Path, typer.Option(file_okay=False, help="Where the private keys go, readable by you alone.")],
    kind: Annotated[list[str], typer.Option(help="rsa, ed25519, or both by saying it twice.")] = ["rsa", "ed25519"],  # noqa: B006 - typer copies it
) -> None:
    """Make DKIM keys for mails that leave by your own SMTP server; print their DNS records and sender-file lines."""
    from leadmill.bootstrap import app
    from leadmill.dkim_command import write_keys

    typer.echo(write_keys(app().new_dkim_keys(domain, kinds=kind, as_of=datetime.now(UTC)), domain, folder))


@main.command("collect")
def collect_now() -> None:
    """Collect waiting events now, bring the ledger up to date, and say what came."""
    from leadmill.bootstrap import app

    now = datetime.now(UTC)
    came, moved = app().collect_events(now), app().project_events(now)
    typer.echo(
        f"{came.objects:,} objects: {came.events:,} events, {came.duplicates:,} repeats, {came.broken:,} broken."
    )
    typer.echo(f"{moved.sends_moved:,} sends moved, {moved.suppressed:,} leads suppressed.")


@main.command("rebuild-lake")
def rebuild_lake() -> None:
    """Read the whole landing zone into the lake again; events whose landed object is gone stay as they are."""
    from leadmill.bootstrap import app

    counts = app().rebuild_events(datetime.now(UTC))
    typer.echo(f"{counts.objects:,} objects gave {counts.events:,} events; {counts.broken:,} lines are in quarantine.")


@main.command("reapply-wishes")
def reapply_wishes(
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Read from this day (UTC) on.")] = None,
) -> None:
    """After an older copy of the database was restored: suppress, erase and stop again what the store remembers."""
    from leadmill.bootstrap import app

    done = app().reapply_logged_wishes(datetime.now(UTC), since=since.date() if since else None)
    typer.echo(
        f"{done['read']:,} entries read: {done['suppressed']:,} people suppressed, {done['lifted']:,} taken back, "
        f"{done['erased']:,} erased, {done['stopped']:,} mailboxes, domains, accounts and campaigns stopped again."
    )
    if done["unreadable"]:
        typer.echo(f"{done['unreadable']:,} lines could not be read; the log names them.", err=True)
        raise typer.Exit(1)


@main.command("move-lake")
def move_lake() -> None:
    """After moving the object store's files: tell the lake's catalog that they lie in LEADMILL_STORE now."""
    from leadmill.bootstrap import app

    app().lake.adopt_data_path()
    typer.echo("The lake is read from and written to LEADMILL_STORE now.")


@main.command("edge")
def serve_edge(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8025,
) -> None:
    """Serve the edge: unsubscribe, tracking and provider webhooks. Needs neither Airflow nor Postgres."""
    import uvicorn

    uvicorn.run(
        "leadmill.edge.app:create_app", factory=True, host=host, port=port, access_log=False, server_header=False
    )


@main.command("first-admin")
def first_admin(email: Annotated[str, typer.Argument(help="Address of the administrator.")]) -> None:
    """Make the first user of the Streamlit app; the password is shown this once."""
    from leadmill.bootstrap import app

    password = app().ensure_first_admin(email, datetime.now(UTC))
    typer.echo(f"Password of {email}: {password}" if password else "There are users already; invite more in the app.")


@main.callback()
def leadmill() -> None:
    """Leadmill's operator commands."""


def run() -> None:
    """The entry point: what Leadmill refuses is a sentence and exit code 1, not a traceback."""
    try:
        main()
    except LeadmillError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    run()
