"""Our own edge app's events: see `leadmill.edge.journal.EdgeEvent`."""

from __future__ import annotations

from leadmill.adapters.webhooks.words import Meaning, Provider
from leadmill.domain.events import EventKind

EDGE = Provider(
    name="edge",
    words={
        "opened": Meaning(EventKind.OPENED),
        "clicked": Meaning(EventKind.CLICKED),
        "unsubscribed": Meaning(EventKind.UNSUBSCRIBED),
    },
    required=("event_id",),
    fields={
        "event_id": "VARCHAR",
        "kind": "VARCHAR",
        "send_id": "VARCHAR",
        "occurred_at": "TIMESTAMPTZ",
        "user_agent": "VARCHAR",
        "ip": "VARCHAR",
        "url": "VARCHAR",
        "method": "VARCHAR",
    },
)
