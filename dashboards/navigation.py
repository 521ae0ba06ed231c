"""Runs at every visit and click: who is it, which pages do they see, which one is open."""

from __future__ import annotations

from pathlib import Path

import page
import streamlit as st

from leadmill.domain.access import Role

HERE = Path(__file__).parent
WORK = [
    ("overview", "Overview", ":material/insights:"),
    ("campaigns", "Campaigns", ":material/outgoing_mail:"),
    ("leads", "Leads", ":material/contacts:"),
    ("deliverability", "Deliverability", ":material/verified_user:"),
    ("unclear", "Unclear mails", ":material/contact_support:"),
]
SETTINGS = [("account", "Account", ":material/account_circle:")]
ADMIN_SETTINGS = [
    ("team", "Team", ":material/group:"),
    ("organisation", "Organisation", ":material/domain:"),
]


def pages_of(entries: list[tuple[str, str, str]], *, visible: bool = True) -> list[st.Page]:
    """The pages whose file is installed."""
    shown = "visible" if visible else "hidden"
    return [
        st.Page(path, title=title, icon=icon, url_path=name, default=name == "overview", visibility=shown)
        for name, title, icon in entries
        if (path := HERE / "app_pages" / f"{name}.py").exists()
    ]


st.set_page_config(page_title="Leadmill", page_icon=HERE / "leadmill-icon.svg", layout="wide")
st.html(HERE / "style.css")
st.logo(HERE / "leadmill.svg", icon_image=HERE / "leadmill-icon.svg", size="large")
holder = page.require_session()
# To others an administrator's page says whose it is; without it, Streamlit would say that there is no such page.
settings_pages = pages_of(SETTINGS) + pages_of(ADMIN_SETTINGS, visible=holder.actor.role is Role.ADMIN)
chosen = st.navigation({"": pages_of(WORK), "Settings": settings_pages})
page.show_user(holder)
chosen.run()
