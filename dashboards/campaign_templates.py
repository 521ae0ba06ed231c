"""Sample mails to start from, and what a template may use."""

from __future__ import annotations

from leadmill.domain.campaigns import Step, Variant

_FRAME = """\
<div style="max-width:560px;margin:0 auto;padding:24px;font-family:Arial,Helvetica,sans-serif;font-size:15px;\
line-height:1.55;color:#1b2733">
{body}
<hr style="border:0;border-top:1px solid #dde3ea;margin:28px 0 14px">
<p style="font-size:12px;color:#5b6875">{{{{ organisation }}}}, {{{{ postal_address }}}}<br>
You get this mail because we think it concerns your work.
<a href="{{{{ unsubscribe_url }}}}" style="color:#5b6875">Unsubscribe</a></p>
</div>
"""
_FIRST = """\
<p>Hello {{ first_name | default("there") }},</p>
<p>I am writing because of {{ company | default("your company") }}: teams like yours often tell us that
[name the problem that you solve].</p>
<p>We solve it by [say how you solve it].
<a href="https://www.example.com">This page</a> shows how, in two minutes.</p>
<p>Would a short call next week be of use to you? A reply to this mail is enough.</p>
<p>Kind regards,<br>{{ sender_name }}</p>"""
_FOLLOW_UP = """\
<p>Hello {{ first_name | default("there") }},</p>
<p>A short question about my last mail: who at {{ company | default("your company") }} looks after this?
<a href="https://www.example.com">The page</a> may be of use to them.</p>
<p>If it does not concern you, a click on “Unsubscribe” below is enough, and you hear nothing more.</p>
<p>Kind regards,<br>{{ sender_name }}</p>"""
_NEWS = """\
<h1 style="font-size:22px;margin:0 0 12px">[Name the news]</h1>
<p>Hello {{ first_name | default("there") }},</p>
<p>[Say in two or three sentences what is new, and what your readers gain by it.]</p>
<p style="margin:24px 0"><a href="https://www.example.com" style="background:#1f5fa8;color:#ffffff;padding:11px 20px;\
border-radius:6px;text-decoration:none">Read more</a></p>
<p>Kind regards,<br>{{ sender_name }}</p>"""


def _mail(body: str) -> str:
    return _FRAME.format(body=body)


SAMPLES: dict[str, tuple[str, str]] = {
    "First contact": ('A question for {{ company | default("you") }}', _mail(_FIRST)),
    "Follow-up": ("Who looks after this at your company?", _mail(_FOLLOW_UP)),
    "News with a button": ("Our news in one minute", _mail(_NEWS)),
}
"""Subject and HTML by the sample's name."""


def sample_sequence() -> tuple[Step, ...]:
    """A first contact with two subjects, and a follow-up three days later."""
    subject, body = SAMPLES["First contact"]
    first = Step((Variant("A", subject, body), Variant("B", "May I ask you something?", body)))
    return (first, Step((Variant("A", *SAMPLES["Follow-up"]),), delay_days=3))


def single_mail() -> tuple[Step, ...]:
    """One mail with news."""
    return (Step((Variant("A", *SAMPLES["News with a button"]),)),)


STARTS = {
    "Sample: first contact (two subjects) and a follow-up": sample_sequence,
    "Sample: one mail with news": single_mail,
    "Empty: I write everything myself": lambda: (Step((Variant("A", "", ""),)),),
}
VARIABLES = (
    ("first_name, last_name", "The lead's name"),
    ("company, job_title, industry, employee_count", "Where the lead works"),
    ("country, region, city", "Where the lead is"),
    ("category", "The lead's category in your files"),
    ("phone, website", "As given in the file"),
    ("email", "The lead's address; always there"),
    ("sender_name", "Display name of the mailbox that sends; always there"),
    ("organisation, postal_address", "Your organisation; the address must be in every mail"),
    ("unsubscribe_url", "The lead's own unsubscribe link; must be in every mail"),
)
HELP = """\
Write a variable as `{{ first_name }}`. Leads differ in what is known of them, so give a default:
`{{ first_name | default("there") }}`. Further columns of your lead files are there too, in small letters with
underscores: “Favourite Colour” is `{{ favourite_colour }}`.

Content blocks: `{{ block("intro") }}` puts in the version for the lead's category; write the versions under “Content
blocks” below. No spintax such as `{Hi|Hello}`: add a variant, then you see which wording works.

Rules in a `<style>` are put onto the elements by themselves, since many mail programs drop `<style>`.

Conditions: `{% if company %}at {{ company }}{% endif %}`. Filters: `{{ company | upper }}`, `title`, `truncate(20)`.

In a link a value is encoded for its place by itself: `https://example.com/?company={{ company }}` is whole with
“Bits & Bytes #1”, too. A value that is the whole link, such as `{{ website }}`, stays as it is.

Leave the text part empty and it is made from the HTML. Links are tracked and the unsubscribe headers are added by
themselves.
"""
