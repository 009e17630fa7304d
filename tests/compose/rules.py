"""What a Compose file of ours must hold, as rules that give a sentence for each breach."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_VERSIONED = re.compile(
    r"(?:\$\{[A-Z_]+:-)?[a-z0-9./-]+(?::(?!latest)v?\d+\.\d+(?:\.\d+)?[a-z0-9.-]*|@sha256:[0-9a-f]{64})\}?"
)


def breaches(compose: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each rule that a service breaks."""
    return [
        f"{name}: {text}" for name, service in compose["services"].items() for text in _of_service(service, compose)
    ]


def _of_service(service: Mapping[str, Any], compose: Mapping[str, Any]) -> Iterator[str]:
    if not _VERSIONED.fullmatch(service.get("image", "")):
        yield f"the image {service.get('image')!r} is pinned by no version"
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", str(service.get("user", ""))):
        yield "does not run as a numbered user other than root"
    if service.get("read_only") is not True:
        yield "can write to its root file system"
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add") or service.get("privileged"):
        yield "keeps capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "may gain privileges"
    yield from _of_running(service)
    yield from _of_mounts(service, compose)
    yield from _of_environment(service.get("environment", {}))


def _of_running(service: Mapping[str, Any]) -> Iterator[str]:
    if service.get("restart") != "unless-stopped":
        yield "is not started again"
    if not re.fullmatch(r"\d+[mg]", str(service.get("mem_limit", ""))):
        yield "has no memory limit"
    if not service.get("healthcheck", {}).get("test"):
        yield "has no health check"
    if "max-size" not in service.get("logging", {}).get("options", {}):
        yield "logs without bound"
    if "stop_grace_period" not in service:
        yield "says not how long it may take to stop"


def _of_mounts(service: Mapping[str, Any], compose: Mapping[str, Any]) -> Iterator[str]:
    for mount in service.get("volumes", []):
        source, _, rest = mount.partition(":")
        if source.startswith((".", "/")) and not rest.endswith(":ro"):
            yield f"can write to {source} of the host"
        if "docker.sock" in source:
            yield "holds the engine's socket"
        if not source.startswith((".", "/")) and source not in compose.get("volumes", {}):
            yield f"names the unknown volume {source}"
    for secret in service.get("secrets", []):
        if secret not in compose.get("secrets", {}):
            yield f"names the unknown secret {secret}"


def _of_environment(environment: Mapping[str, str]) -> Iterator[str]:
    for variable in environment:
        if re.search(r"PASSWORD$|SECRET$|TOKEN$|KEY$", variable):
            yield f"has a secret in its environment: {variable}"
