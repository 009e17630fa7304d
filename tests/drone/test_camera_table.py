"""Which camera took a picture, and what its maker says of its lens where the message says nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ingest.drone.camera import focal_length_px
from ingest.drone.camera_table import all_cameras, completed, find_camera
from ingest.drone.footprint import compute_footprints
from ingest.observation import DroneImage
from tests.drone.pictures import picture


def unsized(name: str, payload: str | None = None, **changed: Any) -> DroneImage:
    """Return a picture of a callback with its pose known, of which no message said size or lens."""
    facts: dict[str, Any] = {"image_width_px": None, "image_height_px": None, "intrinsics": None}
    return picture(**(facts | {"image_id": f"F1/{name}", "payload_index": payload} | changed))


@pytest.mark.parametrize(
    ("payload", "name", "camera_id"),
    [
        ("53-0-0", "DJI_20260615103012_0042_W.jpeg", "m30-wide"),
        ("53-0", "DJI_20260615103012_0042_T.JPG", "m30t-thermal"),
        ("52-0-0", "DJI_20260615103012_0042_T.JPG", None),
        ("53-0-0", "DJI_20260615103012_0042_Z.jpeg", "m30-zoom"),
        ("66-0-0", "DJI_20260615103012_0042_V.jpeg", "mavic3e-wide"),
        ("67-0-0", "DJI_20260615103012_0042_T.jpeg", "mavic3t-thermal"),
        ("80-0-0", "DJI_20260615103012_0042_V_Waypoint4.JPG", "m3d-wide"),
        ("80-0-0", "DJI_20260615103012_0042_W_航点4.JPG", "m3d-wide"),
        ("81-0-0", "DJI_20260615103012_0042_T.jpeg", "m3td-thermal"),
        ("88-0-0", "DJI_20260615103012_0042_V.jpeg", "m4e-wide"),
        ("89-0-0", "DJI_20260615103012_0042_T.jpeg", "m4t-thermal"),
        ("98-0-0", "DJI_20260615103012_0042_W.jpeg", "m4d-wide"),
        ("99-0-0", "DJI_20260615103012_0042_T.jpeg", "m4td-thermal"),
        ("68-0-0", "DJI_20260615103012_0042_MS_NIR.TIF", "mavic3m-multispectral"),
        ("61-0-0", "DJI_20260615103012_0042_W.jpeg", "h20n-wide"),
        ("43-0-1", "DJI_20260615103012_0042_W.jpeg", "h20-wide"),
        ("43-0-0", "DJI_20200911103012_0042_THRM.JPG", "h20t-thermal"),
        ("43-0-0", "DJI_20200911103012_0042_WIDE.JPG", "h20-wide"),
        ("43-0-0", "DJI_20200911103012_0042_ZOOM.JPG", "h20-zoom"),
        ("83-0-0", "DJI_20260615103012_0042_T.jpeg", "h30t-thermal"),
        ("53-0-0", "dog.jpeg", None),
        ("165-0-7", "DJI_20260615103012_0042_W.jpeg", None),
        (None, "DJI_20260615103012_0042_W.jpeg", None),
    ],
)
def test_payload_number_and_ending_of_the_file_tell_the_lens(payload: str | None, name: str, camera_id: str) -> None:
    camera = find_camera(unsized(name, payload))
    assert (camera.camera_id if camera else None) == camera_id


def test_an_aircraft_that_has_only_one_camera_tells_it_too() -> None:
    assert find_camera(unsized("DJI_1_T.jpeg", camera_model="0-67-1")) == all_cameras()["m30t-thermal"]
    assert find_camera(unsized("DJI_1_W.jpeg", camera_model="0-89-0")) is None


def test_a_callbacks_picture_gets_the_angle_of_view_of_the_data_sheet() -> None:
    whole, camera_id = completed(unsized("DJI_20260615103012_0042_W.jpeg", "53-0"))
    assert camera_id == "m30-wide"
    assert (whole.image_width_px, whole.image_height_px) == (4000, 3000)
    focal = focal_length_px(whole.intrinsics or {}, 4000, 3000)
    assert focal is not None
    # DJI gives the wide camera of the Matrice 30 a diagonal angle of view of 84 degrees, in whole degrees.
    assert math.degrees(2 * math.atan(2500 / focal)) == pytest.approx(84, abs=1)
    assert compute_footprints([whole])[0].status == "ok"


@pytest.mark.parametrize(
    ("camera_id", "focal_px", "within"),
    [
        # CalibratedFocalLength in the XMP of pictures that these cameras took.
        ("mavic3e-wide", 3725.151611, 0.5),
        ("m4e-wide", 3725.15, 0.5),
        ("phantom4-rtk", 3666.666504, 0.5),
        ("phantom4-multispectral", 1913.333374, 0.5),
        ("autel-xt705", 4404.166667, 0.5),
        # Optimized focal lengths of aerial triangulations by DJI Terra, and OpenSfM's of the Phantom 3: single cameras.
        ("mavic3e-wide", 3726.27, 4),
        ("mavic3t-wide", 2863.96, 29),
        ("phantom3", 0.5930666527479901 * 4000, 29),
    ],
)
def test_a_cameras_figures_give_the_focal_length_that_such_cameras_were_calibrated_to(
    camera_id: str, focal_px: float, within: float
) -> None:
    camera = all_cameras()[camera_id]
    assert camera.focal_px(camera.width_px or 0, camera.height_px or 0, None) == pytest.approx(focal_px, abs=within)


def test_a_zoom_lens_has_no_ground_unless_its_focal_length_is_sent() -> None:
    zoomed = unsized("DJI_20260615103012_0042_Z.jpeg", "53-0")
    assert completed(zoomed) == (zoomed, None)
    assert compute_footprints([completed(zoomed)[0]])[0].status == "unknown_camera"


def test_what_a_message_says_of_its_lens_always_counts() -> None:
    said = picture(image_id="DJI_1_W.jpeg", payload_index="53-0")
    assert completed(said) == (said, None)


def test_a_smaller_copy_keeps_its_angle_of_view_and_a_cut_one_its_focal_length() -> None:
    camera = all_cameras()["phantom4-rtk"]
    whole = 8.8 / 13.133 * 5472
    assert camera.focal_px(5472, 3648, None) == pytest.approx(whole)
    assert camera.focal_px(1368, 912, None) == pytest.approx(whole / 4)
    assert camera.focal_px(4864, 3648, None) == pytest.approx(whole)
    assert camera.focal_px(5472, 3078, None) == pytest.approx(whole)
    assert camera.focal_px(4000, 3000, None) is None


def test_the_35_mm_equivalent_of_a_cut_picture_is_that_of_the_whole_one() -> None:
    # A Phantom 3 writes 20 mm beside pictures of 4000 x 3000 pixels, and beside those cut to 4000 x 2250 as well.
    facts: dict[str, Any] = {"camera_model": "FC300S", "image_width_px": 4000, "intrinsics": {"focal_35mm_mm": 20.0}}
    whole, of_whole = completed(picture(**facts, image_height_px=3000))
    cut, of_cut = completed(picture(**facts, image_height_px=2250))
    assert (of_whole, of_cut) == (None, "phantom3")
    sizes = [focal_length_px(one.intrinsics or {}, 4000, one.image_height_px or 0) for one in (whole, cut)]
    assert sizes == [pytest.approx(20 / math.hypot(36, 24) * 5000)] * 2
    # Of a camera that nobody knows, and of lengths in millimetres or pixels, nothing is changed.
    unknown = picture(**(facts | {"camera_model": "?"}), image_height_px=2250)
    exact = picture(**(facts | {"intrinsics": {"focal_px": 2372.0, "focal_35mm_mm": 20.0}}), image_height_px=2250)
    assert (completed(unknown), completed(exact)) == ((unknown, None), (exact, None))


def test_a_sequoias_bands_are_drawn_by_a_fisheye_and_get_no_ground_from_the_table() -> None:
    facts: dict[str, Any] = {"camera_model": "Sequoia", "intrinsics": None}
    band = picture(**facts, image_width_px=1280, image_height_px=960)
    colour = picture(**facts, image_width_px=4608, image_height_px=3456)
    assert (completed(band)[1], completed(colour)[1]) == (None, "sequoia-rgb")
    assert compute_footprints([completed(band)[0]])[0].status == "unknown_camera"


@pytest.mark.parametrize(
    ("lens", "status"),
    [
        ({"focal_35mm_mm": 30.0}, "unknown_camera"),
        ({"focal_mm": 3.98, "sensor_width_mm": 4.8}, "unknown_camera"),
        ({"hfov_deg": 61.9}, "unknown_camera"),
        ({"focal_px": 1061.0}, "ok"),
    ],
)
def test_of_a_fisheye_only_a_length_calibrated_in_pixels_counts(lens: dict[str, float], status: str) -> None:
    size = {"image_width_px": 1280, "image_height_px": 960}
    band, camera_id = completed(picture(**size, camera_model="Sequoia", intrinsics=lens))
    assert (compute_footprints([band])[0].status, camera_id) == (status, None)


def test_of_a_camera_with_lenses_to_change_the_picture_must_name_its_own() -> None:
    facts: dict[str, Any] = {"camera_model": "FLIR", "image_width_px": 640, "image_height_px": 512}
    thirteen, camera_id = completed(picture(**facts, intrinsics={"focal_mm": 13.0}))
    assert camera_id == "xt-thermal"
    # 13 mm over pixels of 17 micrometres.
    assert (thirteen.intrinsics or {})["focal_px"] == pytest.approx(13_000 / 17)
    assert completed(picture(**facts, intrinsics=None))[1] is None


def test_one_model_name_for_two_cameras_is_told_apart_by_the_size_or_not_at_all() -> None:
    band, heat = (picture(camera_model="Altum", image_width_px=w, image_height_px=h, intrinsics=None)
                  for w, h in ((2064, 1544), (160, 120)))  # fmt: skip
    assert (completed(band)[1], completed(heat)[1]) == ("altum", "altum-thermal")
    assert completed(unsized("x.tif", camera_model="Altum"))[1] is None


def test_a_fisheye_is_not_taken_for_a_pinhole() -> None:
    facts: dict[str, Any] = {"camera_model": "RedEdge", "image_width_px": 1280, "image_height_px": 960}
    assert completed(picture(**facts, intrinsics={"focal_mm": 5.4, "model": "fisheye"}))[1] is None


def test_every_camera_has_its_source_and_either_a_lens_or_the_reason_why_not() -> None:
    for camera in all_cameras().values():
        assert camera.source
        assert camera.models or camera.lenses
        assert camera.zooms is (camera.width_px is None)
        if camera.is_pinhole:
            size = (camera.width_px or 0, camera.height_px or 0)
            focal = camera.focal_px(*size, focal_mm=35.0 if camera.camera_id == "p1" else 13.0)
            assert focal is not None
            assert 15 < math.degrees(2 * math.atan(math.hypot(*size) / 2 / focal)) < 95, camera.camera_id


def test_a_row_that_was_not_held_against_its_source_says_so() -> None:
    for camera in all_cameras().values():
        admits = "from memory" in camera.source or "taken to be" in camera.source
        assert camera.verified is not admits, camera.camera_id


def test_a_picture_that_stands_upright_of_a_camera_that_takes_lying_ones_was_turned_and_gets_no_ground() -> None:
    facts: dict[str, Any] = {"camera_model": "M3E", "object_uri": "DJI_20260615103012_0042_W.JPG"}
    upright, _ = completed(picture(**facts, image_width_px=3956, image_height_px=5280))
    smaller, _ = completed(picture(**facts, image_width_px=1978, image_height_px=2640))
    lying, _ = completed(picture(**facts, image_width_px=5280, image_height_px=3956))
    nobodys, _ = completed(picture(camera_model="?", image_width_px=3956, image_height_px=5280))
    found = [(one.status, one.reason) for one in compute_footprints([upright, smaller, lying, nobodys])]
    assert found == [("quarantined", "turned_picture")] * 2 + [("ok", None)] * 2


@pytest.mark.parametrize(("lens", "reason"), [("V", "zoom_not_told"), ("W", None)])
def test_a_visible_lens_that_is_taken_for_the_wide_one_says_so(lens: str, reason: str | None) -> None:
    image, _ = completed(unsized(f"DJI_20260615103012_0042_{lens}.JPG", payload_index="66-0"))
    footprint = compute_footprints([image])[0]
    assert (footprint.status, footprint.reason) == ("ok", reason)


@pytest.mark.parametrize(
    ("payload", "reason"), [("66-0", None), ("80-0", "camera_not_verified")], ids=["Mavic 3E", "Matrice 3D"]
)
def test_ground_by_a_camera_that_nobody_held_against_a_source_says_so(payload: str, reason: str | None) -> None:
    image, camera_id = completed(unsized("DJI_20260615103012_0042_W.JPG", payload_index=payload))
    assert all_cameras()[camera_id or ""].verified == (reason is None)
    own, _ = completed(unsized("DJI_20260615103012_0042_W.JPG", payload_index=payload, intrinsics={"focal_px": 3000.0}))
    assert [(one.status, one.reason) for one in compute_footprints([image, own])] == [("ok", reason), ("ok", None)]


@pytest.mark.parametrize("model", ["fisheye", "digital_zoom"])
def test_a_lens_that_says_it_is_no_pinhole_is_none_whatever_length_it_gives(model: str) -> None:
    image, _ = completed(picture(intrinsics={"focal_px": 3000.0, "model": model}))
    assert compute_footprints([image])[0].status == "unknown_camera"
