"""The query that reads a file's columns as our fields, composed of our own column names and quoted headers only."""

from __future__ import annotations

import re

from leadmill.domain.lead_columns import ColumnMapping, Field

_WORDS = (Field.COUNTRY, Field.TIME_ZONE, Field.LEGAL_BASIS, Field.STATUS, Field.OPTED_OUT,
          Field.EMPLOYEE_COUNT)  # fmt: skip
_TEXTS = (Field.FIRST_NAME, Field.LAST_NAME, Field.COMPANY, Field.JOB_TITLE, Field.INDUSTRY, Field.CATEGORY,
          Field.PHONE, Field.WEBSITE, Field.REGION, Field.CITY, Field.SOURCE)  # fmt: skip
# "Lee, Ann" and "Ann Lee" alike.
_FROM_FULL_NAME = {
    Field.FIRST_NAME: "case when contains(full_name_cell, ',') then trim(split_part(full_name_cell, ',', 2)) "
    "else split_part(full_name_cell, ' ', 1) end",
    Field.LAST_NAME: "case when contains(full_name_cell, ',') then split_part(full_name_cell, ',', 1) "
    "else nullif(trim(substr(full_name_cell, length(split_part(full_name_cell, ' ', 1)) + 1)), '') end",
}


def canonical_query(mapping: ColumnMapping) -> str:
    """`raw` with one column per field, null where the file has none; words stay as the file has them.

    Cells are cleaned in an inner query, so that each is cleaned once however often the outer one looks at it.
    """
    texts = [field for field in _TEXTS if mapping.has(field)]
    inner = ["rowid as position", f"{_first_of(mapping, Field.EMAIL)} as address_cell"]
    inner += [f"{_first_of(mapping, field)} as {field.value}_cell" for field in texts]
    inner += [f"{_first_of(mapping, Field.FULL_NAME)} as full_name_cell"] if mapping.has(Field.FULL_NAME) else []
    inner += [f"{_first_of(mapping, Field.CONSENT_AT)} as consent_at", *_attributes(mapping)]
    inner += [f"{_all_of(mapping, field)} as {field.value}" for field in _WORDS]
    every = ", ".join(f"c{number + 1}" for number in range(len(mapping.headers)))
    inner.append(f"concat_ws(' ', {every}) as all_cells")
    outer = ["position", "address_cell", "bare_address(address_cell) as address", "consent_at", "attributes"]
    outer += ["longest_attribute", "all_cells", *(field.value for field in _WORDS)]
    outer += [f"{_text(mapping, field)} as {field.value}" for field in _TEXTS]
    return f"select {', '.join(outer)} from (select {', '.join(inner)} from raw)"


def _first_of(mapping: ColumnMapping, field: Field) -> str:
    cells = [f"cell(c{index + 1})" for index in mapping.columns.get(field, ())]
    return cells[0] if len(cells) == 1 else f"coalesce({', '.join(cells)})" if cells else "null::varchar"


def _all_of(mapping: ColumnMapping, field: Field) -> str:
    columns = [f"c{index + 1}" for index in mapping.columns.get(field, ())]
    return (
        f"concat_ws(chr(31), {', '.join(columns)})" if len(columns) > 1 else columns[0] if columns else "null::varchar"
    )


def _text(mapping: ColumnMapping, field: Field) -> str:
    if mapping.has(field):
        return f"filled(one_line({field.value}_cell))"
    if mapping.has(Field.FULL_NAME) and field in _FROM_FULL_NAME:
        return f"filled(one_line({_FROM_FULL_NAME[field]}))"
    return "null::varchar"


def _attributes(mapping: ColumnMapping) -> list[str]:
    if not mapping.unmapped:
        return ["null::varchar as attributes", "0 as longest_attribute"]
    pairs = ", ".join(f"{_literal(key)}, cell(c{index + 1})" for key, index in _attribute_keys(mapping).items())
    lengths = ", ".join(f"length(c{index + 1})" for index in mapping.unmapped)
    return [f"json_object({pairs})::varchar as attributes", f"greatest({lengths}) as longest_attribute"]


def _attribute_keys(mapping: ColumnMapping) -> dict[str, int]:
    """A key for each unmapped column that a template can name: `Lead Score (v2)` becomes `lead_score_v2`."""
    keys: dict[str, int] = {}
    for index in mapping.unmapped:
        base = re.sub(r"\W+", "_", mapping.headers[index].casefold()).strip("_") or f"column_{index + 1}"
        key, copies = base, 1
        while key in keys:
            copies += 1
            key = f"{base}_{copies}"
        keys[key] = index
    return keys


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
