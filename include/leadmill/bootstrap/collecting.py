"""Events, inbound mail and projections."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from leadmill.bootstrap.wishing import Wishing

if TYPE_CHECKING:
    from leadmill.adapters.lake.collector import LakeCollector
    from leadmill.ports.collecting import CollectionCounts, ProjectionCounts


class Collecting(Wishing):
    """Events, inbound mail and projections."""

    @cached_property
    def _collector(self) -> LakeCollector:
        from leadmill.adapters.lake.collector import LakeCollector

        return LakeCollector(
            self.store, self.lake, self.database, self.settings.secret, self.settings.machine_fast_seconds
        )

    def waiting_event_objects(self) -> int:
        """How many objects lie in `landing/events/` and `landing/inbound/` and were not read yet."""
        with self._collector.look() as collection:
            return len(collection.waiting())

    def collect_events(self, as_of: datetime) -> CollectionCounts:
        """Read every waiting object into the lake; call `project_events` afterwards."""
        from leadmill.services.collect_events import collect_events

        return collect_events(self._collector, as_of=as_of)

    def project_events(self, as_of: datetime) -> ProjectionCounts:
        """Bring send states, suppressions, follow-ups and mailbox health up to date with the lake."""
        from leadmill.adapters.lake.evidence import open_lake_evidence
        from leadmill.adapters.ledger.projections import EventsProjections
        from leadmill.services.project_events import project_events

        with open_lake_evidence(self.lake) as source:
            counts = project_events(source, EventsProjections(self.database), as_of=as_of)
        if counts.suppressed:
            self.log_wishes(as_of)
        return counts

    def rebuild_events(self, as_of: datetime) -> CollectionCounts:
        """Read the whole landing zone again and project anew; events whose object is gone stay as they are."""
        from leadmill.adapters.ledger.projections import EventsProjections

        with self._collector.open() as collection:
            collection.forget()
        EventsProjections(self.database).start_again()
        counts = self.collect_events(as_of)
        self.project_events(as_of)
        return counts
