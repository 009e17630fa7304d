"""The register of plots on disk: what an import changes and what it leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow.parquet as pq
import pytest
import shapely

from ingest.errors import ConfigError, StoreError
from ingest.lake.layout import LAYOUT_VERSION, DataFolder
from ingest.lake.read import open_lake
from ingest.registers.store import PlotImport, import_devices, import_plots, read_rows
from ingest.site import BEICHEN
from tests.waiting import PATIENCE_S

Make = Callable[..., Any]
MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


@pytest.fixture
def bring(folder: DataFolder, collection: Make) -> Callable[..., PlotImport]:
    def run(*features: dict[str, Any], now: datetime = JUNE, **options: Any) -> PlotImport:
        return import_plots(folder, collection(*features), site=BEICHEN, now=now, **options)

    return run


def periods(folder: DataFolder, plot_id: str) -> list[tuple[datetime, datetime | None]]:
    return [(row["valid_from"], row["valid_to"]) for row in read_rows(folder, "plots") if row["plot_id"] == plot_id]


def test_a_first_import_begins_now_or_when_it_is_told_to(
    folder: DataFolder, bring: Make, plot: Make, square: Make
) -> None:
    bring(plot("P-1", square()))
    bring(plot("P-2", square(117.2)), valid_from=MAY)
    assert periods(folder, "P-1") == [(JUNE, None)]
    assert periods(folder, "P-2") == [(MAY, None)]


def test_the_same_file_again_changes_nothing(folder: DataFolder, bring: Make, plot: Make, square: Make) -> None:
    first = bring(plot("P-1", square()))
    files = list(folder.table("plots").iterdir())
    again = bring(plot("P-1", square()), now=JULY)
    assert (again.written, again.changes.unchanged, again.changes.version) == (False, ("P-1",), first.changes.version)
    assert list(folder.table("plots").iterdir()) == files


def test_the_same_area_drawn_from_another_corner_is_no_change(
    folder: DataFolder, bring: Make, plot: Make, square: Make
) -> None:
    bring(plot("P-1", square()))
    ring = square()["coordinates"][0]
    other_way = list(reversed([*ring[2:4], *ring[0:3]]))
    assert bring(plot("P-1", {"type": "Polygon", "coordinates": [other_way]}), now=JULY).changes.unchanged == ("P-1",)


def test_a_changed_plot_keeps_its_past(folder: DataFolder, bring: Make, plot: Make, square: Make) -> None:
    first = bring(plot("P-1", square()), plot("P-2", square(117.2)))
    second = bring(plot("P-1", square(), vegetation="shrubs"), plot("P-2", square(117.2)), now=JULY)
    assert (second.changes.changed, second.changes.unchanged) == (("P-1",), ("P-2",))
    rows = [row for row in read_rows(folder, "plots") if row["plot_id"] == "P-1"]
    assert [(row["vegetation"], row["valid_from"], row["valid_to"]) for row in rows] == [
        ("cool_turf", JUNE, JULY),
        ("shrubs", JULY, None),
    ]
    assert [row["register_version"] for row in rows] == [first.changes.version, second.changes.version]
    assert first.changes.version != second.changes.version


def test_a_correction_from_the_same_instant_replaces_the_row(
    folder: DataFolder, bring: Make, plot: Make, square: Make
) -> None:
    bring(plot("P-1", square()), valid_from=MAY)
    bring(plot("P-1", square(), crew="二队"), valid_from=MAY)
    assert [(row["crew"], row["valid_from"]) for row in read_rows(folder, "plots")] == [("二队", MAY)]


def test_history_is_not_rewritten(folder: DataFolder, bring: Make, plot: Make, square: Make) -> None:
    bring(plot("P-1", square()))
    with pytest.raises(ConfigError, match="P-1"):
        bring(plot("P-1", square(), crew="二队"), valid_from=MAY)
    assert periods(folder, "P-1") == [(JUNE, None)]


def test_a_plot_missing_from_the_file_stays_unless_the_file_replaces_all(
    folder: DataFolder, bring: Make, plot: Make, square: Make
) -> None:
    bring(plot("P-1", square()), plot("P-2", square(117.2)))
    bring(plot("P-1", square()), now=JULY)
    assert periods(folder, "P-2") == [(JUNE, None)]
    replaced = bring(plot("P-1", square()), now=JULY, replace=True)
    assert replaced.changes.closed == ("P-2",)
    assert periods(folder, "P-2") == [(JUNE, JULY)]
    assert bring(plot("P-2", square(117.2)), now=JULY + timedelta(days=1)).changes.added == ("P-2",)
    assert len(periods(folder, "P-2")) == 2


def test_a_faulty_file_changes_nothing_and_the_good_plots_come_when_asked_for(
    folder: DataFolder, bring: Make, plot: Make, square: Make
) -> None:
    features = plot("P-1", square()), plot("P-2", square(117.2), vegetation="moss")
    refused = bring(*features)
    assert (refused.written, refused.check.faults, read_rows(folder, "plots")) == (False, 1, [])
    taken = bring(*features, skip_faulty=True)
    assert (taken.written, taken.changes.added, taken.check.faults) == (True, ("P-1",), 1)


def test_replacing_with_a_faulty_plot_does_not_close_that_plot(
    folder: DataFolder, bring: Make, plot: Make, square: Make
) -> None:
    bring(plot("P-1", square()), plot("P-2", square(117.2)), plot("P-3", square(117.3)))
    done = bring(plot("P-1", square()), plot("P-2", None), now=JULY, replace=True, skip_faulty=True)
    assert done.changes.closed == ("P-3",)
    with pytest.raises(ConfigError, match="--replace"):
        bring(plot("P-1", square()), plot("", square(117.2)), now=JULY, replace=True, skip_faulty=True)


def test_checking_writes_nothing(folder: DataFolder, bring: Make, plot: Make, square: Make) -> None:
    done = bring(plot("P-1", square()), write=False)
    assert (done.written, done.changes.added) == (False, ("P-1",))
    assert list(folder.root.iterdir()) == []


def test_a_probe_in_the_register_shows_that_new_plots_are_shifted(
    folder: DataFolder, bring: Make, plot: Make, square: Make
) -> None:
    bring(plot("P-1", square()), valid_from=MAY)
    devices = b"device_id,plot_id,lon,lat,valid_from\ns1,P-1,117.1002,39.2002,2026-05-01\n"
    assert import_devices(folder, devices, site=BEICHEN, now=JUNE).written
    # GCJ-02 at this place is 0.0065° east and 0.0012° north: Amap's own position of the same lawn.
    done = bring(plot("P-1", square(117.1064, 39.2012)), now=JULY, skip_faulty=True)
    assert [finding.code for finding in done.check.findings] == ["datum_looks_like_gcj02"]
    assert not done.written


def test_two_imports_at_once_lose_neither(folder: DataFolder, bring: Make, plot: Make, square: Make) -> None:
    threads = [threading.Thread(target=bring, args=(plot(f"P-{i}", square(117.1 + i * 0.001)),)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(read_rows(folder, "plots")) == 6


def test_the_register_is_geoparquet_that_other_tools_read(
    folder: DataFolder, bring: Make, plot: Make, square: Make
) -> None:
    bring(
        plot("P-1", square()),
        plot(
            "P-2", {"type": "MultiPolygon", "coordinates": [square(117.2)["coordinates"], square(117.3)["coordinates"]]}
        ),
    )
    file = next(folder.table("plots").glob("*.parquet"))
    schema = pq.read_schema(file)
    geo = msgspec.json.decode(schema.metadata[b"geo"])
    # The specification's required keys and allowed values (geoparquet.org/releases/v1.1.0).
    assert geo["version"] == "1.1.0"
    assert geo["primary_column"] == "geometry"
    column = geo["columns"]["geometry"]
    assert column.keys() <= {"encoding", "geometry_types", "crs", "orientation", "edges", "bbox", "epoch", "covering"}
    assert (column["encoding"], column["orientation"], column["edges"]) == ("WKB", "counterclockwise", "planar")
    assert set(column["geometry_types"]) == {"Polygon", "MultiPolygon"}
    assert column["bbox"] == pytest.approx([117.1, 39.2, 117.3005, 39.2005])
    assert "crs" not in column
    assert pq.ParquetFile(file).schema.column(schema.names.index("geometry")).physical_type == "BYTE_ARRAY"
    stored = [
        shapely.from_wkb(wkb)
        for (wkb,) in duckdb.sql(f"select geometry from read_parquet('{file}') order by plot_id").fetchall()
    ]
    assert [shape.geom_type for shape in stored] == ["Polygon", "MultiPolygon"]
    with open_lake(folder, BEICHEN) as lake:
        ours = lake.execute("select geometry from plots order by plot_id").fetchall()
    assert [shapely.from_wkb(wkb) for (wkb,) in ours] == stored
    assert stored[0].exterior.is_ccw
    assert shapely.get_coordinates(stored[0]).min(axis=0) == pytest.approx([117.1, 39.2])


def test_the_reference_plots_of_the_drone_side_lie_without_overlap(folder: DataFolder, shared: Path) -> None:
    document = msgspec.json.decode((shared / "data/drone/plots_reference.geojson").read_bytes())
    usual = {
        "name": "参考",
        "plot_type": "park",
        "maintenance_grade": 1,
        "vegetation": "shrubs",
        "soil_texture": "loam",
    }
    expected = {}
    for feature in document["features"]:
        expected[feature["properties"]["plot_id"]] = feature["properties"].pop("area_m2")
        feature["properties"] |= usual
    done = import_plots(folder, msgspec.json.encode(document), site=BEICHEN, now=JUNE, skip_faulty=True)
    areas = {row["plot_id"]: row["area_m2"] for row in read_rows(folder, "plots")}
    assert areas
    assert areas == pytest.approx({plot_id: expected[plot_id] for plot_id in areas}, rel=1e-3)
    assert {finding.code for finding in done.check.findings if finding.severity == "fault"} <= {"overlap"}


def test_replacing_from_a_past_day_erases_no_plot_that_begins_later(
    folder: DataFolder, bring: Make, plot: Make, square: Make
) -> None:
    bring(plot("P-1", square()), valid_from=MAY)
    bring(plot("P-2", square(117.2)), valid_from=JULY)
    before = read_rows(folder, "plots")
    with pytest.raises(ConfigError, match="P-2"):
        bring(plot("P-1", square(), crew="二队"), valid_from=JUNE, replace=True)
    assert read_rows(folder, "plots") == before


def test_a_register_of_a_newer_greensward_is_left_as_it_is(
    folder: DataFolder, bring: Make, plot: Make, square: Make
) -> None:
    folder.version_file.write_text(f"{LAYOUT_VERSION + 1}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="newer Greensward"):
        bring(plot("P-1", square()))
    assert list(folder.root.iterdir()) == [folder.version_file]


def test_a_damaged_register_is_named_with_what_to_do(folder: DataFolder, bring: Make, plot: Make, square: Make) -> None:
    bring(plot("P-1", square()))
    (file,) = folder.table("plots").iterdir()
    file.write_bytes(b"PAR1 nothing more")
    with pytest.raises(StoreError, match=r"register of plots.*backup"):
        read_rows(folder, "plots")
