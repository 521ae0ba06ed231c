"""Attached files out of the store, kept for a while: one campaign's variants and runs share them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from leadmill.domain.attachments import AttachedFile
from leadmill.domain.messages import Attachment
from leadmill.errors import LeadmillError, NotFound, StoreUnavailable, TemplateInvalid
from leadmill.ports.store import ObjectStore

_KEPT_BYTES = 50_000_000


class StoredAttachments:
    """Implements `ports.content.AttachmentLoader`; holds at most 50 MB, what was used last stays longest."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def load(self, files: Sequence[AttachedFile]) -> tuple[Attachment, ...]:
        return tuple(Attachment(file.name, file.content_type, self._content(file)) for file in files)

    def _content(self, file: AttachedFile) -> bytes:
        with self._lock:
            if file.sha256 in self._kept:
                self._kept.move_to_end(file.sha256)
                return self._kept[file.sha256]
        try:
            content = self._store.read(file.key)
        except NotFound as error:
            raise TemplateInvalid(f"The attachment {file.name!r} is gone from the store; attach it again.") from error
        except LeadmillError:
            raise
        except Exception as error:  # whatever a store's client raises: it is the store that failed, not the mail
            raise StoreUnavailable(f"Reading the attachment {file.name!r} failed; the next run tries again.") from error
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise TemplateInvalid(f"The attachment {file.name!r} is not the file that was uploaded; attach it again.")
        with self._lock:
            self._kept[file.sha256] = content
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > _KEPT_BYTES:
                self._kept.popitem(last=False)
        return content
