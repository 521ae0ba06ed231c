"""Uploading a lead file, following its import, and reading its report."""

from __future__ import annotations

import html
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import charts
import lead_list
import page
import streamlit as st

from leadmill.domain.access import Role

REFRESH_SECONDS = 3
PATIENCE = timedelta(seconds=90)
"""After this long without an import, the page says what may be wrong: Airflow's watcher looks every few seconds."""
FILES_SHOWN = 50
STATUSES = {
    "importing": "being imported",
    "accepted": "accepted",
    "accepted_with_warnings": "accepted with warnings",
    "refused": "refused",
    "failed": "could not be read",
    "repeated": "same content as before",
}
COUNTS = (
    ("new_count", "New", charts.TEAL),
    ("updated_count", "Updated", charts.BLUE),
    ("unchanged_count", "Unchanged", charts.GREY),
    ("duplicate_count", "Duplicate rows", charts.VIOLET),
    ("opted_out_count", "Opted out in the file", charts.AMBER),
    ("erased_count", "Erased persons, left out", "#457B9D"),
    ("rejected_count", "Rejected", charts.RED),
)


def show() -> None:
    """The form, the file that was just uploaded, and those before it."""
    if page.actor().role is Role.VIEWER:
        st.info("You can read the reports of lead files. Uploading needs the role analyst.", icon=":material/lock:")
    else:
        _show_form()
    if "followed_upload" in st.session_state:
        _follow()
    _show_files()


def _show_form() -> None:
    part = partial(page.form_part, "upload_leads")
    with st.form("upload_leads"):
        file = st.file_uploader("CSV or Excel file", type=["csv", "tsv", "txt", "xlsx"], key=part("lead_file"))
        st.caption(
            "Columns are recognised by their names and contents, in any order; an e-mail address is all that a row "
            "must have. What you say here holds for rows that say nothing themselves."
        )
        source, basis, country = st.columns(3)
        said_source = source.text_input("Source", placeholder="for example: Hanover fair 2026", key=part("file_source"))
        bases = ["", *lead_list.LEGAL_BASES]
        said_basis = basis.selectbox(
            "Legal basis",
            bases,
            format_func=lambda code: lead_list.LEGAL_BASES.get(code, "the file says"),
            key=part("file_basis"),
        )
        said_country = country.text_input(
            "Country (two letters)", max_chars=2, placeholder="DE", key=part("file_country")
        )
        if not st.form_submit_button("Upload and import", type="primary", icon=":material/upload:"):
            return
        if file is None:
            st.error("Choose a file first.", icon=":material/error:")
            return
        with page.attempt(), st.spinner(f"Storing {page.plain(file.name)} …"):
            at = page.now()
            key = page.leadmill().upload_lead_file(
                page.actor(),
                file.name,
                file.getvalue(),
                at,
                default_source=said_source.strip(),
                default_legal_basis=said_basis,
                default_country=said_country.strip().upper(),
            )
            st.session_state["followed_upload"] = (key, file.name, at)
            st.session_state.pop("chosen_file", None)
            page.empty_form("upload_leads")
            st.rerun()


@st.fragment(run_every=REFRESH_SECONDS)
def _follow() -> None:
    """Looks every few seconds what became of the upload, until its import has ended."""
    if "followed_upload" not in st.session_state:
        return
    page.recheck_session()
    key, name, at = st.session_state["followed_upload"]
    with page.attempt():
        row = next((row for row in page.leadmill().lead_files(limit=20) if row["uri"].endswith(key)), None)
        if row is None:
            _say_waiting(name, at)
        elif row["status"] == "importing":
            st.info(f"**{page.plain(name)}** is being read, checked and imported …", icon=":material/sync:")
        else:
            del st.session_state["followed_upload"]
            st.session_state["chosen_file"] = row["lead_file_id"]
            page.say_later(f"{name}: {STATUSES[row['status']]}. The report is below.")
            st.rerun(scope="app")


def _say_waiting(name: str, at: datetime) -> None:
    waited = page.now() - at
    if waited < PATIENCE:
        st.info(
            f"**{page.plain(name)}** is stored; waiting for Airflow to pick it up ({waited.seconds} s).",
            icon=":material/schedule:",
        )
        return
    st.warning(
        f"**{page.plain(name)}** is stored safely, but Airflow has not picked it up for "
        f"{waited.seconds // 60 or 1} min. "
        "Either it is busy, or the DAG `import_leads` is paused, or Airflow does not run: look at [import_leads in "
        f"Airflow]({page.leadmill().settings.airflow_base_url}/dags/import_leads). The import begins by itself "
        "as soon as it can; there is no need to upload the file again.",
        icon=":material/warning:",
    )
    if st.button("Stop waiting here", key="stop_following"):
        del st.session_state["followed_upload"]
        st.rerun(scope="app")


def _show_files() -> None:
    st.subheader("Files so far", anchor=False)
    files = page.leadmill().lead_files(limit=FILES_SHOWN)
    if not files:
        charts.explain_absence("No file was imported yet. The first one shows here with what became of each row.")
        return
    picked = st.dataframe(
        [_line(row) for row in files],
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="single-row",
        column_config=page.counts("Rows", "New", "Updated", "Duplicates", "Rejected")
        | {"Arrived": st.column_config.DatetimeColumn("Arrived (UTC)", format="D MMM YYYY, HH:mm")},
        key="file_table",
    )
    if picked.selection.rows:
        st.session_state["chosen_file"] = files[picked.selection.rows[0]]["lead_file_id"]
    chosen = st.session_state.get("chosen_file")
    if chosen is None:
        st.caption("Choose a line by its box at the left to read its report.")
    else:
        with page.attempt():
            _show_report(page.leadmill().lead_file_report(chosen))


def _line(row: dict[str, Any]) -> dict[str, object]:
    return {
        "File": row["file_name"],
        "Arrived": row["started_at"],
        "Outcome": STATUSES.get(row["status"], row["status"]),
        "Rows": row["row_count"],
        "New": row["new_count"],
        "Updated": row["updated_count"],
        "Duplicates": row["duplicate_count"],
        "Rejected": row["rejected_count"],
        "By": _by_words(row["requested_by"]),
    }


def _by_words(requested_by: str) -> str:
    """Who had a file imported; a run of Airflow by how it was started, not by its id."""
    if not requested_by.startswith("dag:"):
        return requested_by
    return "Airflow, triggered by hand" if requested_by.startswith("dag:manual") else "Airflow"


def _show_report(report: dict[str, Any]) -> None:
    st.subheader(f"Report: {page.plain(report['file_name'])}", anchor=False)
    told = {"accepted": st.success, "accepted_with_warnings": st.warning, "importing": st.info, "repeated": st.info}
    told.get(report["status"], st.error)(html.escape(report["verdict"]) or "The import has not ended yet.")
    if not report["row_count"]:
        return
    _show_counts(report)
    left, right = st.columns(2, gap="large")
    with left:
        _show_reasons(report)
    with right:
        _show_validation(report)


def _show_counts(report: dict[str, Any]) -> None:
    rows, taken, rejected, suppressed = st.columns(4)
    accepted = report["new_count"] + report["updated_count"] + report["unchanged_count"]
    rows.metric("Rows", f"{report['row_count']:,}", border=True)
    taken.metric("Accepted", f"{accepted:,}", border=True)
    rejected.metric("Rejected", f"{report['rejected_count']:,}", border=True)
    suppressed.metric(
        "Never to be mailed", f"{report['suppressed_count']:,}", border=True, help="Of all rows: suppressed addresses."
    )
    shown = [(label, report[name], colour) for name, label, colour in COUNTS if report[name]]
    chart = charts.stacked_bars(
        [""],
        {label: [count] for label, count, _ in shown},
        colours={label: colour for label, _, colour in shown},
        height=130,
        is_horizontal=True,
    )
    chart.update_layout(hovermode="closest")
    charts.show(chart, key="file_counts")


def _show_reasons(report: dict[str, Any]) -> None:
    st.markdown("**Why rows were rejected**")
    if not report["reasons"]:
        st.caption("No row was rejected.")
        return
    st.dataframe(
        [{"Rows": reason["count"], "Why": reason["sentence"]} for reason in report["reasons"]],
        hide_index=True,
        width="stretch",
        column_config={"Rows": st.column_config.NumberColumn(width="small")},
    )
    rows = page.leadmill().lead_file_quarantine(report["lead_file_id"])
    if rows:
        st.download_button(
            "Download the rejected rows with reasons",
            rows,
            file_name=f"rejected-{report['file_name'].rpartition('.')[0]}.csv",
            mime="text/csv",
            icon=":material/download:",
            key="download_quarantine",
        )


def _show_validation(report: dict[str, Any]) -> None:
    st.markdown("**How the whole file was judged** (Great Expectations)")
    if not report["validation"]:
        st.caption("The file could not be judged as a whole.")
        return
    st.dataframe(
        [
            {
                "": "✓" if check["success"] else "✗",
                "Check": _in_words(check["expectation"]),
                "Column": check["column_name"] or "whole file",
                "Seen": check["observed"],
                "Expected": check["expected"],
                "If it fails": "refuse the file" if check["severity"] == "critical" else "warn",
            }
            for check in report["validation"]
        ],
        hide_index=True,
        width="stretch",
    )


def _in_words(expectation: str) -> str:
    return expectation.removeprefix("expect_").replace("_", " ")
