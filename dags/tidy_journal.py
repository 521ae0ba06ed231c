"""Tidies the journal of claims: entries older than any backup that may still be restored are removed.

**Starts** daily, or by hand or API.

**Does**: removes entries of `journal/` in the object store whose claims are older than `LEADMILL_JOURNAL_DAYS`, the
oldest first, and stops at the first that stays. How far it goes is noted before anything is removed: a copy of the
ledger from before is still recognised, and `leadmill after-restore` says that it lacks what nobody can tell it.

**Writes**: deletes objects below `journal/`; writes `journal-tidied.json`.

**Running it again is safe**, and so is running twice at once: what is gone is gone.
"""

from __future__ import annotations

from airflow.sdk import dag, task

from leadmill_airflow import DAG_DEFAULTS, app, as_of


@dag(schedule="@daily", doc_md=__doc__, tags=["sending", "keeping"], **DAG_DEFAULTS)
def tidy_journal() -> None:
    """Tidy."""

    @task
    def tidy(**context) -> int:
        return app().tidy_journal(as_of(context))

    tidy()


tidy_journal()
