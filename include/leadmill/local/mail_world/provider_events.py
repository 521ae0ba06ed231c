"""What SES and SendGrid would report of a mail they relayed, in their own words; the same at every making.

Forms: Amazon SES developer guide, "event data that Amazon SES publishes to Firehose"; SendGrid's Event Webhook.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from leadmill.local.mail_world.chance import digest
from leadmill.local.mail_world.letters import short_name
from leadmill.local.mail_world.mails import Mail
from leadmill.local.mail_world.plan import Action, Deed

_OUTGOING_IP = "192.0.2.25"
_ACCOUNT = "123456789012"
_SES_BOUNCES = {
    Deed.BOUNCE_HARD: ("Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown"),
    Deed.BOUNCE_SOFT: ("Transient", "MailboxFull", "4.2.2", "smtp; 452 4.2.2 mailbox full"),
    Deed.BOUNCE_BLOCKED: ("Transient", "ContentRejected", "5.7.1", "smtp; 550 5.7.1 refused by policy"),
}
_SENDGRID_BOUNCES = {
    Deed.BOUNCE_HARD: ("bounce", "5.1.1", "550 5.1.1 The email account does not exist", "Invalid Address"),
    Deed.BOUNCE_SOFT: ("blocked", "4.2.2", "452 4.2.2 The inbox is out of storage space", "Mailbox Unavailable"),
    Deed.BOUNCE_BLOCKED: ("blocked", "5.7.1", "550 5.7.1 Message refused by policy", "Reputation"),
}


def relay_id(relay: str, seed: int, *what: str) -> str:
    """The id that the provider answers with: SES `0100…-uuid-000000`, SendGrid 22 characters."""
    name = digest(seed, "relay id", relay, *what)
    if relay == "ses":
        return f"0100{name[:12]}-{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}-000000"
    return short_name(name)


def ses_record(mail: Mail, action: Action, *, seed: int) -> dict[str, Any] | None:
    """One event publishing record, as a line of a Firehose object; None for a deed that SES does not see."""
    at = _iso(action.at)
    recipients = [{"emailAddress": mail.recipient}]
    match action.deed:
        case Deed.PROVIDER_SENT:
            return {"eventType": "Send", "mail": _ses_mail(mail), "send": {}}
        case Deed.PROVIDER_DELIVERED:
            delivery = {
                "timestamp": at,
                "processingTimeMillis": round((action.at - mail.received_at) * 1000),
                "recipients": [mail.recipient],
                "smtpResponse": "250 2.0.0 OK",
                "reportingMTA": "a8-50.smtp-out.amazonses.com",
                "remoteMtaIp": _OUTGOING_IP,
            }
            return {"eventType": "Delivery", "mail": _ses_mail(mail), "delivery": delivery}
        case Deed.COMPLAIN:
            complaint = {
                "complainedRecipients": recipients,
                "timestamp": at,
                "feedbackId": _feedback_id(action, seed),
                "complaintSubType": None,
                "userAgent": "MailWorld-FBL/1.0",
                "complaintFeedbackType": "abuse",
                "arrivalDate": at,
            }
            return {"eventType": "Complaint", "mail": _ses_mail(mail), "complaint": complaint}
    if action.deed not in _SES_BOUNCES:
        return None
    kind, sub_kind, status, diagnostic = _SES_BOUNCES[action.deed]
    bounced = {**recipients[0], "action": "failed", "status": status, "diagnosticCode": diagnostic}
    bounce = {
        "bounceType": kind,
        "bounceSubType": sub_kind,
        "bouncedRecipients": [bounced],
        "timestamp": at,
        "feedbackId": _feedback_id(action, seed),
        "reportingMTA": "dns; a8-50.smtp-out.amazonses.com",
    }
    return {"eventType": "Bounce", "mail": _ses_mail(mail), "bounce": bounce}


def _ses_mail(mail: Mail) -> dict[str, Any]:
    shown = [("From", mail.sender), ("To", mail.recipient), ("Subject", mail.subject), ("Message-ID", mail.message_id)]
    automatic = {
        "ses:configuration-set": ["leadmill"],
        "ses:source-ip": ["192.0.2.1"],
        "ses:from-domain": [mail.sender_domain],
        "ses:caller-identity": ["leadmill"],
    }
    return {
        "timestamp": _iso(mail.received_at),
        "source": mail.sender,
        "sourceArn": f"arn:aws:ses:us-east-1:{_ACCOUNT}:identity/{mail.sender_domain}",
        "sendingAccountId": _ACCOUNT,
        "messageId": mail.relay_id,
        "destination": [mail.recipient],
        "headersTruncated": False,
        "headers": [{"name": name, "value": value} for name, value in shown],
        "commonHeaders": {
            "from": [mail.sender],
            "to": [mail.recipient],
            "messageId": mail.relay_id,
            "subject": mail.subject,
        },
        "tags": automatic | {name: [value] for name, value in mail.tags.items()},
    }


def sendgrid_event(mail: Mail, action: Action, *, seed: int) -> dict[str, Any] | None:
    """One element of an Event Webhook array; None for a deed that SendGrid does not see."""
    extra: dict[str, Any]
    match action.deed:
        case Deed.PROVIDER_SENT:
            extra = {"event": "processed"}
        case Deed.PROVIDER_DELIVERED:
            extra = {"event": "delivered", "response": "250 2.0.0 OK", "ip": _OUTGOING_IP, "tls": 1}
        case Deed.COMPLAIN:
            extra = {"event": "spamreport"}
        case deed if deed in _SENDGRID_BOUNCES:
            kind, status, reason, classification = _SENDGRID_BOUNCES[deed]
            extra = {"event": "bounce", "type": kind, "status": status, "reason": reason}
            extra["bounce_classification"] = classification
        case _:
            return None
    return {
        "email": mail.recipient,
        "timestamp": int(action.at),
        "smtp-id": mail.message_id,
        "sg_event_id": short_name(digest(seed, "sendgrid event", mail.relay_id, action.deed)),
        "sg_message_id": f"{mail.relay_id}.filterdrecv-7f5c-00001-1.0",
        **extra,
        **mail.tags,
    }


def _feedback_id(action: Action, seed: int) -> str:
    name = digest(seed, "feedback", action.name, f"{action.at:.3f}")
    return f"0100{name[:12]}-{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}-000000"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
