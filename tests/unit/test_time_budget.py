"""A template's time: what takes longer than a second is refused before it sends, and an idle clock accuses nobody."""

from __future__ import annotations

import time

import pytest

from leadmill.adapters.content import time_budget
from leadmill.adapters.content.compiler import JinjaContentCompiler
from leadmill.domain.dispatch import RENDER_WITHIN, is_template_at_fault
from leadmill.errors import TemplateDefect
from leadmill.ports.content import Organisation, Recipient, Sender, VariantContent

FOOTER = "<p>{{ postal_address }} {{ unsubscribe_url }}</p>"
LOOPS = f'{{% set x = "{"a" * 100_000}" %}}' + "".join(
    f"{{% for c in x %}}{{% if c == {n} %}}1{{% endif %}}{{% endfor %}}" for n in range(300)
)
FILTERS = f'{{% set x = "{"ab cd " * 10_000}" %}}' + "".join(
    f"{{% if x | title | wordcount == {n} %}}1{{% endif %}}" for n in range(500)
)


@pytest.mark.parametrize("hostile", [LOOPS, FILTERS], ids=["loops", "filters"])
def test_a_template_that_would_run_for_minutes_is_refused_within_seconds(hostile: str) -> None:
    compiler = JinjaContentCompiler(edge_base_url="https://edge.test", key=b"k" * 32)
    variant = VariantContent(1, 1, 1, "A subject", hostile + FOOTER)
    content = compiler.compile(variant, Organisation("Acme", "Street 1", ""))
    began = time.thread_time()
    with pytest.raises(TemplateDefect, match="longer than 1 second"):
        content.render(
            send_id=1,
            recipient=Recipient(1, "jo@people.test", {}),
            sender=Sender("ann@brand.test", "Ann", "brand.test"),
        )
    assert time.thread_time() - began < 3 * RENDER_WITHIN.total_seconds()


def test_a_process_that_stood_still_is_not_the_templates_fault() -> None:
    time_budget.begin()
    time.sleep(RENDER_WITHIN.total_seconds() * 1.2)
    for _ in range(1_000):
        time_budget.check()
    time_budget.end()


def test_the_clock_of_a_mail_that_is_done_runs_no_more() -> None:
    time_budget.begin()
    time_budget.end()
    end = time.thread_time() + RENDER_WITHIN.total_seconds() * 1.2
    while time.thread_time() < end:
        time_budget.check()


@pytest.mark.parametrize(
    ("failed", "tried", "is_at_fault"), [(1, 1, False), (1, 2, False), (2, 2, True), (10, 21, False), (11, 21, True)]
)
def test_a_template_is_at_fault_when_at_least_half_and_two_fail(failed: int, tried: int, *, is_at_fault: bool) -> None:
    assert is_template_at_fault(failed=failed, tried=tried) is is_at_fault
