"""When an open or click is taken for a machine's. Vendors publish no standard: these are thresholds to tune.

The reasons themselves stand beside the rules, in `sql/lake/collect.sql` (label_machines).
"""

from __future__ import annotations

FAST_SECONDS = 5.0
"""An open or click sooner after delivery is a scanner's. Source: gateways fetch links within 5-10 s of delivery; the
low end, since a waiting person may open at once."""

BURST_SECONDS = 2.0
"""Two different links of one mail within this time: nobody reads that fast."""

CROWD_SENDS = 20
"""So many mails touched from one address within ten minutes: a gateway's or a proxy's address. An office behind one
address stays below it at 40 mails a mailbox a day."""

SCANNER_PATTERN = (
    r"barracuda|proofpoint|mimecast|messagelabs|symantec|trend ?micro|forcepoint|fortimail|safelinks|"
    r"headlesschrome|phantomjs|python-requests|go-http-client|libwww|okhttp|^curl/|^wget/|bot\b|crawler|spider"
)
"""Parts of user agents that scanners and scripts give themselves; matched case-insensitively."""
