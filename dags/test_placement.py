"""Tests where mails land: inbox or spam.

**Does:** sends one real mail of each active mailbox to one of our own seed inboxes (the one it wrote to longest ago),
within the mailbox's limits; then looks into the seed inboxes over IMAP for the test mails of this and earlier runs. A
mail is found in the inbox, in spam, elsewhere, or is missing after some hours. Nothing in a seed inbox is opened,
clicked, answered, marked or moved: a placement test measures a reputation and does not fake one.

**Starts:** every 6 hours (the first run of a mailbox's day sends, the later ones read), or by hand or API.

**Writes:** `ledger.placement_tests`, and the usage of mailboxes, domains and accounts; no campaign's sends.

**Running it again is safe:** a mailbox sends one test mail a day at most, promised to the ledger before it goes out; a
mail that was found stays where it was found.
"""

from __future__ import annotations

from airflow.sdk import Param, dag, task

from leadmill_airflow import DAG_DEFAULTS, app, as_of

TEXT = {"type": ["null", "string"]}  # Airflow's form cannot be sent with an empty field of type "string"
PLACEMENT_PARAMS = {
    "send": Param(True, type="boolean", description="Send the test mails of mailboxes that sent none today."),
    "family": Param("", **TEXT, maxLength=30, description="Only to seed inboxes of this receiver; empty: all."),
    "subject": Param("", **TEXT, maxLength=200, description="Subject of the test mail; empty: the usual one."),
    "text": Param("", **TEXT, maxLength=20000, description="Its text, best a campaign's; empty: the usual one."),
    "missing_after_hours": Param(
        24, type="number", minimum=1, description="Hours after which a mail that was not found counts as missing."
    ),
}


@dag(schedule="40 */6 * * *", doc_md=__doc__, tags=["deliverability"], params=PLACEMENT_PARAMS, **DAG_DEFAULTS)
def test_placement() -> None:
    """Send test mails → read the seed inboxes."""

    @task(pool="providers")
    def send_test_mails(**context) -> dict:
        wanted = context["params"]
        if not wanted["send"]:
            return {}
        content = {name: wanted[name] for name in ("subject", "text") if (wanted[name] or "").strip()}
        return dict(app().send_placement_tests(as_of(context), family=wanted["family"] or "", **content))

    @task
    def read_seed_inboxes(**context) -> dict:
        hours = context["params"]["missing_after_hours"]
        return dict(app().read_placement_tests(as_of(context), missing_after_hours=hours))

    send_test_mails() >> read_seed_inboxes()


test_placement()
