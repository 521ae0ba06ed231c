"""Judges a batch of leads with Great Expectations; the one place that imports it.

The row rules have run in DuckDB by then (ADR 0005): the suite sees the batch's shares and a sample of its accepted
rows, so it costs the same for a thousand rows and a million. Importing Great Expectations takes ten seconds of CPU:
that happens on the first batch of a process and nowhere else.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from leadmill.domain.lead_files import (
    BLANK_COUNTRY_SHARE_WARNING,
    DUPLICATE_SHARE_WARNING,
    MISSING_PROOF_SHARE_WARNING,
    REJECTED_SHARE_MAX,
    REJECTED_SHARE_WARNING,
    ROW_COUNT_MAX,
    SHARES_MEAN_SOMETHING_FROM,
    BatchProfile,
    ExpectationResult,
    reason_sentence,
)
from leadmill.domain.lead_words import EMPLOYEES_MAX, LegalBasis
from leadmill.errors import ConfigInvalid
from leadmill.ports.lead_files import StagedLeadFile

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_ROWS = 5_000
"""Enough that a defect in 1 of 1,000 accepted rows shows with a probability of 99 % (1 - 0.999 ** 5000)."""


class GreatExpectationsJudge:
    """The suite `lead_batch`: volumes and shares of the batch, schema and value sets of a sample of it."""

    def judge(self, staged: StagedLeadFile) -> list[ExpectationResult]:
        import pandas as pd

        profile = staged.profile
        shares = pd.DataFrame([_shares(profile)])
        results = _results("profile", shares, _profile_expectations(profile))
        if profile.accepted_count:
            sample = pd.DataFrame(staged.sample(SAMPLE_ROWS))
            results += _results("sample", sample, _sample_expectations())
        return results


@cache
def _gx() -> Any:
    """Great Expectations, quiet and without usage statistics."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    import great_expectations

    return great_expectations


@cache
def _context() -> Any:
    context = _gx().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    context.data_sources.add_pandas("batch")
    return context


def _shares(profile: BatchProfile) -> dict[str, float]:
    return {
        "row_count": profile.row_count,
        "usable_count": profile.accepted_count + profile.opted_out_count,
        "rejected_share": profile.share(profile.rejected_count),
        "duplicate_share": profile.share(profile.duplicate_count),
        "blank_country_share": profile.share(profile.blank_country_count),
        "unproved_consent_share": profile.share(profile.unproved_consent_count),
    }


def _profile_expectations(profile: BatchProfile) -> list[Any]:
    def between(column: str, severity: str, sentence: str, **limits: float) -> Any:
        expect = _gx().expectations.ExpectColumnValuesToBeBetween
        return expect(column=column, severity=severity, meta={"sentence": sentence}, **limits)

    rejected = _rejected_sentence(profile)
    expectations = [
        between("row_count", "critical", "The file has a header but no rows.", min_value=1),
        between(
            "row_count", "critical", f"The file has over {ROW_COUNT_MAX:,} rows; split it.", max_value=ROW_COUNT_MAX
        ),
        between("usable_count", "critical", f"Not one row can be used. {rejected}", min_value=1),
        between(
            "blank_country_share",
            "warning",
            f"Leads without a country, so that their time zone is a guess: {profile.blank_country_count:,}.",
            max_value=BLANK_COUNTRY_SHARE_WARNING,
        ),
        between(
            "unproved_consent_share",
            "warning",
            f"Leads that claim consent without saying when it was given: {profile.unproved_consent_count:,}.",
            max_value=MISSING_PROOF_SHARE_WARNING,
        ),
    ]
    if profile.row_count < SHARES_MEAN_SOMETHING_FROM:
        return expectations
    return [
        *expectations,
        between("rejected_share", "critical", rejected, max_value=REJECTED_SHARE_MAX),
        between("rejected_share", "warning", rejected, max_value=REJECTED_SHARE_WARNING),
        between(
            "duplicate_share",
            "warning",
            f"{profile.duplicate_count:,} rows repeat an address; the last row of each was taken.",
            max_value=DUPLICATE_SHARE_WARNING,
        ),
    ]


def _rejected_sentence(profile: BatchProfile) -> str:
    count = f"{profile.rejected_count:,} of {profile.row_count:,} rows were rejected."
    if not profile.rejected_by_reason:
        return count
    reason, most = max(profile.rejected_by_reason.items(), key=lambda item: item[1])
    return f"{count} Most often ({most:,}): {reason_sentence(reason)}"


def _sample_expectations() -> list[Any]:
    """What the row rules promise of each accepted row, checked by another hand."""
    expect = _gx().expectations
    sentence = {"sentence": "Accepted rows break a promise of the row rules; report this file to the developers."}
    columns = ["email", "country", "time_zone", "legal_basis", "consent_at", "employee_count", "source"]
    critical: dict[str, Any] = {"severity": "critical", "meta": sentence}
    return [
        expect.ExpectTableColumnsToMatchSet(column_set=columns, exact_match=True, **critical),
        expect.ExpectColumnValuesToNotBeNull(column="email", **critical),
        expect.ExpectColumnValuesToBeUnique(column="email", **critical),
        expect.ExpectColumnValuesToMatchRegex(
            column="email", regex=r"^[^@\sA-Z]+@[^@\sA-Z]+\.[^@\sA-Z.]{2,}$", **critical
        ),
        expect.ExpectColumnValuesToMatchRegex(column="country", regex=r"^(?:[A-Z]{2})?$", **critical),
        expect.ExpectColumnValuesToBeInSet(column="legal_basis", value_set=[b.value for b in LegalBasis], **critical),
        expect.ExpectColumnValuesToNotBeNull(column="legal_basis", **critical),
        expect.ExpectColumnValuesToNotBeNull(column="source", **critical),
        expect.ExpectColumnValuesToBeBetween(
            column="employee_count", min_value=0, max_value=EMPLOYEES_MAX, severity="critical", meta=sentence
        ),
    ]


def _results(name: str, frame: pd.DataFrame, expectations: Iterable[Any]) -> list[ExpectationResult]:
    gx, source = _gx(), _context().data_sources.get("batch")
    if name in {asset.name for asset in source.assets}:
        source.delete_asset(name)
    batch = (
        source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    )
    judged = batch.validate(gx.ExpectationSuite(name=name, expectations=list(expectations)))
    return [_result(result, frame) for result in judged.results]


def _result(result: Any, frame: pd.DataFrame) -> ExpectationResult:
    config = result.expectation_config
    if (result.exception_info or {}).get("raised_exception"):
        raise ConfigInvalid(
            f"The expectation {config.type} could not be evaluated; is Great Expectations 1.24 installed?"
        )
    hidden = {"batch_id", "column", "meta"}
    limits = {key: value for key, value in config.kwargs.items() if key not in hidden}
    column = config.kwargs.get("column", "")
    return ExpectationResult(
        expectation=config.type,
        column_name=column,
        severity=str(getattr(config.severity, "value", config.severity)).lower(),
        success=bool(result.success),
        observed=_observed(result.result, frame, column),
        expected=", ".join(f"{key}={value}" for key, value in limits.items()),
        sentence=(config.meta or {}).get("sentence", ""),
    )


def _observed(result: dict[str, Any], frame: pd.DataFrame, column: str) -> str:
    """What was seen, in numbers: never the values themselves, which are personal data."""
    if len(frame) == 1 and column in frame and frame[column].dtype.kind in "fi":
        return f"{frame[column].iloc[0]:.6g}"
    percent = result.get("unexpected_percent")
    if percent is not None:
        return f"{percent:.3g} % unexpected"
    return "nothing to check" if column else f"{len(frame.columns)} columns"
