"""What carries a notice: one kind of outlet a kind of channel, made of its settings and its secrets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import msgspec

from crews.notices.answer import Answer, secrets_of_url
from crews.notices.notice import Content
from crews.notices.outbox import Notice
from crews.notices.plan import Route
from crews.notices.robots import MANNERS, plain, robot_answer, robot_request
from crews.notices.split import split_message
from crews.notices.webhook import webhook_answer, webhook_body, webhook_headers
from crews.words import say_day_and_clock, speaker
from greensward.sending.mail import MailServer, mail_of, said_of_password, send_mail
from greensward.sending.post import Target, UnreachableError, post
from greensward.sending.retained import retain
from ingest.mqtt.broker import Broker
from ingest.site import Site


@dataclass(frozen=True, slots=True)
class Link:
    """The way to a crew's list. url: "" where there is none, and `word` says why; days: how long it works."""

    url: str = ""
    word: str = ""
    days: int = 0


class Outlet(Protocol):
    """One channel that something can be sent on."""

    @property
    def route(self) -> Route:
        """What goes on it."""

    @property
    def identity(self) -> str:
        """What it comes out of, as a hash: outlets of one identity share a pace."""

    @property
    def readers(self) -> frozenset[str]:
        """Who reads it, as hashes: of robots and receivers their identity, of mail each mailbox."""

    @property
    def secrets(self) -> frozenset[str]:
        """What nothing that is written down may hold."""

    @property
    def pace(self) -> tuple[int, float] | None:
        """How many at once, and how many a minute; None: as many as there are."""

    @property
    def avoids_crowds(self) -> bool:
        """Whether it rests while everybody's robots speak."""

    @property
    def has_mailboxes(self) -> bool:
        """Whether its parts are mailboxes, which go at once; pieces of one text go one after another."""

    def parts(self, notice: Notice, link: Link, site: Site) -> dict[int, Any]:
        """Return what is to be sent, in order, by number. Raises: ValueError where the channel's form takes it not."""

    def deliver(self, parts: Sequence[Any]) -> list[Answer]:
        """Send one part, or all mailboxes', signed as of the machine's own clock; return the receipt of each."""


def lines_of(notice: Notice, route: Route, site: Site) -> tuple[Content, list[str], list[str]]:
    """Return the content, its summary, and the lines below that: cards, how many more, when it was made."""
    content = msgspec.json.decode(notice.content, type=Content)
    say = speaker(route.language)
    made = say("notice.made", clock=say_day_and_clock(notice.made_at, site.timezone, say))
    below = [*(card.text for card in content.cards), *filter(None, [content.more]), made]
    return content, list(content.summary), below


def message_id_of(notice: Notice, site: Site) -> str:
    """Return what a receiver knows a message again by; a channel of another district may have the same name."""
    return f"{site.district}:{notice.notice_id}"


def hashed(*words: str) -> str:
    """Return what tells one secret thing from another without telling it."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def address_of(url: str) -> str:
    """Return an address in one spelling, so that the same receiver is known however it is written."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    query = sorted(parse_qsl(parts.query, keep_blank_values=True))
    return f"{parts.scheme}://{parts.hostname}:{port}{unquote(parts.path) or '/'}?{urlencode(query)}"


@dataclass(frozen=True, slots=True, repr=False)
class Posted:
    """What is reached by HTTPS. secret: what its messages are signed with, "" where they are not."""

    route: Route
    target: Target
    secret: str

    @property
    def has_mailboxes(self) -> bool:
        """Say that one address has all of it."""
        return False

    @property
    def identity(self) -> str:
        """Return which receiver it is, however its address is written."""
        return hashed(address_of(self.target.url))

    @property
    def readers(self) -> frozenset[str]:
        """Return the receiver; of a robot the group, as far as the robot tells it."""
        return frozenset({self.identity})

    @property
    def secrets(self) -> frozenset[str]:
        """Return its address and what signs its messages."""
        return frozenset({*secrets_of_url(self.target.url), self.secret})


@dataclass(frozen=True, slots=True, repr=False)
class Robot(Posted):
    """A group robot. kind: of MANNERS; form: "text" or "markdown"; keyword: "" for none."""

    kind: str
    form: str = "text"
    keyword: str = ""

    @property
    def identity(self) -> str:
        """Return which robot it is, however its address is written."""
        parts = urlsplit(self.target.url)
        key = dict(parse_qsl(parts.query)).get({"wecom": "key", "dingtalk": "access_token"}.get(self.kind, ""))
        return hashed(self.kind, key or parts.path.rpartition("/")[2] or address_of(self.target.url))

    @property
    def pace(self) -> tuple[int, float]:
        """Return how much the vendor lets it say."""
        return MANNERS[self.kind].burst, MANNERS[self.kind].per_minute

    @property
    def avoids_crowds(self) -> bool:
        """Say whether it is one of Feishu's."""
        return self.kind == "feishu"

    def parts(self, notice: Notice, link: Link, site: Site) -> dict[int, tuple[str, str]]:
        """Return title and text of each message."""
        content, above, below = lines_of(notice, self.route, site)
        say, manner = speaker(self.route.language), MANNERS[self.kind]
        head = [plain(line, self.form) for line in above]
        way = [link.word] if link.word else []  # last: as text it is long, and what is to be done comes first
        if link.url:
            opened = say("notice.link", days=link.days)
            way = [f"[{say('notice.open')}]({link.url})" if self.form == "markdown" else f"{opened}\n{link.url}"]
        title = f"{self.keyword} {plain(content.title, self.form)}".strip()
        cards = [plain(line, self.form) for line in below]
        texts = split_message(title, head, cards, manner.size, manner.most[self.form], tail=way)
        return dict(enumerate(((title, text) for text in texts), 1))

    def deliver(self, parts: Sequence[tuple[str, str]]) -> list[Answer]:
        """Post one message, and read in the body what became of it."""
        (part,) = parts
        request = robot_request(self.kind, self.form, self.secret, *part, datetime.now(UTC))
        headers = {"content-type": "application/json; charset=utf-8"}
        return [_posted(self.target, request.parameters, request.body, headers, self.kind)]


@dataclass(frozen=True, slots=True, repr=False)
class Webhook(Posted):
    """A receiver of signed JSON."""

    pace: tuple[int, float] | None = (10, 60)
    avoids_crowds: bool = False

    def parts(self, notice: Notice, link: Link, site: Site) -> dict[int, tuple[str, bytes]]:
        """Return the id and the document."""
        content = msgspec.json.decode(notice.content)
        message_id = message_id_of(notice, site)
        return {1: (message_id, webhook_body({
            "message_id": message_id, "district": site.district, "kind": notice.kind, "crew": notice.crew or None,
            "day": notice.day, "list_version": notice.list_version, "made_at": notice.made_at, **content,
            "link": link.url or None,
        }))}  # fmt: skip

    def deliver(self, parts: Sequence[tuple[str, bytes]]) -> list[Answer]:
        """Post the document, signed as of now."""
        (part,) = parts
        headers = webhook_headers(self.secret, part[0], str(int(datetime.now(UTC).timestamp())), part[1])
        return [_posted(self.target, {}, part[1], headers, "webhook")]


def _posted(target: Target, parameters: Mapping[str, str], body: bytes, headers: dict[str, str], kind: str) -> Answer:
    try:
        status, said = post(target, parameters, body, headers)
    except UnreachableError as error:
        # A receiver knows a message again by its id, and a group does not.
        return Answer("unknown" if error.has_gone and kind != "webhook" else "later", "", str(error))
    return webhook_answer(status, said) if kind == "webhook" else robot_answer(kind, status, said)


@dataclass(frozen=True, slots=True, repr=False)
class Mail:
    """A mailbox, or several."""

    route: Route
    server: MailServer
    sender: str
    to: tuple[str, ...]
    pace: tuple[int, float] | None = (10, 30)
    avoids_crowds: bool = False
    has_mailboxes: bool = True

    @property
    def identity(self) -> str:
        """Return which mail server it is."""
        return hashed("email", self.server.host, str(self.server.port), self.server.username)

    @property
    def readers(self) -> frozenset[str]:
        """Return the mailboxes."""
        return frozenset(hashed("email", address.casefold()) for address in self.to)

    @property
    def secrets(self) -> frozenset[str]:
        """Return the password, in every form."""
        return said_of_password(self.server)

    def parts(self, notice: Notice, link: Link, site: Site) -> dict[int, tuple[str, EmailMessage]]:
        """Return each mailbox and the mail, which is the same for all."""
        content, above, below = lines_of(notice, self.route, site)
        opened = speaker(self.route.language)("notice.link", days=link.days)
        way = ["", opened, link.url, ""] if link.url else list(filter(None, [link.word]))
        message_id = hashed(message_id_of(notice, site))[:32]
        text = "\n".join([*above, *way, *below]) + "\n"
        mail = mail_of(self.sender, self.to, content.title, text, message_id, datetime.now(UTC))
        return {_number_of(address): (address, mail) for address in self.to}

    def deliver(self, parts: Sequence[tuple[str, EmailMessage]]) -> list[Answer]:
        """Hand the mail in for these mailboxes."""
        return send_mail(self.server, parts[0][1], [address for address, _ in parts])


def _number_of(address: str) -> int:
    """Return a mailbox as a number that it keeps whatever is added to `to`, or taken out, between two tries."""
    return int(hashed("mailbox", address.casefold())[:15], 16)


@dataclass(frozen=True, slots=True, repr=False)
class Topic:
    """A crew's topic at the broker."""

    route: Route
    broker: Broker
    topic: str
    pace: tuple[int, float] | None = None
    avoids_crowds: bool = False
    has_mailboxes: bool = False

    @property
    def identity(self) -> str:
        """Return which broker it is, where we have one connection at a time."""
        return hashed("mqtt", self.broker.host, str(self.broker.port))

    @property
    def readers(self) -> frozenset[str]:
        """Return the topic."""
        return frozenset({hashed("mqtt", self.topic)})

    @property
    def secrets(self) -> frozenset[str]:
        """Return the password at the broker."""
        return frozenset({self.broker.password})

    def parts(self, notice: Notice, _link: Link, _site: Site) -> dict[int, bytes]:
        """Return the document as it was made."""
        return {1: notice.content}

    def deliver(self, parts: Sequence[bytes]) -> list[Answer]:
        """Publish it, retained."""
        (document,) = parts
        return [retain(self.broker, self.topic, document)]
