"""What every page stands on: the wired App, the acting user, the time, and errors told as sentences."""

from __future__ import annotations

import hashlib
import html
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

import streamlit as st

from leadmill import bootstrap
from leadmill.domain.access import Actor, Role
from leadmill.errors import LeadmillError
from leadmill.ports.access import SessionHolder
from leadmill.ports.recalls import Hands

SESSION_COOKIE = "leadmill_session"
LINE_PIXELS = 32.8
"""A table's line, with the theme's base size of 15 pixels: 2.1875 rem."""
FRESH_SECONDS = 10
"""How old a number on a page may be; pages cache what they read for this long."""

_MARKDOWN = re.compile(r"[\\`*_{}\[\]()#+!|<>$~]|:(?=[\w/])")

_MOST_DIGITS = 18
"""Of an id, which is a bigint."""

_log = logging.getLogger("leadmill.dashboards")


def leadmill() -> bootstrap.App:
    """The process's wired App; every page's only way to data and actions."""
    return bootstrap.app()


def now() -> datetime:
    """The moment a person acts or looks, aware UTC: the pages are where time comes in."""
    return datetime.now(UTC)


def actor() -> Actor:
    """Who acts; navigation.py has put them there."""
    return st.session_state["actor"]


def only_admins() -> None:
    """End a settings page with a sentence for people who would be refused anyway."""
    if actor().role is not Role.ADMIN:
        st.info("This page is for administrators.", icon=":material/lock:")
        st.stop()


def installation() -> str:
    """Key for caches: which ledger this process reads (never shown)."""
    return hashlib.sha256(leadmill().settings.database_url.encode()).hexdigest()


def require_session() -> SessionHolder:
    """The session of the visitor's cookie; without a good one, a way to the log-in page and nothing else."""
    token = st.context.cookies.get(SESSION_COOKIE, "")
    holder = leadmill().session_holder(token, now()) if token else None
    if holder is None:
        st.session_state.clear()
        st.info("Your session has ended. [Log in again](/login) to go on.", icon=":material/lock:")
        st.stop()
    st.session_state["actor"] = holder.actor
    st.session_state["holder"] = holder
    return holder


def recheck_session() -> None:
    """For parts that refresh by themselves: start over at navigation.py when the session was revoked meanwhile."""
    token = st.context.cookies.get(SESSION_COOKIE, "")
    if token and leadmill().session_holder(token, now()) is None:
        st.rerun(scope="app")


def show_user(holder: SessionHolder) -> None:
    """Name, role and the way out, at the foot of the sidebar."""
    name = html.escape(holder.full_name or holder.actor.email)
    with st.sidebar:
        st.html(
            f'<div class="lm-user"><div><b>{name}</b><br><span>{html.escape(holder.actor.email)} · '
            f"{holder.actor.role.value}</span></div>"
            '<form method="post" action="/logout" target="_self"><button type="submit">Log out</button></form></div>'
        )


def table_height(lines: int, most: int) -> int | Literal["content"]:
    """The height of a table: of all its lines, or of so many and a half, which shows that there are more."""
    return "content" if lines <= most else round(LINE_PIXELS * (most + 1.5))


def counts(*names: str) -> dict[str, object]:
    """Columns of whole numbers, written with a mark between thousands."""
    return {name: st.column_config.NumberColumn(format="localized") for name in names}


def plain(words: str) -> str:
    """Words that strangers or colleagues wrote, safe from being read as Markdown."""
    return _MARKDOWN.sub(r"\\\g<0>", words)


@contextmanager
def attempt() -> Iterator[None]:
    """Around an action or a part of a page: what fails inside becomes a sentence, and the page goes on."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - every failure becomes a sentence with a reference; RerunException is no Exception
        explain(error)


def explain(error: Exception) -> bool:
    """Tell people what went wrong in a sentence, and the log the rest. Always true: nothing more is to be shown."""
    if isinstance(error, LeadmillError):
        _log.info("told the user: %s: %s", type(error).__name__, error)
        st.error(plain(str(error)), icon=":material/error:")
        return True
    reference = uuid4().hex[:8]
    _log.error("reference %s: %s", reference, type(error).__name__, exc_info=error)
    st.error(
        f"Something went wrong, reference {reference}. Nothing was lost; try again, and tell your administrator the "
        "reference if it happens again: the log has the details under it.",
        icon=":material/error:",
    )
    return True


def in_hand(**whose: int | str) -> str:
    """A sentence, with a space before it, on mails that workers hold of somebody or something; or nothing."""
    return leadmill().words_on_mails_in_hand(Hands(**whose), now())


def chosen(kind: str) -> int | None:
    """Which lead or campaign the address names; None where it names none, or what can be none."""
    said = st.query_params.get(kind, "")
    is_number = said.isascii() and said.isdigit() and len(said) <= _MOST_DIGITS
    if said and not is_number:
        st.error(f"The address names no {kind}. Choose one from the list.", icon=":material/error:")
    return int(said) if is_number else None


def say_later(message: str) -> None:
    """Show a message after the next rerun (a success message that `st.rerun` would swallow)."""
    st.session_state["said"] = message


def form_part(form: str, name: str) -> str:
    """The key of a form's widget: another one after `empty_form`; what was typed stays until then."""
    emptied = st.session_state.get(f"{form}_emptied", 0)
    return f"{name}_{emptied}" if emptied else name


def empty_form(form: str) -> None:
    """Show the form empty from the next run on: what was typed has been done."""
    st.session_state[f"{form}_emptied"] = st.session_state.get(f"{form}_emptied", 0) + 1


def header(title: str, purpose: str = "") -> None:
    """The page's title, what it is for, and what `say_later` has kept."""
    st.title(title, anchor=False)
    if purpose:
        st.caption(purpose)
    with st.container():  # always there: a message must not move what follows, or its tabs would start at the first
        if said := st.session_state.pop("said", None):
            st.success(plain(said), icon=":material/check_circle:")
