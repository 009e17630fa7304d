"""A network of its own between ingest and the broker, which can fall silent or lose packets.

Ingest runs in a network namespace, joined to the machine by a pair of virtual interfaces; the broker listens at the
machine's end. What is dropped is dropped inside the namespace, so that nothing of the machine is touched.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.needs import as_root, needed

_CLONE_NEWNET = 0x40000000
_WHY = "silence and loss need a network namespace"


@dataclass(frozen=True, slots=True)
class Network:
    """broker_host: the machine's address in it."""

    name: str
    broker_host: str

    def enter(self) -> None:
        """Put this process into the namespace; it must have one thread only."""
        with Path(f"/run/netns/{self.name}").open("rb") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Drop every packet in both directions: nobody is told that the connection is gone."""
        with self._dropping():
            yield

    @contextmanager
    def losing(self, share: float) -> Iterator[None]:
        """Lose that share of the packets, 0 to 1, in each direction."""
        with self._dropping("-m", "statistic", "--mode", "random", "--probability", str(share)):
            yield

    @contextmanager
    def _dropping(self, *which: str) -> Iterator[None]:
        chains = ("INPUT", "OUTPUT")
        for chain in chains:
            self._iptables("--append", chain, *which, "--jump", "DROP")
        try:
            yield
        finally:
            for chain in chains:
                self._iptables("--flush", chain)

    def _iptables(self, *arguments: str) -> None:
        # Not by `ip netns exec`: that copies all mounts, and file systems under test could not be unmounted meanwhile.
        inside = (needed("nsenter", "util-linux"), f"--net=/run/netns/{self.name}")
        as_root(*inside, needed("iptables", "iptables"), "--wait", *arguments, why=_WHY)


@contextmanager
def network() -> Iterator[Network]:
    """Make one; addresses are those of 198.18.0.0/15, which is set aside for tests of networks (RFC 2544)."""
    ip = needed("ip", "iproute2")
    number = os.getpid() % 16_384
    name, outside = f"greensward-{os.getpid()}", f"gs{os.getpid()}"
    third, fourth = divmod(4 * number, 256)
    here, there = f"198.18.{third}.{fourth + 1}", f"198.18.{third}.{fourth + 2}"
    as_root(ip, "netns", "add", name, why=_WHY)
    try:
        as_root(ip, "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name, why=_WHY)
        as_root(ip, "address", "add", f"{here}/30", "dev", outside, why=_WHY)
        as_root(ip, "link", "set", outside, "up", why=_WHY)
        as_root(ip, "-netns", name, "address", "add", f"{there}/30", "dev", "eth0", why=_WHY)
        as_root(ip, "-netns", name, "link", "set", "eth0", "up", why=_WHY)
        yield Network(name, here)
    finally:
        as_root(ip, "netns", "delete", name, why=_WHY)
