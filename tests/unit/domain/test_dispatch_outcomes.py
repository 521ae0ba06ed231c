"""What becomes of a claimed send, by the provider's answer and the attempts so far."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leadmill.domain.dispatch import MAX_ATTEMPTS, RETRY_DELAYS, Outcome, settle
from leadmill.domain.messages import Fault, Receipt, ReceiptStatus

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def refused(fault: Fault, **values: object) -> Receipt:
    return Receipt(1, ReceiptStatus.REFUSED, fault=fault, code="x", **values)


def test_accepted_and_ambiguous_stay_what_they_are() -> None:
    accepted = settle(Receipt(1, ReceiptStatus.ACCEPTED, provider_message_id="p"), attempts=1, now=NOW)
    assert (accepted.outcome, accepted.provider_message_id) == (Outcome.ACCEPTED, "p")
    doubt = settle(Receipt(1, ReceiptStatus.AMBIGUOUS, code="no-answer"), attempts=1, now=NOW)
    assert (doubt.outcome, doubt.due_at) == (Outcome.AMBIGUOUS, None)


@pytest.mark.parametrize("fault", [Fault.ADDRESS, Fault.MESSAGE])
def test_a_fault_of_address_or_message_is_final_at_once(fault: Fault) -> None:
    assert settle(refused(fault), attempts=1, now=NOW).outcome is Outcome.REFUSED


@pytest.mark.parametrize("fault", [Fault.MOMENT, Fault.SENDER])
def test_a_fault_of_moment_or_sender_is_tried_again_later_and_later_and_then_given_up(fault: Fault) -> None:
    waits = []
    for attempts in range(1, MAX_ATTEMPTS):
        result = settle(refused(fault), attempts=attempts, now=NOW)
        assert result.outcome is Outcome.RETRY
        waits.append(result.due_at - NOW)
    assert tuple(waits) == RETRY_DELAYS
    assert settle(refused(fault), attempts=MAX_ATTEMPTS, now=NOW).outcome is Outcome.REFUSED


def test_a_provider_that_says_when_is_believed() -> None:
    later = NOW + timedelta(hours=9)
    assert settle(refused(Fault.MOMENT, retry_after=later), attempts=1, now=NOW).due_at == later
