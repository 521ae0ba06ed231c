"""Unclear mails of every campaign: what happened, and the decision."""

from __future__ import annotations

import campaign_unclear
import page

page.header(
    "Unclear mails", "Mails that may or may not have gone out, by incident. They are never sent again by themselves."
)
with page.attempt():
    campaign_unclear.show(
        page.leadmill().open_incidents(),
        none="No mail is unclear. One becomes so when its worker died, or when a provider's answer never came.",
        names_campaign=True,
    )
