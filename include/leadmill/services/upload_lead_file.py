"""Puts a person's lead file where the import finds it."""

from __future__ import annotations

import re
from datetime import datetime
from hashlib import sha256

from leadmill.domain.access import Actor, Role
from leadmill.domain.lead_files import FILE_BYTES_MAX, ImportDefaults
from leadmill.errors import LeadFileInvalid
from leadmill.ports.lead_files import LeadFileLedger
from leadmill.ports.store import ObjectStore
from leadmill.services.import_lead_file import understood_defaults
from leadmill.services.read_lead_files import LANDING

_KINDS = (".csv", ".tsv", ".txt", ".xlsx")
_UNSAFE = re.compile(r"[^\w .-]+")
_LAST_PART = re.compile(r"[^/\\]*\Z")


def upload_lead_file(
    store: ObjectStore,
    ledger: LeadFileLedger,
    actor: Actor,
    file_name: str,
    body: bytes,
    *,
    defaults: ImportDefaults,
    as_of: datetime,
) -> str:
    """Write a lead file into the landing zone, where the watcher finds it. Returns its key.

    Raises:
        NotAllowed: The actor is no analyst.
        LeadFileInvalid: The file is empty, too large, or of a kind that no import reads.
        ConfigInvalid: The legal basis or country that holds for all rows is none; nothing was stored.
    """
    actor.require(Role.ANALYST, to="upload lead files")
    if not file_name.lower().endswith(_KINDS):
        raise LeadFileInvalid(f"Lead files are {', '.join(_KINDS)}; export the leads as one of these.")
    if not body or len(body) > FILE_BYTES_MAX:
        raise LeadFileInvalid(f"A lead file has between 1 byte and {FILE_BYTES_MAX // 1024**2} MiB.")
    understood_defaults(defaults)  # before the file lies where every run of the import would refuse it again
    said = (("source", defaults.source), ("legal_basis", defaults.legal_basis), ("country", defaults.country))
    folders = [f"{name}={_safe(value)}" for name, value in said if value]
    last_part = _LAST_PART.search(file_name)
    own_name = last_part[0] if last_part else file_name
    digest = sha256(body).hexdigest()[:8]  # two of one name in one second are two files
    name = f"{as_of:%Y%m%dT%H%M%S}-{digest}-{_safe(own_name)}"
    key = LANDING + "/".join([*folders, name])
    ledger.note_upload(actor, key, own_name, len(body), as_of=as_of)
    store.write(key, body)
    return key


def _safe(text: str) -> str:
    return _UNSAFE.sub("_", text).strip("._ ")[:120] or "file"
