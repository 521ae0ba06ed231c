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


def test_a_fault_of_the_moment_is_tried_again_later_and_later_and_given_up_after_days() -> None:
    fault, waits = Fault.MOMENT, []
    for attempts in range(1, MAX_ATTEMPTS):
        result = settle(refused(fault), attempts=attempts, now=NOW)
        assert result.outcome is Outcome.RETRY
        waits.append(result.due_at - NOW)
    assert tuple(waits) == RETRY_DELAYS
    assert settle(refused(fault), attempts=MAX_ATTEMPTS, now=NOW).outcome is Outcome.REFUSED
    assert sum(waits, timedelta()) >= timedelta(days=4), "RFC 5321 section 4.5.4.1"


@pytest.mark.parametrize("attempts", [1, MAX_ATTEMPTS, 40])
def test_what_is_said_to_everything_or_to_the_sender_costs_the_recipient_no_attempt(attempts: int) -> None:
    for result in (
        settle(refused(Fault.SENDER), attempts=attempts, now=NOW),
        settle(refused(Fault.MOMENT), attempts=attempts, now=NOW, is_free=True),
    ):
        assert (result.outcome, result.is_free) == (Outcome.RETRY, True)
    assert settle(refused(Fault.ADDRESS), attempts=1, now=NOW, is_free=True).outcome is Outcome.REFUSED


def test_a_provider_that_says_when_is_believed() -> None:
    later = NOW + timedelta(hours=9)
    assert settle(refused(Fault.MOMENT, retry_after=later), attempts=1, now=NOW).due_at == later
