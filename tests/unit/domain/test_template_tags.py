"""A template's tags are found as their delimiters say, in one pass."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.domain.spintax import spintax_in
from leadmill.domain.template_tags import replace_tags, tag_spans

BY_SEARCH = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
TEXTS = st.lists(st.sampled_from(["{", "}", "{{", "}}", "{%", "%}", "{#", "#}", "a", "\n", "|"]), max_size=30).map(
    "".join
)


@given(TEXTS)
def test_tags_are_those_that_a_search_from_left_to_right_finds(text: str) -> None:
    assert [text[begin:end] for begin, end in tag_spans(text)] == BY_SEARCH.findall(text)
    assert replace_tags(text, lambda tag: f"<{tag}>") == BY_SEARCH.sub(lambda tag: f"<{tag[0]}>", text)


@pytest.mark.parametrize("opened", ["{{", "{%", "{#", "<style>", "<!--"])
def test_what_is_opened_and_never_closed_takes_no_time(opened: str) -> None:
    began = time.process_time()
    text = "#} %} }} " + opened * (190_000 // len(opened))
    assert list(tag_spans(text)) == []
    spintax_in(text)
    assert time.process_time() - began < 2
