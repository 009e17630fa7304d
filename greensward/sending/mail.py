"""One message to a mail server, encrypted unless the server is on this machine."""

from __future__ import annotations

import base64
import contextlib
import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
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
_ENDED = 421
"""The server ends the session; of mailboxes it was not asked then (RFC 5321, 3.8)."""

_FINAL = range(500, 600)
"""Replies of a mail server that say: never (RFC 5321, 4.2.1); what is no reply is a fault of the way there."""

_TAKEN = Answer("sent", "250", "taken by the mail server")


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


def send_mail(server: MailServer, mail: EmailMessage, to: Sequence[str]) -> list[Answer]:
    """Hand in a mail for some of its mailboxes; what the server answered to each is its receipt, in order."""
    refused: Mapping[str, tuple[int, bytes | str]] | None = None
    try:
        with _session(server) as session:
            refused = session.send_message(mail, to_addrs=to)
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except (OSError, smtplib.SMTPException) as error:  # SMTPException is an OSError, and TLS has its own
        if refused is None:  # of a mail that was taken it does not matter how the session ends
            return [_failure(error, server)] * len(to)
    except UnicodeError:
        return [Answer("later", "", f"{server.host}: the name cannot be resolved")] * len(to)
    return [_reply(address, refused) for address in to]


def _reply(address: str, refused: Mapping[str, tuple[int, bytes | str]]) -> Answer:
    """Return what became of one mailbox; one that was not asked for, as the server ended before, may come later."""
    if address not in refused:
        has_ended = any(code == _ENDED for code, _ in refused.values())
        return Answer("later", str(_ENDED), "the server ended the session") if has_ended else _TAKEN
    code, words = refused[address]
    return _answer(code, f"{address}: {_text(words)}")


def _failure(error: OSError, server: MailServer) -> Answer:
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
