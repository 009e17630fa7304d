"""A site as compose/setup.sh makes it, with its broker: the shipped configuration on loopback ports of its own."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from greensward.settings import BrokerSettings
from tests.mosquitto import Mosquitto, free_port

COMPOSE = Path(__file__).resolve().parents[2] / "compose"
PORTS = ("8883", "8884", "8885", "1880")


def make_site(folder: Path, district: str = "beichen") -> Path:
    """Run compose/setup.sh, and return the folder it made."""
    site = folder / "site"
    subprocess.run([COMPOSE / "setup.sh", district, "127.0.0.1", site], check=True, capture_output=True)
    return site


def make_device(site: Path, device_id: str) -> subprocess.CompletedProcess[str]:
    """Run compose/make-certs.sh for a device."""
    command = [str(COMPOSE / "make-certs.sh"), str(site / "ca"), "device", device_id]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@contextmanager
def running(broker: SiteBroker) -> Iterator[SiteBroker]:
    """Run a broker for a block, however the block ends."""
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class SiteBroker(Mosquitto):
    """Mosquitto with compose/mosquitto/mosquitto.conf; only paths, ports and the user that tests run as differ."""

    def __init__(self, site: Path) -> None:
        """Write the configuration; `start()` runs the broker."""
        super().__init__(site / "mosquitto-data")
        self.site = site
        self.ports = {shipped: free_port() for shipped in PORTS}
        self.port = self.ports["8884"]
        text = (COMPOSE / "mosquitto" / "mosquitto.conf").read_text(encoding="utf-8")
        for shipped, port in self.ports.items():
            address = "" if "127.0.0.1" in text.partition(f"listener {shipped}")[2].partition("\n")[0] else " 127.0.0.1"
            text = text.replace(f"listener {shipped}", f"listener {port}{address}")
        text = text.replace("/mosquitto/data/", f"{site}/mosquitto-data/").replace(
            "/mosquitto/site/", f"{site}/broker/"
        )
        self._config.write_text(f"user root\n{text}", encoding="utf-8")

    def settings(self) -> BrokerSettings:
        """Return the worker's settings for this broker."""
        return BrokerSettings(
            host="127.0.0.1",
            port=self.port,
            username="greensward",
            password_file=str(self.site / "secrets" / "broker-password"),
            ca_file=str(self.site / "ca.crt"),
            keepalive_s=5,
        )

    def change_acl(self, old: str, new: str) -> None:
        """Replace lines of the ACL; holds from the next start or `reload()`."""
        acl = self.site / "broker" / "acl"
        text = acl.read_text(encoding="utf-8")
        assert old in text
        acl.write_text(text.replace(old, new), encoding="utf-8")

    def reload(self) -> None:
        """Tell the running broker to read its ACL and passwords again; it does so a moment later."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)
