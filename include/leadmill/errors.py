"""Leadmill's errors: named for what happened, placed by what to do about it.

A message says what was attempted, with which ids, and the next step; never an address or a secret.
`TransientError` is worth another try later; `PermanentError` fails now and needs a person.
"""

from __future__ import annotations


class LeadmillError(Exception):
    """Base of every error that Leadmill raises on purpose."""


class TransientError(LeadmillError):
    """Trying again later may succeed without anybody's help."""


class PermanentError(LeadmillError):
    """Trying again changes nothing; a person has to act."""


class ProviderThrottled(TransientError):
    """A provider asked for fewer requests; `retry_after` is in seconds, None where it did not say.

    `met_by` is the send that was refused with it, for which `code` counts as an attempt, unless `is_about_server` says
    that neither it nor its recipient had anything to do with it; None where it was about all.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        met_by: int | None = None,
        code: str = "",
        is_about_server: bool = False,
    ) -> None:
        super().__init__(message)
        self.is_about_server = is_about_server
        self.retry_after = retry_after
        self.met_by = met_by
        self.code = code


class ProviderUnavailable(TransientError):
    """A provider or mail server could not be reached, or failed on its side, before anything was handed over.

    `code` is what it answered where it said "later" to everything, empty where it said nothing. `met_by`: the one send
    that it failed at, where it may be that one's fault; None where it was none or several.
    """

    def __init__(self, message: str, *, code: str = "", met_by: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.met_by = met_by


class ReadingInterrupted(TransientError):
    """A process that read a file was killed; whether the file is to blame shows when it happens again."""


class StoreUnavailable(TransientError):
    """The object store did not answer."""


class DatabaseUnavailable(TransientError):
    """Postgres did not answer."""


class PartnerSends(TransientError):
    """Another server with the same ledger still sends; this one takes over by itself once that one is silent."""


class ClockAhead(PermanentError):
    """The dispatching host's clock runs ahead of the database server's; nothing was claimed."""


class NotTheSender(PermanentError):
    """Another copy of this installation, or another installation, sends by this ledger's store; nothing was sent."""


class LedgerBehindJournal(PermanentError):
    """The store's journal holds claims that this ledger does not know: it is an older copy; nothing was sent."""


class SenderSuspended(PermanentError):
    """The provider stopped this sender or account."""


class SenderRefused(PermanentError):
    """A mail server takes nothing from this mailbox, whoever it is for; `code` is what it answered."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class CredentialsRejected(PermanentError):
    """The provider refused the log-in of this account or mailbox."""


class SendingBroke(PermanentError):
    """A defect of ours broke a hand-over; what has no receipt is known not to have been handed over."""


class EventObjectsUnreadable(PermanentError):
    """One of some landed objects is more than the collector can hold; nothing of them was read."""


class LeadFileInvalid(PermanentError):
    """A lead file cannot be read as a table of leads."""


class ConfigInvalid(PermanentError):
    """A setting is missing or makes no sense."""


class NotAllowed(PermanentError):
    """The acting user's role does not permit this."""


class NotFound(PermanentError):
    """Nothing with that id exists."""


class Conflict(PermanentError):
    """The thing is in a state that does not permit this action."""


class TemplateInvalid(PermanentError):
    """A template cannot be compiled, or lacks something every mail must carry.

    `missing` names the variable that a lead lacks, where that is the reason.
    """

    def __init__(self, message: str, *, missing: str = "") -> None:
        super().__init__(message)
        self.missing = missing


class TemplateDefect(TemplateInvalid):
    """A template works for nobody, whatever the lead: it does not compile, takes too long, or fails for most."""


class InputInvalid(PermanentError):
    """What a person entered cannot be taken; the message says what to change."""


class LogInRefused(PermanentError):
    """The log-in was refused; the message does not say whether the user exists."""


class ShapeMismatch(PermanentError):
    """Two arrays that belong together do not have the same shape."""
