"""Which files may go with a mail, and how large they may be."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from math import ceil
from typing import Any, Self

NAME_LIMIT = 120
FILES_LIMIT = 10
"""Attachments of one mail."""

CONTENT_TYPES = {
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "gif": "image/gif",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "png": "image/png",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""By suffix, what mail programs open without running anything. HTML and SVG stay out: they can hold scripts."""

_RUNNABLE = frozenset(
    {"apk", "app", "bat", "bin", "cmd", "com", "cpl", "dll", "dmg", "exe", "gadget", "hta", "inf", "iso", "jar", "js"}
    | {"jse", "lnk", "msc", "msi", "msp", "pif", "ps1", "reg", "scr", "sct", "sh", "shb", "sys", "vb", "vbe", "vbs"}
    | {"wsc", "wsf", "wsh", "docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "potm", "ppam", "zip", "rar", "7z", "gz"}
    | {"tar", "html", "htm", "svg"}
)
"""Suffixes that mail providers refuse (Gmail's and Outlook's lists of blocked types), or that hide one."""

_STARTS = {
    "gif": (b"GIF87a", b"GIF89a"),
    "jpeg": (b"\xff\xd8\xff",),
    "jpg": (b"\xff\xd8\xff",),
    "pdf": (b"%PDF-",),
    "png": (b"\x89PNG\r\n\x1a\n",),
}
_RUNNABLE_STARTS = (b"MZ", b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_OFFICE = frozenset({"docx", "xlsx", "pptx", "odt", "ods", "odp"})
_TEXTS = frozenset({"csv", "ics", "txt", "vcf"})
_MACROS = ("vbaproject.bin", "basic/script-lc.xml", "basic/dialog-lc.xml")

_MEGABYTE = 1_000_000
MAIL_LIMITS_BYTES = {
    "postmark": 10 * _MEGABYTE,
    "ses": 40 * _MEGABYTE,
    "sendgrid": 30 * _MEGABYTE,
    "mailgun": 25 * _MEGABYTE,
    "smtp": 25 * _MEGABYTE,
}
"""The largest whole mail, attachments encoded, that a provider takes; smtp: Gmail's limit for what it receives.

Source: the providers' documentation of message size as of 2026; a server's own SIZE (RFC 1870) may be lower.
"""


@dataclass(frozen=True, slots=True)
class AttachmentLimits:
    """Bytes of one file, and of all files of one mail, before encoding."""

    per_file: int = 5 * _MEGABYTE
    per_mail: int = 10 * _MEGABYTE


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file in the store that goes with every mail of a step; `key` is its object, `sha256` its content's digest."""

    name: str
    content_type: str
    byte_size: int
    sha256: str
    key: str

    def to_json(self) -> dict[str, Any]:
        """The reference as the ledger keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The reference out of the ledger."""
        return cls(**stored)


def object_key(campaign_id: int, sha256: str, name: str) -> str:
    """Where a campaign's file lies in the store: the same content under the same name is the same object."""
    return f"{object_prefix(campaign_id)}{sha256[:16]}/{name}"


def object_prefix(campaign_id: int) -> str:
    """Where all files of a campaign lie in the store."""
    return f"attachments/{campaign_id}/"


def encoded_bytes(byte_size: int) -> int:
    """What a file takes in a mail: base64 in lines of 76 and CRLF."""
    return ceil(byte_size / 57) * 78


def file_problems(name: str, body: bytes, limits: AttachmentLimits) -> list[str]:
    """Why a file cannot go with a mail, one sentence each; empty where it can."""
    found = _name_problems(name)
    if not body:
        found.append(f"{name!r} is empty.")
    if len(body) > limits.per_file:
        found.append(f"{name!r} has {megabytes(len(body))}; one file may have {megabytes(limits.per_file)}.")
    return found or _content_problems(name, body)


def mail_problems(files: Sequence[AttachedFile], limits: AttachmentLimits) -> list[str]:
    """Why these files cannot go with one mail together, one sentence each."""
    found = []
    total = sum(file.byte_size for file in files)
    if total > limits.per_mail:
        found.append(f"The attachments have {megabytes(total)}; one mail may have {megabytes(limits.per_mail)}.")
    if len(files) > FILES_LIMIT:
        found.append(f"A mail may have {FILES_LIMIT} attachments.")
    names = [file.name.casefold() for file in files]
    if len(set(names)) < len(names):
        found.append("Two attachments of one mail have the same name.")
    return found


def megabytes(byte_size: int) -> str:
    """A size for people."""
    return f"{byte_size / _MEGABYTE:.1f} MB" if byte_size >= _MEGABYTE / 10 else f"{ceil(byte_size / 1000)} kB"


def content_type_of(name: str) -> str | None:
    """The content type of an allowed suffix, else None."""
    return CONTENT_TYPES.get(_suffix(name))


def _suffix(name: str) -> str:
    return name.rpartition(".")[2].casefold() if "." in name else ""


def _name_problems(name: str) -> list[str]:
    if not 0 < len(name) <= NAME_LIMIT or name != name.strip() or name.startswith("."):
        return [f"Give the file a name of 1 to {NAME_LIMIT} characters."]
    # A right-to-left override shows "invoice_exe.pdf" for "invoice_fdp.exe".
    if any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} or c in '/\\:*?"<>|' for c in name):
        return ["The file's name holds a character that mail programs refuse; use letters, digits, - and _."]
    if content_type_of(name) is None:
        allowed = ", ".join(sorted(CONTENT_TYPES))
        return [f"{name!r} cannot be attached: mail filters trust {allowed}, and no programs, scripts or archives."]
    inner = {part.strip().casefold() for part in name.split(".")[1:-1]}
    if inner & _RUNNABLE:
        return [f"{name!r} has a second ending of a program or archive, as viruses do; rename it."]
    return []


def _content_problems(name: str, body: bytes) -> list[str]:
    suffix = _suffix(name)
    is_like_its_name = True
    if suffix in _STARTS:
        is_like_its_name = body.startswith(_STARTS[suffix])
    elif suffix in _OFFICE:
        return _office_problems(name, body)
    elif suffix in _TEXTS:
        is_like_its_name = b"\0" not in body and not body.startswith(_RUNNABLE_STARTS)
    return [] if is_like_its_name else [f"{name!r} is not what its ending says; save it again in that format."]


def _office_problems(name: str, body: bytes) -> list[str]:
    try:
        with zipfile.ZipFile(BytesIO(body)) as package:
            entries = [entry.casefold() for entry in package.namelist()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return [f"{name!r} is not what its ending says; save it again in that format."]
    if not {"[content_types].xml", "mimetype"} & set(entries):
        return [f"{name!r} is an archive, not a document; mail filters refuse archives."]
    if any(entry.endswith(_MACROS) for entry in entries):
        return [f"{name!r} holds macros; save it without them."]
    if any(re.search(r"\.(exe|dll|js|vbs|bat|cmd|ps1|scr)$", entry) for entry in entries):
        return [f"{name!r} holds a program; mail filters refuse it."]
    return []
