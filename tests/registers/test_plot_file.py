"""What is wrong with a file of plots, told apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pyproj
import pytest
import shapely

from ingest.registers.datum import Datum, from_wgs84
from ingest.registers.datum_check import KnownPosition
from ingest.registers.findings import Finding
from ingest.registers.plots import PlotCheck, Standing, check_plots
from ingest.site import BEICHEN

Make = Callable[..., Any]
Check = Callable[..., PlotCheck]


def faults(check: PlotCheck) -> list[tuple[int | None, str]]:
    return [(finding.number, finding.code) for finding in check.findings if finding.severity == "fault"]


def warnings(check: PlotCheck) -> list[str]:
    return [finding.code for finding in check.findings if finding.severity == "warning"]


def only(check: PlotCheck, code: str) -> Finding:
    found = [finding for finding in check.findings if finding.code == code]
    assert len(found) == 1, check.findings
    return found[0]


def test_a_plot_drawn_well_is_taken_with_its_area_and_a_point_inside(checked: Check, plot: Make, square: Make) -> None:
    check = checked(plot("P-1", square()))
    assert check.findings == ()
    facts = check.plots[0].facts
    # 0.0005° of latitude is 55.51 m and of longitude 43.20 m at 39.2° N (NGA, degree lengths): 2,398 m².
    assert facts["area_m2"] == pytest.approx(2398, rel=1e-3)
    assert check.plots[0].area.contains(shapely.Point(facts["lon"], facts["lat"]))


def test_chinese_words_and_names_are_understood(checked: Check, plot: Make, square: Make) -> None:
    feature = plot(
        "P-1",
        square(),
        plot_type="口袋公园",
        maintenance_grade="二级",
        vegetation="绿篱",
        soil_texture="粉砂质粘壤土",
        irrigation="喷灌",
    )
    feature["properties"]["责任单位"] = "北辰园林一队"
    feature["properties"]["栽植日期"] = "2024年3月5日"
    feature["properties"]["冠层高度"] = "1.5 m"
    check = checked(feature)
    assert check.findings == ()
    facts = check.plots[0].facts
    assert (facts["plot_type"], facts["maintenance_grade"], facts["vegetation"]) == ("pocket_park", 2, "shrubs")
    assert (facts["soil_texture"], facts["irrigation"]) == ("silty_clay_loam", "sprinkler")
    assert facts["canopy_height_m"] == 1.5
    assert (facts["responsible_unit"], str(facts["planted_on"])) == ("北辰园林一队", "2024-03-05")


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "not_geojson"),
        (b"{", "not_geojson"),
        (b"<kml/>", "not_geojson"),
        (b"PK\x03\x04rest", "not_geojson"),
        (b"[1, 2]", "not_geojson"),
        (b'{"type":"Feature","properties":{},"geometry":null}', "not_geojson"),
        (b'{"type":"FeatureCollection","features":[]}', "no_features"),
        (b'{"type":"FeatureCollection"}', "no_features"),
        (b'{"a":' * 100_000, "too_deep"),
        (b'{"type":"FeatureCollection","features":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "too_deep"),
        ("地块".encode("gb18030"), "not_utf8"),
        ('{"type":"FeatureCollection"}'.encode("utf-16"), "not_utf8"),
    ],
)
def test_a_file_that_is_no_geojson_is_named_as_such(checked: Check, payload: bytes, code: str) -> None:
    check = checked(payload)
    assert [finding.code for finding in check.findings] == [code]
    assert check.plots == ()


def test_a_byte_order_mark_of_windows_does_no_harm(checked: Check, collection: Make, plot: Make, square: Make) -> None:
    check = checked(b"\xef\xbb\xbf" + collection(plot("P-1", square())))
    assert len(check.plots) == 1


def test_a_border_that_crosses_itself_is_refused_with_the_crossing_point(checked: Check, plot: Make) -> None:
    bow = [[[117.2, 39.2], [117.202, 39.202], [117.202, 39.2], [117.2, 39.202], [117.2, 39.2]]]
    found = only(checked(plot("P-1", {"type": "Polygon", "coordinates": bow})), "self_crossing")
    assert "117.2010000, 39.2010000" in found.got
    assert found.pointer == "/features/0/geometry/coordinates/0"


def test_a_border_that_touches_itself_is_not_called_crossing(checked: Check, plot: Make) -> None:
    ring = [[117.2, 39.2], [117.204, 39.2], [117.204, 39.204], [117.202, 39.2], [117.2, 39.204], [117.2, 39.2]]
    check = checked(plot("P-1", {"type": "Polygon", "coordinates": [ring]}))
    assert faults(check) == [(0, "self_touching")]


def test_doubled_points_and_spikes_are_mended_with_a_warning(checked: Check, plot: Make, square: Make) -> None:
    clean = checked(plot("P-1", square(117.2, 39.2, 0.001))).plots[0]
    spiky = [
        [117.2, 39.2],
        [117.201, 39.2],
        [117.202, 39.2],
        [117.201, 39.2],
        [117.201, 39.2],
        [117.201, 39.201],
        [117.2, 39.201],
        [117.2, 39.2],
    ]
    check = checked(plot("P-1", {"type": "Polygon", "coordinates": [spiky]}))
    assert warnings(check) == ["duplicate_points", "spikes"]
    assert "117.2020000" in only(check, "spikes").got
    assert check.plots[0].area.wkb == clean.area.wkb


def test_a_slender_corner_of_a_real_verge_is_no_spike(checked: Check, plot: Make) -> None:
    wedge = [[117.2, 39.2], [117.202, 39.2], [117.2, 39.20001], [117.2, 39.2]]
    check = checked(plot("P-1", {"type": "Polygon", "coordinates": [wedge]}))
    assert check.findings == ()


@pytest.mark.parametrize(
    ("ring", "code"),
    [
        ([[117.2, 39.2], [117.201, 39.2], [117.201, 39.201], [117.2, 39.201]], "ring_not_closed"),
        ([[117.2, 39.2], [117.201, 39.2], [117.2, 39.2]], "too_few_points"),
        ([[117.2, 39.2], [117.201, 39.2], [117.202, 39.2], [117.2, 39.2]], "too_few_points"),
        ([[117.2, 39.2]] * 5, "too_few_points"),
        ([], "too_few_points"),
        ([[117.2, 39.2], [117.201], [117.201, 39.201], [117.2, 39.2]], "bad_position"),
        ([[117.2, 39.2], [117.201, "39"], [117.201, 39.201], [117.2, 39.2]], "bad_position"),
        ([[117.2, 39.2], [117.201, None], [117.201, 39.201], [117.2, 39.2]], "bad_position"),
        ([[117.2, 39.2], [117.201, True], [117.201, 39.201], [117.2, 39.2]], "bad_position"),
        ([[117.2, 39.2], [117.201, 10**400], [117.201, 39.201], [117.2, 39.2]], "number_too_large"),
        ([[117.2, 39.2], [117.201, 1e308], [1e308, 39.201], [117.2, 39.2]], "not_degrees"),
        ("117.2 39.2", "bad_position"),
    ],
)
def test_what_is_no_ring_is_told_apart(checked: Check, plot: Make, ring: object, code: str) -> None:
    check = checked(plot("P-1", {"type": "Polygon", "coordinates": [ring]}))
    assert faults(check) == [(0, code)]


def test_heights_in_the_coordinates_are_left_out(checked: Check, plot: Make, square: Make) -> None:
    with_heights = square()
    with_heights["coordinates"] = [[[*position, 4.2] for position in with_heights["coordinates"][0]]]
    assert checked(plot("P-1", with_heights)).plots[0].area.has_z is False


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [117.1, 39.2]},
        {"type": "LineString", "coordinates": [[117.1, 39.2], [117.2, 39.2]]},
        {"type": "GeometryCollection", "geometries": []},
        {"type": "polygon", "coordinates": []},
        "POLYGON((0 0,1 1,1 0,0 0))",
        17,
    ],
)
def test_points_and_lines_are_no_plots(checked: Check, plot: Make, geometry: object) -> None:
    assert faults(checked(plot("P-1", geometry))) == [(0, "wrong_geometry_type")]


def test_a_feature_without_geometry_is_named(checked: Check, plot: Make) -> None:
    assert faults(checked(plot("P-1", None))) == [(0, "no_geometry")]


def test_a_hole_outside_of_its_plot_is_named(checked: Check, plot: Make, square: Make) -> None:
    holed = {
        "type": "Polygon",
        "coordinates": [square()["coordinates"][0], square(117.11, 39.2, 0.0001)["coordinates"][0]],
    }
    found = only(checked(plot("P-1", holed)), "hole_outside")
    assert found.pointer.endswith("/coordinates/1")


def test_a_hole_takes_its_area_off(checked: Check, plot: Make, square: Make) -> None:
    outer, hole = square(117.1, 39.2, 0.001), square(117.1002, 39.2002, 0.0005)
    holed = {"type": "Polygon", "coordinates": [outer["coordinates"][0], hole["coordinates"][0]]}
    check = checked(plot("P-1", holed))
    # A quarter of the side's square: 1 − 0.25.
    assert check.plots[0].facts["area_m2"] == pytest.approx(
        0.75 * checked(plot("P-1", outer)).plots[0].facts["area_m2"], rel=1e-5
    )


def test_parts_that_share_a_border_are_joined_and_parts_that_overlap_are_refused(
    checked: Check, plot: Make, square: Make
) -> None:
    def parts(*squares: dict[str, Any]) -> dict[str, Any]:
        return {"type": "MultiPolygon", "coordinates": [one["coordinates"] for one in squares]}

    beside = checked(plot("P-1", parts(square(117.1, 39.2), square(117.1005, 39.2))))
    assert (warnings(beside), beside.plots[0].area.geom_type) == (["parts_joined"], "Polygon")
    across = checked(plot("P-1", parts(square(117.1, 39.2), square(117.1003, 39.2))))
    assert faults(across) == [(0, "parts_overlap")]
    apart = checked(plot("P-1", parts(square(117.1, 39.2), square(117.11, 39.2))))
    assert (apart.findings, apart.plots[0].area.geom_type) == ((), "MultiPolygon")


def test_latitude_written_first_is_recognised(checked: Check, plot: Make, square: Make) -> None:
    swapped = square()
    swapped["coordinates"] = [[[lat, lon] for lon, lat in swapped["coordinates"][0]]]
    assert faults(checked(plot("P-1", swapped))) == [(0, "swapped_lon_lat")]


@pytest.mark.parametrize(
    ("epsg", "northing_first"),
    [(4548, False), (4527, False), (4548, True), (4509, False), (3857, False), (32650, False)],
)
def test_metres_of_a_map_grid_are_recognised_and_the_grid_is_named(
    checked: Check, plot: Make, square: Make, epsg: int, *, northing_first: bool
) -> None:
    to_grid = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
    ring = [list(to_grid.transform(lon, lat)) for lon, lat in square()["coordinates"][0]]
    if northing_first:
        ring = [[northing, easting] for easting, northing in ring]
    found = only(checked(plot("P-1", {"type": "Polygon", "coordinates": [ring]})), "projected_coordinates")
    # A 6-degree zone and a 3-degree zone with the same meridian, and UTM but for its scale, are alike.
    alike = {4509: "EPSG:4548", 32650: "EPSG:4548"}
    assert f"EPSG:{epsg}" in found.got or alike.get(epsg, "?") in found.got
    assert ("northing before easting" in found.got) is northing_first


def test_metres_of_an_unknown_city_grid_are_said_to_be_unknown(checked: Check, plot: Make) -> None:
    ring = [[100_000, 300_000], [100_050, 300_000], [100_050, 300_050], [100_000, 300_000]]
    assert (
        "unknown" in only(checked(plot("P-1", {"type": "Polygon", "coordinates": [ring]})), "projected_coordinates").got
    )


def test_a_plot_elsewhere_or_half_outside_is_named(checked: Check, plot: Make, square: Make) -> None:
    assert faults(checked(plot("P-1", square(121.47, 31.23)))) == [(0, "outside_site")]
    assert "2 of 5 points" in only(checked(plot("P-1", square(117.4498, 39.2))), "outside_site").got
    assert faults(checked(plot("P-1", square(0.0, 0.0)))) == [(0, "outside_site")]


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", True),
        ("urn:ogc:def:crs:EPSG::4490", True),
        ("EPSG:4326", True),
        ("urn:ogc:def:crs:EPSG::4547", False),
        ("urn:ogc:def:crs:EPSG::4610", False),
    ],
)
def test_the_coordinate_system_that_a_file_names_is_believed(
    checked: Check, collection: Make, plot: Make, square: Make, name: str, *, taken: bool
) -> None:
    check = checked(collection(plot("P-1", square()), crs={"type": "name", "properties": {"name": name}}))
    assert (len(check.plots) == 1) is taken
    assert faults(check) == ([] if taken else [(None, "wrong_crs")])


def test_crumbs_and_districts_are_no_plots(checked: Check, plot: Make, square: Make) -> None:
    check = checked(
        plot("P-1", square(117.1, 39.2, 5e-6)),
        plot("P-2", square(117.0, 39.1, 0.06)),
        plot("P-3", square(117.2, 39.2, 2e-5)),
    )
    assert faults(check) == [(0, "area_too_small"), (1, "area_too_large")]
    assert [one.plot_id for one in check.plots] == ["P-3"]


@pytest.mark.parametrize(
    ("wrong", "code", "hint"),
    [
        ({"name": None}, "missing_property", "name"),
        ({"name": "   "}, "missing_property", "name"),
        ({"vegetation": "treess"}, "unknown_vegetation", "trees"),
        ({"vegetation": "草坪"}, "unknown_vegetation", "cool_turf or warm_turf"),
        ({"vegetation": 7}, "unknown_vegetation", "word"),
        ({"plot_type": "公圆"}, "unknown_plot_type", "park"),
        ({"maintenance_grade": 4}, "unknown_maintenance_grade", ""),
        ({"maintenance_grade": 0}, "unknown_maintenance_grade", ""),
        ({"maintenance_grade": 1.5}, "unknown_maintenance_grade", ""),
        ({"maintenance_grade": True}, "unknown_maintenance_grade", ""),
        ({"soil_texture": "重壤土"}, "unknown_soil_texture", "clay_loam"),
        ({"field_capacity": 24}, "percent_not_fraction", "0.24"),
        ({"wilting_point": "12 %"}, "percent_not_fraction", "0.12"),
        ({"saturation": 1}, "percent_not_fraction", "0.01"),
        ({"field_capacity": 0}, "out_of_range", ""),
        ({"field_capacity": -0.2}, "out_of_range", ""),
        ({"field_capacity": "wet"}, "not_a_number", ""),
        ({"field_capacity": "nan"}, "not_a_number", ""),
        ({"field_capacity": 0.2, "wilting_point": 0.25}, "wrong_order", ""),
        ({"field_capacity": 0.45, "saturation": 0.40}, "wrong_order", ""),
        ({"wetted_fraction": 80}, "percent_not_fraction", "0.8"),
        ({"planted_on": "5.3.2024"}, "not_a_day", ""),
        ({"planted_on": "2024-02-30"}, "not_a_day", ""),
        ({"planted_on": 20240305}, "not_a_day", ""),
        ({"crew": {"a": 1}}, "not_a_text", ""),
        ({"plot_id": ""}, "missing_id", ""),
        ({"plot_id": "地块一"}, "invalid_id", ""),
        ({"plot_id": "../etc"}, "invalid_id", ""),
        ({"plot_id": "P 1"}, "invalid_id", ""),
        ({"plot_id": "P1\n"}, "", ""),
        ({"plot_id": "x" * 65}, "invalid_id", ""),
    ],
)
def test_every_wrong_property_has_its_own_name(
    checked: Check, plot: Make, square: Make, wrong: dict[str, object], code: str, hint: str
) -> None:
    check = checked(plot("P-1", square(), **wrong))
    found = [finding for finding in check.findings if finding.severity == "fault"]
    assert [finding.code for finding in found] == ([code] if code else [])
    assert all(hint in finding.advice for finding in found)


def test_a_whole_share_of_watered_area_is_one_and_not_one_percent(checked: Check, plot: Make, square: Make) -> None:
    assert checked(plot("P-1", square(), wetted_fraction=1)).plots[0].facts["wetted_fraction"] == 1.0


def test_numbers_for_ids_and_telephones_are_taken_as_text(checked: Check, plot: Make, square: Make) -> None:
    facts = checked(plot("", square(), plot_id=1001, phone=13800000000)).plots[0].facts
    assert (facts["plot_id"], facts["phone"]) == ("1001", "13800000000")


def test_the_id_of_the_feature_serves_where_there_is_no_plot_id(checked: Check, plot: Make, square: Make) -> None:
    check = checked({**plot("", square(), plot_id=None), "id": "F-7"})
    assert [one.plot_id for one in check.plots] == ["F-7"]


def test_a_plot_without_soil_facts_is_taken_with_a_warning(checked: Check, plot: Make, square: Make) -> None:
    assert warnings(checked(plot("P-1", square(), soil_texture=None))) == ["no_soil_facts"]
    assert warnings(checked(plot("P-1", square(), soil_texture=None, field_capacity=0.3, wilting_point=0.12))) == []


def test_a_misspelt_property_is_pointed_at_and_those_of_a_gis_are_not(checked: Check, plot: Make, square: Make) -> None:
    check = checked(plot("P-1", square(), irigation="drip", OBJECTID=7, Shape_Area=12.5))
    assert warnings(check) == ["unknown_property"]
    assert "irrigation" in only(check, "unknown_property").advice


def test_every_fault_of_a_feature_is_listed_at_once(checked: Check, plot: Make, square: Make) -> None:
    check = checked(plot("P 1", square(121.0, 31.0), vegetation="moss", name=None, field_capacity=30))
    assert {code for _, code in faults(check)} == {
        "invalid_id",
        "outside_site",
        "unknown_vegetation",
        "missing_property",
        "percent_not_fraction",
    }


def test_a_wrong_neighbour_costs_a_good_plot_nothing(checked: Check, plot: Make, square: Make) -> None:
    check = checked(
        plot("P-1", square()),
        plot("P-2", None),
        plot("P-3", square(117.2)),
        "rubbish",
        {"type": "Feature", "properties": None},
    )
    assert [one.plot_id for one in check.plots] == ["P-1", "P-3"]
    assert faults(check) == [(1, "no_geometry"), (3, "not_a_feature"), (4, "no_properties")]


def test_two_plots_with_one_id_are_both_refused_and_exact_copies_are_not(
    checked: Check, plot: Make, square: Make
) -> None:
    two = checked(plot("P-1", square()), plot("P-1", square(117.2)), plot("P-2", square(117.3)))
    assert faults(two) == [(0, "duplicate_id"), (1, "duplicate_id")]
    assert [one.plot_id for one in two.plots] == ["P-2"]
    copies = checked(plot("P-1", square()), plot("P-1", square()))
    assert (warnings(copies), len(copies.plots)) == (["duplicate_feature"], 1)


def shifted(geometry: dict[str, Any], datum: Datum) -> dict[str, Any]:
    ring = [list(from_wgs84(lon, lat, datum)) for lon, lat in geometry["coordinates"][0]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_plots_drawn_on_a_chinese_web_map_are_recognised_by_a_probe_that_stands_in_one(
    checked: Check, plot: Make, square: Make, datum: Datum
) -> None:
    drawn = [plot(f"P-{i}", shifted(square(117.1 + i / 100), datum)) for i in range(3)]
    known = [KnownPosition("P-1", 117.1102, 39.2003, is_device=True)]
    check = checked(*drawn, known=known)
    assert faults(check) == [(None, f"datum_looks_like_{datum}")]
    assert check.plots == ()
    converted = checked(*drawn, known=known, datum=datum)
    assert (converted.findings, converted.datum.verdict) == ((), "fits")
    true = checked(plot("P-1", square(117.11))).plots[0].area
    assert converted.plots[1].area.hausdorff_distance(true) < 2e-9


def test_without_anything_to_compare_with_the_datum_is_said_to_be_unknown(
    checked: Check, plot: Make, square: Make
) -> None:
    check = checked(plot("P-1", shifted(square(), "gcj02")))
    assert (check.findings, check.datum.verdict) == ((), "unknown")


def test_one_plot_drawn_on_the_wrong_map_is_refused_alone(checked: Check, plot: Make, square: Make) -> None:
    drawn = [plot(f"P-{i}", square(117.1 + i / 100)) for i in range(3)]
    drawn[1]["geometry"] = shifted(drawn[1]["geometry"], "gcj02")
    known = [KnownPosition(f"P-{i}", 117.1 + i / 100 + 0.00025, 39.20025, is_device=False) for i in range(3)]
    check = checked(*drawn, known=known)
    assert faults(check) == [(1, "datum_looks_like_gcj02")]
    assert [one.plot_id for one in check.plots] == ["P-0", "P-2"]


def test_who_says_wgs84_aloud_is_only_warned(checked: Check, plot: Make, square: Make) -> None:
    known = [KnownPosition("P-1", 117.1002, 39.2002, is_device=True)]
    check = checked(plot("P-1", shifted(square(), "gcj02")), known=known, datum="wgs84")
    assert (warnings(check), len(check.plots)) == (["datum_looks_like_gcj02"], 1)


def test_a_plot_that_moved_across_the_road_is_not_taken_for_a_wrong_datum(
    checked: Check, plot: Make, square: Make
) -> None:
    check = checked(plot("P-1", square(117.105)), known=[KnownPosition("P-1", 117.1002, 39.2002, is_device=True)])
    (found,) = check.findings
    # 0.0048° of longitude from the probe to the nearest border, 86.4 m each 0.001°.
    assert (found.severity, found.code, found.record_id) == ("warning", "far_from_known", "P-1")
    assert found.got.startswith("415 m ")
    assert (check.datum.verdict, check.datum.compared, check.datum.fitting) == ("unknown", 1, 0)
    assert len(check.plots) == 1


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_a_shift_that_every_probe_contradicts_is_refused(
    checked: Check, plot: Make, square: Make, datum: Datum
) -> None:
    known = [KnownPosition(f"P-{i}", 117.1002 + i / 100, 39.2002, is_device=True) for i in range(2)]
    right = [plot(f"P-{i}", square(117.1 + i / 100)) for i in range(2)]
    check = checked(*right, known=known, datum=datum)
    assert faults(check) == [(None, "datum_shifted_back")]
    assert check.plots == ()


def test_a_register_that_was_drawn_on_the_wrong_map_can_be_mended(checked: Check, plot: Make, square: Make) -> None:
    drawn = shifted(square(), "gcj02")
    old = shapely.geometry.shape(drawn)
    known = [KnownPosition("P-1", old.centroid.x, old.centroid.y, is_device=False)]
    check = checked(plot("P-1", drawn), known=known, outlines={"P-1": old}, datum="gcj02")
    assert (warnings(check), len(check.plots)) == (["datum_shifted_back"], 1)


def test_the_same_file_again_is_no_evidence_for_its_datum(checked: Check, plot: Make, square: Make) -> None:
    first = checked(plot("P-1", square()), plot("P-2", square(117.2)))
    outlines = {one.plot_id: one.area for one in first.plots}
    known = [
        KnownPosition(plot_id, area.centroid.x, area.centroid.y, is_device=False) for plot_id, area in outlines.items()
    ]
    again = checked(plot("P-1", square()), plot("P-2", square(117.2)), known=known, outlines=outlines)
    assert (again.findings, again.datum.verdict, again.datum.compared, again.datum.unmoved) == ((), "unknown", 0, 2)
    # But one shifted plot among those that did not move is that plot's fault, not the file's.
    mixed = checked(plot("P-1", square()), plot("P-2", shifted(square(117.2), "gcj02")), known=known, outlines=outlines)
    assert faults(mixed) == [(1, "datum_looks_like_gcj02")]


@pytest.mark.parametrize(
    ("given", "code", "severity"),
    [
        # Saxton and Rawls (2006) for clay: field capacity 0.42, wilting point 0.30.
        ({"soil_texture": "clay", "field_capacity": 0.28}, "wrong_order", "fault"),
        ({"soil_texture": "sand", "wilting_point": 0.14}, "wrong_order", "fault"),
        ({"soil_texture": "clay", "field_capacity": 0.44}, "half_measured", "warning"),
    ],
)
def test_a_laboratory_value_is_looked_at_beside_what_the_texture_puts_in(
    collection: Make, plot: Make, square: Make, given: dict[str, object], code: str, severity: str
) -> None:
    textures = {
        "clay": {"field_capacity": 0.4206, "wilting_point": 0.2979},
        "sand": {"field_capacity": 0.1028, "wilting_point": 0.0502},
    }
    check = check_plots(
        collection(plot("P-1", square(), **given)),
        site=BEICHEN,
        today=date(2026, 7, 1),
        standing=Standing({}, ()),
        textures=textures,
    )
    (found,) = check.findings
    assert (found.code, found.severity) == (code, severity)


@pytest.mark.parametrize("written", ["１级", "1.0", "Ⅰ级", " 一级 ", "１"])
def test_a_grade_is_understood_however_it_is_typed(checked: Check, plot: Make, square: Make, written: str) -> None:
    check = checked(plot("P-1", square(), maintenance_grade=written))
    if written == "1.0":
        assert faults(check) == [(0, "unknown_maintenance_grade")]
    else:
        assert check.plots[0].facts["maintenance_grade"] == 1


def test_grades_are_never_guessed_and_the_special_grade_has_its_own_advice(
    checked: Check, plot: Make, square: Make
) -> None:
    assert (
        "mean" not in only(checked(plot("P-1", square(), maintenance_grade="四级")), "unknown_maintenance_grade").advice
    )
    assert "特级" in only(checked(plot("P-1", square(), maintenance_grade="特级")), "unknown_maintenance_grade").advice


def test_a_number_that_is_none_is_named_with_its_feature_and_property(
    checked: Check, collection: Make, plot: Make, square: Make
) -> None:
    whole = collection(plot("P-0", square(117.2)), plot("P-1", square(), field_capacity=0.27))
    for written, code in (
        (b"NaN", "not_a_number"),
        (b"1e400", "number_too_large"),
        (b'0.27, "field_capacity": 0.3', "duplicate_key"),
    ):
        check = checked(whole.replace(b"0.27", written))
        (found,) = check.findings
        assert (found.code, found.number, found.pointer) == (code, 1, "/features/1/properties/field_capacity")
        assert "message" not in found.advice + found.expected
        assert check.plots == ()
    surrogate = checked(whole.replace(b'"P-1"', b'"\\ud800"', 1))
    assert [finding.code for finding in surrogate.findings] == ["lone_surrogate"]


def test_a_file_saved_by_windows_in_china_is_told_its_encoding(
    checked: Check, collection: Make, plot: Make, square: Make
) -> None:
    check = checked(collection(plot("P-1", square())).decode().encode("gb18030"))
    assert "GB18030" in only(check, "not_utf8").got


def test_the_whole_floats_of_a_gis_are_taken_as_numbers(checked: Check, plot: Make, square: Make) -> None:
    check = checked(plot("", square(), plot_id=12.0, phone=13800138000.0))
    facts = check.plots[0].facts
    assert (facts["plot_id"], facts["phone"]) == ("12", "13800138000")


def test_every_map_grid_that_fits_is_named(checked: Check, plot: Make, square: Make) -> None:
    to_grid = pyproj.Transformer.from_crs(4326, 4548, always_xy=True)
    ring = [list(to_grid.transform(lon, lat)) for lon, lat in square()["coordinates"][0]]
    found = only(checked(plot("P-1", {"type": "Polygon", "coordinates": [ring]})), "projected_coordinates")
    assert "EPSG:4548" in found.got
    assert "EPSG:32650" in found.got
    assert "ask" in found.advice


def test_nothing_that_json_can_hold_makes_the_check_fall_over(checked: Check, square: Make, plot: Make) -> None:
    odd: list[object] = [
        None,
        True,
        0,
        -1.5,
        "",
        "x",
        [],
        [[]],
        [[[]]],
        {},
        {"type": "Polygon"},
        {"type": "MultiPolygon", "coordinates": [[]]},
    ]
    for value in odd:
        for feature in (plot("P-1", value), {**plot("P-1", square()), "properties": value}, value):
            checked(json.dumps({"type": "FeatureCollection", "features": [feature], "crs": value}).encode())
    for column in plot("P-1", square())["properties"]:
        for value in odd:
            feature = plot("P-1", square())
            feature["properties"][column] = value
            checked(feature)
