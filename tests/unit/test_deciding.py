"""By whose values a template decides: two leads that agree in them lack the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadmill.adapters.content.deciding import deciding_names
from leadmill.adapters.content.sandbox import TemplateSandbox, fill, parse
from leadmill.errors import TemplateInvalid

SANDBOX = TemplateSandbox(escapes_html=False)
NAMES = ("company", "city", "vat", "land")
VALUES = ("a", "b", "1")


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{{ company }}", set()),
        ("{% if company %}{{ city }}{% endif %}", set()),
        ("{% if not company and city %}x{% elif land is defined %}{{ vat }}{% endif %}", set()),
        ("{% if company | default('') %}{{ vat }}{% endif %}", set()),
        ("{% if employee_count %}{{ vat }}{% endif %}", {"employee_count"}),
        ("{% if land == 'DE' %}{{ vat }}{% endif %}", {"land"}),
        ("{% if company %}{% if land in ['DE', 'AT'] %}{{ vat }}{% endif %}{% endif %}", {"land"}),
        ("{{ vat if city | length > 3 else company }}", {"city"}),
        ("{{ land == 'DE' and vat }}", {"land"}),
        ("{% set abroad = land != 'DE' %}{% if abroad %}{{ vat }}{% endif %}", {"land"}),
        ("{% set who = company %}{% if who %}{{ vat }}{% endif %}", set()),
        ("{% set who = company | upper %}{% if who == 'ACME' %}{{ vat }}{% endif %}", {"company"}),
        ("{% for letter in city %}{% if letter == 'x' %}{{ vat }}{% endif %}{% endfor %}", {"city"}),
        ("{% for word in [land, city] if word == 'DE' %}{{ vat }}{% endfor %}", {"land", "city"}),
    ],
)
def test_conditions_decide_by_values_or_by_there_being_one(template: str, names: set[str]) -> None:
    parsed = parse(template, sandbox=SANDBOX, where="The text")
    assert parsed.deciding == names
    assert deciding_names(parsed.tree) & parsed.variables == names


NAME = st.sampled_from(NAMES)
TERM = st.one_of(
    NAME,
    st.builds("not {}".format, NAME),
    st.builds("{} is defined".format, NAME),
    st.builds("{} == '{}'".format, NAME, st.sampled_from(VALUES)),
    st.builds("{} | default('') | length > 0".format, NAME),
    st.builds("{} in [{}, '{}']".format, NAME, NAME, st.sampled_from(VALUES)),
)
CONDITION = st.recursive(
    TERM, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner), max_leaves=4
)
BODY = st.recursive(
    st.builds("{{{{ {} }}}}".format, NAME),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, CONDITION, inner, inner),
        st.builds("{{{{ {} if {} else {} }}}}".format, NAME, CONDITION, NAME),
        st.builds("{{% set own = {} %}}{{% if own %}}{}{{% endif %}}".format, CONDITION, inner),
        st.builds("{{% for each in {} if {} %}}{{{{ each }}}}{{{{ {} }}}}{{% endfor %}}".format, NAME, CONDITION, NAME),
    ),
    max_leaves=5,
)
LEAD = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, st.sampled_from(VALUES)))


def outcome(template: object, lead: dict[str, str]) -> str:
    try:
        fill(template, lead, "The text")  # type: ignore[arg-type]
    except TemplateInvalid as error:
        return error.missing or "broken"
    return ""


@given(body=BODY, lead=LEAD, data=st.data())
def test_leads_with_the_same_fields_and_deciding_values_lack_the_same(
    body: str, lead: dict, data: st.DataObject
) -> None:
    parsed = parse(body, sandbox=SANDBOX, where="The text")
    other = {
        name: value if name in parsed.deciding else data.draw(st.sampled_from(VALUES), label=name)
        for name, value in lead.items()
    }
    assert outcome(parsed.template, other) == outcome(parsed.template, lead)
