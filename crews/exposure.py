"""What may be reached from beyond this machine without encryption: nothing, unless somebody says so."""

from __future__ import annotations

import ipaddress

from ingest.errors import ConfigError


def is_loopback(host: str) -> bool:
    """Say whether `host` is this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_exposure(host: str, cert_file: str, *, allow_insecure: bool) -> None:
    """Raise ConfigError when links and lists would cross a network unencrypted without a word that this is meant."""
    if not (is_loopback(host) or cert_file or allow_insecure):
        raise ConfigError(
            f"[web] host = {host!r} would serve signed links over plain HTTP beyond this machine. Put a proxy "
            "with TLS in front and listen on 127.0.0.1, or write allow_insecure = true where the network is private."
        )
