"""The demonstration's campaign: two steps, the first with two subjects."""

from __future__ import annotations

from leadmill.domain.campaigns import CampaignDraft, Step, Timing, Variant

NAME = "Demo: spare parts in two days"

_FIRST = """\
<p>Hello {{ first_name | default("there") }},</p>
<p>{{ company | default("Your company") }} keeps machines running, and a missing part stops them. Our workshop ships
precision spares within two days, and our catalogue says what fits which machine.</p>
<p><a href="https://northwind.example/catalogue">See the catalogue</a>, or answer this mail with a part number and we
tell you price and date.</p>
<p>Kind regards,<br>{{ sender_name }}</p>
<p style="color:#666;font-size:12px">{{ organisation }}, {{ postal_address }}<br>
<a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
"""
_SECOND = """\
<p>Hello {{ first_name | default("there") }},</p>
<p>A short question about my last mail: who at {{ company | default("your company") }} looks after spare parts? The
<a href="https://northwind.example/sizes">list of sizes</a> may be of use to them.</p>
<p>Kind regards,<br>{{ sender_name }}</p>
<p style="color:#666;font-size:12px">{{ organisation }}, {{ postal_address }}<br>
<a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
"""


def demo_campaign(pool_id: int, *, name: str = NAME) -> CampaignDraft:
    """A sequence over every lead: as soon as possible, so that the demonstration need not wait for office hours."""
    first = Step(
        (
            Variant("A", "{{ company | default('Your workshop') }}: spare parts in two days", _FIRST),
            Variant("B", "A question about spare parts, {{ first_name | default('hello') }}", _FIRST),
        )
    )
    second = Step((Variant("A", "Who looks after spare parts?", _SECOND),), delay_days=3)
    return CampaignDraft(name=name, pool_id=pool_id, steps=(first, second), timing=Timing.AS_SOON_AS_POSSIBLE)
