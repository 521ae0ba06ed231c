"""Why a row of a lead file is rejected, in code and in words; the limits and lists that the row rules go by."""

from __future__ import annotations

from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    "unreadable_row": "The row could not be read as a table row; usually a quote that is opened and never closed.",
    "wrong_column_count": "The row has fewer or more cells than the header, so its cells may have slipped.",
    "missing_email": "The row has no e-mail address.",
    "invalid_email_no_at": "The e-mail address has no @.",
    "invalid_email_two_at": "The e-mail address has more than one @.",
    "invalid_email_spaces": "The e-mail address has a space in it.",
    "invalid_email_domain": "The part of the e-mail address after the @ is no domain name.",
    "invalid_email_syntax": "The e-mail address has characters or dots where no mail server takes them.",
    "special_use_domain": "The address is at a domain reserved for tests and examples; no mail arrives there.",
    "role_address": "The address belongs to a machine or a duty desk (noreply, abuse, postmaster …), not to a person.",
    "control_characters": "A cell holds invisible control characters.",
    "mojibake": "A name or text was garbled by a wrong encoding before it came here (for example MÃ¼ller).",
    "formula": "A cell holds a spreadsheet formula.",
    "too_long": "A cell is longer than its field may be.",
    "bad_country": "The country is no ISO code and no name that stands for one country only.",
    "bad_time_zone": "The time zone is no IANA name such as Europe/Berlin.",
    "bad_number": "The number of employees is no whole number between 0 and 10,000,000, nor a range of them.",
    "missing_legal_basis": "Nothing says on what legal basis this person may be mailed.",
    "unknown_legal_basis": "The word for the legal basis is none that we know; it is never guessed to be a consent.",
    "consent_refused": "The file says that the person gave no consent.",
    "missing_consent_time": "The row claims consent, but its time of consent is blank.",
    "bad_consent_time": "The time of consent cannot be read as a date or time.",
    "consent_in_future": "The time of consent lies in the future.",
}
"""Reason codes with a sentence for people, in the order in which they are tried: a row gets the first that applies."""

EMAIL_LENGTH_MAX = 254
"""Characters. Source: RFC 5321, section 4.5.3.1.3 (a path of 256 with its angle brackets)."""
NAME_LENGTH_MAX = 100
"""Characters of a first or last name; longer ones in samples were whole sentences in the wrong column."""
TEXT_LENGTH_MAX = 200
"""Characters of a company, title, city and the like; mail subjects and headers have to hold them."""
ATTRIBUTE_LENGTH_MAX = 4_000
"""Characters of any other column: enough for a note, too short for a pasted document."""

SPECIAL_USE_DOMAINS = (
    "test", "example", "invalid", "localhost", "local", "onion", "internal", "alt", "arpa",
    "example.com", "example.net", "example.org",
)  # fmt: skip
"""Domains and top-level domains where no public mail server is. Source: IANA's Special-Use Domain Names registry
(RFC 6761, 6762, 7686, 9476) and ICANN's reservation of `internal`."""

ROLE_LOCAL_PARTS = (
    "noreply", "no-reply", "no_reply", "no.reply", "donotreply", "do-not-reply", "do_not_reply", "do.not.reply",
    "mailer-daemon", "mailerdaemon", "postmaster", "hostmaster", "webmaster", "abuse", "noc", "security", "usenet",
    "news", "www", "uucp", "ftp", "root", "daemon", "nobody", "bounce", "bounces", "spam", "devnull",
    "dns-admin", "domains", "unsubscribe", "listserv", "majordomo", "automailer", "autoresponder",
)  # fmt: skip
"""Local parts that belong to a machine or a duty desk. Source: RFC 2142 without its business desks: `info`, `sales` and
`contact` are how many small firms are reached, so they stay."""
