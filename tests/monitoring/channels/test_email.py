"""Mails of alerts: HTML and text, and what each failure asks for."""

from __future__ import annotations

import smtplib
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from pytest_django.fixtures import Settings

from leadscoring.common import outbox
from leadscoring.common.errors import FixConfiguration, RetryLater, Stop
from leadscoring.places import Places
from monitoring.channels import CHANNELS
from tests.monitoring.channels.messages import a_message

EMAIL = CHANNELS.get("email")
TO = {"recipients": ["ann@example.com", "bob@example.com"]}


class Failing(BaseEmailBackend):
    error: Exception

    def send_messages(self, email_messages: Any) -> int:
        raise type(self).error


def test_it_says_the_same_as_text_and_as_html() -> None:
    EMAIL.send(TO, a_message())
    (sent,) = mail.outbox
    assert sent.to == TO["recipients"]
    assert sent.subject == "Critical: leads of Website stopped coming"
    html = str(sent.alternatives[0][0])  # type: ignore[attr-defined]  # a mail of two forms
    for words in (
        "95 % of the expected leads",
        "n = 1,200",
        "feature=country moved",
        "https://leads.example/admin",
    ):
        assert words in str(sent.body)
        assert words in html


@pytest.mark.parametrize("nasty", ["<script>x</script>", "a\r\nBcc: evil@example.com", "\x00\ud800"])
def test_words_of_a_lead_are_words(nasty: str) -> None:
    EMAIL.send(TO, a_message(headline=nasty, facts=((("What", "<img src=x onerror=y>")),)))
    (sent,) = mail.outbox
    html = str(sent.alternatives[0][0])  # type: ignore[attr-defined]  # a mail of two forms
    assert "<script" not in html
    assert "<img" not in html
    assert sent.message()["Bcc"] is None
    assert b"\r\nBcc" not in sent.message().as_bytes()


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (ConnectionRefusedError(111, "refused"), RetryLater),
        (TimeoutError(), RetryLater),
        (smtplib.SMTPServerDisconnected("gone"), RetryLater),
        (smtplib.SMTPDataError(451, b"later"), RetryLater),
        (smtplib.SMTPDataError(554, b"spam"), Stop),
        (smtplib.SMTPAuthenticationError(535, b"no"), FixConfiguration),
        (smtplib.SMTPSenderRefused(550, b"no", "x"), FixConfiguration),
        (smtplib.SMTPRecipientsRefused({"a": (550, b"no")}), FixConfiguration),
        (smtplib.SMTPRecipientsRefused({"a": (450, b"later")}), RetryLater),
    ],
)
def test_each_failure_says_what_to_do(raised: Exception, error: type[Exception], settings: Settings) -> None:
    Failing.error = raised
    settings.EMAIL_BACKEND = f"{__name__}.Failing"
    with pytest.raises(error) as found:
        EMAIL.send(TO, a_message())
    assert type(found.value) is error


def test_without_recipients_or_a_server_it_is_a_file(settings: Settings, tmp_path: Path) -> None:
    settings.PLACES = Places(tmp_path)
    assert "no recipients" in EMAIL.send({}, a_message())
    settings.EMAIL_BACKEND = "leadscoring.common.outbox.MailFiles"
    assert "EMAIL_URL is not set" in EMAIL.send(TO, a_message())
    first, second = outbox.written()
    assert {first.kind, second.kind} == {"email"}
    assert b"ann@example.com" in (outbox.read(first.name) or b"")
    assert not mail.outbox


def test_it_refuses_what_is_no_address() -> None:
    assert EMAIL.check({"recipients": ["ann"]})
    assert EMAIL.check({"recipients": []})
    assert not EMAIL.check(TO)
