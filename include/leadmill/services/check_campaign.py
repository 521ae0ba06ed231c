"""The pre-flight checks: what would go wrong if this campaign were approved now?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadmill.domain import moments
from leadmill.domain.ab_tests import detectable_difference
from leadmill.domain.campaigns import CampaignDraft
from leadmill.domain.contact_rules import DAYS_APART, MAILS_A_WEEK
from leadmill.domain.countries import country_name
from leadmill.domain.quantities import counted
from leadmill.domain.send_days import FirstMails
from leadmill.domain.sending_policy import default_legal_bases
from leadmill.ports.audience import AudienceLedger, AudiencePreview, ExaminedAudience
from leadmill.ports.campaigns import Check
from leadmill.ports.content import ContentCompiler, Organisation
from leadmill.ports.sending_identity import PoolCapacity, SenderLedger
from leadmill.ports.unsubscribe_probe import ProbeOutcome, UnsubscribeProbe
from leadmill.services.check_contacts import check_contacts
from leadmill.services.check_content import CompiledVariants, check_content, compile_variants
from leadmill.services.check_schedule_fit import check_schedule_fit
from leadmill.services.preview_message import preview_sender

_LEFT_OUT = {
    "erased": "erased",
    "no_email": "without an address",
    "suppressed": "never to be mailed",
    "policy": "whose legal basis the pool does not accept",
    "policy_country": "by the law of their country",
    "replied": "who answered another campaign",
    "in_sequence": "in another campaign's running sequence",
    "mailed_recently": "mailed by another campaign lately",
    "duplicate": "with another lead's inbox",
}
_COUNTRIES_TOLD = 5
_TELLING_DIFFERENCE = 0.1
"""A test that only finds differences above ten points in a hundred is a coin toss in practice."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the checks look at."""

    audience: AudienceLedger
    senders: SenderLedger
    compiler: ContentCompiler
    unsubscribe: UnsubscribeProbe
    usual_days_apart: int = DAYS_APART
    mails_a_week: int = MAILS_A_WEEK


def check_campaign(draft: CampaignDraft, preflight: Preflight, *, as_of: datetime) -> list[Check]:
    """Every check on a draft, in the order in which one would put things right; an error forbids approval."""
    organisation = preflight.senders.organisation()
    pool = next((p for p in preflight.senders.pools() if p.pool_id == draft.pool_id), None)
    compiled = CompiledVariants({}, ())
    if organisation is not None:
        compiled = compile_variants(draft, organisation, preflight.compiler)
    bounds = draft.contacts.bounds(usual_days_apart=preflight.usual_days_apart, as_of=as_of)
    examined = preflight.audience.examine(draft.segment, draft.pool_id, compiled.fields, bounds)
    preview = examined.preview
    checks = [_organisation_check(organisation), *_unsubscribe_checks(preflight.unsubscribe), *_pool_checks(pool)]
    checks += [_audience_check(preview), *_policy_checks(preview, pool), *_country_checks(examined)]
    checks += check_contacts(
        draft,
        preview,
        usual_days_apart=preflight.usual_days_apart,
        mails_a_week=preflight.mails_a_week,
        as_of=as_of,
    )
    if organisation is not None:
        checks += check_content(
            draft,
            compiled,
            examined,
            audience=preflight.audience,
            sender=preview_sender(preflight.senders, draft.pool_id, organisation),
            providers=pool.providers if pool else (),
        )
    schedule = _schedule_check(draft, as_of)
    checks.append(schedule)
    if schedule.result == "ok" and not draft.problems():
        earliest = max(draft.starts_at or as_of, as_of)
        first = preflight.audience.first_mails(draft, earliest=earliest, bounds=bounds)
        checks += _days_checks(draft, first)
    checks += [*_sequence_checks(draft), *_variant_checks(draft, preview)]
    if schedule.result == "ok" and not draft.problems():
        checks += check_schedule_fit(draft, first, preflight.senders, as_of=as_of)
    return checks


def _organisation_check(organisation: Organisation | None) -> Check:
    if organisation is None or not organisation.postal_address.strip() or not organisation.name.strip():
        advice = "An admin sets name and postal address of the organisation; the law wants them in every mail."
        return Check("organisation", "error", "The organisation's postal address is not set.", advice)
    return Check("organisation", "ok", f"Mails go out in the name of {organisation.name}, with its postal address.")


def _unsubscribe_checks(probe: UnsubscribeProbe) -> Iterator[Check]:
    """Whether the link works, tried as a mailbox provider would; a mail without a working one is against the law."""
    tried = probe.try_link()
    message = f"The unsubscribe link at {tried.base_url} {tried.detail}."
    if tried.outcome is ProbeOutcome.UNREACHABLE:
        advice = "Start the edge app, or set LEADMILL_EDGE_BASE_URL to where it answers."
        yield Check("unsubscribe", "error", message, advice)
    elif tried.outcome is ProbeOutcome.FAILS:
        advice = "See what stands at LEADMILL_EDGE_BASE_URL: it has to be the edge app, with the same secret key."
        yield Check("unsubscribe", "error", message, advice)
    elif tried.base_url.startswith("https://"):
        message = "One-click unsubscribe works: a POST to a test link of nobody was answered, over https."
        yield Check("unsubscribe", "ok", message)
    else:
        message = "The unsubscribe link works, but is not https; mailbox providers ignore one-click then (RFC 8058)."
        yield Check("unsubscribe", "warning", message, "Before real mail: set LEADMILL_EDGE_BASE_URL to an https URL.")


def _country_checks(examined: ExaminedAudience) -> Iterator[Check]:
    gaps = examined.country_gaps
    if not gaps:
        yield Check(
            "country_rules", "ok", "Every lead's legal basis fits the law of its country, as far as we know it."
        )
        return
    count = sum(gap.lead_count for gap in gaps)
    places = ", ".join(f"{gap.lead_count:,} in {_place(gap.country)}" for gap in gaps[:_COUNTRIES_TOLD])
    more = f" and {len(gaps) - _COUNTRIES_TOLD} more" if len(gaps) > _COUNTRIES_TOLD else ""
    yield Check(
        "country_rules",
        "warning",
        f"{counted(count, 'lead is', 'leads are')} left out, because the law of the country asks for another legal "
        f"basis: {places}{more}.",
        "Ask them for consent elsewhere; an admin can decide otherwise for a country, with a reason.",
        country_gaps=gaps,
    )


def _place(country: str) -> str:
    return country_name(country) if country else "an unknown country"


def _pool_checks(pool: PoolCapacity | None) -> Iterator[Check]:
    if pool is None:
        yield Check("pool", "error", "No pool of mailboxes is chosen.", "Choose which pool sends this campaign.")
    elif pool.active_mailbox_count == 0:
        message = f"Pool {pool.name} has no active mailbox; nothing would be sent."
        yield Check("pool", "error", message, "Add a mailbox or resume one.")
    elif pool.active_mailbox_count < pool.mailbox_count:
        resting = pool.mailbox_count - pool.active_mailbox_count
        resting_boxes = f"{resting} of {counted(pool.mailbox_count, 'mailbox', 'mailboxes')}"
        message = f"{resting_boxes} of pool {pool.name} {'is' if resting == 1 else 'are'} paused or cooling down."
        yield Check("pool", "warning", message, "See Deliverability for the reasons.")
    else:
        every = "The one mailbox" if pool.mailbox_count == 1 else f"Each of the {pool.mailbox_count:,} mailboxes"
        yield Check("pool", "ok", f"{every} of pool {pool.name} is active.")


def _audience_check(preview: AudiencePreview) -> Check:
    left_out = ", ".join(
        f"{count:,} {_LEFT_OUT.get(reason, reason.replace('_', ' '))}"
        for reason, count in sorted(preview.left_out.items())
    )
    found = f"{preview.will_be_mailed:,} of {counted(preview.matched, 'lead')} will be mailed"
    message = f"{found} (left out: {left_out})." if left_out else f"{found}."
    if preview.will_be_mailed == 0:
        return Check("audience", "error", message, _whom_to_add(preview), count=0)
    return Check("audience", "ok", message, count=preview.will_be_mailed)


def _whom_to_add(preview: AudiencePreview) -> str:
    """What to do about an audience of nobody."""
    if any(preview.left_out.get(kind) for kind in ("replied", "in_sequence", "mailed_recently")):
        return (
            "Other campaigns have something with the rest: wait until their sequences and the days between campaigns "
            "are over, widen the segment, or mail them all the same by the switches on Audience."
        )
    return "Widen the segment."


def _policy_checks(preview: AudiencePreview, pool: PoolCapacity | None) -> Iterator[Check]:
    if pool is None:
        return
    beyond = set(pool.accepts_legal_bases) - default_legal_bases(pool.providers)
    if beyond:
        bases = ", ".join(sorted(basis.replace("_", " ") for basis in beyond))
        message = f"Pool {pool.name} mails leads by {bases}, beyond its providers' terms."
        yield Check("legal_basis", "warning", message, f"Override on record: {pool.override_reason or 'no reason'}.")
    elif barred := preview.left_out.get("policy", 0):
        message = f"{counted(barred, 'lead has', 'leads have')} a legal basis that pool {pool.name} does not accept."
        yield Check("legal_basis", "warning", message, "Choose another pool for them, or leave them out.")
    else:
        yield Check("legal_basis", "ok", f"Every lead's legal basis is accepted by pool {pool.name}.")


def _schedule_check(draft: CampaignDraft, as_of: datetime) -> Check:
    if draft.ends_at is not None and draft.ends_at <= as_of:
        return Check("schedule", "error", "The campaign's end has passed.", "Set a later end, or none.")
    if draft.ends_at is not None and draft.starts_at is not None and draft.ends_at <= draft.starts_at:
        return Check("schedule", "error", "The campaign ends before it starts.", "Correct the dates.")
    if draft.starts_at is None or draft.starts_at <= as_of:
        return Check("schedule", "ok", "Sending starts as soon as it is approved and planned.")
    return Check("schedule", "ok", f"Sending starts on {moments.in_words(draft.starts_at)}.")


def _days_checks(draft: CampaignDraft, first: FirstMails) -> Iterator[Check]:
    """Whether the days and hours on which mails go out leave each lead one before the campaign's end."""
    if not first.mails:
        return
    days = sorted(first.mails_by_day)
    until = "" if len(days) == 1 else f" to {moments.day_in_words(days[-1])}"
    due = f"First mails become due on {moments.day_in_words(days[0])}{until}"
    if not first.too_late:
        yield Check("send_days", "ok", f"{due}; they go out on {draft.send_days.in_words()}.")
        return
    late = counted(first.too_late, "first mail has", "first mails have")
    message = f"{late} no day and hour to go out before the campaign's end, and would expire."
    advice = "End later, start earlier, or send on more days."
    yield Check("send_days", "error" if first.too_late == first.mails else "warning", message, advice)


def _sequence_checks(draft: CampaignDraft) -> Iterator[Check]:
    hurried = [str(n) for n, step in enumerate(draft.steps, start=1) if n > 1 and step.delay_days == 0]
    if hurried:
        message = f"Step {', '.join(hurried)} follows on the same day as the step before."
        yield Check("sequence", "warning", message, "Wait a day or more between steps.")
    total = sum(step.delay_days for step in draft.steps)
    if draft.ends_at and draft.starts_at and draft.starts_at + timedelta(days=total) >= draft.ends_at:
        length = counted(total, "day")
        message = f"The sequence takes {length}; its last step comes after the campaign's end and would expire."
        yield Check("sequence", "warning", message, "End later, or shorten the waits.")


def _variant_checks(draft: CampaignDraft, preview: AudiencePreview) -> Iterator[Check]:
    if not preview.will_be_mailed:
        return  # that nobody is mailed says it all
    for number, step in enumerate(draft.steps, start=1):
        if len(step.variants) > 1:
            smallest = min(v.weight for v in step.variants) / sum(v.weight for v in step.variants)
            leads = int(preview.will_be_mailed * smallest)
            difference = detectable_difference(leads)
            smallest_has = f"the smallest variant has {counted(leads, 'lead')}"
            message = f"Step {number}: {smallest_has}, which shows differences above {difference:.0%}."
            few = difference > _TELLING_DIFFERENCE
            advice = "Too few to tell the variants apart; take fewer variants or a larger audience." if few else ""
            yield Check("variants", "warning" if few else "ok", message, advice)
