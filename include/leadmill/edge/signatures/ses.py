"""Amazon SES by SNS (signed envelope) or by Firehose and EventBridge (an access key in a header)."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from leadmill.edge.signatures import Check, Fetch, Trust, Verdict, WebhookRequest, forged

_HOST = re.compile(r"sns\.[a-zA-Z0-9\-]{3,}\.amazonaws\.com(\.cn)?")
_SIGNED_KEYS = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_ACCESS_KEY_HEADERS = ("x-amz-firehose-access-key", "x-leadmill-access-key")
_CERTIFICATES_KEPT = 8


def is_sns_url(url: str) -> bool:
    """Whether a URL leads to Amazon SNS over https, and so may be fetched.

    Source: aws-php-sns-message-validator's host pattern.
    """
    parts = urlsplit(url)
    plain = parts.port is None and not parts.username
    return parts.scheme == "https" and plain and bool(parts.hostname and _HOST.fullmatch(parts.hostname))


def signed_text(envelope: dict[str, Any]) -> bytes:
    """The text that SNS signs: the present keys in their order, each `key` LF `value` LF."""
    return "".join(f"{key}\n{envelope[key]}\n" for key in _SIGNED_KEYS if envelope.get(key) is not None).encode()


def check_ses(*, topic_arns: frozenset[str], access_key: str, fetch: Fetch) -> Check:
    """The check for `/webhooks/ses`.

    Args:
        topic_arns: Our SNS topics. Anybody with an AWS account gets Amazon's signature, so the topic decides.
        access_key: What Firehose or an EventBridge destination sends in a header; empty = none.
        fetch: Gets the signing certificate.
    """
    certificates = _Certificates(fetch)

    async def check(request: WebhookRequest) -> Verdict:
        offered = next((request.headers[name] for name in _ACCESS_KEY_HEADERS if name in request.headers), "")
        if not topic_arns and not access_key:
            return Verdict(Trust.NOT_CONFIGURED, "neither LEADMILL_SES_TOPIC_ARNS nor LEADMILL_SES_ACCESS_KEY is set")
        if offered and access_key:
            same = hmac.compare_digest(offered.encode(), access_key.encode())
            return Verdict(Trust.GENUINE) if same else forged("wrong access key")
        envelope = sns_envelope(request.body)
        if envelope is None:
            return forged("neither an SNS envelope nor an access key header")
        if envelope.get("TopicArn") not in topic_arns:
            return forged("a topic that LEADMILL_SES_TOPIC_ARNS does not name")
        return await _check_envelope(envelope, certificates)

    return check


async def _check_envelope(envelope: dict[str, Any], certificates: _Certificates) -> Verdict:
    """The verdict over an envelope of one of our topics.

    Raises:
        TransientError: The certificate could not be fetched; SNS must be told to try again, since it gives up on a 4xx.
    """
    url = str(envelope.get("SigningCertURL", ""))
    if not is_sns_url(url) or not urlsplit(url).path.endswith(".pem"):
        return forged("the signing certificate's URL is not Amazon's")
    try:
        key = await certificates.public_key(url)
    except ValueError as error:
        return forged(f"the signing certificate could not be read: {type(error).__name__}")
    if key is None or not _signature_holds(envelope, key):
        return forged("the signature does not hold")
    return Verdict(Trust.GENUINE, replay_key=str(envelope.get("MessageId", "")))


class _Certificates:
    """Signing certificates by URL, fetched once."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._keys: dict[str, rsa.RSAPublicKey] = {}

    async def public_key(self, url: str) -> rsa.RSAPublicKey | None:
        """The certificate's RSA key; None for a key of another kind."""
        if url not in self._keys:
            key = x509.load_pem_x509_certificate(await self._fetch(url)).public_key()
            if not isinstance(key, rsa.RSAPublicKey):
                return None
            if len(self._keys) >= _CERTIFICATES_KEPT:
                self._keys.clear()
            self._keys[url] = key
        return self._keys[url]


def sns_envelope(body: bytes) -> dict[str, Any] | None:
    """The SNS envelope in a body, or None for anything else."""
    try:
        envelope = json.loads(body)
    except ValueError:
        return None
    if not isinstance(envelope, dict) or "Signature" not in envelope or "Type" not in envelope:
        return None
    return envelope


def _signature_holds(envelope: dict[str, Any], key: rsa.RSAPublicKey) -> bool:
    version = str(envelope.get("SignatureVersion", ""))
    algorithms: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 -- SNS's version 1 is SHA-1
    if version not in algorithms:
        return False
    try:
        signature = base64.b64decode(str(envelope["Signature"]), validate=True)
        key.verify(signature, signed_text(envelope), padding.PKCS1v15(), algorithms[version])
    except (InvalidSignature, binascii.Error):
        return False
    return True
