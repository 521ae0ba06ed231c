"""What SES answers, and what it means: one table for exceptions and for the statuses of a bulk call's entries."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from leadmill.domain.messages import Fault
from leadmill.errors import CredentialsRejected, LeadmillError, ProviderThrottled, ProviderUnavailable, SenderSuspended

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

THROTTLE_WAIT_SECONDS = 5.0
QUOTA_WAIT_SECONDS = 3600.0
"""The daily quota rolls on over 24 hours: one look an hour."""

BULK_STATUSES = {
    "MESSAGE_REJECTED": "MessageRejected",
    "INVALID_PARAMETER": "BadRequestException",
    "INVALID_PARAMETER_VALUE": "BadRequestException",
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": "MailFromDomainNotVerifiedException",
    "CONFIGURATION_SET_NOT_FOUND": "NotFoundException",
    "CONFIGURATION_SET_DOES_NOT_EXIST": "NotFoundException",
    "TEMPLATE_NOT_FOUND": "NotFoundException",
    "TEMPLATE_DOES_NOT_EXIST": "NotFoundException",
    "INVALID_SENDING_POOL_NAME": "NotFoundException",
    "ACCOUNT_SUSPENDED": "AccountSuspendedException",
    "ACCOUNT_SENDING_PAUSED": "SendingPausedException",
    "CONFIGURATION_SET_SENDING_PAUSED": "ConfigurationSetSendingPausedException",
    "ACCOUNT_THROTTLED": "TooManyRequestsException",
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": "LimitExceededException",
    "TRANSIENT_FAILURE": "TransientFailure",
    "FAILED": "Failed",
}
"""Statuses of `SendBulkEmail`'s entries, as the exceptions that `SendEmail` raises for the same thing.

Source: botocore's model of sesv2, `BulkEmailStatus` and `BulkEmailEntryResult` (whose documentation uses older names).
"""

THROTTLED = frozenset(
    {"TooManyRequestsException", "Throttling", "ThrottlingException", "ConcurrentModificationException"}
)
_LIMITED = frozenset({"LimitExceededException"})
_SUSPENDED = frozenset(
    {
        "AccountSuspendedException",
        "SendingPausedException",
        "AccountSendingPausedException",
        "ConfigurationSetSendingPausedException",
        "NotFoundException",  # the configuration set is gone: nothing of this account can be sent
    }
)
NOT_PERMITTED = frozenset({"AccessDeniedException", "AccessDenied"})
_CREDENTIALS = NOT_PERMITTED | {
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "ExpiredTokenException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "OptInRequired",
}
FROM_DOMAIN_NOT_VERIFIED = "MailFromDomainNotVerifiedException"
_FAULTS = {
    FROM_DOMAIN_NOT_VERIFIED: Fault.SENDER,
    "MessageRejected": Fault.MESSAGE,
    "BadRequestException": Fault.MESSAGE,
    "InvalidParameterValue": Fault.MESSAGE,
    "ValidationException": Fault.MESSAGE,
    "ParamValidationError": Fault.MESSAGE,  # boto3's own
    "TransientFailure": Fault.MOMENT,
    "Failed": Fault.MOMENT,
}
_NOT_VERIFIED = re.compile(r"not verified|did not have authority|identit(y|ies) failed the check", re.IGNORECASE)
_DAILY_QUOTA = re.compile(r"daily (message|sending) quota exceeded", re.IGNORECASE)
MAYBE_TAKEN = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
"""A gateway's answers: what stood behind it may have taken the mail."""


def read_error(error: ClientError) -> tuple[str, str, int]:
    """A client error's code, text and HTTP status."""
    found = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return str(found.get("Code", "")), str(found.get("Message", "")), int(status)


def channel_error(lane_of: str, what: str, code: str, text: str, status: int = 0) -> LeadmillError | None:
    """The error of an answer that is about the account; None where it is about the mail.

    Args:
        lane_of: Whose channel, for the message.
        what: Which sends, for the message.
        code: The exception's code.
        text: SES's words; they decide for the daily quota, whose code differs by API version.
        status: The HTTP status.
    """
    if _DAILY_QUOTA.search(text) or code in _LIMITED:
        return ProviderThrottled(f"{lane_of}: SES put {what} off ({code}).", retry_after=QUOTA_WAIT_SECONDS)
    if code in THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
        return ProviderThrottled(f"{lane_of}: SES put {what} off ({code}).", retry_after=THROTTLE_WAIT_SECONDS)
    if code in _SUSPENDED:
        return SenderSuspended(f"{lane_of}: SES stopped this sender ({code}); see the SES console.")
    if code in _CREDENTIALS or status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return CredentialsRejected(f"{lane_of}: SES refused the credentials ({code}); check its secret.")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ProviderUnavailable(f"{lane_of}: SES failed on its side at {what} ({code}).")
    return None


def is_known(code: str, text: str) -> bool:
    """Whether the tables above say whose fault a refused mail with this code is."""
    return code in _FAULTS or _NOT_VERIFIED.search(text) is not None


def fault_of(code: str, text: str) -> Fault:
    """Whose fault a refused mail is."""
    return Fault.SENDER if _NOT_VERIFIED.search(text) else _FAULTS.get(code, Fault.MESSAGE)
