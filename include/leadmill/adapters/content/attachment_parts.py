"""A file as a part of a mail: base64, with its name in both forms that mail programs look for.

Beyond ASCII the name stands as RFC 2231 writes it in Content-Disposition, and in encoded words in Content-Type, where
Outlook by POP or IMAP and some webmail look; they show "untitled" otherwise.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from collections.abc import Iterator
from urllib.parse import quote

from leadmill.adapters.content.encoded_words import words_of
from leadmill.adapters.content.header_values import single_line
from leadmill.domain.messages import Attachment
from leadmill.errors import TemplateInvalid

_CONTENT_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")
_COMPOSITE = ("multipart/", "message/")
_NOT_IN_A_NAME = re.compile(r'[/\\"<>:|?*]')  # paths, and what some file system refuses
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 ._-]{1,60}")
_NAME_BEGINS = ' name="'
_SECTION = re.compile(r"(?:%[0-9A-F]{2}|[^%]){1,20}")  # of an encoded name: at most 60 characters a line


def attachment_part(attachment: Attachment) -> bytes:
    """The part with its headers, lines ended by CRLF, without a boundary.

    Raises:
        TemplateInvalid: The content type is none that a file has.
    """
    kind = attachment.content_type
    if not _CONTENT_TYPE.fullmatch(kind) or kind.lower().startswith(_COMPOSITE):
        raise TemplateInvalid(f"An attachment cannot have the content type {kind[:100]!r}.")
    name = _NOT_IN_A_NAME.sub("_", single_line(attachment.name))
    shown = name if _PLAIN_NAME.fullmatch(name) else words_of(name, before=len(_NAME_BEGINS))
    disposition = ";\r\n ".join(("attachment", *_name_parameters(name)))
    head = (
        f'Content-Type: {kind};\r\n{_NAME_BEGINS}{shown}"\r\nContent-Transfer-Encoding: base64\r\n'
        f"Content-Disposition: {disposition}\r\n\r\n"
    )
    return head.encode() + encodebytes(attachment.content).replace(b"\n", b"\r\n")


def _name_parameters(name: str) -> Iterator[str]:
    if _PLAIN_NAME.fullmatch(name):
        yield f'filename="{name}"'
        return
    for number, section in enumerate(_SECTION.findall("utf-8''" + quote(name, safe="", errors="replace"))):
        yield f"filename*{number}*={section}"
