"""Amazon SES by boto3's `sesv2`: bulk calls with inline templates where content allows, else raw mails (ADR 0019)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import formataddr
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from leadmill.adapters.content.header_values import single_line
from leadmill.adapters.esp.api_calls import (
    Call,
    CallOutcome,
    accepted,
    built,
    in_doubt,
    make_calls,
    one_by_one,
    refused,
    require_bare_addresses,
)
from leadmill.adapters.esp.ses_answers import (
    BULK_STATUSES,
    FROM_DOMAIN_NOT_VERIFIED,
    MAYBE_TAKEN,
    NOT_PERMITTED,
    channel_error,
    fault_of,
    is_known,
    read_error,
)
from leadmill.adapters.esp.ses_bulk import ENTRIES_A_CALL, InlineTemplates, calls_of, common_headers, entry_of, tags_of
from leadmill.adapters.esp.ses_client import send_bulk
from leadmill.domain.crash_points import CrashPoint, reached
from leadmill.domain.messages import OutgoingMessage, Receipt, ReceiptStatus
from leadmill.errors import CredentialsRejected, LeadmillError, ProviderUnavailable

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import SendBulkEmailRequestTypeDef

log = logging.getLogger(__name__)

_HANDSHAKE = re.compile(r"certificate|handshake|wrong_version|unsupported_protocol", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SesOptions:
    """How SES sends: `bulk` off sends every mail raw; `tenant` is the tenant within the account."""

    configuration_set: str = ""
    tenant: str = ""
    bulk: bool = True
    batch_size: int = ENTRIES_A_CALL

    def parameters(self) -> dict[str, str]:
        """What every call carries."""
        found = {"ConfigurationSetName": self.configuration_set, "TenantName": self.tenant}
        return {name: value for name, value in found.items() if value}


class SesEsp:
    """`ports.esp.BlockingEsp` over SES; the account's mailboxes share the client, as boto3's clients may be."""

    name = "ses"

    def __init__(
        self,
        client: Callable[[], SESV2Client],
        options: SesOptions,
        *,
        to_bytes: Callable[[OutgoingMessage], bytes],
        lane_of: str,
    ) -> None:
        self.batch_size = options.batch_size
        self._make_client = client
        self._options = options
        self._to_bytes = to_bytes
        self._lane_of = lane_of
        self._templates = InlineTemplates()
        self._may_bulk = options.bulk

    @cached_property
    def _client(self) -> SESV2Client:
        return self._make_client()

    def send(self, messages: Sequence[OutgoingMessage]) -> Iterator[Receipt]:
        calls = calls_of(messages, self._templates) if self._may_bulk else one_by_one(messages)
        yield from make_calls(calls, self._hand_over, lane_of=self._lane_of)

    def _hand_over(self, call: Call) -> CallOutcome:
        if not call.is_shared:
            return self._send_raw(call)
        return self._send_bulk(call) if self._may_bulk else CallOutcome(again=one_by_one(call.messages))

    # --- one mail, as our own bytes

    def _send_raw(self, call: Call) -> CallOutcome:
        (message,) = call.messages
        body = built(call, self._mail_of)
        if isinstance(body, CallOutcome):
            return body
        request = partial(
            self._client.send_email,
            FromEmailAddress=_sender_of(message),  # takes the place of the mail's own From
            Destination={"ToAddresses": [message.recipient]},
            Content={"Raw": {"Data": body}},
            EmailTags=tags_of(message),
            **self._options.parameters(),  # type: ignore[arg-type]
        )
        answer = self._answer_to(request, call)
        if isinstance(answer, CallOutcome):
            return answer
        return CallOutcome([accepted(message, answer["MessageId"])])

    def _mail_of(self, call: Call) -> bytes:
        require_bare_addresses(call.messages[0])
        return self._to_bytes(call.messages[0])

    def _refused_raw(self, call: Call, code: str, text: str) -> CallOutcome:
        is_unknown = not is_known(code, text)
        return CallOutcome([refused(call.messages[0], fault_of(code, text), code, is_unknown=is_unknown)])

    # --- up to 50, as a template and values

    def _send_bulk(self, call: Call) -> CallOutcome:
        parameters = built(call, self._parameters_of)
        if isinstance(parameters, CallOutcome):
            return parameters
        request = partial(send_bulk, self._client, parameters)
        answer = self._answer_to(request, call)
        return answer if isinstance(answer, CallOutcome) else self._settled(call, answer["BulkEmailEntryResults"])

    def _parameters_of(self, call: Call) -> SendBulkEmailRequestTypeDef:
        first = call.messages[0]
        template = self._templates.of(first.frame)
        assert template is not None  # noqa: S101 - only frames with a template become shared calls
        common = common_headers(call.messages)
        return {
            "FromEmailAddress": _sender_of(first),
            "ReplyToAddresses": [first.reply_to] if first.reply_to else [],
            "DefaultContent": {
                "Template": {
                    "TemplateContent": template[0],
                    "TemplateData": "{}",
                    "Headers": [{"Name": name, "Value": value} for name, value in common],
                }
            },
            "BulkEmailEntries": [entry_of(message, common) for message in call.messages],
            **self._options.parameters(),  # type: ignore[typeddict-item]
        }

    def _refused_bulk(self, call: Call, code: str, text: str) -> CallOutcome:
        """The call as a whole was refused, so nothing of it was taken."""
        if code == FROM_DOMAIN_NOT_VERIFIED:
            return CallOutcome([refused(message, fault_of(code, text), code) for message in call.messages])
        return CallOutcome(again=one_by_one(call.messages))  # whichever entry it was, it alone is refused then

    def _settled(self, call: Call, results: Sequence[Any]) -> CallOutcome:
        """A receipt for each entry; those that SES put off, or stopped over the account, are left without one."""
        receipts: list[Receipt] = []
        error: LeadmillError | None = None
        doubts = 0
        for place, message in enumerate(call.messages):
            result = results[place] if place < len(results) else {}
            status = result.get("Status", "")
            if status == "SUCCESS" and result.get("MessageId"):
                receipts.append(accepted(message, result["MessageId"]))
            elif status in BULK_STATUSES:
                code, text = BULK_STATUSES[status], result.get("Error", "")
                about = channel_error(self._lane_of, f"send {message.send_id}", code, text)
                error = error or about
                if about is None:
                    receipts.append(refused(message, fault_of(code, text), code))
            else:  # no result, or a status that this table does not hold: it may have gone out
                doubts += 1
                receipts.append(Receipt(message.send_id, ReceiptStatus.AMBIGUOUS, code="no-result"))
        if doubts and error is None:
            error = ProviderUnavailable(f"{self._lane_of}: SES said nothing of {doubts} among {call.of}.")
        return CallOutcome(receipts, error=error)

    # --- what both have in common

    def _answer_to(self, request: Callable[[], Any], call: Call) -> Any:
        """SES's answer, or what its failing comes to."""
        from botocore import exceptions

        reached(CrashPoint.BEFORE_CONNECT)
        reached(CrashPoint.BEFORE_HAND_OVER)
        try:
            answer = request()
        except exceptions.ClientError as error:
            return self._failed(call, error)
        except exceptions.ParamValidationError:
            return self._refused(call, "ParamValidationError", "")
        except (exceptions.HTTPClientError, exceptions.BotoCoreError) as error:
            unsent = self._unsent(call, error)
            return CallOutcome(error=unsent) if unsent else in_doubt(call, f"{self._lane_of}: SES")
        reached(CrashPoint.ANSWERED)
        return answer

    def _unsent(self, call: Call, error: Exception) -> LeadmillError | None:
        """The channel's error where the request never went out; None where it may have."""
        from botocore import exceptions

        no_connection = (
            exceptions.EndpointConnectionError,
            exceptions.ConnectTimeoutError,
            exceptions.ProxyConnectionError,
        )
        if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
            return CredentialsRejected(f"{self._lane_of}: there are no AWS credentials.")
        if isinstance(error, no_connection):
            return ProviderUnavailable(f"{self._lane_of}: no connection to SES before {call.of}.")
        if isinstance(error, exceptions.SSLError) and _HANDSHAKE.search(str(error)):
            return ProviderUnavailable(f"{self._lane_of}: no TLS connection to SES.")
        return None

    def _failed(self, call: Call, error: ClientError) -> CallOutcome:
        code, text, status = read_error(error)
        if status in MAYBE_TAKEN:
            return in_doubt(call, f"{self._lane_of}: SES", f"http-{status}")
        if call.is_shared and code in NOT_PERMITTED:
            log.warning("%s: the key may not SendBulkEmail; mails go one by one, which is slower", self._lane_of)
            self._may_bulk = False
            return CallOutcome(again=one_by_one(call.messages))
        about = channel_error(self._lane_of, call.of, code, text, status)
        return CallOutcome(error=about) if about else self._refused(call, code, text)

    def _refused(self, call: Call, code: str, text: str) -> CallOutcome:
        return self._refused_bulk(call, code, text) if call.is_shared else self._refused_raw(call, code, text)


def _sender_of(message: OutgoingMessage) -> str:
    return formataddr((single_line(message.sender_name), message.sender_address))
