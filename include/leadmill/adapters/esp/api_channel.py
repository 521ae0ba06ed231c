"""One account's way to a provider's HTTPS API, as one mailbox uses it."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from leadmill.adapters.esp.api_calls import Call, CallOutcome, in_doubt
from leadmill.adapters.esp.http_answers import RateWindow, channel_error, is_doubtful, wait_of
from leadmill.adapters.esp.https import HttpAnswer, HttpsClient, NoAnswer, NotHandedOver
from leadmill.errors import LeadmillError, ProviderThrottled, ProviderUnavailable

_OK = frozenset({HTTPStatus.OK})


@dataclass(frozen=True, slots=True)
class ApiChannel:
    """Client and rate window are shared by the account's mailboxes; rate headers are compared with `unix_now`."""

    provider: str
    client: HttpsClient
    window: RateWindow
    secret: Callable[[], str]
    unix_now: Callable[[], float]
    lane_of: str

    @property
    def who(self) -> str:
        """For error messages: whose channel to which provider."""
        return f"{self.lane_of}: {self.provider}"

    def post(
        self,
        call: Call,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        taken: Container[int] = _OK,
        doubtful: Container[int] = (),
    ) -> HttpAnswer | CallOutcome:
        """Hand a call over once.

        Args:
            call: For error messages, and whose mails are in doubt.
            path: Behind the client's base URL.
            body: Of the request.
            headers: Of the request.
            taken: The statuses by which this provider says yes; another one that sounds like yes is a doubt.
            doubtful: Statuses of which this provider says that the mails may have been taken.

        Returns:
            The answer, which says yes or no; else what it comes to that there is none.
        """
        wait = self.window.seconds_to_wait()
        if wait > 0:
            return CallOutcome(error=ProviderThrottled(f"{self.who}'s rate window is used up.", retry_after=wait))
        try:
            answer = self.client.post(path, body, headers)
        except NotHandedOver as error:
            unreached = f"{self.who} could not be reached before {call.of} ({error})."
            return CallOutcome(error=ProviderUnavailable(unreached))
        except NoAnswer:
            return in_doubt(call, self.who)
        self.window.read(answer, unix_now=self.unix_now())
        if answer.status in doubtful or (is_doubtful(answer.status) and answer.status not in taken):
            return in_doubt(call, self.who, f"http-{answer.status}")
        return answer

    def error_of(self, call: Call, answer: HttpAnswer) -> LeadmillError | None:
        """The error of an answer that is about the account or the provider; None where it is about the mails."""
        error = channel_error(answer, self.provider, self.lane_of, call.of, unix_now=self.unix_now())
        if isinstance(error, ProviderUnavailable) and len(call.messages) == 1:
            error.met_by = call.messages[0].send_id
        return error

    def wait_of(self, answer: HttpAnswer) -> float:
        """Seconds that an answer asks to wait."""
        return wait_of(answer.headers, unix_now=self.unix_now())
