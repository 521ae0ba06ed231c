"""What the writer of a mail says in it: its own text, without what it quotes and without a device's signature."""

from __future__ import annotations

import re
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from html.parser import HTMLParser

_CHARACTERS = 200_000  # of a body; longer ones are other than answers
_QUOTES_BEGIN = re.compile(
    r"^\s*(?:>|-{2,}\s*(?:original|urspr|forwarded|weiterge|message d|mensaje|messaggio|mensagem|oorspronk|wiadomo)"
    r"|_{8,}\s*$|-- ?$"
    r"|(?:from|von|de|da|van|od|gesendet|sent|envoy[eé]|enviado|inviato|verzonden|wys[lł]ano)\s?:\s?\S"
    r"|(?:on|am|le|el|il|em|op|w dniu|dnia|den)\s.{4,200}(?:wrote|schrieb|[eé]crit|escribi[oó]|scritto|escreveu|schreef"
    r"|napisa[lł]\(?a?\)?)(?:\s?:|\s.{0,150}:)?\s*$)",
    re.IGNORECASE,
)
_TWO_LINES = re.compile(r"^(\s*(?:on|am|le|el|il|em|op|w dniu)\s[^\n]{4,200})\n(?=[^\n]{0,200}(?:wrote|schrieb|[eé]crit"
    r"|escribi[oó]|scritto|escreveu|schreef|napisa[lł])\s?:?\s*$)", re.IGNORECASE | re.MULTILINE)  # fmt: skip
_QUOTE_MARKS = ("gmail_quote", "moz-cite-prefix", "yahoo_quoted", "protonmail_quote", "divrplyfwdmsg", "appendonsend")
_SILENT = {"script", "style", "head", "title", "blockquote"}
_BLOCKS = {"p", "div", "br", "li", "tr", "table", "h1", "h2", "h3"}


def subject_of(mail: Message) -> str:
    """The subject with its encoded words read; as it stands where they are broken."""
    raw = mail.get("Subject", "")  # a Header where it holds bytes beyond ASCII as they came
    try:
        pieces = decode_header(raw)
    except (MessageError, ValueError):
        return str(raw)
    return "".join(
        _decoded(piece, charset or "utf-8") if isinstance(piece, bytes) else piece for piece, charset in pieces
    )


def part_text(part: Message) -> str:
    """A part's text in its own character set, at most 200,000 characters; empty for what is none."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    return _decoded(payload[: 4 * _CHARACTERS], str(part.get_content_charset() or "utf-8"))[:_CHARACTERS]


def own_words(mail: Message) -> str:
    """The first readable text of a mail, up to where it begins to quote; empty where the writer says nothing.

    Only the top of an answer counts: what stands below a quotation is part of a longer conversation.
    """
    for kind in ("text/plain", "text/html"):
        for part in mail.walk():
            if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
                text = part_text(part)
                return _above_quotes(_text_of_html(text) if kind == "text/html" else text)
    return ""


def _above_quotes(text: str) -> str:
    kept: list[str] = []
    for line in _TWO_LINES.sub(r"\1 ", text.replace("\r\n", "\n")).split("\n"):
        if _QUOTES_BEGIN.match(line):
            break
        kept.append(line)
    return "\n".join(kept).strip()


class _OwnText(HTMLParser):
    """Collects the text of an HTML mail until a mail program's mark of what it quotes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = 0
        self._over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        marks = " ".join(value.lower() for name, value in attrs if name in {"class", "id"} and value)
        self._over = self._over or tag == "blockquote" or any(mark in marks for mark in _QUOTE_MARKS)
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in _SILENT))

    def handle_data(self, data: str) -> None:
        if not self._silent and not self._over:
            self.pieces.append(" ".join(data.split()))


def _text_of_html(html: str) -> str:
    reader = _OwnText()
    reader.feed(html)
    reader.close()
    return "".join(reader.pieces)


def _decoded(octets: bytes, charset: str) -> str:
    try:
        return octets.decode(charset, "replace")
    except (LookupError, ValueError):  # a character set that nobody knows
        return octets.decode("utf-8", "replace")
