"""One message to a mail server, encrypted unless the server is on this machine."""

from __future__ import annotations

import base64
import contextlib
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from crews.notices.answer import Answer
from greensward.sending.reach import connected, ended_after, resolved

_WHOLE_S = 60.0
"""Enough for a mail server that looks at a mail before it answers, and not for one that answers a byte a second."""

_READY = 220
_FINAL = range(500, 600)
"""Replies of a mail server that say: never (RFC 5321, 4.2.1); what is no reply is a fault of the way there."""


@dataclass(frozen=True, slots=True, repr=False)
class MailServer:
    """Where mail is handed in. tls: "starttls", "tls" or "none"; username: "" where the server asks for none."""

    host: str
    port: int
    tls: str
    username: str
    password: str
    trust: ssl.SSLContext


def said_of_password(server: MailServer) -> frozenset[str]:
    """Return the password, and the forms in which it goes to the server, which may say them back."""
    plain = f"\0{server.username}\0{server.password}"
    return frozenset({server.password, *(base64.b64encode(one.encode()).decode() for one in (plain, server.password))})


def mail_of(sender: str, to: tuple[str, ...], title: str, text: str, message_id: str, now: datetime) -> EmailMessage:
    """Return a plain-text mail; the same `message_id` twice is one mail to mail programs that look at it."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, ", ".join(to), title
    mail["Date"], mail["Message-ID"] = format_datetime(now), f"<{message_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text, charset="utf-8", cte="base64")  # which servers without 8BITMIME take too
    return mail


def send_mail(server: MailServer, mail: EmailMessage) -> Answer:
    """Hand in a mail; what the server answered is the receipt."""
    try:
        with _session(server) as session:
            refused = session.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:  # SMTPException is an OSError, and TLS has its own
        return _failure(error, server)
    except UnicodeError:
        return Answer("later", "", f"{server.host}: the name cannot be resolved")
    if refused:  # some have it, and those would have it twice
        address, (code, words) = next(iter(refused.items()))
        return Answer("refused", str(code), f"{address}: {_text(words)}")
    return Answer("sent", "250", "taken by the mail server")


def _failure(error: OSError, server: MailServer) -> Answer:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        # Nobody has it yet, so that it goes to all again where one of them may be taken later.
        return _answer(*min(error.recipients.values(), key=lambda reply: reply[0] in _FINAL))
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Answer("refused", "", str(error))
    words = (error.reason if isinstance(error, ssl.SSLError) else error.strerror) or str(error)
    return Answer("later", "", f"{server.host}:{server.port}: {words}")


class _Session(smtplib.SMTP):
    """A session over a connection that somebody else made, and ends in time."""

    def __init__(self, server: MailServer, plain: socket.socket) -> None:
        # A name of our own: by itself it would ask the DNS for one, which may take long.
        super().__init__(local_hostname="greensward.invalid")
        self._host = server.host  # the name that the certificate must have
        self.sock = plain
        if server.tls == "tls":
            self.sock = server.trust.wrap_socket(plain, server_hostname=server.host)


@contextmanager
def _session(server: MailServer) -> Iterator[smtplib.SMTP]:
    with (
        contextlib.closing(connected(resolved(server.host, server.port), server.port)) as plain,
        ended_after(plain, _WHOLE_S),
        _Session(server, plain) as session,
    ):
        code, words = session.getreply()
        if code != _READY:
            raise smtplib.SMTPConnectError(code, words)
        if server.tls == "starttls":
            session.starttls(context=server.trust)
        if server.username:
            session.login(server.username, server.password)
        yield session


def _answer(code: int, words: bytes | str) -> Answer:
    return Answer("refused" if code in _FINAL else "later", str(code), _text(words))


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words
