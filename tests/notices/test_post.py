"""Nothing is posted to where nobody meant it to go, and no answer holds the sender up."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from greensward.sending import post as posting
from greensward.sending import reach
from greensward.sending.mail import MailServer, mail_of, send_mail
from greensward.sending.post import Target, UnreachableError, check_url, is_allowed, post
from greensward.sending.retained import retain
from ingest.errors import ConfigError
from ingest.mqtt.broker import Broker
from tests.compose.site import COMPOSE
from tests.mosquitto import free_port
from tests.robots import Vendors
from tests.waiting import PATIENCE_S

TRUST = ssl.create_default_context()


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104
     "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
     "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1", "198.18.0.1", "nonsense",
     "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::7f00:1", "fec0::1", "192.0.0.8"],
)  # fmt: skip
def test_no_address_of_ours_is_sent_to_unless_that_is_meant(address: str) -> None:
    assert not is_allowed(address, allow_private=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "2400:3200::1", "64:ff9b::808:808"])
def test_public_ones_are(address: str) -> None:
    assert is_allowed(address, allow_private=False)


@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "::ffff:169.254.169.254", "224.0.0.1"])  # noqa: S104
def test_where_private_ones_are_meant_those_of_no_one_machine_are_not(address: str) -> None:
    assert not is_allowed(address, allow_private=True)
    assert all(is_allowed(one, allow_private=True) for one in ("127.0.0.1", "10.0.0.1", "fd00::1"))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:7f00:1]"]
)
def test_every_spelling_of_this_machine_is_seen_through(host: str) -> None:
    with pytest.raises(UnreachableError, match=r"no public address|cannot be resolved"):
        post(Target(f"https://{host}:9/x?key=canary", allow_private=False, trust=TRUST), {}, b"", {})


def test_a_name_is_resolved_once_and_what_was_looked_at_is_connected_to(
    robots: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(robots.url.rpartition(":")[2])
    asked: list[str] = []

    def answers(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected: list[object] = []

    def connect(address: object, *_: object) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(UnreachableError, match="refused"):
        post(Target(f"https://rebinding.example:{port}/", allow_private=False, trust=TRUST), {}, b"", {})
    assert (asked, connected) == (["rebinding.example"], [("93.184.215.14", port)])


def test_another_address_of_the_name_is_tried_where_one_does_not_answer(
    robots: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(robots.url.rpartition(":")[2])
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in ("::1", "127.0.0.1", "127.0.0.2")]
    ask = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *how, **more: found if host == "localhost" else ask(host, *how, **more)
    )
    target = Target(f"http://localhost:{port}/wecom/send?key=a", allow_private=True, trust=TRUST)
    assert post(target, {}, b'{"msgtype":"text"}', {})[0] == 200


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in ("93.184.215.14", "10.0.0.5")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(UnreachableError, match=r"10\.0\.0\.5"):
        post(Target("https://both.example/", allow_private=False, trust=TRUST), {}, b"", {})


def test_a_redirect_is_not_followed_and_parameters_are_added(robots: Vendors) -> None:
    robots.instead = lambda: (302, b"", {"location": "http://169.254.169.254/latest"})
    target = Target(f"{robots.url}/wecom/send?key=a", allow_private=True, trust=TRUST)
    assert post(target, {"sign": "a+b="}, b"{}", {})[0] == 302
    assert robots.tries == 1


def test_a_proxy_of_the_environment_is_not_asked(robots: Vendors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    target = Target(f"{robots.url}/wecom/send?key=a", allow_private=True, trust=TRUST)
    assert post(target, {}, b'{"msgtype":"text"}', {})[0] == 200


def test_of_an_endless_answer_only_the_beginning_is_read(robots: Vendors) -> None:
    robots.instead = lambda: (200, b"x" * 1_000_000, {})
    target = Target(f"{robots.url}/wecom/send", allow_private=True, trust=TRUST)
    assert len(post(target, {}, b"{}", {})[1]) == posting.MOST_BYTES


@contextmanager
def dripping(*, speaks_first: bool = False) -> Iterator[tuple[int, list[bytes]]]:
    """Serve an answer that comes a byte at a time, twenty a second, and never ends; yields the port and what was sent.

    What is sent until the other end gives up tells how long that took, however busy the machine is.
    """
    over = threading.Event()
    sent: list[bytes] = []

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            if not speaks_first:
                connection.recv(1000)
            while not over.wait(0.05):
                try:
                    connection.send(b"H")
                except OSError:
                    return
                sent.append(b"H")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1], sent
        over.set()
        thread.join()


def test_an_answer_that_never_ends_is_given_up_however_steadily_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "_WHOLE_S", 0.5)
    with dripping() as (port, sent):
        with pytest.raises(UnreachableError):
            post(Target(f"http://127.0.0.1:{port}/x?key=canary", allow_private=True, trust=TRUST), {}, b"{}", {})
        assert 0 < len(sent) < 100


@contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """Serve one answer, and then nothing more without an end; yields the address."""
    over = threading.Event()

    def say(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(answer)
            over.wait(PATIENCE_S)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=say, args=(server,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x"
        over.set()
        thread.join()


@pytest.mark.parametrize(
    "more", [b"content-length: 100\r\n\r\nok", b"\r\nok", b"transfer-encoding: chunked\r\n\r\n2\r\nok"]
)
def test_what_a_status_says_stands_though_the_rest_never_comes(more: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "STEP_S", 0.3)
    with saying(b"HTTP/1.1 200 OK\r\n" + more) as url:
        assert post(Target(url, allow_private=True, trust=TRUST), {}, b"{}", {}) == (200, b"ok")


def test_a_name_server_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    answers = threading.Event()

    def hang(*host: object, **__: object) -> list[object]:
        asked.append(host)
        answers.wait(PATIENCE_S)
        return []

    monkeypatch.setattr(reach, "_RESOLVE_S", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(UnreachableError, match="cannot be resolved"):
        post(Target("https://slow.example/", allow_private=False, trust=TRUST), {}, b"", {})
    server = MailServer("slow.example", 25, "tls", "", "", TRUST)
    mail = mail_of("a@b.cn", ("c@d.cn",), "x", "x", "x", datetime.now(UTC))
    for answer in (*send_mail(server, mail, ["c@d.cn"]), retain(Broker("slow.example", 1883, client_id="x"), "x", b"")):
        assert (answer.outcome, "no name server answers" in answer.said) == ("later", True)
    with pytest.raises(TimeoutError):
        reach.resolved("slow.example", 25)
    assert asked == [("slow.example", port) for port in (443, 25, 1883)], "each is looked for once at a time"
    answers.set()


@contextmanager
def tls_server(certificates: Path) -> Iterator[int]:
    """Serve one TLS connection after another that answer 200; yields the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.crt", certificates / "server.key")

    def serve(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as wire:
                    said = wire.recv(10_000)
                    while not said.endswith(b"{}"):
                        said += wire.recv(10_000)
                    wire.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            except OSError:
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_a_certificate_must_be_of_a_known_authority_and_of_the_name(tmp_path: Path) -> None:
    for arguments in (["ca"], ["server", "localhost"]):
        subprocess.run([COMPOSE / "make-certs.sh", tmp_path, *arguments], check=True)
    own = ssl.create_default_context(cafile=tmp_path / "ca.crt")
    with tls_server(tmp_path) as port:
        good = Target(f"https://localhost:{port}/x?key=canary", allow_private=True, trust=own)
        assert post(good, {}, b"{}", {}) == (200, b"ok")
        for target in (
            Target(good.url, allow_private=True, trust=TRUST),
            Target(f"https://127.0.0.1:{port}/x?key=canary", allow_private=True, trust=own),
        ):
            with pytest.raises(UnreachableError, match="certificate is not good") as refusal:
                post(target, {}, b"{}", {})
            assert "canary" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://example.org/canary", "begins with https"),
        ("http://example.org/canary", "write https"),
        ("http://127.0.0.1/canary", "allow_private"),
        ("https://user:canary@example.org/", "without user"),
        ("https://example.org/canary#part", "without user, password or #"),
        ("https://example.org/canary\r\nX: y", "no blanks"),
        ("https://example.org:99999/canary", "no URL"),
        ("https:///canary", "begins with https"),
        ("canary", "begins with https"),
    ],
)
def test_what_is_no_address_to_post_to_is_refused_without_quoting_it(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refusal:
        check_url(url, "[send.x] url_file", allow_private=False)
    assert "canary" not in str(refusal.value)
    assert str(refusal.value).startswith("[send.x] url_file")
