"""DKIM keys: made for an operator, and read when a channel opens."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from leadmill.adapters.content.dkim import DkimSigner, read_key
from leadmill.adapters.esp.secret_refs import resolve_secret
from leadmill.domain.dkim import DkimKeyRef, NewDkimKey
from leadmill.errors import ConfigInvalid

_FILE = "file:"
_LARGEST_FILE = 100_000
_RSA_BITS = 2_048  # what verifiers must take (RFC 8301 §3.2) and one DNS answer holds


class DkimSigners:
    """The signer of each sending domain; its keys are read once a process."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, tuple[DkimKeyRef, ...]], DkimSigner] = {}
        self._lock = Lock()

    def signer(self, domain: str, keys: Sequence[DkimKeyRef]) -> DkimSigner | None:
        """Signs the domain's mails; None for a domain without keys.

        Raises:
            ConfigInvalid: A key is not where its secret_ref says, or is none.
        """
        if not keys:
            return None
        with self._lock:
            place = (domain, tuple(keys))
            if place not in self._found:
                read = [read_key(key.selector, _pem(domain, key)) for key in keys]
                self._found[place] = DkimSigner(domain, read)
            return self._found[place]


def _pem(domain: str, key: DkimKeyRef) -> str:
    """Only here may a secret be a file: what is read is parsed as a private key and never sent anywhere."""
    if not key.secret_ref.startswith(_FILE):
        return resolve_secret(key.secret_ref)
    try:
        with Path(key.secret_ref.removeprefix(_FILE)).open(encoding="ascii") as file:
            return file.read(_LARGEST_FILE)
    except (OSError, ValueError) as error:
        raise ConfigInvalid(f"The file of {domain}'s DKIM key {key.selector} cannot be read.") from error


def new_key(domain: str, selector: str, kind: str) -> NewDkimKey:
    """A fresh key pair; `kind` is rsa (2048 bits) or ed25519.

    Raises:
        ConfigInvalid: There is no such kind.
    """
    if kind not in {"rsa", "ed25519"}:
        raise ConfigInvalid(f"There is no kind of DKIM key {kind!r}; choose rsa or ed25519.")
    key: RSAPrivateKey | Ed25519PrivateKey
    if kind == "rsa":
        key = generate_private_key(public_exponent=65_537, key_size=_RSA_BITS)
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)  # RFC 8463 §4: the bare 32 bytes
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    record = f"v=DKIM1; k={kind}; p={b64encode(public).decode()}"
    return NewDkimKey(selector, pem, f"{selector}._domainkey.{domain}", record)
