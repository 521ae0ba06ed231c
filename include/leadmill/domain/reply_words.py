"""Words by which servers say what they mean, whatever general code stands before: one table for replies and reports.

`550 5.7.1` is said of dead addresses, closed groups, our DMARC and content alike: what stands behind it decides.
The patterns are read by Python's `re` and by DuckDB's RE2, without regard to case: no look-around, no back-reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache


class Said(StrEnum):
    """What a server's words mean, the plainest first: of several, the first decides."""

    LISTED = "listed"  # our IP or domain is on a blocklist
    SENDER = "sender"  # our own address does not exist, as far as that server found out
    FULL = "full"  # the recipient's mailbox is full: later
    LATER = "later"  # greylisting and the like, said with a code that means "never"
    REFUSES_US = "refuses_us"  # this recipient takes no mail from outside, or none from us, and that is nobody's fault
    AUTHENTICATION = "authentication"  # our SPF, DKIM, DMARC or reverse DNS
    DEAD = "dead"  # there is no such recipient, or not any more


PATTERNS: Mapping[Said, str] = {
    # Spamhaus, Barracuda, Microsoft: the sentence is about our address, not about the recipient's.
    Said.LISTED: r"\b(your|client|sender|sending) (ip|host|server|domain|network)\b.{0,60}\b(block|black|deny) ?-?list"
    r"|blocked using \S+|part of their network is on our block ?list",
    # Postfix (reject_unverified_sender), Exim (verify = sender/callout), Sendmail: what follows is about our address,
    # and Exim quotes what our own server answered ("no such user").
    Said.SENDER: r"\bsender('s)?( e-?mail)?( address| domain| mailbox)?( is| was| has been)?( rejected)?[\s:;,]{1,3}"
    r"(undeliverable|((user|mailbox|address|domain) )?(unknown|not found)|(does not|doesn.t|do not) exist)"
    r"|\b(unknown|non-?existent) (envelope )?sender\b|\bunknown sender address"
    r"|verification failed for <.{0,600}\bsender verif(y|ication) fail",
    Said.FULL: r"over.?quota|quota (is )?exceeded|exceeded.{0,20}quota|mailbox (is )?full|inbox is full"
    r"|mailbox size limit",
    # RFC 6647 asks for 4xx; servers that greylist by 5xx say in words when to come back.
    Said.LATER: r"\bgr[ae]y-?.?list(ed|ing)?\b|(try|come) (it )?(again|back) (in|after) \d+ ?(s|sec|min|hour)",
    # Microsoft, NDR codes 5.7.124, 5.7.129, 5.7.133, 5.7.134: its resolver speaks of groups and restricted mailboxes.
    Said.REFUSES_US: r"RESOLVER\.RST|\b5\.7\.(124|129|133|134)\b"
    r"|only accepts (mail|messages) from (inside|people in|members)"
    # A person's own list: that one inbox wants nothing of us, and says nothing of our reputation.
    r"|(blocked|(black|block|deny)-?listed) by (the |this )?(recipient|user)\s*([.,;)\]]|$)"
    r"|(recipient|user) has (blocked|(black|block|deny)-?listed) (you|your|this|the|these|messages|e?-?mails?)\b"
    r"|(recipient|user)('s)? (personal |own )?blocked senders list",
    # Google 5.7.26, Microsoft 5.7.509, and the wordings of many under 5.7.1 and 5.2.0.
    Said.AUTHENTICATION: r"\bdmarc\b|\b(spf|dkim)\b.{0,40}(fail|check|invalid|reject|not pass|unauthenticated)"
    r"|(fail|reject).{0,30}\b(spf|dkim)\b|reverse dns|\bptr record|without a valid sender domain",
    # Postfix, Exim, qmail, Exchange, Yahoo.
    Said.DEAD: r"user unknown|unknown (user|recipient|mailbox)|no such (user|recipient|mailbox|address|person)"
    r"|(user|recipient|mailbox|address|account) (does not|doesn.t|do not) exist|invalid (recipient|mailbox)"
    r"|recipient (not found|unknown|rejected: user)|(mailbox|address|user) not found"
    r"|address rejected: (unknown|undeliverable)"
    r"|user.{0,20}marked as invalid|no mailbox here by that name|user not local"
    r"|(account|mailbox|user) (has been |is )?(disabled|deactivated|inactive|closed|terminated)",
}


def said_in(text: str) -> Said | None:
    """What a server's text says in plain words; None where only its code does."""
    return next((said for said, pattern in _compiled().items() if pattern.search(text)), None)


@cache
def _compiled() -> dict[Said, re.Pattern[str]]:
    return {said: re.compile(pattern, re.IGNORECASE | re.DOTALL) for said, pattern in PATTERNS.items()}
