"""Bring the ledger up to date with the events in the lake."""

from __future__ import annotations

from datetime import datetime

from leadmill.ports.collecting import EvidenceSource, ProjectionCounts, ProjectionLedger


def project_events(source: EvidenceSource, ledger: ProjectionLedger, *, as_of: datetime) -> ProjectionCounts:
    """Apply every batch after the remembered position, each with its position in one ledger transaction.

    A crash between the lake's commit and this one loses nothing: the next run starts at the old position. Applying a
    batch again changes nothing, since evidence only ever moves a send upwards.

    Args:
        source: The lake.
        ledger: The ledger.
        as_of: When the change counts as made.

    Returns:
        What changed.
    """
    total = ProjectionCounts()
    while True:
        with ledger.projecting() as projection:
            evidence = source.evidence_after(projection.position)
            if evidence is None:
                days = projection.refresh_health(as_of=as_of)
                return total + ProjectionCounts(mailbox_days=days, position=projection.position)
            total += projection.apply(evidence, as_of=as_of)
