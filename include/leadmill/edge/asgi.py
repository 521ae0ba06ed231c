"""The edge app as a module attribute, for servers that take no factory: `uvicorn leadmill.edge.asgi:app`."""

from __future__ import annotations

from leadmill.edge.app import create_app

app = create_app()
