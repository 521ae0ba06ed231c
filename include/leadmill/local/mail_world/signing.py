"""SendGrid's side of its signed webhook: an ECDSA key pair, kept beside the world's mails."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
_TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"


def webhook_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    """The private key in that folder, made at first use; two processes at once end up with the same one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sendgrid-webhook-key.pem"
    if not path.exists():
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        part = folder / f"{path.name}.{os.getpid()}"
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(pem)
        try:
            path.hardlink_to(part)
        except FileExistsError:
            pass  # another process was faster: its key counts
        finally:
            part.unlink()
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path.name} holds no elliptic curve key; delete it.")
    return key


def sendgrid_public_key(folder: Path) -> str:
    """What `LEADMILL_SENDGRID_WEBHOOK_KEY` must be for the edge to believe this world: base64 of the DER form."""
    public = webhook_key(folder).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def signed_headers(key: ec.EllipticCurvePrivateKey, body: bytes, *, at: float) -> dict[str, str]:
    """The two headers over timestamp and raw body."""
    timestamp = str(int(at))
    signature = key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "Content-Type": "application/json",
        _SIGNATURE: base64.b64encode(signature).decode(),
        _TIMESTAMP: timestamp,
    }
