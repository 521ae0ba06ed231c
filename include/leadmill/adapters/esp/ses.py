"""Amazon SES by boto3's `sesv2`: raw mails, tags, one call a mail, and no retries of the SDK's own (ADR 0010)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, NoReturn

from leadmill.domain.messages import Fault, OutgoingMessage, Receipt, ReceiptStatus
from leadmill.errors import (
    CredentialsRejected,
    ProviderThrottled,
    ProviderUnavailable,
    SenderSuspended,
    TemplateInvalid,
)

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_sesv2 import SESV2Client

THROTTLE_WAIT_SECONDS = 5.0
QUOTA_WAIT_SECONDS = 3600.0
"""The daily quota rolls on over 24 hours: one look an hour."""

_NOT_A_TAG = re.compile(r"[^A-Za-z0-9_-]")
_TAG_CHARACTERS = 256

_THROTTLED = frozenset(
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
_CREDENTIALS = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "ExpiredTokenException",
        "AccessDeniedException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "OptInRequired",
    }
)
_FAULTS = {
    "MailFromDomainNotVerifiedException": Fault.SENDER,
    "MessageRejected": Fault.MESSAGE,
    "BadRequestException": Fault.MESSAGE,
    "InvalidParameterValue": Fault.MESSAGE,
    "ValidationException": Fault.MESSAGE,
}
_NOT_VERIFIED = re.compile(r"not verified|did not have authority|identit(y|ies) failed the check", re.IGNORECASE)
_DAILY_QUOTA = re.compile(r"daily (message|sending) quota exceeded", re.IGNORECASE)
_HANDSHAKE = re.compile(r"certificate|handshake|wrong_version|unsupported_protocol", re.IGNORECASE)
_MAYBE_TAKEN = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
"""A gateway's answers: what stood behind it may have taken the mail."""


class SesEsp:
    """`ports.esp.Esp` over SES; the client is shared by the account's mailboxes, since boto3's clients may be."""

    name = "ses"

    def __init__(
        self,
        client: Callable[[], SESV2Client],
        *,
        configuration_set: str,
        to_bytes: Callable[[OutgoingMessage], bytes],
        lane_of: str,
    ) -> None:
        self._make_client = client
        self._configuration_set = configuration_set
        self._to_bytes = to_bytes
        self._lane_of = lane_of

    @cached_property
    def _client(self) -> SESV2Client:
        return self._make_client()

    def send(self, messages: Sequence[OutgoingMessage]) -> Iterator[Receipt]:
        for message in messages:
            receipt = self._deliver(message)
            yield receipt
            if receipt.status is ReceiptStatus.AMBIGUOUS:
                raise ProviderUnavailable(f"{self._lane_of}: SES gave no answer to send {message.send_id}.")

    def close(self) -> None:
        """Nothing to end: the connection pool is the client's."""

    def _deliver(self, message: OutgoingMessage) -> Receipt:
        from botocore import exceptions

        client = self._client
        try:
            body = self._to_bytes(message)
        except TemplateInvalid:
            return Receipt(message.send_id, ReceiptStatus.REFUSED, fault=Fault.MESSAGE, code="template")
        configuration = {"ConfigurationSetName": self._configuration_set} if self._configuration_set else {}
        try:
            answer = client.send_email(
                FromEmailAddress=message.sender_address,
                Destination={"ToAddresses": [message.recipient]},
                Content={"Raw": {"Data": body}},
                EmailTags=[{"Name": name, "Value": value} for name, value in _tags(message)],
                **configuration,  # type: ignore[arg-type]
            )
        except exceptions.ClientError as error:
            return self._answered(message.send_id, error)
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
            raise CredentialsRejected(f"{self._lane_of}: there are no AWS credentials.") from error
        except (
            exceptions.EndpointConnectionError,
            exceptions.ConnectTimeoutError,
            exceptions.ProxyConnectionError,
        ) as error:
            raise ProviderUnavailable(
                f"{self._lane_of}: no connection to SES before send {message.send_id}."
            ) from error
        except exceptions.SSLError as error:
            if _HANDSHAKE.search(str(error)):
                raise ProviderUnavailable(f"{self._lane_of}: no TLS connection to SES.") from error
            return Receipt(message.send_id, ReceiptStatus.AMBIGUOUS, code="no-answer")
        except exceptions.ParamValidationError:
            return Receipt(message.send_id, ReceiptStatus.REFUSED, fault=Fault.MESSAGE, code="ParamValidationError")
        except (exceptions.HTTPClientError, exceptions.BotoCoreError):  # no answer after the request went out
            return Receipt(message.send_id, ReceiptStatus.AMBIGUOUS, code="no-answer")
        return Receipt(message.send_id, ReceiptStatus.ACCEPTED, provider_message_id=answer["MessageId"])

    def _answered(self, send_id: int, error: ClientError) -> Receipt:
        code = str(error.response.get("Error", {}).get("Code", ""))
        text = str(error.response.get("Error", {}).get("Message", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if status in _MAYBE_TAKEN:
            return Receipt(send_id, ReceiptStatus.AMBIGUOUS, code=f"http-{status}")
        self._raise_for_channel(send_id, code, text, status)
        fault = _FAULTS.get(code, Fault.MESSAGE)
        if _NOT_VERIFIED.search(text):
            fault = Fault.SENDER
        return Receipt(send_id, ReceiptStatus.REFUSED, fault=fault, code=code)

    def _raise_for_channel(self, send_id: int, code: str, text: str, status: int) -> None:
        """Raise where the answer is about the account and not about this mail."""
        if _DAILY_QUOTA.search(text) or code in _LIMITED:
            self._throttled(send_id, code, QUOTA_WAIT_SECONDS)
        if code in _THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
            self._throttled(send_id, code, THROTTLE_WAIT_SECONDS)
        if code in _SUSPENDED:
            raise SenderSuspended(f"{self._lane_of}: SES stopped this sender ({code}); see the SES console.")
        if code in _CREDENTIALS or status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise CredentialsRejected(f"{self._lane_of}: SES refused the credentials ({code}); check its secret.")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ProviderUnavailable(f"{self._lane_of}: SES failed on its side at send {send_id} ({code}).")

    def _throttled(self, send_id: int, code: str, wait: float) -> NoReturn:
        raise ProviderThrottled(f"{self._lane_of}: SES put send {send_id} off ({code}).", retry_after=wait)


def _tags(message: OutgoingMessage) -> list[tuple[str, str]]:
    """The message's tags in the characters that SES takes (1-256 of A-Z, a-z, 0-9, _ and -)."""
    tags = {"send_id": str(message.send_id)} | message.tags
    cleaned = (
        (_NOT_A_TAG.sub("-", name)[:_TAG_CHARACTERS], _NOT_A_TAG.sub("-", value)[:_TAG_CHARACTERS])
        for name, value in sorted(tags.items())
    )
    return [(name, value) for name, value in cleaned if name and value]


def ses_client(
    *, region: str, endpoint_url: str | None, secret: str, timeout_seconds: float, connections: int
) -> SESV2Client:
    """A client that never repeats a call by itself.

    Args:
        region: AWS region.
        endpoint_url: Another endpoint than AWS's own, for tests and gateways.
        secret: `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, or empty for AWS's own chain (role, profile, environment).
        timeout_seconds: For connecting and for the answer.
        connections: How many calls may run at once.

    Source: botocore `Config(retries={"total_max_attempts": 1})`: the first attempt is the only one.
    """
    import boto3
    from botocore.config import Config

    key_id, colon, key = secret.partition(":")
    if secret and not (colon and key_id and key):
        raise CredentialsRejected("An SES secret is written ACCESS_KEY_ID:SECRET_ACCESS_KEY.")
    credentials = {"aws_access_key_id": key_id, "aws_secret_access_key": key} if secret else {}
    client: SESV2Client = boto3.session.Session().client(
        "sesv2",
        region_name=region,
        endpoint_url=endpoint_url,
        config=Config(
            retries={"total_max_attempts": 1},
            connect_timeout=timeout_seconds,
            read_timeout=timeout_seconds,
            max_pool_connections=connections,
        ),
        **credentials,  # type: ignore[call-overload]
    )
    return client
