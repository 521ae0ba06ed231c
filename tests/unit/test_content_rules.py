"""Attachments, spintax and the countries' rules: pure rules."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.attachments import (
    CONTENT_TYPES,
    AttachedFile,
    AttachmentLimits,
    content_type_of,
    encoded_bytes,
    file_problems,
    mail_problems,
    object_key,
)
from leadmill.domain.country_rules import NEEDS, RULES, ColdMail, rule_of
from leadmill.domain.segments import LEGAL_BASES
from leadmill.domain.spintax import spintax_in

LIMITS = AttachmentLimits(per_file=10_000, per_mail=15_000)
PDF = b"%PDF-1.7\n"


def package(*entries: str) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for entry in entries:
            archive.writestr(entry, "x")
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("Offer 2026.pdf", PDF),
        ("größe.v2.PDF", PDF),
        ("logo.png", b"\x89PNG\r\n\x1a\n"),
        ("prices.csv", b"a;b\n"),
        ("terms.docx", package("[Content_Types].xml", "word/document.xml")),
        ("plan.odt", package("mimetype", "content.xml")),
        ("meeting.ics", b"BEGIN:VCALENDAR"),
    ],
)
def test_a_document_may_be_attached(name: str, body: bytes) -> None:
    assert file_problems(name, body, LIMITS) == []
    assert content_type_of(name)


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("setup.exe", b"MZ", "no programs"),
        ("all.zip", package("a.txt"), "no programs"),
        ("page.html", b"<script>", "no programs"),
        ("macro.docm", package("[Content_Types].xml"), "no programs"),
        ("invoice.exe.pdf", PDF, "second ending"),
        ("invoice.PDF.js.txt", b"x", "second ending"),
        ("invoice\u202efdp.pdf", PDF, "character"),
        ("../../lake/x.pdf", PDF, "character"),
        ("a\r\nb.pdf", PDF, "character"),
        (".pdf", PDF, "name of 1"),
        ("x" * 120 + ".pdf", PDF, "name of 1"),
        ("noending", PDF, "no programs"),
        ("offer.pdf", b"MZ\x90", "not what its ending says"),
        ("offer.pdf", b"", "empty"),
        ("offer.pdf", PDF + b"x" * 10_000, "one file may have"),
        ("prices.csv", b"MZ\x90", "not what its ending says"),
        ("prices.txt", b"a\0b", "not what its ending says"),
        ("terms.docx", b"PK\x03\x04 broken", "not what its ending says"),
        ("terms.docx", package("a.exe"), "is an archive"),
        ("terms.docx", package("[Content_Types].xml", "word/vbaProject.bin"), "macros"),
        ("terms.xlsx", package("[Content_Types].xml", "evil.EXE"), "program"),
    ],
)
def test_what_mail_filters_fear_is_refused_with_a_reason(name: str, body: bytes, words: str) -> None:
    (problem,) = file_problems(name, body, LIMITS)
    assert words in problem


@given(st.text(max_size=40), st.binary(max_size=40))
def test_whatever_is_taken_has_an_allowed_ending_and_a_key_under_its_campaign(name: str, body: bytes) -> None:
    if not file_problems(name, body, LIMITS):
        assert name.rpartition(".")[2].casefold() in CONTENT_TYPES
        assert object_key(7, "a" * 64, name).count("/") == 3


def test_the_files_of_one_mail_have_a_limit_together() -> None:
    file = AttachedFile("a.pdf", "application/pdf", 8_000, "0" * 64, "k")
    other = AttachedFile("b.pdf", "application/pdf", 8_000, "1" * 64, "l")
    assert mail_problems([file], LIMITS) == []
    assert "one mail may have" in mail_problems([file, other], LIMITS)[0]
    assert "same name" in mail_problems([file, file], AttachmentLimits())[0]
    assert "10 attachments" in mail_problems([file] * 11, AttachmentLimits())[0]


@given(st.integers(0, 100_000))
def test_the_encoded_size_is_that_of_base64_lines(size: int) -> None:
    import base64

    encoded = len(base64.encodebytes(b"x" * size).replace(b"\n", b"\r\n"))
    assert 0 <= encoded_bytes(size) - encoded < 78


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{Hi|Hello} you", ["{Hi|Hello}"]),
        ("{Hi|{Hello|Hey}|Dear} x", ["{Hello|Hey}"]),
        ("{a | b\n| c}", ["{a | b | c}"]),
        ("{{ first_name | upper }} {% if a | default('x') %}{# {a|b} #}{% endif %}", []),
        ("<style>a{color:red|blue}</style><!-- {a|b} -->{one thing} a|b", []),
        ("{{ name }}{Hi|Hello {{ name }}}", ["{Hi|Hello }"]),
    ],
)
def test_spintax_is_found_and_templates_are_not(text: str, found: list[str]) -> None:
    assert spintax_in(text) == found


@given(st.text(alphabet="{}|a \n", max_size=300))
def test_looking_for_spintax_always_ends(text: str) -> None:
    for group in spintax_in(text):
        assert "|" in group


@pytest.mark.parametrize(
    ("country", "cold_mail"),
    [
        *(("DE", ColdMail.CONSENT), ("AT", ColdMail.CONSENT), ("NL", ColdMail.CONSENT), ("US", ColdMail.OPT_OUT)),
        *(("FR", ColdMail.OPT_OUT_ROLE), ("GB", ColdMail.OPT_OUT_COMPANY), ("IN", ColdMail.CONSENT)),
        *(("SE", ColdMail.CONSENT), ("", ColdMail.CONSENT), ("XK", ColdMail.CONSENT)),
    ],
)
def test_a_country_s_rule_is_as_it_was_read(country: str, cold_mail: ColdMail) -> None:
    assert rule_of(country).cold_mail is cold_mail


def test_consent_and_contract_may_be_mailed_everywhere_and_every_rule_has_a_source() -> None:
    for rule in RULES.values():
        assert {"consent", "contract"} <= rule.accepts <= LEGAL_BASES
        assert rule.source
        assert NEEDS[rule.cold_mail] == "" or "legitimate_interest" in rule.accepts
