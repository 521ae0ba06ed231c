"""A mail that was taken back since it was rendered is in no call to a provider; the answer to people is honest."""

from __future__ import annotations

from leadmill.adapters.esp.api_calls import Call, CallOutcome, accepted, make_calls
from leadmill.domain.messages import Frame, OutgoingMessage, ReceiptStatus
from leadmill.services.mails_in_hand import in_hand_words

FRAME = Frame.of("Hello", "text", "<p>text</p>")


def _message(send_id: int) -> OutgoingMessage:
    address = f"lead-{send_id}@people.test"
    return OutgoingMessage(send_id, "ann@brand.test", "Ann", address, FRAME, (), f"<lm.{send_id}.x@brand.test>")


def test_what_is_taken_back_while_an_earlier_call_runs_is_in_no_later_call() -> None:
    messages = [_message(send_id) for send_id in range(6)]
    made: list[list[int]] = []

    def hand_over(call: Call) -> CallOutcome:
        made.append([message.send_id for message in call.messages])
        for late in (3, 4, 5):
            messages[late].is_recalled = True
        return CallOutcome([accepted(message, "") for message in call.messages])

    receipts = make_calls([Call(messages[:2]), Call(messages[2:4]), Call(messages[4:])], hand_over, lane_of="here")
    found = {receipt.send_id: receipt.status for receipt in receipts}
    assert made == [[0, 1], [2]]
    assert [found[send_id] for send_id in range(6)] == [ReceiptStatus.ACCEPTED] * 3 + [ReceiptStatus.RECALLED] * 3


def test_people_are_told_how_many_were_in_hand_and_what_cannot_be_taken_back() -> None:
    assert in_hand_words(0) == ""
    assert in_hand_words(1) == (
        " 1 mail was already in hand: it is taken back within 2 seconds, unless its server has it by then."
    )
    assert in_hand_words(48).startswith(
        " 48 mails were already in hand: within 2 seconds all are taken back that no server"
    )
