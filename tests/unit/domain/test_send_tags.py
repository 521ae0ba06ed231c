"""A provider's tag names a send of ours only with our signature."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.messages import Frame, OutgoingMessage
from leadmill.domain.send_references import message_id
from leadmill.domain.send_tags import plain_send_ids, send_id_of_tag, send_tag, tags_of

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
SEND_IDS = st.integers(1, 2**63 - 1)


def mail(send_id: int, tags: dict[str, str] | None = None) -> OutgoingMessage:
    ours = message_id(send_id, "brand.test", KEY)
    return OutgoingMessage(send_id, "a@b.test", "", "c@d.test", Frame.of("s", "t", ""), (), ours, tags=tags or {})


@given(SEND_IDS)
def test_a_tag_names_its_send_in_characters_that_every_provider_takes(send_id: int) -> None:
    tag = send_tag(mail(send_id))
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", tag)
    assert tag.startswith(f"{send_id}-")
    assert send_id_of_tag(tag, KEY) == send_id


@given(SEND_IDS, SEND_IDS)
def test_a_signature_is_worth_nothing_for_another_send_or_under_another_key(send_id: int, other: int) -> None:
    tag = send_tag(mail(send_id))
    assert send_id_of_tag(tag, OTHER_KEY) is None
    if other != send_id:
        assert send_id_of_tag(tag.replace(str(send_id), str(other), 1), KEY) is None


@given(st.text(max_size=40))
def test_what_others_write_names_no_send(text: str) -> None:
    assert send_id_of_tag(text, KEY) is None


def test_a_tag_of_the_message_never_takes_the_send_ids_place() -> None:
    assert tags_of(mail(5, {"send_id": "6", "campaign_id": "7"})) == {"campaign_id": "7", "send_id": send_tag(mail(5))}


def test_plain_numbers_are_what_mails_carried_before() -> None:
    tags = ["7", "5", "5", "0", "-3", "x", "", "٣", "9" * 30, "9" * 19, " 4", send_tag(mail(8))]
    assert plain_send_ids(tags) == [5, 7]
