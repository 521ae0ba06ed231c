"""Runs one page of the dashboards as a given role, on a test's own App."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leadmill import bootstrap
from leadmill.bootstrap import App
from leadmill.domain.access import Actor, Role

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from leadmill.ports.access import SessionHolder

DASHBOARDS = Path(__file__).resolve().parents[2] / "dashboards"


def open_page(
    monkeypatch: pytest.MonkeyPatch,
    app: App,
    name: str,
    *,
    role: Role = Role.ANALYST,
    holder: SessionHolder | None = None,
    **query: str,
) -> AppTest:
    """The page after its first run; the acting user is `ada@acme.test`, or a session's holder."""
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    monkeypatch.syspath_prepend(str(DASHBOARDS))
    monkeypatch.setattr(bootstrap, "app", lambda: app)
    # The test runner has no browser: it gives a mock for each cookie.
    monkeypatch.setattr("streamlit.runtime.context.ContextProxy.cookies", {"leadmill_session": _session(app)})
    st.cache_data.clear()
    page = AppTest.from_file(str(DASHBOARDS / "app_pages" / f"{name}.py"), default_timeout=60)
    page.session_state["actor"] = holder.actor if holder else Actor("ada@acme.test", role)
    page.session_state["holder"] = holder
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    return page


def _session(app: App) -> str:
    """The token of a live session of a user without a usable password."""
    at = datetime.now(UTC)
    with app.database.transaction() as ledger:
        row = ledger.execute(
            "insert into ledger.users (email, role, password_hash, created_at) values ('ada@acme.test', 'admin', 'x', %s)"
            " on conflict (email) do update set role = 'admin' returning user_id",
            (at,),
        ).fetchone()
    return app.open_session(row["user_id"], at)


def words_of(page: AppTest) -> str:
    """Everything the page says, as one text."""
    kinds = ("title", "subheader", "caption", "markdown", "info", "success", "warning", "error")
    said = [str(element.value) for kind in kinds for element in getattr(page, kind)]
    said += [f"{metric.label}: {metric.value}" for metric in page.metric]
    return "\n".join(said)
