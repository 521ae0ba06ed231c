"""What the ledger's words of campaigns are called on the pages."""

from __future__ import annotations

from datetime import datetime

from leadmill.domain import moments, weather
from leadmill.domain.campaigns import CampaignDraft, CampaignStatus, Timing
from leadmill.domain.quantities import counted

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

STATUSES = {
    CampaignStatus.DRAFT: ("Draft", "gray", ":material/edit_note:"),
    CampaignStatus.APPROVED: ("Approved, waits for its plan", "blue", ":material/schedule:"),
    CampaignStatus.RUNNING: ("Running", "green", ":material/play_circle:"),
    CampaignStatus.PAUSED: ("Paused", "orange", ":material/pause_circle:"),
    CampaignStatus.FINISHED: ("Finished", "violet", ":material/check_circle:"),
    CampaignStatus.CANCELLED: ("Cancelled", "red", ":material/cancel:"),
}
LEFT_OUT = {
    "erased": "Their data was erased",
    "no_email": "No e-mail address",
    "suppressed": "Must not be mailed (unsubscribed, complained, bounced, or put on the list)",
    "policy": "Their legal basis is not accepted by the chosen pool",
    "policy_country": "Their country's law asks for another legal basis",
    "replied": "They answered another campaign",
    "in_sequence": "They are in the running sequence of another campaign",
    "mailed_recently": "Another campaign mailed them lately",
    "duplicate": "Another lead has the same inbox",
}
CODES = {
    "weekly_cap": "they had their mails of the week",
    "mailed_elsewhere": "another campaign mailed them within the days set",
    "replied_elsewhere": "they answered another campaign",
    "replied": "they answered",
    "lease_expired": "the worker that sent it died",
    "restored": "an older copy of the database was restored",
    "server-unavailable": "its server said “later” for days",
    "no-answer": "the provider's answer never came",
    "broken-off": "the server breaks off when it hears the address",
    "no-result": "the provider's answer said nothing of it",
    "template-broke": "the mail could not be filled in for them",
    "lease-short": "there was no time left to send it",
    "address-not-ascii": "the server takes no address with such letters",
    "mailbox_gone": "its mailbox is gone, and a person ended the thread",
    "campaign_cancelled": "the campaign was cancelled",
    "campaign_ended": "the campaign's end had passed",
    "policy": "their legal basis is not accepted by the pool",
    "policy_country": "their country's law asks for another legal basis",
    "manual": "a colleague put them on the list",
    "erased": "their data was erased",
    "unsubscribed": "they unsubscribed",
    "complained": "they marked a mail as spam",
    "hard_bounced": "the address does not exist",
    "refuses_us": "the address takes no mail from us",
    "imported": "a file said not to mail them",
    "suppressed": "they must not be mailed",
    "refused": "the mail before was refused",
    "lost": "the mail before is lost",
    "bounced": "the mail before bounced",
}
"""Our own codes of a mail in words; a server's reply is told by its numbers."""
TIMINGS = {
    Timing.BEST_TIME: ("Each lead's best hours", "By own and similar leads' replies and clicks, in their time zone."),
    Timing.LOCAL_TIME: ("A fixed hour where the lead lives", "For example 9 o'clock in everybody's own morning."),
    Timing.AS_SOON_AS_POSSIBLE: ("As soon as possible", "Whenever a mailbox is free, also at night."),
    Timing.UTC_TIME: ("A fixed hour in UTC", "The same moment all over the world."),
}
WEIGHTS = {0.5: "Half as fast", 1.0: "Normal", 2.0: "Twice as fast", 4.0: "Four times as fast"}
"""A campaign's share of its pool beside another campaign of normal weight."""


def weight(value: float) -> str:
    """A campaign's weight in words."""
    return WEIGHTS.get(value, f"{value:g} times as fast")


def code_words(code: str) -> str:
    """Why a mail stands where it stands; empty where there is nothing to say."""
    return CODES.get(code.removeprefix("after_")) or weather.in_words(code)


def moment(at: datetime) -> str:
    """A time for people, in UTC."""
    return moments.in_words(at)


def schedule_words(draft: CampaignDraft) -> str:
    """The schedule in one paragraph."""
    hour = f" ({draft.send_hour}:00)" if draft.send_hour is not None else ""
    start = f"from {moment(draft.starts_at)}" if draft.starts_at else "from its approval on"
    end = f"until {moment(draft.ends_at)}" if draft.ends_at else "without an end"
    waits = ", ".join(f"{counted(s.delay_days, 'day')} before follow-up {n}" for n, s in enumerate(draft.steps[1:], 1))
    tracked = [name for name, on in (("opens", draft.track_opens), ("clicks", draft.track_clicks)) if on]
    ends = " Any bounce ends the sequence." if draft.ends_on_any_bounce else ""
    follow = f" Waits {waits}.{ends}" if waits else ""
    within = f" of {draft.best_of_days} days" if draft.timing is Timing.BEST_TIME and draft.best_of_days > 1 else ""
    days = f"Sends on {draft.send_days.in_words()}."
    ending = " An answer to another campaign ends it for that person." if draft.contacts.ends_on_other_reply else ""
    share = "" if draft.weight == 1 else f" {weight(draft.weight)} as a normal campaign of its pool."
    tracks = f"Tracks {' and '.join(tracked) or 'nothing'}."
    return f"{TIMINGS[draft.timing][0]}{within}{hour}, {start}, {end}. {days}{follow}{ending}{share} {tracks}"


def approval_words(draft: CampaignDraft, people: int, now: datetime) -> str:
    """What an approval sets going: how many people, how many mails, from when."""
    mails = len(draft.steps)
    each = "one mail" if mails == 1 else f"up to {mails} mails each"
    starts = draft.starts_at is not None and draft.starts_at > now
    since = f"from {moment(draft.starts_at)} on" if draft.starts_at and starts else "from now on"
    when = {
        Timing.BEST_TIME: "at each one's best hours",
        Timing.LOCAL_TIME: f"at {draft.send_hour}:00 where they live",
        Timing.UTC_TIME: f"at {draft.send_hour}:00 UTC" if draft.send_hour is not None else "",
        Timing.AS_SOON_AS_POSSIBLE: "as soon as a mailbox is free",
    }[draft.timing]
    get = counted(people, "person gets", "people get")
    return f"{get} {each}, the first {', '.join(filter(None, (since, when)))}."


def mail_name(step: int) -> str:
    """What a step is called."""
    return "First mail" if step == 1 else f"Follow-up {step - 1}"
