"""The monitoring overlay: every name in it is one that a running installation says, and trouble turns alerts red."""

from __future__ import annotations

import copy
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import promql_parser as promql
import pytest
import yaml

from crews.flights.lists import keep_lists, make_lists
from crews.notices.outbox import Standing
from greensward.health import CERTIFICATE_LEFT
from ingest.site import BEICHEN
from tests.compose.clients import device
from tests.compose.monitoring import FOLDER, alerts, dashboard, is_red, selectors
from tests.compose.rules import breaches
from tests.compose.site import COMPOSE, SiteBroker, make_device, make_site, running
from tests.compose.test_health import NOW, WELL, changed, health, sends, values, write_flags, wrong
from tests.compose.test_ingest_at_the_broker import SOIL, environment, greensward, reading
from tests.crews.preview import made_folder
from tests.mosquitto import free_port
from tests.waiting import PATIENCE_S, wait_until

OVERLAY: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.monitoring.yaml").read_text(encoding="utf-8"))
RED_WITHIN_S = 60.0
"""Of which a scrape and a judgement, ten seconds each, are to come."""


def merged() -> dict[str, Any]:
    """Return both files as Compose puts them together."""
    both: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))
    for section in ("networks", "volumes", "secrets"):
        both[section] = both[section] | OVERLAY[section]
    for name, service in OVERLAY["services"].items():
        known = both["services"].setdefault(name, {})
        for key, value in service.items():
            known[key] = known[key] + value if isinstance(known.get(key), list) else copy.deepcopy(value)
    return both


def test_the_overlay_breaks_no_rule_and_opens_nothing_but_grafana_to_this_machine() -> None:
    both = merged()
    assert breaches(both) == []
    services = OVERLAY["services"]
    assert set(services) == {"web", "prometheus", "grafana"}
    assert services["web"] == {"networks": ["monitoring"]}
    assert {name: one.get("ports", []) for name, one in services.items() if name != "web"} == {
        "prometheus": [],
        "grafana": ["127.0.0.1:3000:3000"],
    }
    assert both["networks"]["monitoring"] == {"internal": True}
    assert services["prometheus"]["networks"] == ["monitoring"]


def test_what_it_mounts_is_there_or_made_by_setup(own_site: Path) -> None:
    mounts = [mount.split(":")[0] for one in OVERLAY["services"].values() for mount in one.get("volumes", [])]
    for source in [*mounts, OVERLAY["secrets"]["grafana-password"]["file"]]:
        if source.startswith("./site/"):
            made = own_site / source.removeprefix("./site/")
            assert made.stat().st_mode & 0o777 == 0o600
            assert os.getuid() != 0 or made.stat().st_uid == int(OVERLAY["services"]["grafana"]["user"].split(":")[0])
        elif source.startswith("."):
            assert (COMPOSE / source).is_file(), source


def test_prometheus_asks_the_pages_and_judges_the_shipped_rules_in_time() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    mounts = [mount.split(":")[:2] for mount in OVERLAY["services"]["prometheus"]["volumes"]]
    assert config["rule_files"] == [target for source, target in mounts if source.endswith("alerts.yml")]
    (scrape,) = config["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": ["web:8080"]}]
    assert "8080" in merged()["services"]["web"]["command"]
    seconds = [int(config["global"][name].removesuffix("s")) for name in ("scrape_interval", "evaluation_interval")]
    assert 30 + sum(seconds) <= RED_WITHIN_S, "a killed ingest is known after 30 s"
    assert alerts()["GreenswardPagesAway"].expr == f'up{{job="{scrape["job_name"]}"}} == 0'


def test_the_dashboard_is_found_by_grafana_and_asks_the_source_that_is_there() -> None:
    provisioned = FOLDER / "grafana"
    (source,) = yaml.safe_load((provisioned / "datasource.yml").read_text(encoding="utf-8"))["datasources"]
    (provider,) = yaml.safe_load((provisioned / "dashboards.yml").read_text(encoding="utf-8"))["providers"]
    mounts = dict(reversed(mount.split(":")[:2]) for mount in OVERLAY["services"]["grafana"]["volumes"])
    assert mounts[f"{provider['options']['path']}/greensward.json"] == "./monitoring/grafana/greensward.json"
    panels = dashboard()["panels"]
    assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == {source["uid"]}
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(re.fullmatch(r"[^/]*[\u4e00-\u9fff][^/]*/ [A-Z].*", panel["title"]) for panel in panels)
    places = [set(_cells(panel["gridPos"])) for panel in panels]
    assert sum(map(len, places)) == len(set().union(*places)), "panels lie over each other"


def _cells(at: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(at["x"], at["x"] + at["w"]):
        for y in range(at["y"], at["y"] + at["h"]):
            assert x < 24, "the grid has 24 columns"
            yield x, y


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_says_in_both_languages_what_is_wrong_and_what_to_do(name: str) -> None:
    rule = alerts()[name]
    assert rule.labels.keys() == {"severity"}
    assert rule.labels["severity"] in {"critical", "warning"}
    assert rule.annotations.keys() == {"summary_zh", "summary_en", "mend_zh", "mend_en"}
    for key, text in rule.annotations.items():
        assert bool(re.search(r"[\u4e00-\u9fff]", text)) == key.endswith("zh"), (key, text)
    assert rule.for_ is None or promql.parse_duration(rule.for_)
    page = (COMPOSE.parent / "docs" / "operators.md").read_text(encoding="utf-8")
    assert f"| {name} |" in page, "docs/operators.md says what it means"


def test_a_query_with_a_slip_is_no_query() -> None:
    for slip in ("greensward_connected = 0", "rate(greensward_received_total)", "sum by outcome (greensward_issues)"):
        with pytest.raises(ValueError):  # noqa: PT011 - the parser has no class of its own
            list(selectors(slip))


KINDS = {
    "unreadable": health(unreadable=("x",)),
    "disk": health(free_bytes=0),
    "ingest": health(None),
    "evaluation": health(evaluated_at=None),
    "broker": changed(connected=False),
    "sealing": changed(seal_problem="x"),
    "sender": sends(is_running=False),
    "sending": sends(Standing({"waiting": 1}, NOW - timedelta(hours=1))),
    "session": changed(sessions_lost=1),
    "lake": changed(damaged_files=["x"]),
    "messages": changed(last_message_at=WELL.written_at - timedelta(days=1)),
    "retention": health(kept_from={"flags": BEICHEN.local_date(NOW) + timedelta(days=9)}),
    "certificate": changed(certificate_ends_at=WELL.written_at + CERTIFICATE_LEFT),
}


def test_every_kind_of_problem_has_its_alert_and_no_alert_waits_for_another_kind() -> None:
    source = (COMPOSE.parent / "greensward" / "health.py").read_text(encoding="utf-8")
    assert set(re.findall(r'Problem\("(\w+)"', source)) == set(KINDS)
    asked = [
        labels["what"]
        for rule in alerts().values()
        for name, labels in selectors(rule.expr)
        if name == "greensward_problems"
    ]
    assert sorted(asked) == sorted(KINDS)
    for what, looked_at in KINDS.items():
        assert wrong(looked_at) == [what]
        page = {f'greensward_problems{{what="{what}"}}': 1.0}
        red = [rule for rule in alerts().values() if "problems" in rule.expr and is_red(rule, page)]
        assert [what in rule.expr for rule in red] == [True]
        assert red[0].for_ is None, "red at once"


@contextmanager
def installation(tmp_path: Path) -> Iterator[tuple[SiteBroker, int]]:
    """Run a broker with TLS, ingest and the pages over a made district; yield the broker and the pages' port."""
    folder = made_folder(tmp_path / "data")
    write_flags(folder, datetime.now(UTC))
    keep_lists(folder, make_lists([], [], datetime.now(UTC), missing_files=4))
    site = make_site(tmp_path)
    make_device(site, "gs-01")
    port = free_port()
    with running(SiteBroker(site)) as broker:
        env = environment(broker, folder) | {"GREENSWARD__INGEST__SEAL_EVERY_S": "0.2"}
        with (
            greensward("ingest", env=env, cwd=tmp_path),
            greensward("serve", "--port", str(port), env=env, cwd=tmp_path),
        ):
            wait_until(lambda: page_of(port).get("greensward_connected") == 1, "ingest listens", PATIENCE_S)
            with device(broker, "gs-01") as sender:
                sender.publish(SOIL, reading())
            wait_until(lambda: "greensward_last_seal_age_seconds" in page_of(port), "a reading is in the lake")
            yield broker, port


def page_of(port: int) -> dict[str, float]:
    """Return what the pages say to Prometheus, which calls them by the container's name."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"host": "web:8080"})
    except httpx.TransportError:
        return {}
    assert answer.status_code == 200
    return values(answer.text)


def until_red(name: str, port: int) -> None:
    """Wait until an alert is red, and hold how long that took against the promise."""
    rule, began = alerts()[name], time.monotonic()
    wait_until(lambda: is_red(rule, page_of(port)), f"{name} is red", PATIENCE_S)
    assert time.monotonic() - began < RED_WITHIN_S - 20


def test_a_running_installation_says_all_that_is_asked_for_and_trouble_turns_it_red(tmp_path: Path) -> None:
    with installation(tmp_path) as (broker, port):
        names = {series.partition("{")[0] for series in page_of(port)}
        asked = [rule.expr for rule in alerts().values()]
        asked += [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
        for expr in asked:
            for name, labels in selectors(expr):
                # Problems are there only while there are any, each kind held by the test above.
                assert name in names | {"greensward_problems"}, f"nobody says {name}"
                assert set(labels) <= {"what"}, (name, labels)
        at_rest = page_of(port)
        red = {rule.alert for rule in alerts().values() if not {"up", "changes"} & set(re.findall(r"\w+", rule.expr))
               and is_red(rule, at_rest)}  # fmt: skip
        assert red == {"GreenswardPicturesMissing"}, "of which it is told for a day first"
        assert at_rest["greensward_broker_certificate_left_seconds"] == pytest.approx(730 * 86_400, rel=0.001)

        broker.kill()
        until_red("GreenswardBrokerAway", port)
        broker.start()
        wait_until(lambda: not is_red(alerts()["GreenswardBrokerAway"], page_of(port)), "it is back", PATIENCE_S)
