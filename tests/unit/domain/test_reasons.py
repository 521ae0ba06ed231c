"""A reason is asked for in a sentence, has no blanks around it, and is a paragraph at most."""

from __future__ import annotations

import pytest

from leadmill.domain.access import REASON_LIMIT, optional_reason, required_reason
from leadmill.errors import InputInvalid


@pytest.mark.parametrize("said", ["", "  \n\t "])
def test_a_reason_that_must_be_given_is_asked_for(said: str) -> None:
    with pytest.raises(InputInvalid, match="Say why"):
        required_reason(said, "Say why.")
    assert optional_reason(said) == ""


@pytest.mark.parametrize("taken", [lambda said: required_reason(said, "Say why."), optional_reason])
def test_a_reason_is_trimmed_and_no_document(taken) -> None:
    assert taken("  listed again \n") == "listed again"
    assert len(taken(" " + "x" * REASON_LIMIT + " ")) == REASON_LIMIT
    with pytest.raises(InputInvalid, match=r"has 501 characters; shorten it to 500"):
        taken("x" * (REASON_LIMIT + 1))
