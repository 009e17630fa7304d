"""A mail server on a loopback port: ESMTP with STARTTLS and AUTH PLAIN, as far as RFC 5321 needs for one mail."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path


class MailBox:
    """What a mail server took.

    users: name → password; raw: each mail as it came
    replies: what it says instead, by the whole command or by its first word
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.recipients: list[str] = []
        self.users: dict[str, str] = {}
        self.replies: dict[str, str] = {}
        self.was_encrypted: list[bool] = []
        self.port = 0


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.is_encrypted, self.is_known = False, not self.server.box.users
        if self.server.is_implicit:
            self._encrypt()
        self._say("220 mail.example.org ESMTP")
        while line := self.rfile.readline():
            word, _, rest = line.decode().strip().partition(" ")
            replies = self.server.box.replies
            instead = replies.get(f"{word.upper()} {rest}") or replies.get(word.upper())
            if instead is not None:
                self._say(instead)
            elif self._obey(word.upper(), rest):
                return

    def _obey(self, word: str, rest: str) -> bool:
        box = self.server.box
        if word == "EHLO":
            self._say("250-mail.example.org\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 8BITMIME")
        elif word == "STARTTLS":
            self._say("220 go ahead")
            self._encrypt()
        elif word == "AUTH":
            _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
            self.is_known = box.users.get(user) == password
            self._say("235 welcome" if self.is_known else f"535 5.7.8 not accepted: {user} {password} {rest}")
        elif word == "MAIL" and not self.is_known:
            self._say("530 5.7.0 who are you")
        elif word == "RCPT":
            box.recipients.append(rest)
            self._say("250 fine")
        elif word == "DATA":
            self._say("354 go on")
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line)
            box.raw.append(b"".join(lines))
            box.mails.append(message_from_bytes(box.raw[-1], EmailMessage, policy=policy.default))
            box.was_encrypted.append(self.is_encrypted)
            self._say("250 2.0.0 taken")
        elif word == "QUIT":
            self._say("221 bye")
            return True
        else:
            self._say("250 fine")
        return False

    def _encrypt(self) -> None:
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb")
        self.is_encrypted = True

    def finish(self) -> None:
        self.request.close()  # the encrypted one, which the server does not know of
        super().finish()

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
        self.wfile.flush()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    box: MailBox
    context: ssl.SSLContext
    is_implicit: bool

    def handle_error(self, *_: object) -> None:
        """A client that went away is the client's affair."""


@contextmanager
def mail_server(certificates: Path, *, is_implicit: bool = False) -> Iterator[MailBox]:
    """Serve mail with `server.crt` and `server.key` of a folder; is_implicit: encrypted from the first byte."""
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.box, server.context = MailBox(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.is_implicit = is_implicit
        server.context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
        server.box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.box
        finally:
            server.shutdown()
            thread.join()
