"""One POST to an address that somebody wrote into the settings, and to no other: resolved, looked at, and pinned.

Python's own HTTP client: what others have besides is what must not be here, redirects, proxies, retries, and errors and
logs that name the address, which is the robot's password.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, urlencode, urlsplit

from greensward.sending.reach import connected, ended_after, resolved
from ingest.errors import ConfigError

MOST_BYTES = 64 * 1024
"""Of an answer no more is read."""

_WHOLE_S = 20.0
_LONGEST_URL = 1000

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
"""All that is given out for use between networks (RFC 4291, 2.4)."""

_IETF_IPV4 = ipaddress.ip_network("192.0.0.0/24")
"""Of protocols, not of hosts (RFC 6890)."""


class UnreachableError(Exception):
    """Nothing was answered, or where the name leads nothing is sent; it may be otherwise later, as a DNS may err.

    has_gone: whether the message went, so that nobody knows if it arrived
    Its text names no path, query or secret.
    """

    def __init__(self, words: str, *, has_gone: bool = False) -> None:
        """Say it in `words`."""
        super().__init__(words)
        self.has_gone = has_gone


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """Where may be posted to.

    url: https, or http to this machine where `allow_private`
    allow_private: addresses of private networks and of this machine are meant
    trust: certificate authorities; those of the system unless a file of one's own was named
    """

    url: str
    allow_private: bool
    trust: ssl.SSLContext

    @property
    def host(self) -> str:
        """Return the host, which may be named in errors."""
        return urlsplit(self.url).hostname or ""


def check_url(url: str, where: str, *, allow_private: bool) -> SplitResult:
    """Return the parts of a URL. Raises: ConfigError, which does not quote it, where it cannot be posted to."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"{where}: this is no URL.") from error
    if any(ord(letter) <= ord(" ") or ord(letter) > ord("~") for letter in url) or len(url) > _LONGEST_URL:
        raise ConfigError(f"{where}: a URL has no blanks, only ASCII, and at most {_LONGEST_URL} characters.")
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ConfigError(f"{where}: write a URL that begins with https://.")
    if parts.scheme == "http" and not (allow_private and _is_this_machine(parts.hostname)):
        raise ConfigError(
            f"{where}: write https://; plain http:// only to this machine, together with allow_private = true."
        )
    if parts.username is not None or parts.fragment:
        raise ConfigError(f"{where}: write the URL without user, password or #.")
    return parts


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def post(target: Target, parameters: Mapping[str, str], body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Return status and the beginning of the answer.

    The name is resolved once, and connected to is what was looked at: a second answer of the DNS changes nothing.
    What a status says stands, though the rest of the answer may never come. Blocks for 40 s at most.
    Raises: UnreachableError.
    """
    parts = urlsplit(target.url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = _resolved(host, port, allow_private=target.allow_private)
    query = "&".join(filter(None, [parts.query, urlencode(parameters)]))
    path = (parts.path or "/") + (f"?{query}" if query else "")
    named = {"host": parts.netloc, "accept-encoding": "identity", "user-agent": "greensward"}
    with (
        _unreachable(host),
        contextlib.closing(connected(addresses, port)) as plain,
        ended_after(plain, _WHOLE_S),
        contextlib.closing(_encrypted(plain, target, host) if parts.scheme == "https" else plain) as wire,
    ):
        connection = http.client.HTTPConnection(host, port)
        connection.sock = wire
        connection.request("POST", path, body, named | headers)
        with _unreachable(host, has_gone=True):
            answer = connection.getresponse()
        return answer.status, _body(answer)


def _body(answer: http.client.HTTPResponse) -> bytes:
    """Return the beginning of the body, or as much of it as comes."""
    said = b""
    with contextlib.suppress(OSError, http.client.HTTPException):
        while len(said) < MOST_BYTES and (more := answer.read1(MOST_BYTES - len(said))):
            said += more
    return said


def _encrypted(plain: socket.socket, target: Target, host: str) -> socket.socket:
    return target.trust.wrap_socket(plain, server_hostname=host)


def _resolved(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Return the addresses to connect to, having looked at every one that the name has."""
    try:
        addresses = resolved(host, port)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(f"{host}: the name cannot be resolved") from error
    for address in addresses:
        if not is_allowed(address, allow_private=allow_private):
            raise UnreachableError(
                f"{host} leads to {address}, which is no public address; allow_private = true, if that is meant"
            )
    return addresses


def is_allowed(address: str, *, allow_private: bool) -> bool:
    """Say whether may be sent to an IP address: a public one, or any of one machine where private ones are meant."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        within = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in _NAT64 else ip.ipv4_mapped or ip.sixtofour
        ip = within or ip
    is_given_out = ip not in _IETF_IPV4 if isinstance(ip, ipaddress.IPv4Address) else ip in _GLOBAL_IPV6
    if ip.is_multicast or ip.is_unspecified or ip.is_link_local or str(ip) == "255.255.255.255":
        return False
    return allow_private or (ip.is_global and is_given_out)


@contextmanager
def _unreachable(host: str, *, has_gone: bool = False) -> Iterator[None]:
    """Turn what may go wrong on the way into one error that names the host and nothing secret."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"{host}: {_in_words(error)}", has_gone=has_gone) from None


def _in_words(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS connection: {error.reason or 'handshake failed'}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.RemoteDisconnected):
        return "ended the connection without an answer"
    if isinstance(error, http.client.HTTPException):
        return f"does not speak HTTP: {type(error).__name__}"
    return error.strerror or type(error).__name__
