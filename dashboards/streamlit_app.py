"""The dashboards as one ASGI app: log-in routes and a session check in front of Streamlit (ADR 0014, 0015).

`streamlit run dashboards/streamlit_app.py` finds `app` and serves it; any ASGI server can serve it too.
"""

from __future__ import annotations

import sys
from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the pages' neighbours, when another server than `streamlit run` imports this

import doors  # noqa: E402 - its folder has to be on the path first
import gate  # noqa: E402
import page  # noqa: E402

app = App(
    HERE / "navigation.py",
    routes=doors.routes(),
    middleware=[Middleware(gate.SessionRequired)],
    on_script_error=page.explain,
)
