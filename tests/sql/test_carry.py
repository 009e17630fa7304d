"""Taking over from the evaluation before what has not changed: the answer is that of judging everything."""

from __future__ import annotations

import dataclasses
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from bench.continued_evaluations import compare_tables
from greensward.carried import keep_for_next, load_past, soil_files
from ingest.lake.compact import compact_partition
from ingest.lake.layout import DataFolder
from ingest.lake.read import open_lake
from ingest.lake.tables import all_tables, table
from ingest.lake.write import by_local_day, replace_register, to_arrow, write_rows
from ingest.site import BEICHEN, Site
from sql.carry import Carry
from sql.describe import describe_plot
from sql.evaluate import evaluate
from sql.held import held_models, is_of_carried
from sql.models import READINGS_AT_ONCE, all_models, in_three_steps
from tests.sql.made_lake import AS_OF, MadeLake
from tests.sql.stored_lake import store
from tests.sql.test_learned_field_capacity import START, wetting
from tests.sql.test_where_water_came_from import happened

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Evaluated:
    """What one evaluation that carries said, and how many groups of plots it judged and took over."""

    def __init__(self, folder: DataFolder, as_of: datetime, site: Site = BEICHEN) -> None:
        """Judge, keep for the next, judge everything again without anything carried, and compare."""
        carry = Carry(load_past(folder), soil_files(folder), site, as_of)
        with open_lake(folder, site) as lake, open_lake(folder, site) as anew:
            flags = evaluate(lake, as_of=as_of, site=site, carry=carry)
            assert flags.equals(evaluate(anew, as_of=as_of, site=site, carry=Carry(None, {}, site, as_of)))
            compare_tables(lake, anew, "taken over")
            keep_for_next(folder, lake, carry)
        self.judged, self.carried, self.continued = carry.groups_judged, carry.groups_carried, carry.groups_continued
        self.made = {model.name for model in held_models()} - carry.holding.holds
        self.states = {(row["plot_id"], row["cause"]): row["state"] for row in flags.to_pylist()}


@pytest.fixture
def made() -> MadeLake:
    """Five plots with a probe each, P0 to P4; the probe of P4 fell silent at 10:00 the day before AS_OF."""
    lake = MadeLake()
    for number in range(5):
        lake.laboratory_plot(f"P{number}")
        lake.device(f"D{number}", f"P{number}")
        lake.soil_until_now([0.26, 0.24, 0.21, 0.19 + number / 100], f"D{number}")
    silent_from = AS_OF - 22 * HOUR
    lake.rows["soil_readings"] = [
        row for row in lake.rows["soil_readings"] if row["device_id"] != "D4" or row["measured_at"] <= silent_from
    ]
    return lake


@pytest.fixture
def lake_folder(made: MadeLake, folder: DataFolder) -> DataFolder:
    return store(made, folder)


def add(folder: DataFolder, device_id: str, measured_at: datetime, water_content: float) -> None:
    more = MadeLake()
    more.soil(measured_at, device_id, volumetric_water_content=water_content, soil_temperature_c=20.0)
    spec = table("soil_readings")
    for day, rows in by_local_day(spec, to_arrow(spec, more.rows["soil_readings"]), BEICHEN):
        write_rows(folder, spec, day, rows, f"more-{device_id}-{measured_at:%d%H%M}")


def old_plateau(plot_id: str, device_id: str) -> dict[str, object]:
    """Return a row of soil_plateaus that left the window a month ago."""
    return (
        dict.fromkeys(("peak_water_content", "plateau_water_content"), 0.3)
        | {"plot_id": plot_id, "device_id": device_id, "channel": 1, "depth_cm": 30.0}
        | {"wetted_at": AS_OF - timedelta(days=60), "found_at": AS_OF - timedelta(days=30)}
    )


def register(folder: DataFolder, made: MadeLake, name: str) -> None:
    replace_register(folder, name, to_arrow(table(name), made.rows[name]))


def test_what_follows_reads_no_rows_of_which_only_the_new_ones_are_there() -> None:
    """A table of the middle step holds what was judged anew; whoever reads it later needs it carried, or is wrong."""
    before, judged, after = in_three_steps(all_models())
    by_name = {model.name: model for model in judged}
    for model in after:
        behind = [name for name in model.reads if name in by_name]
        for name in behind:
            assert not by_name[name].is_table or by_name[name].is_carried, f"{model.name} reads {name}"
            if not by_name[name].is_table:
                behind += [source for source in by_name[name].reads if source in by_name]
    sources = {model.name for model in before} | set(all_tables())
    read = {name for model in judged for name in model.reads if name in sources}
    fingerprinted = {
        *("soil_readings", "soil_plateaus", "battery_days", "staged_devices", "staged_plots", "staged_soil_layers"),
        *("weather_days", "depletion_shifts"),  # in the key
    }
    informing = {"staged_weather_readings"}  # D04 alone, which decides nothing
    assert read == fingerprinted | informing, (
        "what carried rows follow from belongs into the fingerprint of sql/carry.py"
    )
    asking = {model.name for model in judged if "getvariable('as_of')" in model.select}
    assert asking == {"staged_soil_readings", "learned_field_capacities"}, (
        "what depends on the instant belongs into the fingerprint too, or behind the carried tables"
    )


def test_only_plots_with_news_are_judged_anew_and_time_still_passes_for_the_others(lake_folder: DataFolder) -> None:
    first = judge(lake_folder, AS_OF)
    assert (first.groups_judged, first.groups_carried) == (5, 0)
    add(lake_folder, "D1", AS_OF + 5 * MINUTE, 0.20)
    add(lake_folder, "D2", AS_OF - timedelta(days=2, minutes=30), 0.35)  # two days late
    with_news = Evaluated(lake_folder, AS_OF + 10 * MINUTE)
    assert (with_news.judged, with_news.continued, with_news.carried) == (1, 1, 3)
    assert with_news.states["P4", "sensor"] == "ok"
    compact_partition(lake_folder, table("soil_readings"), date(2026, 7, 10), 1)
    hours_later = Evaluated(lake_folder, AS_OF + 3 * HOUR)
    assert (hours_later.judged, hours_later.continued, hours_later.carried) == (0, 1, 4), "merged files, same readings"
    assert hours_later.states["P4", "sensor"] == "stale", "25 h after its last reading, without any news"
    assert judge(lake_folder, AS_OF).groups_carried == 0, "of an instant before, nothing is taken over"
    assert Evaluated(lake_folder, AS_OF + 17 * HOUR).carried == 0, "a new day moves the window"


def test_what_goes_through_all_days_is_made_again_only_when_what_it_reads_has_changed(
    lake_folder: DataFolder, made: MadeLake
) -> None:
    every = {model.name for model in held_models()}
    made.device("W1", None, depths_cm=None)

    def add_rows(name: str) -> None:
        for day, rows in by_local_day(table(name), to_arrow(table(name), made.rows[name]), BEICHEN):
            write_rows(lake_folder, table(name), day, rows, f"{len(made.rows[name])}")

    register(lake_folder, made, "devices")
    assert Evaluated(lake_folder, AS_OF).made == every
    assert Evaluated(lake_folder, AS_OF + HOUR).made == set(), "though time has passed"
    made.add("weather_readings", device_id="W1", measured_at=AS_OF - 30 * HOUR, rain_depth_mm=7.0)
    add_rows("weather_readings")
    assert Evaluated(lake_folder, AS_OF + HOUR).made >= {"wetting_signs", "balance_days"}
    happened(made, "done", 2, "P1", litres=300.0)
    add_rows("issue_events")
    assert "drydowns" not in (reported := Evaluated(lake_folder, AS_OF + 2 * HOUR).made)
    assert reported >= {"wetting_signs"}
    assert Evaluated(lake_folder, AS_OF + 2 * HOUR).made == set()
    add(lake_folder, "D1", AS_OF + 2 * HOUR, 0.20)
    assert Evaluated(lake_folder, AS_OF + 3 * HOUR).made == every
    assert Evaluated(lake_folder, AS_OF + 3 * HOUR).made == set()
    made.rows["plots"].pop()
    register(lake_folder, made, "plots")
    made.rows["devices"] = [row for row in made.rows["devices"] if row["plot_id"] != "P4"]
    register(lake_folder, made, "devices")
    assert Evaluated(lake_folder, AS_OF + 3 * HOUR).made == every, "P4 is no more"


def test_what_is_held_does_not_ask_for_the_instant() -> None:
    by_name = {model.name: model for model in all_models()}
    behind = [model.name for model in held_models()]
    for name in behind:
        behind += [source for source in by_name[name].reads if is_of_carried(source) and not by_name[source].is_carried]
    asking = {name for name in behind if "'as_of'" in by_name[name].select}
    assert not asking, "what depends on the instant belongs behind what is held"


def test_one_plot_among_many_is_judged_by_the_readings_of_its_own_probes(made: MadeLake, folder: DataFolder) -> None:
    """Few enough of 26 groups that probes are named in the statement: one with an odd name, then none."""
    for number in range(20):
        made.plot(f"bare-{number}")
    made.plot("P5")
    made.device("D'5, D4", "P5")
    made.soil_until_now([0.26, 0.24], "D'5, D4")
    store(made, folder)
    judge(folder, AS_OF)
    add(folder, "D'5, D4", AS_OF - timedelta(days=2, minutes=30), 0.35)
    late = Evaluated(folder, AS_OF)
    assert (late.judged, late.continued, late.carried) == (1, 0, 25)
    next(plot for plot in made.rows["plots"] if plot["plot_id"] == "bare-7")["vegetation"] = "trees"
    register(folder, made, "plots")
    bare = Evaluated(folder, AS_OF)
    assert (bare.judged, bare.continued, bare.carried) == (1, 0, 25)


def test_fingerprints_of_the_days_before_are_written_again_only_when_one_of_them_has_new_files(
    lake_folder: DataFolder,
) -> None:
    def judged_with_more(measured_at: datetime, as_of: datetime) -> Path:
        add(lake_folder, "D1", measured_at, 0.20)
        assert Evaluated(lake_folder, as_of).carried == 4
        past = load_past(lake_folder)
        assert past is not None
        return past.device_days

    judge(lake_folder, AS_OF)
    first = judged_with_more(AS_OF + 5 * MINUTE, AS_OF + 10 * MINUTE)
    assert judged_with_more(AS_OF + 15 * MINUTE, AS_OF + 20 * MINUTE) == first, "only today's are new"
    with_late = judged_with_more(AS_OF - timedelta(days=2, minutes=30), AS_OF + 30 * MINUTE)
    assert with_late != first
    assert judged_with_more(AS_OF + 35 * MINUTE, AS_OF + 40 * MINUTE) == with_late


def test_registers_and_settings_that_change_are_judged_anew(lake_folder: DataFolder, made: MadeLake) -> None:
    judge(lake_folder, AS_OF)
    made.rows["plots"][3]["vegetation"] = "trees"
    register(lake_folder, made, "plots")
    assert judge(lake_folder, AS_OF).groups_judged == 1
    made.rows["plots"][0]["field_capacity"] = 0.31
    register(lake_folder, made, "plots")
    made.rows["devices"][1]["valid_to"] = AS_OF - 30 * HOUR
    made.device("D1", "P2", valid_from=AS_OF - 30 * HOUR)
    register(lake_folder, made, "devices")
    moved = Evaluated(lake_folder, AS_OF)
    assert (moved.judged, moved.carried) == (2, 2), "P0; and P1 with P2, which share a probe now; not P3 and P4"
    add(lake_folder, "D2", AS_OF - MINUTE, 0.18)
    again = Evaluated(lake_folder, AS_OF)
    assert (again.judged, again.carried) == (1, 3)
    saltier = dataclasses.replace(BEICHEN, soil_ece_ds_m=8.0, water_ec_ds_m=1.5)
    assert judge(lake_folder, AS_OF, saltier).groups_carried == 0


def test_a_plateau_that_ends_teaches_though_no_reading_came(folder: DataFolder) -> None:
    """The third wetting of P0 is at START + 17 days; its plateau is over 49 h later, and the probe silent after 45."""
    made = MadeLake()
    for number, hours in enumerate((17 * 24 + 45, 48, 48)):
        made.plot(f"P{number}")
        made.device(f"D{number}", f"P{number}")
        for hour, water_content in enumerate(([0.20] * 24 + wetting(0.30) * 3)[:hours]):
            made.soil(
                START + hour * HOUR, f"D{number}", volumetric_water_content=water_content, soil_temperature_c=20.0
            )
    store(made, folder)
    over = START + timedelta(days=17, hours=49)
    judge(folder, over - MINUTE)
    assert Evaluated(folder, over).judged == 1


def test_what_is_carried_may_be_damaged_or_deleted_at_any_time(lake_folder: DataFolder) -> None:
    judge(lake_folder, AS_OF)
    listed = lake_folder.carried / "newest.json"
    (zone,), (held,) = lake_folder.carried.glob("root_zone-*"), lake_folder.carried.glob("drydowns-*")
    whole = {path: path.read_bytes() for path in lake_folder.carried.iterdir()}
    flipped = bytearray(whole[zone])
    flipped[len(flipped) // 2] ^= 1
    lost = [(zone, bytes(flipped)), (zone, None), (held, None), (listed, None), (listed, b"{"), (listed, b"{}")]
    for path, content in lost:
        assert load_past(lake_folder) is not None
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        assert load_past(lake_folder) is None, f"{path.name}: {content!r:.20}"
        path.write_bytes(whole[path])
    held.write_bytes(b"PAR1")
    assert [judge(lake_folder, AS_OF).groups_carried for _ in range(2)] == [0, 5], "what was damaged is made anew"
    shutil.rmtree(lake_folder.carried)
    assert judge(lake_folder, AS_OF).groups_carried == 0
    assert load_past(lake_folder) is not None


@pytest.mark.parametrize("leaves", [True, False], ids=["for the next", "for nobody"])
def test_a_district_judged_part_by_part_is_that_judged_at_once(
    made: MadeLake, folder: DataFolder, *, leaves: bool
) -> None:
    """P1 and P2 share a probe that was moved; D9, silent for months, left a plateau; D8 stands in no register."""
    made.device("D2", "P1", valid_from=AS_OF - timedelta(days=2))
    made.laboratory_plot("P9")
    made.device("D9", "P9")
    made.soil_until_now([0.26, 0.24], "D8")
    made.rows["soil_plateaus"] = [old_plateau("P3", "D3"), old_plateau("P9", "D9")]
    store(made, folder)
    begun: list[str] = []
    days = soil_files(folder) if leaves else {}
    carry = Carry(None, days, BEICHEN, AS_OF, readings_at_once=len(made.rows["soil_readings"]) // 4)
    with open_lake(folder, BEICHEN) as lake, open_lake(folder, BEICHEN) as whole:
        flags = evaluate(lake, as_of=AS_OF, site=BEICHEN, carry=carry, progress=lambda name, *_: begun.append(name))
        expected = evaluate(whole, as_of=AS_OF, site=BEICHEN, carry=Carry(None, {}, BEICHEN, AS_OF))
        compare_tables(lake, whole, "in parts")
        unsteady = "select * from unsteady_devices order by all"
        assert lake.execute(unsteady).fetchall() == whole.execute(unsteady).fetchall()
        learned = lake.execute("select device_id from learned_field_capacities order by device_id").fetchall()
        assert learned == [("D3",), ("D9",)]
        if leaves:
            keep_for_next(folder, lake, carry)
    assert flags.equals(expected)
    assert begun.count("readings") == 3
    if leaves:
        assert Evaluated(folder, AS_OF + 10 * MINUTE).carried == carry.groups_judged


def test_what_one_plot_shows_is_the_same_whether_the_others_are_let_go_or_taken_over(
    made: MadeLake, folder: DataFolder
) -> None:
    """P1 and P2 share a probe; readings come to P0 and P3 after the evaluation that is taken over."""
    made.device("D2", "P1", valid_from=AS_OF - timedelta(days=2))
    store(made, folder)
    later, parts = AS_OF + 10 * MINUTE, len(made.rows["soil_readings"]) // 4

    def shown(carry: Carry | None) -> dict[str, list[dict[str, object]]]:
        with open_lake(folder, BEICHEN) as lake:
            evaluate(lake, as_of=later, site=BEICHEN, carry=carry)
            described = describe_plot(lake, "P2")
            described["hourly"] = rows_of(lake, "from readings_hourly where plot_id = 'P2' order by all")
            described["readings of it"] = rows_of(lake, "from readings where plot_id = 'P2' order by measured_at")
        numbers = ("element_id", "stream_id")  # mean nothing outside of one evaluation
        return {
            name: [{column: value for column, value in row.items() if column not in numbers} for row in rows]
            for name, rows in described.items()
        }

    judge(folder, AS_OF)
    add(folder, "D0", AS_OF + 5 * MINUTE, 0.20)
    add(folder, "D3", AS_OF + 5 * MINUTE, 0.20)
    expected = shown(None)
    taken_over = Carry(load_past(folder), soil_files(folder), BEICHEN, later, readings_at_once=10, shown="P2")
    assert shown(taken_over) == expected
    assert (taken_over.groups_judged, taken_over.groups_continued, taken_over.groups_carried) == (1, 2, 1)
    assert shown(Carry(None, {}, BEICHEN, later, parts, shown="P2")) == expected


@pytest.mark.parametrize("at_once", [READINGS_AT_ONCE, 10], ids=["at once", "part by part"])
def test_what_is_known_of_a_soil_stands_once_beside_plots_that_are_judged_anew(
    made: MadeLake, folder: DataFolder, at_once: int
) -> None:
    made.rows["soil_plateaus"] = [old_plateau(f"P{number}", f"D{number}") for number in (1, 3)]
    store(made, folder)
    judge(folder, AS_OF)
    add(folder, "D1", AS_OF - timedelta(days=2, minutes=30), 0.35)
    add(folder, "D2", AS_OF - timedelta(days=2, minutes=30), 0.35)
    carry = Carry(load_past(folder), soil_files(folder), BEICHEN, AS_OF, at_once)
    with open_lake(folder, BEICHEN) as lake:
        evaluate(lake, as_of=AS_OF, site=BEICHEN, carry=carry)
        learned = lake.execute("select device_id from learned_field_capacities order by device_id").fetchall()
    assert (carry.groups_judged, carry.groups_carried) == (2, 3)
    assert learned == [("D1",), ("D3",)]


def test_two_evaluations_at_a_time_do_not_mix_what_they_leave(lake_folder: DataFolder) -> None:
    """The first began before a reading came; the second, which carries nothing, keeps first, and that stays."""
    judge(lake_folder, AS_OF)
    first = Carry(load_past(lake_folder), soil_files(lake_folder), BEICHEN, AS_OF)
    with open_lake(lake_folder, BEICHEN) as lake:
        evaluate(lake, as_of=AS_OF, site=BEICHEN, carry=first)
        add(lake_folder, "D1", AS_OF + 10 * MINUTE, 0.20)
        (lake_folder.carried / "newest.json").unlink()
        judge(lake_folder, AS_OF + 11 * MINUTE)
        keep_for_next(lake_folder, lake, first)
    assert Evaluated(lake_folder, AS_OF + 11 * MINUTE).judged == 0


def rows_of(lake: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = lake.execute(query).to_arrow_table().to_pylist()
    return rows


def judge(folder: DataFolder, as_of: datetime, site: Site = BEICHEN) -> Carry:
    carry = Carry(load_past(folder), soil_files(folder), site, as_of)
    with open_lake(folder, site) as lake:
        evaluate(lake, as_of=as_of, site=site, carry=carry)
        keep_for_next(folder, lake, carry)
    return carry
