"""E-mail by Django's mail: HTML and the same as text."""

from __future__ import annotations

import smtplib
from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.template.loader import render_to_string

from leadscoring.common.errors import FixConfiguration, RetryLater, Stop
from leadscoring.common.outbox import write
from leadscoring.common.text import line, plain
from monitoring.channels.base import Channel, Message, Setting
from monitoring.contracts import AlertLevel, MessageKind

LONGEST_SUBJECT = 180
LONGEST_BODY = 200_000
NOBODY = "nobody-set@localhost"


class Email(Channel):
    label = "E-mail"
    least_level = AlertLevel.CRITICAL
    seconds_between = 0.0
    keeps_incidents = False
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("recipients", "Recipients", "One address a line.", many=True),
    )

    def check(self, config: Mapping[str, Any]) -> dict[str, str]:
        for address in config.get("recipients") or []:
            try:
                validate_email(address)
            except ValidationError:
                return {"recipients": f"{address!r} is no e-mail address"}
        return {} if config.get("recipients") else {"recipients": "expected at least one address"}

    def send(self, config: Mapping[str, Any], message: Message) -> str:
        recipients = list(config.get("recipients") or [])
        mail = mail_of(message, recipients or [NOBODY])
        if not recipients:
            return (
                f"Written to {write('email', 'eml', mail.message().as_bytes())}: there are no recipients yet."
            )
        try:
            mail.send()
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError):
            raise FixConfiguration(
                "The mail server does not take the user and password of EMAIL_URL."
            ) from None
        except smtplib.SMTPSenderRefused as error:
            raise FixConfiguration(
                f"The mail server refuses the sender ({error.smtp_code}): see EMAIL_FROM."
            ) from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            if all(code < 500 for code in codes):
                raise RetryLater(
                    f"The mail server asks to come back later ({codes}).", retry_after=None
                ) from None
            raise FixConfiguration(f"The mail server refuses every recipient ({codes}).") from None
        except smtplib.SMTPResponseException as error:
            if error.smtp_code >= 500:
                raise Stop(f"The mail server refused the message ({error.smtp_code}).") from None
            raise RetryLater(f"The mail server answered {error.smtp_code}.", retry_after=None) from None
        except (smtplib.SMTPException, OSError) as error:
            raise RetryLater(
                f"The mail server cannot be reached ({type(error).__name__}).", retry_after=None
            ) from None
        if settings.EMAIL_SERVER is None:
            return "Written to a file: EMAIL_URL is not set."
        return f"Handed to the mail server for {len(recipients)} recipient{'s'[: len(recipients) != 1]}."


def mail_of(message: Message, recipients: list[str]) -> EmailMultiAlternatives:
    """The mail. All mails of one alert are one conversation in mail programs."""
    context = {"message": message, "resolved": message.what is MessageKind.RESOLVE}
    mail = EmailMultiAlternatives(
        # A subject with a line break would be another header.
        subject=line(message.headline, LONGEST_SUBJECT),
        body=plain(render_to_string("monitoring/messages/alert.txt", context), LONGEST_BODY),
        to=recipients,
        headers={"X-Entity-Ref-ID": line(message.dedup_key, 255).encode("ascii", "replace").decode()},
    )
    html = render_to_string("monitoring/messages/alert.html", context)
    mail.attach_alternative(plain(html, LONGEST_BODY), "text/html")
    return mail
