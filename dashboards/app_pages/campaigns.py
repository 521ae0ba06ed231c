"""Campaigns: list them, make one, follow one."""

from __future__ import annotations

import campaign_detail
import campaign_list
import page

chosen = page.chosen("campaign")
if chosen is not None:
    with page.attempt():
        campaign_detail.show(chosen)
else:
    page.header("Campaigns", "Whom we mail, with what, when, and what came of it.")
    with page.attempt():
        campaign_list.show()
