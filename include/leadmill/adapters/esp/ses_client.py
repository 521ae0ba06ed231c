"""boto3's `sesv2` client without retries, and what SES says of the account."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from leadmill.adapters.esp.fast_json import to_json
from leadmill.adapters.esp.ses_answers import channel_error, read_error
from leadmill.errors import CredentialsRejected, ProviderUnavailable
from leadmill.ports.provider_limits import ProviderLimits

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import SendBulkEmailRequestTypeDef, SendBulkEmailResponseTypeDef

SHUT_DOWN = "SHUTDOWN"


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
            parameter_validation=False,  # 40 % of a bulk call's CPU; our types are checked, and SES checks the values
        ),
        **credentials,  # type: ignore[call-overload]
    )
    client.meta.events.register("before-call.sesv2.SendBulkEmail", _use_ready_body)
    return client


_ready_body: ContextVar[bytes | None] = ContextVar("ready_body", default=None)


def send_bulk(client: SESV2Client, parameters: SendBulkEmailRequestTypeDef) -> SendBulkEmailResponseTypeDef:
    """`client.send_bulk_email(**parameters)`, with the body written by a fast encoder.

    botocore turns parameters into JSON node by node in Python, which costs more than all the rest of a bulk call. For
    this operation the JSON is the parameters as they are; address, signature, sending and parsing stay botocore's.
    """
    token = _ready_body.set(to_json(parameters))
    try:
        return client.send_bulk_email(DefaultContent={}, BulkEmailEntries=[])
    finally:
        _ready_body.reset(token)


def _use_ready_body(params: dict[str, Any], **_: object) -> None:
    body = _ready_body.get()
    if body is not None:
        params["body"] = body


def read_limits(client: SESV2Client) -> ProviderLimits:
    """What SES allows this account, and how it judges it: `GetAccount`, which it answers once a second.

    Raises:
        LeadmillError: It did not say; the key may lack `ses:GetAccount`.

    Source: botocore's model of sesv2, `GetAccountResponse`; a quota of -1 means none.
    """
    from botocore import exceptions

    try:
        found = client.get_account()
    except exceptions.ClientError as error:
        code, text, status = read_error(error)
        about = channel_error("Reading the account's limits", "GetAccount", code, text, status)
        raise about or ProviderUnavailable(f"Reading the account's limits: SES answered {code}.") from error
    except exceptions.BotoCoreError as error:
        raise ProviderUnavailable(
            f"Reading the account's limits: SES gave no answer ({type(error).__name__})."
        ) from error
    quota = found.get("SendQuota", {})
    daily, rate = quota.get("Max24HourSend", -1), quota.get("MaxSendRate", -1)
    status_word = str(found.get("EnforcementStatus", ""))
    is_enabled = bool(found.get("SendingEnabled", True))
    return ProviderLimits(
        daily_limit=int(daily) if daily >= 0 else None,
        max_per_second=float(rate) if rate > 0 else None,
        sent_24h=int(quota.get("SentLast24Hours", 0)),
        status=status_word if is_enabled or status_word == SHUT_DOWN else "SENDING_DISABLED",
        may_send=is_enabled and status_word != SHUT_DOWN,
        is_in_review=status_word == "PROBATION",
    )
