"""`greensward demo`: what it finds is what was hidden, and it never removes what is not its own."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from crews.web import create_app
from greensward import console
from greensward.commands.demo import Outcome, _begin, _print_links, make_links, run, say_flags, say_list, say_sensors
from greensward.commands.demo_folder import MARKER, mark_complete, prepare_folder, write_settings
from greensward.commands.doctor import examine
from greensward.console import Terminal, progress
from greensward.evaluation import judge_lake
from greensward.given_settings import load
from greensward.health import problems, read_health
from greensward.settings import DataSettings, Settings
from greensward.simulate import District, invent_district
from ingest.errors import ConfigError
from ingest.lake.read import open_lake
from ingest.lake.tables import table

END = datetime.fromisoformat("2026-03-28T07:00:00+08:00")


@pytest.fixture(scope="module")
def district() -> District:
    return invent_district(7, END, 10)


@pytest.fixture(scope="module")
def terminal() -> Terminal:
    """Return a terminal that keeps what was shown on it."""
    return Terminal(file=io.StringIO(), force_terminal=True, width=200, _environ={"TERM": "xterm"})


@pytest.fixture(scope="module")
def demo(district: District, terminal: Terminal, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Settings]:
    root = tmp_path_factory.mktemp("demo")
    settings = Settings(data=DataSettings(folder=str(root)))
    write_settings(root, settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "err", terminal)
        return run(district, settings), settings


def test_whoever_looks_on_sees_each_step_while_it_takes_its_time(
    demo: tuple[Outcome, Settings], terminal: Terminal
) -> None:
    assert demo[0].published
    assert isinstance(terminal.file, io.StringIO)
    shown = terminal.file.getvalue()
    steps = [shown.index(step) for step in ("broker", "plots", "invent messages", "publish", "flags", "lists")]
    assert steps == sorted(steps)


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with open_lake(settings.data_folder(), settings.place()) as lake:
        return lake.execute(query).fetchall()


def test_every_message_is_a_row_refused_or_known_and_none_is_lost(
    demo: tuple[Outcome, Settings], district: District
) -> None:
    outcome, settings = demo
    truth = district.truth
    assert sum(outcome.outcomes.values()) == outcome.published + outcome.redelivered
    assert outcome.readings == truth.soil_rows + truth.weather_rows
    assert rows(settings, "select count(*) from drone_images") == [(truth.images,)]
    assert dict(rows(settings, "select scope, count(*) from rejected group by scope")) == {
        "message": truth.rejected_messages,
        "part": truth.rejected_parts,
    }
    assert (outcome.sensors, outcome.unregistered, outcome.flights) == (61, 1, 3)
    assert say_sensors({"sensors": 61, "unregistered": 1}) == "60 sensors and 1 in no register"


def test_the_dry_plots_and_no_others_are_found_dry(demo: tuple[Outcome, Settings], district: District) -> None:
    newest = "where as_of = (select max(as_of) from flags)"
    dry = dict(
        rows(
            demo[1],
            f"select plot_id, severity from flags {newest} and cause = 'drought' and state in ('dry', 'likely')",
        )
    )
    assert dry == dict(district.truth.dry_plots)
    assert demo[0].severe == 2


def test_the_sick_hedge_and_the_two_broken_sensors_are_found(
    demo: tuple[Outcome, Settings], district: District
) -> None:
    newest = "where as_of = (select max(as_of) from flags) and needs_work and cause <> 'drought'"
    truth = district.truth
    found = set(rows(demo[1], f"select plot_id, cause, state, device_id from flags {newest}"))
    assert (truth.sick_plot, "disease", "probable", None) in found
    assert (truth.sick_plot, "vigour", "alert", None) in found
    assert (truth.silent_plot, "sensor", "silent", truth.silent_device) in found
    assert (truth.pulled_out_plot, "sensor", "sensor_fault", truth.pulled_out_device) in found
    assert {plot for plot, *_ in found} == {truth.sick_plot, truth.silent_plot, truth.pulled_out_plot}


def test_the_crews_get_a_page_each_with_litres_and_the_ages_of_that_morning(demo: tuple[Outcome, Settings]) -> None:
    outcome, settings = demo
    assert [listed.crew for listed in outcome.lists] == ["一队", "二队"]
    assert all(0 < listed.litres < 60_000 for listed in outcome.lists)
    links = make_links(settings, outcome.lists, END)
    assert all("t of water ≈" in say_list(listed) for listed in outcome.lists)
    assert set(links) == {"一队", "二队", "office"}
    app = create_app(settings.data_folder(), settings.place(), public_url="http://127.0.0.1:8080", clock=lambda: END)

    async def open_page() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, follow_redirects=True) as browser:
            return await browser.get(links["一队"])

    page = asyncio.run(open_page())
    assert page.status_code == 200
    assert "浇水" in page.text


def test_the_demos_folder_brings_its_own_settings(demo: tuple[Outcome, Settings]) -> None:
    root = demo[1].data_folder().root
    assert load(data=root).data_folder().root == root


def test_whoever_asks_the_doctor_hears_when_the_last_message_came_and_not_that_none_ever_did(
    demo: tuple[Outcome, Settings],
) -> None:
    settings = demo[1]
    newest = rows(
        settings,
        "select strftime(max(received_at) at time zone 'Asia/Shanghai', '%Y-%m-%d %H:%M:%S') from raw_messages",
    )
    true = f"not running; the newest message came at {newest[0][0]}"
    now = datetime.now(UTC)
    assert [one.found for one in examine(settings, now) if one.what == "ingest"] == [true]
    assert [one.found for one in problems(read_health(settings), settings, now) if one.what == "ingest"] == [true]


def test_where_output_is_a_pipe_each_long_step_is_told_before_it_begins(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as bar:
        _begin(bar, "ingest", "the longest step")
    assert capsys.readouterr().err == "… ingest   the longest step\n"


def test_a_folder_with_files_of_somebody_else_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work", encoding="utf-8")
    for fresh in (False, True):
        with pytest.raises(ConfigError, match="no demo made"):
            prepare_folder(tmp_path, fresh=fresh)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "ten years of work"


def test_a_second_demo_refuses_kindly_and_replaces_with_fresh(tmp_path: Path) -> None:
    root = tmp_path / "demo"
    prepare_folder(root, fresh=False)
    (root / "lake").mkdir()
    prepare_folder(root, fresh=False)
    assert [entry.name for entry in root.iterdir()] == [MARKER], "what was interrupted is made anew"
    mark_complete(root)
    with pytest.raises(ConfigError, match="--fresh"):
        prepare_folder(root, fresh=False)
    prepare_folder(root, fresh=True)
    assert [entry.name for entry in root.iterdir()] == [MARKER]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="not a folder"):
        prepare_folder(tmp_path / "demo", fresh=True)


def test_a_link_to_a_demo_is_not_followed_away(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "demo", fresh=False)
    (tmp_path / "link").symlink_to(tmp_path / "demo", target_is_directory=True)
    with pytest.raises(ConfigError, match="link"):
        prepare_folder(tmp_path / "link", fresh=True)
    assert (tmp_path / "demo" / MARKER).is_file()


def test_the_flags_are_said_in_the_order_of_their_weight() -> None:
    flags = {"sensor silent": 1, "drought dry": 3, "disease probable": 1, "vigour alert": 1}
    assert say_flags(flags, 2) == "3 dry (2 severely), 1 probably diseased, 1 of low vigour, 1 with a silent sensor"
    assert say_flags({}, 0) == "nothing needs work"


def test_a_past_morning_judged_again_gives_the_same_flags(demo: tuple[Outcome, Settings]) -> None:
    _, settings = demo
    mornings = [instant for (instant,) in rows(settings, "select distinct as_of from flags order by 1")]
    assert len(mornings) == 3
    columns = ", ".join(column.name for column in table("flags").columns)
    for as_of in mornings:
        again = judge_lake(settings.data_folder(), settings.place(), as_of)
        with open_lake(settings.data_folder(), settings.place()) as lake:
            kept = lake.execute(
                f"select {columns} from flags where as_of = ? order by plot_id, cause, device_id", [as_of]
            ).to_arrow_table()
        assert kept.num_rows > 100
        assert again.to_pylist() == kept.cast(again.schema).to_pylist()


@pytest.mark.parametrize(("called_as", "typed"), [("./run", "./run sql -C "), ("", "greensward sql -C ")])
def test_the_next_command_is_told_as_the_demo_was_called(
    called_as: str, typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENSWARD_CALLED_AS", called_as)
    _print_links({}, Path("greensward-demo"))
    assert typed + "greensward-demo" in capsys.readouterr().out
