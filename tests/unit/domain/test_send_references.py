"""References to a send: the signature is the standard library's HMAC-SHA256, byte for byte."""

from __future__ import annotations

import base64
import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.send_references import LinkKind, link_token, message_id, send_id_of_token

SEND_IDS = st.integers(1, 2**63 - 1)
KEYS = st.binary(max_size=200)


def signed(text: str, key: bytes) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, text.encode(), hashlib.sha256)[:12]).decode()


@given(SEND_IDS, KEYS)
def test_a_message_id_is_signed_by_hmac_sha256(send_id: int, key: bytes) -> None:
    assert message_id(send_id, "a.test", key) == f"<lm.{send_id}.{signed(f'm{send_id}', key)}@a.test>"


@given(SEND_IDS, KEYS, st.sampled_from(LinkKind), st.text(st.characters(codec="utf-8")))
def test_a_link_s_token_is_signed_by_hmac_sha256(send_id: int, key: bytes, kind: LinkKind, url: str) -> None:
    token = link_token(kind, send_id, key, url=url)
    assert token == f"{send_id}.{signed(f'{kind}{send_id}|{url}', key)}"
    assert send_id_of_token(kind, token, key, url=url) == send_id
