"""References to a send: only the key makes them, each is worth something in its own place only, and old ones still count."""

from __future__ import annotations

import base64
import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.send_references import (
    LinkKind,
    link_token,
    message_id,
    send_id_of_message_id,
    send_id_of_token,
)

SEND_IDS = st.integers(1, 2**63 - 1)
KEYS = st.binary(max_size=200)
KINDS = st.sampled_from(LinkKind)
URLS = st.text(st.characters(codec="utf-8"))


def by_hmac(text: str, key: bytes) -> str:
    """What mails carried before signatures came out of BLAKE2b."""
    return base64.urlsafe_b64encode(hmac.digest(key, text.encode(), hashlib.sha256)[:12]).decode()


@given(SEND_IDS, KEYS, KINDS, URLS)
def test_a_reference_names_its_send_and_a_former_one_still_does(
    send_id: int, key: bytes, kind: LinkKind, url: str
) -> None:
    assert send_id_of_message_id(message_id(send_id, "a.test", key), key) == send_id
    assert send_id_of_message_id(f"<lm.{send_id}.{by_hmac(f'm{send_id}', key)}@a.test>", key) == send_id
    assert send_id_of_token(kind, link_token(kind, send_id, key, url=url), key, url=url) == send_id
    assert send_id_of_token(kind, f"{send_id}.{by_hmac(f'{kind}{send_id}|{url}', key)}", key, url=url) == send_id


@given(SEND_IDS, SEND_IDS, KEYS, KEYS)
def test_a_signature_counts_for_its_send_kind_url_and_key_only(
    send_id: int, other_id: int, key: bytes, other_key: bytes
) -> None:
    kinds = ["m", *LinkKind]
    made = [message_id(send_id, "a.test", key).split(".")[2].split("@")[0]]
    made += [link_token(kind, send_id, key).partition(".")[2] for kind in LinkKind]
    assert len(set(made)) == len(kinds)
    for kind, signature in zip(kinds, made, strict=True):
        for place in LinkKind:
            named = send_id_of_token(place, f"{send_id}.{signature}", key)
            assert named == (send_id if place == kind else None)
            assert send_id_of_token(place, f"{send_id}.{signature}", key, url="https://a.test") is None
        named = send_id_of_message_id(f"lm.{send_id}.{signature}@a.test", key)
        assert named == (send_id if kind == "m" else None)
    if other_id != send_id:
        assert send_id_of_message_id(f"lm.{other_id}.{made[0]}@a.test", key) is None
    # HMAC fills a short key up with zero bytes, so two such keys are one to it; ours are at least 32 characters.
    if other_key.rstrip(b"\0") != key.rstrip(b"\0"):
        assert send_id_of_message_id(f"lm.{send_id}.{made[0]}@a.test", other_key) is None
