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
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, urlencode, urlsplit

from ingest.errors import ConfigError

MOST_BYTES = 64 * 1024
"""Of an answer no more is read."""

_STEP_S = 10.0
_WHOLE_S = 20.0
_LONGEST_URL = 1000

_MOST_ADDRESSES = 10
_SHORTEST_STEP_S = 1.0

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
"""All that is given out for use between networks (RFC 4291, 2.4)."""

_IETF_IPV4 = ipaddress.ip_network("192.0.0.0/24")
"""Of protocols, not of hosts (RFC 6890)."""


class UnreachableError(Exception):
    """Nothing was answered, or where the name leads nothing is sent; it may be otherwise later, as a DNS may err.

    Whether the message arrived is not known. Its text names no path, query or secret.
    """


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
    Blocks for 30 s at most, besides the DNS. Raises: UnreachableError.
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
        contextlib.closing(_connected(addresses, port)) as plain,
        ended_after(plain, _WHOLE_S),
        contextlib.closing(_encrypted(plain, target, host) if parts.scheme == "https" else plain) as wire,
    ):
        connection = http.client.HTTPConnection(host, port)
        connection.sock = wire
        connection.request("POST", path, body, named | headers)
        answer = connection.getresponse()
        return answer.status, answer.read(MOST_BYTES)


def _encrypted(plain: socket.socket, target: Target, host: str) -> socket.socket:
    return target.trust.wrap_socket(plain, server_hostname=host)


def _connected(addresses: list[str], port: int) -> socket.socket:
    """Return a connection to the first address that answers; ten seconds are for all of them."""
    step_s = max(_STEP_S / len(addresses), _SHORTEST_STEP_S)
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            return _within(step_s, address, port)
    return _within(step_s, addresses[-1], port)


def _within(seconds: float, address: str, port: int) -> socket.socket:
    plain = socket.create_connection((address, port), seconds)
    plain.settimeout(_STEP_S)
    return plain


def _resolved(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Return the addresses to connect to, having looked at every one that the name has."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(f"{host}: the name cannot be resolved") from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not is_allowed(address, allow_private=allow_private):
            raise UnreachableError(
                f"{host} leads to {address}, which is no public address; allow_private = true, if that is meant"
            )
    return addresses[:_MOST_ADDRESSES]


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
def ended_after(plain: socket.socket, seconds: float) -> Iterator[None]:
    """End the connection after so long, however slowly and steadily the other end answers."""
    watched = plain.dup()

    def end() -> None:
        with contextlib.suppress(OSError):
            watched.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        watched.close()


@contextmanager
def _unreachable(host: str) -> Iterator[None]:
    """Turn what may go wrong on the way into one error that names the host and nothing secret."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise UnreachableError(f"{host}: its certificate is not good: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise UnreachableError(f"{host}: no TLS connection: {error.reason or 'handshake failed'}") from None
    except TimeoutError:
        raise UnreachableError(f"{host} does not answer in time") from None
    except http.client.HTTPException as error:
        raise UnreachableError(f"{host} does not speak HTTP: {type(error).__name__}") from None
    except OSError as error:
        raise UnreachableError(f"{host}: {error.strerror or type(error).__name__}") from None
