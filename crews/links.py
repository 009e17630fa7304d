"""Signed links: who may open which list, until when; a link is the only account a crew has.

A token is `{key id}.{payload}.{HMAC-SHA256}`, payload and signature in URL-safe base64. It carries the role, the
subject (the crew's or the person's name), when it was made, when it ends, and its generation: withdrawing the links of
a subject begins a new generation, so that no clock decides which links still open. Roles: crew, which reads its list
and reports; office, which reads; officer, one named person of the office, who reads and acts under that name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from crews.issue import ActionRefusedError
from crews.ledger import Ledger, from_us, to_us
from crews.persons import person
from ingest.errors import ConfigError
from ingest.lake.durable import fsync_folder, make_folder, store_errors
from ingest.lake.layout import DataFolder

LONGEST = timedelta(days=7)
PAGES_OF = {"crew": "crew", "office": "office", "officer": "office"}
"""Whose pages each role opens."""

OFFICE = "office"
"""The subject of the office's own link, which belongs to nobody by name."""

_LONGEST_TOKEN = 2048
_KEY_BYTES = 32
_CLOCK_SLACK_US = 300_000_000
"""Two processes' clocks on one machine may differ while the clock is being set."""


class Pass(msgspec.Struct, frozen=True):
    """What a valid token says."""

    role: str
    subject: str
    made_at: datetime
    ends_at: datetime

    @property
    def pages(self) -> str:
        """Return whose pages it opens, crew or office."""
        return PAGES_OF[self.role]

    @property
    def officer(self) -> str | None:
        """Return the person of the office who acts with it; None where it does not act for the office."""
        return self.subject if self.role == "officer" else None

    @property
    def actor(self) -> str:
        """Return the name under which its holder appears in events: a person's is the one that commands are given."""
        return self.officer or f"{self.role}:{self.subject}"


class Keys(msgspec.Struct, frozen=True):
    """Signing keys by id; `current` signs, all of them verify, so that a key can be replaced without a break."""

    current: str
    keys: dict[str, str]


class _Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    r: str
    s: str
    m: int
    e: int
    g: int = 0


def load_keys(folder: DataFolder) -> Keys:
    """Return the signing keys, making the file (mode 0600) on first use.

    Raises: ConfigError when the file is open to others or holds no keys; StoreError when it cannot be read or written.
    """
    path = folder.link_keys
    with store_errors(f"reading {path}"):
        if not path.exists():
            _make_keys(path)
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    if mode & 0o077:
        raise ConfigError(f"{path} is open to others (mode {mode:04o}). Close it: chmod 600 {path}")
    try:
        keys = msgspec.json.decode(content, type=Keys)
        is_long_enough = len(bytes.fromhex(keys.keys[keys.current])) >= _KEY_BYTES
    except (msgspec.DecodeError, KeyError, ValueError) as error:
        raise ConfigError(f"{path} holds no keys. Remove it; new links are needed after that.") from error
    if not is_long_enough:
        raise ConfigError(f"{path} holds a key that is too short. Remove it; new links are needed after that.")
    return keys


def _make_keys(path: Path) -> None:
    key_id = secrets.token_hex(4)
    content = msgspec.json.encode(Keys(key_id, {key_id: secrets.token_hex(_KEY_BYTES)}))
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    with store_errors(f"making {path}"):
        make_folder(path.parent)
        path.parent.chmod(0o700)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as sink:
                sink.write(content)
                sink.flush()
                os.fsync(sink.fileno())
            try:
                path.hardlink_to(temporary)
            except FileExistsError:
                return
            fsync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def make_token(
    keys: Keys, role: str, subject: str, now: datetime, lasts: timedelta = LONGEST, *, generation: int = 0
) -> str:
    """Return a token for `subject` in `role`.

    generation: as `link_generation` says; 0 is that of a subject whose links were never withdrawn
    Raises: ValueError for an unknown role or a life outside 0 to 7 days.
    """
    if role not in PAGES_OF or not subject or not timedelta(0) < lasts <= LONGEST:
        raise ValueError(f"no token for role {role!r}, subject {subject!r}, {lasts}")
    payload = _encode(msgspec.json.encode(_Payload(role, subject, to_us(now), to_us(now + lasts), generation)))
    return f"{keys.current}.{payload}.{_sign(keys, keys.current, payload)}"


def read_token(keys: Keys, ledger: Ledger, token: str, now: datetime) -> Pass:
    """Return what a token says. Raises: ActionRefusedError, code bad_link, expired_link or revoked_link."""
    key_id, _, rest = token[:_LONGEST_TOKEN].partition(".")
    payload, _, signature = rest.partition(".")
    if key_id not in keys.keys or not hmac.compare_digest(
        _sign(keys, key_id, payload).encode(), signature.encode("utf-8", "replace")
    ):
        raise ActionRefusedError("bad_link", "This link is not one of ours, or was cut off.")
    try:
        said = msgspec.json.decode(_decode(payload), type=_Payload)
    except (msgspec.DecodeError, binascii.Error) as error:
        raise ActionRefusedError("bad_link", "This link cannot be read.") from error
    if said.r not in PAGES_OF:
        raise ActionRefusedError("bad_link", f"This Greensward knows no role {said.r!r}.")
    if not said.m <= to_us(now) + _CLOCK_SLACK_US or to_us(now) >= said.e:
        raise ActionRefusedError("expired_link", f"This link ended on {from_us(said.e).isoformat()}.")
    if said.g != link_generation(ledger, said.r, said.s):
        raise ActionRefusedError("revoked_link", "This link was withdrawn.")
    return Pass(said.r, said.s, from_us(said.m), from_us(said.e))


def link_generation(ledger: Ledger, role: str, subject: str) -> int:
    """Return the generation that links of `subject` in `role` must have to open anything. Raises: StoreError.

    A person's grows with the office's, too: who withdraws the office's links withdraws those of its people.
    """
    found = ledger.run(
        "select coalesce(sum(generation), 0) as generation from link_generations"
        " where (role = ? and subject = ?) or (role = 'office' and subject = ? and ? = 'officer')",
        (role, _known_as(role, subject), OFFICE, role),
    )
    return int(found[0]["generation"])


def remember_officer(ledger: Ledger, name: str) -> None:
    """Keep that a link was made for a person, so that a slip in a withdrawal is noticed. Raises: StoreError."""
    with ledger.transaction():
        ledger.run(
            "insert or ignore into link_generations (role, subject, generation) values ('officer', ?, 0)",
            (person(name),),
        )


def officers(ledger: Ledger) -> list[str]:
    """Return the people of the office for whom links were made, plainly spelt, sorted. Raises: StoreError."""
    rows = ledger.run("select subject from link_generations where role = 'officer' order by subject", ())
    return [row["subject"] for row in rows]


def revoke(ledger: Ledger, role: str, subject: str) -> None:
    """Make every link of `subject` in `role` that was made so far useless. Raises: StoreError."""
    with ledger.transaction():
        ledger.run(
            "insert into link_generations (role, subject, generation) values (?, ?, 1)"
            " on conflict (role, subject) do update set generation = generation + 1",
            (role, _known_as(role, subject)),
        )


def _known_as(role: str, subject: str) -> str:
    """Return the name of which generations are counted: a person's in whatever way it was written."""
    return person(subject) if role == "officer" else subject


def form_token(keys: Keys, token: str) -> str:
    """Return the proof that a page with forms was made for the holder of `token`."""
    return _hmac(keys, keys.current, f"form\0{token}")


def _sign(keys: Keys, key_id: str, payload: str) -> str:
    return _hmac(keys, key_id, f"link\0{payload}")


def _hmac(keys: Keys, key_id: str, message: str) -> str:
    key = bytes.fromhex(keys.keys[key_id])
    return _encode(hmac.new(key, message.encode("utf-8", "surrogatepass"), hashlib.sha256).digest())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
