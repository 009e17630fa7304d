"""The invented district: the same for the same seed, believable, and true to its own story."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import shapely

from greensward.simulate import District, TimedMessage, invent_district, latest_season_end
from greensward.simulate.soil import VEGETATION
from ingest.decode.context import DecodeContext
from ingest.decode.route import decode
from ingest.errors import PayloadError
from ingest.observation import Decoded, Message
from ingest.registers.device_file import check_devices
from ingest.registers.plot_history import merge_plots, standing_plots
from ingest.registers.plots import check_plots
from ingest.site import BEICHEN

END = datetime.fromisoformat("2026-03-28T07:00:00+08:00")


@pytest.fixture(scope="module")
def district() -> District:
    return invent_district(7, END)


@pytest.fixture(scope="module")
def messages(district: District) -> list[TimedMessage]:
    return list(district.messages())


@pytest.fixture(scope="module")
def decoded(
    district: District, messages: list[TimedMessage]
) -> tuple[list[tuple[TimedMessage, Decoded]], list[PayloadError]]:
    """Every message through the decoders, as if received at its own time."""
    models = {sensor.device_id: sensor.kind for sensor in district.sensors if "/" in sensor.kind}
    context = DecodeContext(BEICHEN, models)
    kept, refused = [], []
    for number, message in enumerate(messages):
        try:
            kept.append((message, decode(Message(number, message.at, message.topic, message.payload), context)))
        except PayloadError as error:
            refused.append(error)
    return kept, refused


def fingerprint(messages: Iterable[TimedMessage]) -> str:
    total = hashlib.sha256()
    for message in messages:
        total.update(f"{message.at.isoformat()} {message.topic} {len(message.payload)} ".encode() + message.payload)
    return total.hexdigest()


def test_the_same_seed_and_end_give_the_same_bytes_and_another_seed_others() -> None:
    first, again, other = (invent_district(seed, END, 10) for seed in (3, 3, 4))
    assert fingerprint(first.messages()) == fingerprint(again.messages())
    assert (first.plots_geojson, first.devices_csv) == (again.plots_geojson, again.devices_csv)
    assert fingerprint(first.messages()) != fingerprint(other.messages())


def test_messages_come_in_the_order_of_time_and_end_before_the_end(messages: list[TimedMessage]) -> None:
    assert all(a.at <= b.at for a, b in pairwise(messages))
    assert END - timedelta(days=21) <= messages[0].at
    assert messages[-1].at < END


def test_every_plot_is_taken_by_the_register_without_fault_or_overlap(district: District) -> None:
    payload = json.dumps(district.plots_geojson).encode()
    check = check_plots(
        payload, site=BEICHEN, today=END.date(), standing=standing_plots((), (), END), datum=None, replace=False
    )
    assert [finding for finding in check.findings if finding.severity == "fault"] == []
    assert len(check.plots) == 42
    features = district.plots_geojson["features"]
    assert isinstance(features, list)
    shapes = [shapely.Polygon(feature["geometry"]["coordinates"][0]) for feature in features]
    assert all(shape.is_valid for shape in shapes)
    assert shapely.area(shapely.union_all(shapes)) == pytest.approx(sum(shape.area for shape in shapes), rel=1e-9)


def test_the_plots_are_as_different_as_a_district_has_them(district: District) -> None:
    features = district.plots_geojson["features"]
    assert isinstance(features, list)
    rows = [feature["properties"] for feature in features]
    assert len({row["grid_id"] for row in rows}) == 6
    assert {row["vegetation"] for row in rows} == set(VEGETATION)
    assert {row["maintenance_grade"] for row in rows} == {"一级", "二级", "三级"}
    assert {row["soil_texture"] for row in rows} == {"clay_loam", "silty_clay", "loam"}
    assert {row["crew"] for row in rows} == {"一队", "二队"}
    assert {row["responsible_person"] for row in rows} == {"王工", "张师傅"}
    assert all(row["phone"].startswith("000-") for row in rows)


def test_the_register_of_devices_takes_all_sixty(district: District) -> None:
    plots = {sensor.plot for sensor in district.sensors}
    payload = json.dumps(district.plots_geojson).encode()
    taken = check_plots(
        payload, site=BEICHEN, today=END.date(), standing=standing_plots((), (), END), datum=None, replace=False
    )
    plot_rows = merge_plots((), taken.plots, valid_from=district.start - timedelta(days=30), close_missing=None).rows
    check = check_devices(
        district.devices_csv.encode(), site=BEICHEN, default_from=END, plot_rows=plot_rows, existing=()
    )
    assert [finding for finding in check.findings if finding.severity == "fault"] == []
    assert check.lines == len(check.rows) == len(district.sensors) == 60
    assert len(plots - {None}) == 42 - len(district.truth.unprobed_plots)


def test_every_message_is_stored_or_refused_as_the_truth_says(
    district: District, decoded: tuple[list[tuple[TimedMessage, Decoded]], list[PayloadError]]
) -> None:
    kept, refused = decoded
    truth = district.truth
    rows = {(r.device_id, r.channel, r.depth_cm, r.measured_at) for _, said in kept for r in said.soil}
    weather = {(r.device_id, r.measured_at) for _, said in kept for r in said.weather}
    assert len(rows) == truth.soil_rows
    assert len(weather) == truth.weather_rows
    assert len({image.image_id for _, said in kept for image in said.images}) == truth.images
    assert len(refused) == truth.rejected_messages
    assert sum(len(said.parts_refused) for _, said in kept) == truth.rejected_parts
    assert [said.ignored for _, said in kept if said.ignored] == []
    assert 85_000 <= len(rows) + len(weather) <= 95_000


def test_the_refused_messages_are_wrong_in_different_ways(
    decoded: tuple[list[tuple[TimedMessage, Decoded]], list[PayloadError]],
) -> None:
    codes = Counter(error.faults[0].code for error in decoded[1])
    assert len(codes) >= 8, codes


def test_no_row_is_quarantined_and_no_image_has_an_impossible_pose(
    decoded: tuple[list[tuple[TimedMessage, Decoded]], list[PayloadError]],
) -> None:
    assert {row.quarantine for _, said in decoded[0] for row in said.soil} == {None}
    assert {image.quarantine for _, said in decoded[0] for image in said.images} == {None}


def test_the_silent_probe_says_nothing_for_more_than_72_hours(
    district: District, decoded: tuple[list[tuple[TimedMessage, Decoded]], list[PayloadError]]
) -> None:
    newest: dict[str, datetime] = {}
    for _, said in decoded[0]:
        for row in said.soil:
            newest[row.device_id] = max(row.measured_at, newest.get(row.device_id, row.measured_at))
    quiet = {device for device, at in newest.items() if at < END - timedelta(hours=72)}
    assert quiet == {district.truth.silent_device}


def test_the_pulled_out_probe_reads_air(
    district: District, decoded: tuple[list[tuple[TimedMessage, Decoded]], list[PayloadError]]
) -> None:
    last = [
        row
        for _, said in decoded[0]
        for row in said.soil
        if row.device_id == district.truth.pulled_out_device and row.measured_at > END - timedelta(days=2)
    ]
    assert {row.volumetric_water_content for row in last} == {0.0}
    assert {row.bulk_ec_ds_m for row in last} == {0.0}
    warmth = [row.soil_temperature_c for row in last if row.soil_temperature_c is not None]
    assert max(warmth) - min(warmth) > 8


def test_frost_makes_some_probes_read_dry_and_it_passes(
    decoded: tuple[list[tuple[TimedMessage, Decoded]], list[PayloadError]],
) -> None:
    frozen = [
        row
        for _, said in decoded[0]
        for row in said.soil
        if row.soil_temperature_c is not None and row.soil_temperature_c < 0 and row.volumetric_water_content != 0.0
    ]
    assert len({row.device_id for row in frozen}) >= 5
    assert all(row.measured_at < END - timedelta(days=7) for row in frozen)
    assert min(row.volumetric_water_content or 1.0 for row in frozen) < 0.15


def test_the_double_sender_and_the_late_batch_bring_readings_more_than_once(
    decoded: tuple[list[tuple[TimedMessage, Decoded]], list[PayloadError]],
) -> None:
    seen = Counter((r.device_id, r.channel, r.depth_cm, r.measured_at) for _, said in decoded[0] for r in said.soil)
    twice = {key[0] for key, times in seen.items() if times > 1}
    assert len(twice) == 2
    assert max(seen.values()) >= 3
    lateness = [message.at - said.soil[0].measured_at for message, said in decoded[0] if said.soil]
    assert max(lateness) > timedelta(days=1)


def test_the_sick_hedge_is_seen_in_at_least_two_pictures_of_both_flights(
    decoded: tuple[list[tuple[TimedMessage, Decoded]], list[PayloadError]],
) -> None:
    images = [image for _, said in decoded[0] for image in said.images if image.detections]
    sick = Counter(
        image.flight_id
        for image in images
        if any(
            d.class_name in {"unhealthy_tree", "pest_damage"} and d.confidence >= 0.6 for d in image.detections or ()
        )
    )
    assert len(sick) == 2
    assert min(sick.values()) >= 2
    assert any(d.class_name == "dumped_rubble" for image in images for d in image.detections or ())


@pytest.mark.parametrize("seed", range(1, 5))
def test_every_seed_tells_the_whole_story(seed: int) -> None:
    district = invent_district(seed, END, 21)
    truth = district.truth
    assert sorted(truth.dry_plots.values()) == [2, 3, 3]
    assert len(district.sensors) == len({sensor.device_id for sensor in district.sensors}) == 60
    parts = {truth.sick_plot, truth.silent_plot, truth.pulled_out_plot, *truth.dry_plots}
    assert len(parts) == 6
    assert not parts & (truth.unprobed_plots | truth.unflown_plots)
    assert not set(truth.dry_plots) & truth.watered_plots
    for plot, device in ((truth.silent_plot, truth.silent_device), (truth.pulled_out_plot, truth.pulled_out_device)):
        lines = [line for line in district.devices_csv.splitlines() if f",{plot}," in line]
        assert [line.split(",")[0] for line in lines] == [device]


def test_the_season_ends_on_the_newest_28_march_that_is_past() -> None:
    assert latest_season_end(datetime(2026, 11, 23, tzinfo=UTC)) == END
    assert latest_season_end(END + timedelta(seconds=1)) == END
    assert latest_season_end(END) == END.replace(year=2025)
    assert latest_season_end(datetime(2026, 1, 5, tzinfo=UTC)) == END.replace(year=2025)


def test_fewer_than_ten_days_have_no_room_for_the_stories() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        invent_district(7, END, 9)
