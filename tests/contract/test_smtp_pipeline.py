"""The pipelined client against servers that refuse, cut off, throttle and lie at every step of a session."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from leadmill.domain.messages import Fault, Frame, OutgoingMessage, Receipt, ReceiptStatus
from leadmill.errors import LeadmillError, ProviderThrottled, ProviderUnavailable, SendingBroke
from leadmill.ports.esp import Channel
from tests.blocking_sender import BlockingSender, open_sender
from tests.contract.providers_under_test import receipts_until_error
from tests.scripted_smtp import HangUp, Mute, Reset, Said, ScriptedSmtp, scripted

DATE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ACCEPTED, AMBIGUOUS, REFUSED = ReceiptStatus.ACCEPTED, ReceiptStatus.AMBIGUOUS, ReceiptStatus.REFUSED
LARGE = ("x" * 70 + "\n") * 90_000
"""More than the sockets' buffers hold: its dot stays in our memory until the server has read most of it."""


def mails(count: int, *, text: str = "Hello\n.\n..dots\nend") -> list[OutgoingMessage]:
    frame = Frame.of("Grüße", text, "<p>Hello</p>")
    return [
        OutgoingMessage(n, "ann@brand.test", "Ann", f"lead-{n}@p.test", frame, (), f"<lm.{n}.x@brand.test>")
        for n in range(1, count + 1)
    ]


def sender(port: int, *, loop: str = "uvloop", **config: object) -> BlockingSender:
    settings = {"host": "127.0.0.1", "port": port, "tls": "none", "timeout_seconds": 3, "connections": 1} | config
    return open_sender(Channel(3, "smtp", settings), date=DATE, loop=loop)


def sent(
    server: ScriptedSmtp, messages: list[OutgoingMessage], **config: object
) -> tuple[dict[int, Receipt], LeadmillError | None]:
    """The receipts by send, and the error that ended the batch."""
    receipts: dict[int, Receipt] = {}
    with scripted(server) as port:
        esp = sender(port, **config)
        try:
            for receipt in esp.send(messages):
                assert receipt.send_id not in receipts
                receipts[receipt.send_id] = receipt
        except LeadmillError as error:
            return receipts, error
        finally:
            esp.close()
    return receipts, None


def at(verb: str, nth: int, what: bytes | type[Exception]) -> Callable[[Said], bytes | None]:
    """Answer the nth command of a kind so, or end the connection there."""

    def answer(said: Said) -> bytes | None:
        if (said.verb, said.nth) != (verb, nth):
            return None
        if isinstance(what, bytes):
            return what
        raise what

    return answer


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_text_is_never_sent_before_its_own_354(pipelining: bool, loop: str) -> None:
    server = ScriptedSmtp(pipelining=pipelining)
    receipts, error = sent(server, mails(20), loop=loop)
    assert error is None
    assert [r.status for r in receipts.values()] == [ACCEPTED] * 20
    assert server.early == []
    assert server.copies == {f"lead-{n}@p.test": 1 for n in range(1, 21)}
    assert server.verbs() == ["EHLO", *["MAIL", "RCPT", "DATA", "DOT"] * 20, "QUIT"]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("end", [HangUp, Reset])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "TEXT", "DOT"])
def test_a_cut_connection_leaves_a_doubt_only_where_a_dot_went_out(
    pipelining: bool, connections: int, end: type[Exception], verb: str
) -> None:
    # The 12th mail of its kind is cut: by then several connections are at work, and mails stand behind each other.
    server = ScriptedSmtp(answer=at(verb, 12, end), pipelining=pipelining)
    text = "word " * (2_000 if verb == "TEXT" else 1)
    receipts, error = sent(server, mails(30, text=text), connections=connections)
    doubts = [send_id for send_id, receipt in receipts.items() if receipt.status is AMBIGUOUS]
    taken = {int(address.partition("-")[2].partition("@")[0]) for address in server.copies}
    assert max(server.copies.values()) == 1
    assert {send_id for send_id, r in receipts.items() if r.status is ACCEPTED} == taken
    if verb in {"MAIL", "RCPT", "DATA"}:
        assert (doubts, error, len(taken)) == ([], None, 30), "carried on over another connection"
    else:
        assert len(doubts) == 1
        assert isinstance(error, ProviderUnavailable)
        assert not taken & set(doubts)


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA", "TEXT"])
@pytest.mark.parametrize("end", [HangUp, Reset])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_fresh_connection_lost_before_the_dot_left_us_is_no_doubt(verb: str, end: type[Exception], loop: str) -> None:
    receipts, error = sent(ScriptedSmtp(answer=at(verb, 1, end)), mails(2, text=LARGE), loop=loop)
    if verb in {"RCPT", "DATA"}:  # it may be the recipient's fault: he alone waits
        assert (receipts[1].status, receipts[1].code, receipts[1].is_about_server) == (REFUSED, "broken-off", True)
        assert (receipts[2].status, error) == (ACCEPTED, None)
    else:
        assert receipts == {}
        assert isinstance(error, ProviderUnavailable)


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_server_that_breaks_off_at_three_mails_in_a_row_is_left_alone(pipelining: bool) -> None:
    def answer(said: Said) -> bytes | None:
        if said.verb == "RCPT":
            raise HangUp
        return None

    server = ScriptedSmtp(answer=answer, pipelining=pipelining)
    receipts, error = sent(server, mails(10))
    assert {n: (r.status, r.is_about_server) for n, r in receipts.items()} == dict.fromkeys((1, 2, 3), (REFUSED, True))
    assert isinstance(error, ProviderUnavailable)
    assert server.connections == 3


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(("verb", "doubts"), [("EHLO", 0), ("MAIL", 0), ("RCPT", 0), ("DATA", 0), ("DOT", 1)])
def test_a_server_that_falls_silent_is_waited_for_and_then_given_up(pipelining: bool, verb: str, doubts: int) -> None:
    server = ScriptedSmtp(answer=at(verb, 1, Mute), pipelining=pipelining)
    receipts, error = sent(server, mails(3), timeout_seconds=0.3)
    met = [REFUSED] if verb in {"RCPT", "DATA"} else []
    assert [r.status for r in receipts.values()] == met + [AMBIGUOUS] * doubts
    assert isinstance(error, ProviderUnavailable)
    assert not server.copies


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_refused_recipient_in_the_middle_costs_neither_the_connection_nor_its_neighbours(pipelining: bool) -> None:
    def answer(said: Said) -> bytes | None:
        odd = int(said.recipient.partition("-")[2].partition("@")[0] or 0) % 2
        if said.verb == "RCPT" and odd:
            return b"550-5.1.1 Nobody\r\n550 5.1.1 of that name\r\n"
        if said.verb == "DATA" and odd:
            return b"554 5.5.1 No valid recipients\r\n"
        return None

    server = ScriptedSmtp(answer=answer, pipelining=pipelining)
    receipts, error = sent(server, mails(10))
    assert error is None
    assert {n for n, r in receipts.items() if r.status is REFUSED} == {1, 3, 5, 7, 9}
    assert {(r.fault, r.code) for r in receipts.values() if r.status is REFUSED} == {(Fault.ADDRESS, "550 5.1.1")}
    assert server.copies == {f"lead-{n}@p.test": 1 for n in (2, 4, 6, 8, 10)}
    assert server.connections == 1
    assert server.verbs().count("RSET") == 5, "an open transaction is ended before the next mail"


def test_data_that_goes_on_without_a_recipient_is_ended_with_a_lone_dot() -> None:
    def answer(said: Said) -> bytes | None:
        if said.recipient == "lead-2@p.test" and said.verb in {"RCPT", "DOT"}:
            return b"550 5.1.1 No such user\r\n"
        return None

    server = ScriptedSmtp(answer=answer)
    receipts, error = sent(server, mails(3))
    assert error is None
    assert [receipts[n].status for n in (1, 2, 3)] == [ACCEPTED, REFUSED, ACCEPTED]
    assert len(server.texts) == 2
    assert server.connections == 1


def test_no_empty_mail_goes_out_where_mail_from_was_refused_and_the_rest_was_not() -> None:
    server = ScriptedSmtp(answer=at("MAIL", 2, b"550 5.1.8 Bad sender\r\n"))
    receipts, error = sent(server, mails(3))
    assert error is None
    assert [receipts[n].status for n in (1, 2, 3)] == [ACCEPTED, REFUSED, ACCEPTED]
    assert receipts[2].fault is Fault.SENDER
    assert all(text.strip() for text in server.texts)
    assert server.copies == {"lead-1@p.test": 1, "lead-3@p.test": 1}


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
def test_421_in_the_middle_hands_over_nothing_more_and_doubts_nothing(pipelining: bool, verb: str) -> None:
    closing = b"421 4.7.0 Too many messages from you, closing\r\n"
    gone: set[int] = set()

    def answer(said: Said) -> bytes | None:
        if said.connection in gone:
            raise HangUp
        if said.verb == verb and (said.nth == 5 or (verb == "MAIL" and said.nth > 5)):
            gone.add(said.connection)
            return closing
        return None

    server = ScriptedSmtp(answer=answer, pipelining=pipelining)
    receipts, error = sent(server, mails(20))
    assert {r.status for r in receipts.values()} == {ACCEPTED}
    assert len(receipts) == 4 == sum(server.copies.values())
    assert isinstance(error, ProviderThrottled)
    assert error.met_by == 5
    assert server.connections == (2 if verb == "MAIL" else 1), (
        "at MAIL it may be this connection alone: tried once more"
    )


def test_a_server_that_ends_each_connection_after_some_mails_is_followed_to_the_next() -> None:
    count: dict[int, int] = {}

    def answer(said: Said) -> bytes | None:
        if said.verb == "DOT":
            count[said.connection] = count.get(said.connection, 0) + 1
        if said.verb == "MAIL" and count.get(said.connection, 0) >= 3:
            return b"421 4.7.0 Enough for one connection\r\n"
        return None

    server = ScriptedSmtp(answer=answer)
    receipts, error = sent(server, mails(10))
    assert (error, len(receipts)) == (None, 10)
    assert set(server.copies.values()) == {1}
    assert server.connections == 4


def test_many_connections_share_the_mails_and_are_opened_only_when_there_is_work() -> None:
    def busy(said: Said) -> None:
        if said.verb == "DOT":
            time.sleep(0.003)

    few, many = ScriptedSmtp(), ScriptedSmtp(answer=busy)
    sent(few, mails(8), connections=8)
    receipts, error = sent(many, mails(600), connections=8)
    assert (few.most_open, many.most_open) == (1, 8)
    assert (error, len(receipts)) == (None, 600)
    assert set(many.copies.values()) == {1}
    assert len(many.copies) == 600


def test_a_server_that_allows_fewer_connections_just_gets_fewer() -> None:
    server = ScriptedSmtp(greeting=lambda n: b"220 here\r\n" if n <= 2 else b"421 4.7.0 Too many connections\r\n")
    receipts, error = sent(server, mails(200), connections=6, messages_per_connection=1_000)
    assert (error, len(receipts)) == (None, 200)
    assert set(server.copies.values()) == {1}


def test_messages_per_connection_hold_for_each_of_several_connections() -> None:
    server = ScriptedSmtp()
    receipts, _ = sent(server, mails(100), connections=3, messages_per_connection=10)
    assert len(receipts) == 100
    per_connection = [server.verbs(n).count("DOT") for n in range(1, server.connections + 1)]
    assert max(per_connection) == 10
    assert sum(per_connection) == 100


@pytest.mark.parametrize(
    "lie",
    [
        b"250 ok\r\n250 ok\r\n354 go\r\n250 queued as LIE\r\n",  # to MAIL: all the answers, before their questions
        b"250 ok\r\n250 ok\r\n354 go\r\n25",
        b"what?\r\n",
        b"250-ok\r\n251 another code\r\n",
        b"999 ok\r\n",
        b"250 " + b"x" * 10_000,
        b"250-x\r\n" * 1_000,
        b"354 go\r\n",
        b"100 wait\r\n",
    ],
)
@pytest.mark.parametrize("pipelining", [True, False])
def test_what_is_no_answer_to_our_question_is_never_taken_for_a_yes(lie: bytes, pipelining: bool) -> None:
    server = ScriptedSmtp(answer=at("MAIL", 1, lie), pipelining=pipelining)
    receipts, error = sent(server, mails(1))
    assert {(r.status, r.code) for r in receipts.values()} <= {(REFUSED, "broken-off")}
    assert receipts or isinstance(error, ProviderUnavailable)
    assert server.copies == {}, "no text was handed over"


def test_an_answer_after_the_last_one_ends_the_connection_but_not_the_mail_it_took() -> None:
    server = ScriptedSmtp(answer=at("DOT", 1, b"250 2.0.0 queued as Q1\r\n250 and a bonus\r\n"))
    receipts, error = sent(server, mails(3))
    assert receipts[1].provider_message_id == "Q1"
    assert error is None
    assert {r.status for r in receipts.values()} == {ACCEPTED}
    assert server.connections >= 1


def test_a_yes_before_the_dot_has_left_us_is_a_doubt_and_a_no_is_a_no() -> None:
    def slow(reply: bytes) -> Callable[[Said], bytes | None]:
        return lambda said: reply if said.verb == "TEXT" else None

    receipts, error = sent(ScriptedSmtp(answer=slow(b"552 5.3.4 Too big\r\n")), mails(1, text=LARGE))
    assert (receipts[1].status, receipts[1].code, error) == (REFUSED, "552 5.3.4", None)
    receipts, error = sent(ScriptedSmtp(answer=slow(b"250 2.0.0 Ok indeed\r\n")), mails(1, text=LARGE))
    assert [r.status for r in receipts.values()] == [AMBIGUOUS]
    assert isinstance(error, ProviderUnavailable)


def test_helo_is_said_where_ehlo_is_unknown() -> None:
    server = ScriptedSmtp(answer=lambda said: b"502 5.5.1 What?\r\n" if said.verb == "EHLO" else None)
    receipts, error = sent(server, mails(3))
    assert (error, len(receipts)) == (None, 3)
    assert server.verbs()[:6] == ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "DOT"]


def test_of_no_messages_nothing_is_connected() -> None:
    server = ScriptedSmtp()
    assert sent(server, []) == ({}, None)
    assert server.connections == 0


def test_messages_are_taken_up_one_by_one_not_all_at_once() -> None:
    server, taken = ScriptedSmtp(), []

    def lazily():
        for message in mails(50):
            taken.append(message.send_id)
            yield message

    with scripted(server) as port:
        esp = sender(port)
        for _ in esp.send(lazily()):
            assert len(taken) <= sum(server.copies.values()) + 3
        esp.close()
    assert taken == list(range(1, 51))


def test_a_defect_of_ours_says_of_every_mail_what_became_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ScriptedSmtp()
    with scripted(server) as port:
        esp = sender(port)
        prepared = esp.esp._to_bytes

        def breaks(message: OutgoingMessage) -> bytes:
            if message.send_id == 5:
                raise ZeroDivisionError
            return prepared(message)

        esp.esp._to_bytes = breaks
        found, error = receipts_until_error(esp, mails(10))
        esp.close()
    assert isinstance(error, SendingBroke)
    assert isinstance(error.__cause__, ZeroDivisionError)
    receipts = {receipt.send_id: receipt for receipt in found}
    accepted = {n for n, r in receipts.items() if r.status is ACCEPTED}
    assert accepted | {n for n, r in receipts.items() if r.status is AMBIGUOUS} == set(receipts)
    taken = {int(address.partition("-")[2].partition("@")[0]) for address in server.copies}
    assert taken <= set(receipts), "whatever was handed over has a receipt"
    assert accepted <= taken
    assert len(set(receipts) - accepted) <= 1


def test_a_text_is_not_handed_over_so_late_that_its_lease_may_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    from leadmill.adapters.esp import smtp_delivery

    monkeypatch.setattr(smtp_delivery, "HAND_OVER_WITHIN_SECONDS", 0.2)

    def answer(said: Said) -> bytes | None:
        if said.verb == "DATA" and said.nth == 2:
            time.sleep(0.4)
        return None

    server = ScriptedSmtp(answer=answer)
    receipts, error = sent(server, mails(5))
    assert list(receipts) == [1]
    assert isinstance(error, ProviderUnavailable)
    assert server.copies == {"lead-1@p.test": 1}
