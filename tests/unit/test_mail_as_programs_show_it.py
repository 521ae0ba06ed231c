"""Small forms by which programs show a mail: threads, links that stand alone, line lengths, names of files."""

from __future__ import annotations

import re
from email import message_from_bytes, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from leadmill.adapters.content.mime import to_bytes
from leadmill.domain.messages import Attachment, Frame
from leadmill.domain.send_references import LinkKind, link_token, message_id, send_id_of_token
from leadmill.domain.threads import EarlierMail, given_message_id, reply_subject, thread_headers
from leadmill.edge.links import Links
from leadmill.errors import TemplateInvalid
from leadmill.ports.content import Recipient, Sender, VariantContent
from tests.unit.test_content import COMPILER, DATE, EDGE, FOOTER, KEY, ORGANISATION, SENDER, compiled, parsed, render

FIRST = message_id(42, "mail.acme.test", KEY)
BEFORE = (EarlierMail(42, 11, "mail.acme.test"),)


def follow_up(subject: str = "Again", *, step: int = 2, thread: tuple[EarlierMail, ...] = BEFORE, **changes):
    variant = VariantContent(7, step, 3, subject, "<p>x</p>" + FOOTER, **changes)
    recipient = Recipient(9, "reader@example.com", {"company": "Acme"}, thread)
    return COMPILER.compile(variant, ORGANISATION).render(send_id=43, recipient=recipient, sender=SENDER)


def test_a_follow_up_names_the_mail_that_it_follows() -> None:
    headers = dict(follow_up().headers)
    assert headers["In-Reply-To"] == FIRST
    assert headers["References"] == FIRST


def test_a_first_mail_follows_nothing() -> None:
    assert not {"In-Reply-To", "References"} & set(dict(render(compiled()).headers))


def test_a_second_follow_up_names_the_whole_conversation_and_answers_its_last_mail() -> None:
    later = "<0100018f@eu-west-1.amazonses.com>"
    headers = dict(follow_up(step=3, thread=(*BEFORE, EarlierMail(43, 12, "mail.acme.test", later))).headers)
    assert headers["In-Reply-To"] == later
    assert headers["References"] == f"{FIRST} {later}"


def test_a_mail_whose_id_nobody_knows_is_not_named() -> None:
    assert not {"In-Reply-To", "References"} & set(
        dict(follow_up(thread=(EarlierMail(42, 11, "mail.acme.test", ""),)).headers)
    )


def test_a_follow_up_s_references_arrive_as_they_are_and_are_signed_by_name() -> None:
    found = parsed(follow_up())
    assert found["In-Reply-To"] == FIRST
    assert found["References"] == FIRST


@pytest.mark.parametrize(
    ("provider", "config", "given_id", "expected"),
    [
        ("ses", {"region": "eu-west-1"}, "01a", "<01a@eu-west-1.amazonses.com>"),
        ("ses", {}, "01a", "<01a@email.amazonses.com>"),
        ("ses", {"region": "us-east-1"}, "", ""),
        ("smtp", {"preset": "ses", "region": "ap-south-1"}, "01a", "<01a@ap-south-1.amazonses.com>"),
        ("smtp", {"host": "email-smtp.us-east-1.amazonaws.com"}, "01a", "<01a@email.amazonses.com>"),
        ("smtp", {"host": "relay.test"}, "01a", None),
        ("smtp", {"preset": "gmail"}, "01a", None),
        ("sendgrid", {"region": "eu"}, "01a", None),
    ],
)
def test_amazon_ses_alone_gives_a_mail_another_id(
    provider: str, config: dict[str, object], given_id: str, expected: str | None
) -> None:
    assert given_message_id(provider, config, given_id) == expected


@given(st.lists(st.integers(1, 10**18), min_size=1, max_size=40))
@settings(deadline=None)
def test_references_hold_the_first_and_the_latest_mails_within_a_line(send_ids: list[int]) -> None:
    ids = [message_id(send_id, "a-rather-long-sending-domain.example.com", KEY) for send_id in send_ids]
    headers = dict(thread_headers(ids))
    found = headers["References"].split()
    assert headers["In-Reply-To"] == ids[-1] == found[-1]
    assert found[0] == ids[0]
    assert found[1:] == ids[len(ids) - len(found) + 1 :]
    assert len(headers["References"]) <= 998 - len("References: ")


def test_an_empty_subject_carries_on_the_one_that_this_lead_got() -> None:
    subjects = ((11, "For {{ company }}"), (12, "RE: May I ask?"))
    assert follow_up("", conversation=subjects).subject == "Re: For Acme"
    other = (EarlierMail(42, 12, "mail.acme.test"),)
    assert follow_up(" ", conversation=subjects, thread=other).subject == "RE: May I ask?"
    later = (*BEFORE, EarlierMail(43, 99, "mail.acme.test"))  # a step that carried it on itself
    assert follow_up("", conversation=subjects, thread=later).subject == "Re: For Acme"


def test_a_subject_of_its_own_stays() -> None:
    assert follow_up("News", conversation=((11, "Hi"),)).subject == "News"


def test_whose_subject_is_carried_on_is_no_field_that_a_lead_may_lack() -> None:
    variant = VariantContent(7, 2, 3, "", FOOTER, conversation=((11, "{{ company }}"), (12, "B")))
    assert COMPILER.compile(variant, ORGANISATION).variables == {"company"}


@pytest.mark.parametrize("subject", ["Re: Hi", "re:Hi", "AW: Hi", "Re[2]: Hi"])
def test_a_reply_gets_no_second_re(subject: str) -> None:
    assert reply_subject(subject) == subject


def test_an_unsubscribe_link_of_the_text_part_stands_alone() -> None:
    html = '<p>To stop (<a href="{{ unsubscribe_url }}">click here</a>). Bye</p><p>{{ postal_address }}</p>'
    text = render(compiled(html, footer="")).text
    assert re.search(r"^To stop \(click here\)\.\nhttps://\S+/u/[\w.-]+\nBye$", text, re.MULTILINE)


def test_an_unsubscribe_link_that_is_its_own_label_is_written_once() -> None:
    html = '<a href="{{ unsubscribe_url }}">{{ unsubscribe_url }}</a>. {{ postal_address }}'
    assert render(compiled(html, footer="")).text.count("/u/") == 1


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<table><tr><td>Price</td><td>10 EUR</td></tr><tr><th>Tax</th><td>2</td></tr></table>", "Price 10 EUR\nTax 2"),
        ('<table><tr><td><a href="https://a.test/x"><img></a></td><td>Hi</td></tr></table>', "https://a.test/x Hi"),
        ("<dl><dt>When</dt><dd>Monday</dd></dl>", "When\nMonday"),
        ("<main>One</main><address>Two</address><center>Three</center>", "One\n\nTwo\n\nThree"),
    ],
)
def test_what_stands_apart_on_the_page_stands_apart_in_the_text_part(html: str, text: str) -> None:
    found = render(compiled(html, track_clicks=False)).text.replace("\r", "")
    assert found.startswith(f"{text}\n"), found


TAKEN_ALONG = ["", ")", ").", ">", "%3E", ".", ",", "&gt;", "%E2%80%9D", "]", "*", '"', "!%20and"]


@pytest.mark.parametrize("behind", TAKEN_ALONG)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_edge_forgives_what_programs_take_along(behind: str, method: str) -> None:
    links = Links(KEY, None)  # type: ignore[arg-type]
    routes = [
        Route("/u/{token}", links.ask_to_unsubscribe, methods=["GET"]),
        Route("/u/{token}", links.unsubscribe, methods=["POST"]),
    ]
    path = f"/u/{link_token(LinkKind.UNSUBSCRIBE, 0, KEY)}{behind}"  # a preview's: acts for nobody
    answer = TestClient(Starlette(routes=routes), base_url=EDGE).request(
        method, path, data={"List-Unsubscribe": "One-Click"}
    )
    assert answer.status_code == 200


def test_a_token_is_no_better_for_what_stands_behind_it() -> None:
    genuine = link_token(LinkKind.UNSUBSCRIBE, 42, KEY)
    for forged in (genuine[:-1] + "x", genuine + "x", genuine[:-1] + ")", f"43{genuine[2:]}", f"{genuine}0)"):
        assert forged == genuine or send_id_of_token(LinkKind.UNSUBSCRIBE, forged, KEY) is None
    assert send_id_of_token(LinkKind.OPEN, genuine + ")", KEY) is None


def test_a_click_with_punctuation_behind_its_target_still_goes_there() -> None:
    edge = Starlette(routes=[Route("/c/{token}", Links(KEY, Notes()).follow_click)])  # type: ignore[arg-type]
    edge.state.clock = lambda: DATE
    url = "https://acme.test/a(1)"
    path = f"/c/{link_token(LinkKind.CLICK, 42, KEY, url=url)}?u=https%3A%2F%2Facme.test%2Fa(1)"
    client = TestClient(edge, base_url=EDGE, follow_redirects=False)
    for behind in ("", ".", ").", ">"):
        assert client.get(path + behind).headers["location"] == url
    assert client.get(path + "b").status_code == 400


class Notes:
    """A journal that nobody reads."""

    def note(self, event: object) -> None:
        assert event


@pytest.mark.parametrize(
    "begins",
    [
        "<html><head><style>p{}</style><body><p>Hello</p>",
        "<html><head><title>T</title><p>Hello</p>",
        "<html><head><meta charset='utf-8'>Hello",
        "<html><head><title>T<body>Hello",
        "<head><style>p{}</style></head>Hello",
    ],
)
def test_a_head_that_nobody_closed_ends_where_the_body_begins(begins: str) -> None:
    text = render(compiled(begins)).text
    assert "Hello" in text
    assert "p{}" not in text


@pytest.mark.parametrize(
    "subject", ["Grüße " + "ä" * 60, "ä", "Grüße aus dem schönen Köln, wie am Telefon besprochen", "🎉" * 90]
)
def test_lines_with_encoded_words_have_76_characters_at_most(subject: str) -> None:
    mail = render(
        compiled(subject=subject),
        sender=Sender("ann@mail.acme.test", "Jürgen Müller von der Größe GmbH", "mail.acme.test"),
    )
    mail.headers = (*mail.headers, ("X-A-Name-Of-Some-Length-That-Takes-Much-Of-The-Line", subject))
    raw = bytes(to_bytes(mail, date=DATE))
    assert max(len(line) for line in raw.split(b"\r\n") if b"=?utf-8?" in line) <= 76
    assert message_from_bytes(raw, policy=policy.default)["Subject"] == subject


@pytest.mark.parametrize(
    "name",
    [
        "Prüfbericht für Köln.pdf",
        "今日は世界.pdf",
        "report (1) of a long year, as agreed on the phone, second part.pdf",
        "a.pdf",
    ],
)
def test_an_attachments_name_has_a_form_for_older_programs(name: str) -> None:
    mail = render(compiled())
    mail.frame, mail.values = (
        Frame.of(mail.subject, mail.text, mail.html, (Attachment(name, "application/pdf", b"x"),)),
        (),
    )
    raw = bytes(to_bytes(mail, date=DATE))
    assert re.search(rb"Content-Type: application/pdf; *name=", raw.replace(b"\r\n ", b" "))
    (part,) = message_from_bytes(raw, policy=policy.default).iter_attachments()
    assert part.get_filename() == name
    del part["Content-Disposition"]
    assert part.get_filename() == name


def test_a_mistake_in_the_html_is_told_of_the_html_where_the_text_is_made_of_it() -> None:
    with pytest.raises(TemplateInvalid, match="the HTML body is no valid template"):
        compiled("<p>{{ first_name</p>")
