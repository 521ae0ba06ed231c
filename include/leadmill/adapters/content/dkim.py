"""DKIM signatures (RFC 6376, RFC 8463) for mails that leave by our own SMTP servers.

The signature is made here and not by dkimpy, which computes RSA in Python and parses the whole mail again
(docs/adr/0020-rendering-and-dkim.md has the numbers); the tests verify with dkimpy.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from leadmill.errors import ConfigInvalid

SIGNED_HEADERS = (
    *("from", "reply-to", "to", "subject", "date", "message-id", "mime-version", "content-type"),
    *("list-unsubscribe", "list-unsubscribe-post", "feedback-id", "in-reply-to", "references"),
)
"""Which headers a signature covers, where the mail has them. RFC 8058 §4 asks for both of List-Unsubscribe."""

LEAST_RSA_BITS = 1024  # RFC 8301 §3.2: verifiers refuse shorter keys; new ones have 2048
_SPACES = re.compile(rb"[ \t]+")
_SPACES_AT_END = re.compile(rb"[ \t]+(?=\r\n)")
_LINE = 72


def relaxed_body(octets: bytes) -> bytes:
    """RFC 6376 §3.4.4 for a stretch of whole lines, the last of which is not empty."""
    return single_spaced(_SPACES_AT_END.sub(b"", octets))


def single_spaced(octets: bytes) -> bytes:
    """RFC 6376 §3.4.4 for a stretch that does not end at a line's end, and without spaces at the ends of its lines."""
    return _SPACES.sub(b" ", octets) if b"  " in octets or b"\t" in octets else octets


def relaxed_header(name: str, value: str) -> str:
    """RFC 6376 §3.4.2, without the line end."""
    return f"{name.lower()}:{' '.join(value.split())}"


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A private key and the selector that its public half stands under in DNS."""

    selector: str
    key: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        return "ed25519-sha256" if isinstance(self.key, Ed25519PrivateKey) else "rsa-sha256"

    def sign(self, text: bytes) -> bytes:
        """The signature; RFC 8463 §3 signs the digest where RSA signs the text."""
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(sha256(text).digest())
        return self.key.sign(text, PKCS1v15(), SHA256())


def read_key(selector: str, pem: str) -> DkimKey:
    r"""A key out of its PEM text; a secret that had to stand on one line may write its line ends as `\n`.

    Raises:
        ConfigInvalid: It is no private key without a password, or of another kind than RSA or Ed25519.
    """
    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigInvalid(f"The DKIM key of selector {selector} is no PEM private key without a password.") from error
    if isinstance(key, RSAPrivateKey) and key.key_size >= LEAST_RSA_BITS:
        return DkimKey(selector, key)
    if isinstance(key, Ed25519PrivateKey):
        return DkimKey(selector, key)
    raise ConfigInvalid(f"The DKIM key of selector {selector} is neither RSA of 1024 bits or more nor Ed25519.")


class DkimSigner:
    """Signs a domain's mails with each of its keys; safe to use from several threads."""

    def __init__(self, domain: str, keys: Sequence[DkimKey]) -> None:
        """`domain` is the d= of the signatures: the From address's own, so that DMARC sees them aligned."""
        self._domain = domain
        self._keys = tuple(keys)

    def headers(self, headers: Sequence[tuple[str, str]], relaxed: Sequence[bytes], *, date: datetime) -> str:
        """The DKIM-Signature headers, lines ended by CRLF, to stand before all others.

        Args:
            headers: The mail's headers, no name twice; values may be folded.
            relaxed: The pieces of its body in relaxed canonical form.
            date: The time of the signatures, aware.
        """
        values = {name.lower(): value for name, value in headers}
        names = [name for name in SIGNED_HEADERS if name in values]
        signed = "".join(f"{relaxed_header(name, values[name])}\r\n" for name in names)
        body_hash = b64encode(sha256(b"".join(relaxed)).digest()).decode()
        # "from" once more than there is: a second From, added on the way, breaks the signature (RFC 6376 §8.15).
        listed = f"{':'.join(names[:6])}:\r\n\t{':'.join([*names[6:], 'from'])}"
        found: list[str] = []
        for key in self._keys:
            value = (
                f"v=1; a={key.algorithm}; c=relaxed/relaxed; d={self._domain};\r\n\ts={key.selector};"
                f" t={int(date.timestamp())};\r\n\th={listed};\r\n\tbh={body_hash};\r\n\tb="
            )
            signature = b64encode(key.sign((signed + relaxed_header("dkim-signature", value)).encode())).decode()
            lines = [signature[at : at + _LINE] for at in range(0, len(signature), _LINE)]
            found.append(f"DKIM-Signature: {value}" + "\r\n\t".join(lines) + "\r\n")
        return "".join(found)
