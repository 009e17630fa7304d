"""`greensward export`: files that map and catalogue programs open, whole or not at all."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pystac
import pystac.validation
import pytest
import shapely

from greensward.cli import run
from greensward.console import EXIT_OK, EXIT_USAGE
from greensward.export import files
from greensward.export.geoparquet import write_geoparquet
from greensward.export.stac import item_id
from ingest.errors import StoreError
from ingest.lake.layout import DataFolder
from ingest.lake.ownership import own
from tests.seal.test_pictures import NOON, SICK, YAW_ONLY, Lake, native


@pytest.fixture
def flown(folder: DataFolder) -> DataFolder:
    """Return a lake with a picture that has ground and a finding, one of an hour before, and one without ground."""
    with own(folder):
        lake = Lake(folder)
        earlier = native("d/2", at=NOON - timedelta(hours=1), flight_id="g", object_uri="s3://pictures/d/2.TIF")
        lake.seal(native(detections=SICK), earlier, native("d/3", attitude=YAW_ONLY))
    return folder


def export(flown: DataFolder, what: str, target: Path, *options: str) -> int:
    return run(["export", what, str(target), "-C", str(flown.root), *options])


def geo_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pq.read_metadata(path).metadata[b"geo"])
    return found


def test_footprints_are_polygons_with_their_boxes_and_the_datum_said(flown: DataFolder, tmp_path: Path) -> None:
    target = tmp_path / "footprints.parquet"
    assert export(flown, "footprints", target) == EXIT_OK
    rows, geo = pq.read_table(target), geo_of(target)
    assert rows["picture_id"].to_pylist() == ["PLANE/d/2", "PLANE/d/1"]
    column = geo["columns"]["geometry"]
    assert (geo["version"], geo["primary_column"], column["encoding"]) == ("1.1.0", "geometry", "WKB")
    assert column["geometry_types"] == ["Polygon"]
    assert column["crs"]["id"] == {"authority": "OGC", "code": "CRS84"}
    assert column["covering"]["bbox"] == {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")}
    shapes = shapely.from_wkb(rows["geometry"].to_pylist())
    assert column["bbox"] == pytest.approx(shapely.total_bounds(shapes).tolist())
    for shape, box in zip(shapes, rows["bbox"].to_pylist(), strict=True):
        assert tuple(box.values()) == shape.bounds
        assert shape.exterior.is_ccw
    assert "footprint" not in rows.column_names
    assert rows.schema.field("footprint_area_m2").metadata[b"unit"] == b"m2"


def test_findings_are_points_where_they_lie(flown: DataFolder, tmp_path: Path) -> None:
    target = tmp_path / "detections.parquet"
    assert export(flown, "detections", target) == EXIT_OK
    (row,) = pq.read_table(target).to_pylist()
    assert geo_of(target)["columns"]["geometry"]["geometry_types"] == ["Point"]
    point = shapely.from_wkb(row["geometry"])
    assert (point.x, point.y) == (row["centre_lon"], row["centre_lat"])
    assert (row["plot_id"], row["class"], row["status"]) == ("W", "powdery_mildew", "assigned")


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ((), 2),
        (("--flight", "g"), 1),
        (("--since", "2026-07-02 11:30"), 1),
        (("--until", "2026-07-02 11:30"), 1),
        (("--since", "2026-07-03"), 0),
    ],
)
def test_a_part_may_be_asked_for_and_nothing_is_an_empty_layer(
    flown: DataFolder, tmp_path: Path, options: tuple[str, ...], count: int
) -> None:
    target = tmp_path / "footprints.parquet"
    assert export(flown, "footprints", target, *options) == EXIT_OK
    assert pq.read_table(target).num_rows == count
    assert ("bbox" in geo_of(target)["columns"]["geometry"]) is (count > 0)


def test_pictures_become_stac_items_under_one_collection(flown: DataFolder, tmp_path: Path) -> None:
    assert export(flown, "stac", tmp_path / "stac") == EXIT_OK
    collection = json.loads((tmp_path / "stac/collection.json").read_text())
    assert (collection["type"], collection["stac_version"]) == ("Collection", "1.1.0")
    assert collection["extent"]["temporal"]["interval"] == [
        ["2026-07-02T03:00:00.000000Z", "2026-07-02T04:00:00.000000Z"]
    ]
    linked = [link["href"] for link in collection["links"] if link["rel"] == "item"]
    items = [json.loads((tmp_path / "stac" / href).read_text()) for href in linked]
    assert len(items) == len(list((tmp_path / "stac/items").iterdir())) == 2
    for item in items:
        assert (item["type"], item["collection"]) == ("Feature", collection["id"])
        assert shapely.geometry.shape(item["geometry"]).bounds == tuple(item["bbox"])
    assert (collection["license"], [link for link in collection["links"] if link["rel"] == "license"]) == ("other", [])
    first, last = items
    assert first["properties"]["datetime"] == "2026-07-02T03:00:00.000000Z"
    assert (first["properties"]["platform"], first["properties"]["mission"]) == ("PLANE", "g")
    # 40 m up, 3000 px: a pixel is 40/3000 m wide.
    assert first["properties"]["gsd"] == pytest.approx(40 / 3000, abs=1e-5)
    assert first["assets"]["image"]["href"] == "s3://pictures/d/2.TIF"
    assert first["assets"]["image"]["type"] == "image/tiff"
    assert last["assets"] == {}


def test_a_stac_collection_names_the_licence_that_the_operator_states(
    flown: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENSWARD__SITE__DATA_LICENCE", "CC-BY-4.0")
    monkeypatch.setenv("GREENSWARD__SITE__DATA_LICENCE_URL", "https://data.example.org/licence")
    assert export(flown, "stac", tmp_path / "stac") == EXIT_OK
    collection = json.loads((tmp_path / "stac/collection.json").read_text())
    linked = [link for link in collection["links"] if link["rel"] == "license"]
    assert (collection["license"], linked) == (
        "CC-BY-4.0", [{"rel": "license", "href": "https://data.example.org/licence"}]
    )  # fmt: skip


def test_the_box_of_a_file_holds_every_shape_of_every_batch_and_the_turn_of_its_rings_is_said(tmp_path: Path) -> None:
    shapes = [shapely.box(west, 39.0 + west / 1000, west + 0.5, 39.5) for west in (117.0, 118.0, 116.0, 117.5)]
    schema = pa.schema([pa.field("geometry", pa.binary())])
    batches = [pa.RecordBatch.from_pylist([{"geometry": shapely.to_wkb(one)} for one in pair], schema)
               for pair in (shapes[:2], shapes[2:])]  # fmt: skip
    target = tmp_path / "boxes.parquet"
    assert write_geoparquet(target, schema, batches, lambda _: None) == 4
    column = geo_of(target)["columns"]["geometry"]
    assert column["bbox"] == pytest.approx([116.0, 39.116, 118.5, 39.5])
    # GeoParquet 1.1: the only value of `orientation`; it promises shells counter-clockwise.
    assert column["orientation"] == "counterclockwise"


def test_every_stac_file_is_valid_by_the_schemas_of_the_specification(flown: DataFolder, tmp_path: Path) -> None:
    """By pystac, with the schemas of STAC 1.1 and GeoJSON that it brings: nothing is fetched."""
    assert export(flown, "stac", tmp_path / "stac") == EXIT_OK
    collection = pystac.Collection.from_file(str(tmp_path / "stac/collection.json"))
    assert collection.validate()
    items = list(collection.get_items(recursive=True))
    assert [bool(item.validate()) for item in items] == [True, True]
    assert {item.get_collection() for item in items} == {collection}
    broken = items[0].to_dict() | {"bbox": [1]}
    with pytest.raises(pystac.STACValidationError):
        pystac.validation.validate_dict(broken)


def test_an_items_name_is_one_that_any_system_takes_and_no_other_picture_has() -> None:
    names = {item_id(one) for one in ("P/a:b", "P/a/b", "P/a b", "..", "航点/1", "x" * 500)}
    assert len(names) == 6
    assert all(len(name) < 100 and set(name) <= set("abcdefghijklmnopqrstuvwxyzP0123456789._-") for name in names)
    assert not any(name.startswith(".") for name in names)


def test_a_folder_that_is_there_is_not_touched(flown: DataFolder, tmp_path: Path) -> None:
    (tmp_path / "stac").mkdir()
    assert export(flown, "stac", tmp_path / "stac") == EXIT_USAGE
    assert export(flown, "footprints", tmp_path / "stac") == EXIT_USAGE
    assert export(flown, "footprints", tmp_path / "nowhere/f.parquet") == EXIT_USAGE
    assert [path.name for path in tmp_path.rglob("*") if path.name != "stac" and "data" not in str(path)] == []


def fill_the_disk(path: Path) -> None:
    path.write_bytes(b"half")
    raise OSError(28, "No space left on device")


def test_a_write_that_fails_leaves_the_file_of_before(tmp_path: Path) -> None:
    target = tmp_path / "f.parquet"
    target.write_bytes(b"before")
    with pytest.raises(StoreError), files.whole_file(target) as part:
        fill_the_disk(part)
    assert target.read_bytes() == b"before"
    with pytest.raises(StoreError), files.whole_folder(tmp_path / "stac") as folder:
        fill_the_disk(folder / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["f.parquet"]
