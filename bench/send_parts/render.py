"""Rendering one personalised mail of 10 KB: `python bench/send.py render [mails] [rounds]` (default 3,000 and 5).

The product (values, signed links, pixel, headers, quoted-printable, CRLF) against the compiled Jinja templates alone,
and against the same templates with `EmailMessage(policy=SMTP)` and with `MIMEMultipart`. The product's mails are read
back first, and must hold the same words. The rows `set`, `blocks` and `whole` are templates that share less between
their mails: of the last nothing, because a link's tag begins inside an `if` and ends outside.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import io
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.generator import BytesGenerator
from email.header import Header
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formatdate

import jinja2
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from leadmill.adapters.content.compiler import JinjaContentCompiler
from leadmill.adapters.content.dkim import DkimKey, DkimSigner
from leadmill.adapters.content.mime import Signer, to_bytes
from leadmill.ports.content import CompiledContent, Organisation, Recipient, Sender, VariantContent

DATE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
EDGE = "https://t.brand-news.test"
ORGANISATION = Organisation("Brand News", "1 Example Street\nPune 411001")
SENDER = Sender("alex@brand-news.test", "Alex Doe", "brand-news.test")
PARAGRAPH = (
    '<tr><td style="font-family:Arial,Helvetica,sans-serif;font-size:15px;line-height:22px;color:#333333;padding:0 24px'
    ' 16px 24px">We help teams like yours keep their pipeline full without burning their domain: verified contacts, '
    "careful warm-up and honest reporting. Customers saw 31&nbsp;% more replies in the first quarter — no tricks, only "
    "timing.</td></tr>\n"
)
FOOTER = (
    '<tr><td>{{ postal_address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></td></tr>\n</table></body></html>\n'
)
HTML = (
    '<!doctype html>\n<html><head><meta charset="utf-8"><title>Brand News</title></head>\n<body><span '
    'style="display:none">{{ first_name }}, a short note for {{ company }}</span>\n<table width="600">\n<tr><td><h1>Hi '
    "{{ first_name }},</h1></td></tr>\n<tr><td>I saw that {{ company }} is growing its team in {{ city }}"
    "{% if job_title %}, and as {{ job_title }} you probably carry that{% endif %}.</td></tr>\n"
    + PARAGRAPH
    * 19
    + '<tr><td><a href="https://brand-news.test/how-it-works">See how it works for {{ company }}</a></td></tr>\n'
    "<tr><td>Best,<br>Alex</td></tr>\n" + FOOTER
)
TEXT = (
    "Hi {{ first_name }},\n\nI saw that {{ company }} is growing its team in {{ city }}.\n\n"
    + "We help teams like yours keep their pipeline full without burning their domain.\n" * 8
    + "\nhttps://brand-news.test/how-it-works\n\nAlex\n{{ postal_address }}\nUnsubscribe: {{ unsubscribe_url }}\n"
)
SUBJECT = "{{ first_name }}, a question about {{ company }}"
WITH_SET = HTML.replace("<body>", "<body>{% set who = company | upper %}").replace("for {{ company }}", "for {{ who }}")
BLOCK = (
    '{% if city == "Pune" %}<tr><td><a href="https://brand-news.test/p?c={{ city | urlencode }}">{{ company }}</a>'
    "</td></tr>\n{% endif %}"
)
WITH_BLOCKS = HTML.replace(PARAGRAPH, PARAGRAPH + BLOCK, 6).replace(
    "how-it-works", "how-it-works?who={{ company | urlencode }}"
)
WHOLE = HTML.replace("<a href=", "{% if company %}<a {% endif %}href=", 1)
FIRST_NAMES = ("Anna", "José", "Chloé", "Raj", "Wei", "Łukasz", "Olga", "Tom", "Zoë", "Ben")
COMPANIES = ("Acme & Sons", "Globex", "Müller GmbH", "Initech", "Umbrella", "Stark <Labs>", "Hooli", "Vandelay")


def recipients(count: int) -> list[Recipient]:
    return [
        Recipient(
            n,
            f"lead{n}@example{n % 50}.test",
            {
                "first_name": FIRST_NAMES[n % 10],
                "company": COMPANIES[n % 8],
                "city": "Pune",
                "job_title": "Head of Ops" if n % 3 else "",
            },
        )
        for n in range(1, count + 1)
    ]


class Peers:
    """The same templates, compiled once by Jinja without a sandbox, and what most code does with their output."""

    def __init__(self, html: str) -> None:
        self.html = jinja2.Environment(autoescape=True).from_string(html)
        plain = jinja2.Environment()
        self.text, self.subject = plain.from_string(TEXT), plain.from_string(SUBJECT)

    def values(self, lead: Recipient) -> dict[str, object]:
        token = hashlib.blake2b(b"%d" % lead.lead_id, digest_size=12).hexdigest()
        given = {"postal_address": ORGANISATION.postal_address, "unsubscribe_url": f"{EDGE}/u/{token}", "token": token}
        return {**lead.fields, **given}

    def jinja(self, _: Recipient, values: dict[str, object]) -> tuple[str, str, str]:
        return self.subject.render(values), self.text.render(values), self.html.render(values)

    def email_message(self, lead: Recipient, values: dict[str, object]) -> bytes:
        subject, text, html = self.jinja(lead, values)
        mail = EmailMessage(policy=email.policy.SMTP)
        for name, value in self.headers(lead, values, subject):
            mail[name] = value
        mail.set_content(text)
        mail.add_alternative(html, subtype="html")
        return mail.as_bytes()

    def mime_multipart(self, lead: Recipient, values: dict[str, object]) -> bytes:
        subject, text, html = self.jinja(lead, values)
        mail = MIMEMultipart("alternative")
        for name, value in self.headers(lead, values, Header(subject, "utf-8").encode()):
            mail[name] = value
        mail.attach(MIMEText(text, "plain", "utf-8"))
        mail.attach(MIMEText(html, "html", "utf-8"))
        written = io.BytesIO()
        BytesGenerator(written, mangle_from_=False, policy=mail.policy.clone(linesep="\r\n")).flatten(mail)
        return written.getvalue()

    def headers(self, lead: Recipient, values: dict[str, object], subject: str) -> list[tuple[str, str]]:
        token = values["token"]
        return [
            ("From", "Alex Doe <alex@brand-news.test>"),
            ("To", lead.email),
            ("Subject", subject),
            ("Date", formatdate(DATE.timestamp())),
            ("Message-ID", f"<{token}@brand-news.test>"),
            ("List-Unsubscribe", f"<{values['unsubscribe_url']}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("Feedback-ID", f"c1:s1:v1:{str(token)[:10]}"),
        ]


def product(content: CompiledContent, leads: list[Recipient], signer: Signer | None = None) -> Callable[[], None]:
    def run() -> None:
        for lead in leads:
            to_bytes(content.render(send_id=lead.lead_id, recipient=lead, sender=SENDER), date=DATE, signer=signer)

    return run


def compiled(html: str) -> CompiledContent:
    compiler = JinjaContentCompiler(edge_base_url=EDGE, key=b"k" * 32)
    return compiler.compile(VariantContent(1, 1, 1, SUBJECT, html, TEXT), ORGANISATION)


def check(content: CompiledContent, peers: Peers, leads: list[Recipient]) -> None:
    """The product's bytes hold the same words as the bare templates, links aside."""
    for lead in leads:
        subject, text, _ = peers.jinja(lead, peers.values(lead))
        raw = to_bytes(content.render(send_id=lead.lead_id, recipient=lead, sender=SENDER), date=DATE)
        found = email.message_from_bytes(raw, policy=email.policy.default)
        part = found.get_body(("plain",))
        assert part is not None
        assert found["Subject"] == subject
        words = [line for line in text.splitlines() if "/u/" not in line]
        got = [line for line in part.get_content().splitlines() if "/u/" not in line]
        assert [w for w in words if w] == [g for g in got if g]


def main() -> None:
    mails = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    leads = recipients(mails)
    few = leads[: max(50, mails // 10)]
    rows: list[tuple[str, int, Callable[[], None], str]] = []
    for name, html in (("", HTML), (", set", WITH_SET), (", blocks", WITH_BLOCKS), (", whole", WHOLE)):
        content, peers = compiled(html), Peers(html)
        check(content, peers, leads[:24])
        rows.append((f"bare Jinja{name}", mails, _peer(peers.jinja, peers, leads), name))
        rows.append((f"product{name}", mails, product(content, leads), name))
        rows.append((f"EmailMessage{name}", len(few), _peer(peers.email_message, peers, few), name))
        if not name:
            rows.append(("MIMEMultipart", len(few), _peer(peers.mime_multipart, peers, few), name))
            for label, signer in signers():
                rows.append((f"product, DKIM {label}", len(few), product(content, few, signer), name))
    mail = to_bytes(compiled(HTML).render(send_id=1, recipient=leads[0], sender=SENDER), date=DATE)
    report(rows, rounds, len(mail))


def signers() -> list[tuple[str, Signer]]:
    keys = {
        "Ed25519": DkimKey("e1", ed25519.Ed25519PrivateKey.generate()),
        "RSA-2048": DkimKey("r1", rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    }
    found: list[tuple[str, Signer]] = [(name, DkimSigner("brand-news.test", [key])) for name, key in keys.items()]
    return [*found, ("both", DkimSigner("brand-news.test", list(keys.values())))]


def _peer(
    render: Callable[[Recipient, dict[str, object]], object], peers: Peers, leads: list[Recipient]
) -> Callable[[], None]:
    given = [(lead, peers.values(lead)) for lead in leads]

    def run() -> None:
        for lead, values in given:
            render(lead, values)

    return run


def report(rows: list[tuple[str, int, Callable[[], None], str]], rounds: int, size: int) -> None:
    micros: dict[str, list[float]] = {name: [] for name, *_ in rows}
    for _ in range(rounds):
        for name, count, run, _ in rows:
            began = time.process_time()
            run()
            micros[name].append((time.process_time() - began) / count * 1e6)
    print(f"one mail of {size:,} bytes; median of {rounds} rounds; load {os.getloadavg()[0]:.1f}")
    print(f"{'':28} {'CPU µs/mail':>12} {'x bare Jinja':>13} {'x EmailMessage':>15}")
    for name, _, _, group in rows:
        jinja = _ratio(micros[name], micros[f"bare Jinja{group}"])
        oracle = _ratio(micros[f"EmailMessage{group}"], micros[name])
        print(f"{name:28} {statistics.median(micros[name]):12.1f} {jinja:13.2f} {oracle:15.1f}")


def _ratio(these: list[float], those: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(these, those, strict=True))


if __name__ == "__main__":
    main()
