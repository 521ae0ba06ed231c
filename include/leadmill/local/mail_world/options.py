"""What can be tuned: rates of behaviour, speed, seed, ports and folders."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of recipients, 0 to 1. Engagement counts those whose mail arrived and who do nothing graver.

    The defaults make 1,200 mails from 30 mailboxes look like a fair week: one bad mailbox, one or two complaints.
    """

    unknown_user: float = 0.015
    unknown_user_of_bad_sender: float = 0.2
    greylisted: float = 0.03
    blocked: float = 0.001
    hard_bounce_later: float = 0.003
    soft_bounce: float = 0.01
    complaint: float = 0.0015
    auto_reply: float = 0.015
    machine_open: float = 0.20
    scanner: float = 0.05
    human_open: float = 0.30  # one in six through Gmail's image proxy, where a person does not show: 25 % of all seen
    click: float = 0.13  # of those who open: 4 % of all
    reply: float = 0.065  # of those who open: 2 % of all
    unsubscribe: float = 0.033  # of those who open: 1 % of all


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """One world.

    Attributes:
        folder: Where mails, journal and certificate lie.
        store: URI of Leadmill's object store, where landing objects are written.
        edge_url: Where the edge app answers; tracking paths found in mails are called there and nowhere else.
        seed: Decides everything that chance decides.
        speed: World seconds per second. Below `human_floor` no human reacts, however fast the world runs: an open
            two seconds after delivery is what machines do.
        human_floor: Seconds.
        requests_per_second: Most calls to the edge.
        password: Every log-in needs it; empty lets anybody in. Mail without a log-in is taken either way.
        bad_sender: Pattern of the sender with a bad list, such as `m2@lists.example` or `*@lists.example`; empty = the
            first sender that the world sees.
        ses_domains, sendgrid_domains: Sending domains whose mail a provider relays, beyond those that show it
            themselves by their log-in (`AKIA…`, `apikey`) or their headers (X-SES-MESSAGE-TAGS, X-SMTPAPI).
        sendgrid_webhook: Post SendGrid's events, signed, to the edge; False writes them to `landing/` instead.
        population: False makes the server a mere sink that keeps what it gets.
    """

    folder: Path
    store: str = ""
    edge_url: str = "http://127.0.0.1:8025"
    host: str = "127.0.0.1"
    smtp_port: int = 0
    web_port: int = 0
    seed: int = 7
    speed: float = 600.0
    human_floor: float = 12.0
    requests_per_second: float = 40.0
    password: str = ""
    starttls: bool = False
    bad_sender: str = ""
    ses_domains: frozenset[str] = frozenset()
    sendgrid_domains: frozenset[str] = frozenset()
    sendgrid_webhook: bool = True
    population: bool = True
    rates: Rates = field(default_factory=Rates)
