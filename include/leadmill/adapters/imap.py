"""Reading seed inboxes over IMAP: `ports.placement.SeedReader`. Folders are opened read-only and nothing is marked."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.parser import BytesHeaderParser
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from leadmill.adapters.esp.secret_refs import resolve_secret
from leadmill.domain.placement import TOKEN_HEADER, Placement, placement_of
from leadmill.errors import CredentialsRejected, ProviderUnavailable
from leadmill.ports.placement import Found, SeedInbox

TIMEOUT_SECONDS = 30
_CHUNK = 500
_FIELD = f"BODY.PEEK[HEADER.FIELDS ({TOKEN_HEADER.upper()})]"
_ORDER = (Placement.INBOX, Placement.SPAM, Placement.ELSEWHERE)


class ImapSeedReader:
    """Looks at the headers of recent mails: servers differ in what SEARCH finds in headers of our own."""

    def find(self, seed: SeedInbox, tokens: Sequence[str], *, since: datetime) -> Mapping[str, Found]:
        wanted = set(tokens)
        found: dict[str, Found] = {}
        with self._logged_in(seed) as client:
            for placement, folder in _folders(client):
                if wanted <= found.keys():
                    break
                if not _opened(client, placement, folder):
                    continue
                for token in _tokens(client, since - timedelta(days=1)):  # SINCE goes by the server's own day
                    if token in wanted:
                        found.setdefault(token, Found(placement, folder))
        return found

    @contextmanager
    def _logged_in(self, seed: SeedInbox) -> Iterator[IMAPClient]:
        password = resolve_secret(seed.secret_ref)
        try:
            with IMAPClient(
                seed.imap_host, seed.imap_port, ssl=seed.tls == "implicit", timeout=TIMEOUT_SECONDS
            ) as client:
                if seed.tls == "starttls":
                    client.starttls(ssl.create_default_context())
                client.login(seed.user_name or seed.address, password)
                yield client
        except LoginError as error:
            raise CredentialsRejected(
                f"The IMAP server {seed.imap_host} refused the log-in of a seed inbox; look at its secret_ref."
            ) from error
        except (IMAPClientError, OSError) as error:
            raise ProviderUnavailable(
                f"The IMAP server {seed.imap_host}:{seed.imap_port} gave no usable answer ({type(error).__name__})."
            ) from error


def _folders(client: IMAPClient) -> list[tuple[Placement, str]]:
    """The folders worth looking into: the inbox first, then spam, then the rest."""
    found = []
    for flags, _, name in client.list_folders():
        placement = placement_of(name, [flag.decode() if isinstance(flag, bytes) else str(flag) for flag in flags])
        if placement is not None:
            found.append((placement, name))
    return sorted(found, key=lambda entry: _ORDER.index(entry[0]))


def _opened(client: IMAPClient, placement: Placement, folder: str) -> bool:
    """Open a folder read-only; of the many others one may be closed to us, inbox and spam may not."""
    try:
        client.select_folder(folder, readonly=True)
    except IMAPClientAbortError:
        raise
    except IMAPClientError:
        if placement is not Placement.ELSEWHERE:
            raise
        return False
    return True


def _tokens(client: IMAPClient, since: datetime) -> Iterator[str]:
    """Our tokens in the open folder's recent mails."""
    numbers = client.search(["SINCE", since.date()])
    parser = BytesHeaderParser()
    for start in range(0, len(numbers), _CHUNK):
        answer: Mapping[int, Mapping[bytes, Any]] = client.fetch(numbers[start : start + _CHUNK], [_FIELD])
        for parts in answer.values():
            for name, value in parts.items():
                if name.upper().startswith(b"BODY[") and isinstance(value, bytes):
                    token = parser.parsebytes(value).get(TOKEN_HEADER)
                    if token:
                        yield token.strip()
