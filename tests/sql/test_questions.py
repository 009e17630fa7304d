"""The questions of analysts, with the answers that a small lake has to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from ingest.errors import ConfigError
from ingest.site import BEICHEN
from sql.analysts import _question, all_questions, create_dictionary, create_views, explain_views, view_words
from sql.describe import describe_plot
from sql.evaluate import evaluate
from sql.models import analyst_views
from tests.sql.made_lake import AS_OF, MadeLake, local_midnight


@pytest.fixture(scope="module")
def asked() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a lake with two plots, one of them dry, whose views and flags are there; nobody changes it."""
    lake = MadeLake()
    lake.dry_down("dry", [0.25, 0.20, 0.19], crew="一队")
    lake.dry_down("moist", [0.25, 0.24, 0.24], crew="二队", vegetation="trees")
    lake.plot("bare", crew="二队")
    lake.device("quiet", "bare")
    lake.soil(
        datetime(2026, 7, 9, 4, 30, tzinfo=UTC),
        "D-moist",
        volumetric_water_content=0.7,
        received_at=datetime(2026, 7, 9, 5, 30, tzinfo=UTC),
    )
    lake.soil(datetime(2026, 7, 9, 4, 40, tzinfo=UTC), "D-dry", volumetric_water_content=0.1, soil_temperature_c=-1.0)
    lake.flight("F1", AS_OF - timedelta(days=2), ["moist"])
    flown_at = AS_OF - timedelta(days=2)
    lake.add("flight_reports", flight_id="F1", gateway_id="DOCK", reported_at=flown_at, media_count=4)
    for image_id in ("F1-1", "F1-2"):
        lake.add(
            "image_detections",
            image_id=image_id,
            detection_id="a",
            flight_id="F1",
            captured_at=AS_OF - timedelta(days=2),
            plot_id="moist",
        )
    for plot_id, median in (("dry", 0.4), ("bare", 0.6), ("moist", 0.8)):
        lake.add(
            "index_stats",
            image_id=plot_id,
            flight_id="F1",
            captured_at=AS_OF - timedelta(days=2),
            plot_id=plot_id,
            median=median,
        )
    for seq in (7, 10):
        payload = f'{{"seq": {seq}}}'.encode()
        topic = "greensward/v1/beichen/D9/soil"
        lake.add("raw_messages", message_seq=seq, received_at=AS_OF, topic=topic, payload=payload, outcome="stored")
    for number in range(2):
        lake.rows["rejected"].append(
            {
                "message_seq": number,
                "received_at": AS_OF,
                "topic": "t",
                "scope": "message",
                "pointer": "",
                "code": "not_json",
                "device_id": "D9",
                "faults_json": "[]",
                "payload": b"{",
                "payload_sha256": "0",
                "software_version": "1",
            }
        )
    for number, seq in ((10, 0), (11, 1)):
        lake.add("device_status", device_id="parks.gw-1", reported_at=AS_OF, message_seq=number, device_seq=seq)
    lake.add("sparkplug_births", group_id="parks", node_id="gw-1", device_id="", message_seq=10, kind="birth")
    lake.rows["flags"] = evaluate(lake.connect(), as_of=AS_OF, site=BEICHEN).to_pylist()
    told_besides(lake)
    lake.rows["issue_events"].append(
        {
            "event_id": "0",
            "issue_id": "I1",
            "happened_at": AS_OF - timedelta(days=3),
            "kind": "opened",
            "plot_id": "dry",
            "cause": "drought",
            "actor": "greensward",
            "detail_json": '{"finding": {"litres": 7600.0}}',
        }
    )
    lake.rows["issue_events"].append(
        {
            "event_id": "1",
            "issue_id": "I1",
            "happened_at": AS_OF,
            "kind": "done",
            "plot_id": "dry",
            "cause": "drought",
            "actor": "一队",
            "detail_json": '{"water_used_litres": 6400.0}',
        }
    )
    lake.add(
        "issue_events", event_id="2", issue_id="I2", happened_at=AS_OF, kind="done", plot_id="bare",
        cause="campaign.autumn_prune", actor="二队", detail_json="{}",
    )  # fmt: skip
    for number, (kind, detail) in enumerate(
        [("opened", '{"due_at": "2026-07-01T00:00:00+00:00"}'), ("done", "{}"), ("closed", '{"reason": "checked"}')]
    ):
        lake.add(
            "issue_events", event_id=f"3.{number}", issue_id="I3", happened_at=AS_OF - timedelta(hours=3 - number),
            kind=kind, plot_id="moist", cause="vigour", actor="二队", detail_json=detail,
        )  # fmt: skip
    lake.connection.close()
    lake.connection = duckdb.connect(":memory:")
    lake.connection.execute("set timezone = 'Asia/Shanghai'")
    connection = lake.connect()
    create_views(connection)
    yield connection
    connection.close()


def told_besides(lake: MadeLake) -> None:
    """Add flags of waterings, of water that nobody ordered, of a campaign, and of a probe beside its balance."""
    check = {"issue_id": "I1", "reported_at": "2026-07-10T00:00:00.000000+00:00"}
    campaign = {"campaign_zh": "秋季浇水", "campaign_en": "Autumn water"}
    plain = {"needs_work": False, "severity": 0, "priority": 0.0, "rule_id": "r", "rule_version": "1"}
    for hours, state, inputs in ((-20, "ineffective", {"observed_mm": 1.0}), (-7, "partial", {"observed_mm": 12.25})):
        lake.add(
            "flags", as_of=AS_OF + timedelta(hours=hours), plot_id="dry", cause="watering", state=state,
            reason_code=f"watering_{state}", reason_params_json=json.dumps(check),
            inputs_json=json.dumps({"expected_mm": 38.4} | inputs), **plain,
        )  # fmt: skip
    for hours in (1, 2):
        lake.add(
            "flags", as_of=AS_OF - timedelta(hours=hours), plot_id="moist", cause="watering", state="unplanned",
            since=AS_OF, reason_code="watering_unplanned", inputs_json="{}",
            reason_params_json=json.dumps({"rise_pct": 4.0 + hours, "gain_mm": 30.0}), **plain,
        )  # fmt: skip
    for plot_id, state, litres in (("dry", "due", 3000.0), ("bare", "due", 1500.0), ("moist", "done", None)):
        lake.add(
            "flags", as_of=AS_OF, plot_id=plot_id, cause="campaign.autumn_water", state=state, litres=litres,
            reason_code=f"campaign_{state}", reason_params_json=json.dumps(campaign), inputs_json="{}", **plain,
        )  # fmt: skip
    for number, (campaign_id, days, kind, actor) in enumerate(
        [
            ("greenup_water", 100, "started", "王工"), ("greenup_water", 90, "closed", "赵工"),
            ("autumn_water", 5, "started", "王工"),
        ]
    ):  # fmt: skip
        lake.rows["campaign_events"].append(
            {
                "event_id": str(number), "campaign_id": campaign_id, "season": 2026, "kind": kind, "actor": actor,
                "happened_at": AS_OF - timedelta(days=days),
            }
        )  # fmt: skip
    (drought,) = [row for row in lake.rows["flags"] if row["plot_id"] == "moist" and row["cause"] == "drought"]
    balance = {"state": "probe_wetter", "from": "2026-07-01", "balance_mm": 50.5, "probe_mm": 24.0}
    drought["inputs_json"] = json.dumps(json.loads(drought["inputs_json"]) | {"balance": balance})


ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "driest_plots": [
        ("dry", "dry", AS_OF, datetime(2026, 7, 9, 15, tzinfo=UTC), 0, 67.9, 64.3, 128.6, "dry"),
        ("moist", "moist", AS_OF, datetime(2026, 7, 9, 15, tzinfo=UTC), 0, 85.7, 28.6, 57.1, "ok"),
        ("bare", "bare", AS_OF, None, None, None, None, None, "no_data"),
    ],
    "dry_days_by_plot": [("dry", 3, 2, 0), ("moist", 3, 0, 0)],
    "last_reading_by_device": [
        ("quiet", "bare", None),
        ("D-dry", "dry", AS_OF),
        ("D-moist", "moist", AS_OF),
    ],
    "blocked_readings_by_gate": [
        ("D-dry", 81, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
        ("D-moist", 81, 80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    ],
    "water_by_crew": [("一队", 1, 7.6)],
    "findings_by_plot_and_class": [("moist", "powdery_mildew", 2, 1, 0.9, AS_OF - timedelta(days=2))],
    "missing_pictures_by_flight": [("F1", "DOCK", 4, 1, 3, AS_OF - timedelta(days=2))],
    "last_flight_by_plot": [
        ("bare", "bare", None, 0),
        ("dry", "dry", None, 0),
        ("moist", "moist", date(2026, 7, 8), 1),
    ],
    "rejected_by_code": [("not_json", "D9", 2, AS_OF)],
    "delay_by_device": [("D-moist", 81, 0.0, 60.0), ("D-dry", 81, 0.0, 0.0)],
    "frozen_days_by_plot": [("dry", date(2026, 7, 9), 1, -1.0)],
    "vigour_by_flight": [("F1", "shrubs", 2, 0.5), ("F1", "trees", 1, 0.8)],
    "messages_by_device": [("D9", date(2026, 7, 10), 4, 2, 0, 0, 0, 2)],
    "lost_by_node": [("parks.gw-1", date(2026, 7, 10), 2, 0)],
    "waterings_reported_and_seen": [("dry", date(2026, 7, 10), "一队", 7.6, 6.4, 38.4, 12.3, "partial")],
    "waterings_by_crew": [("一队", 1, 0, 1, 0, 0, 0)],
    "unplanned_water": [("moist", "moist", AS_OF, 6.0, 30.0)],
    "probes_beside_the_balance": [("moist", "moist", "probe_wetter", "2026-07-01", 50.5, 24.0)],
    "campaigns_by_crew": [
        ("秋季浇水", "Autumn water", "一队", 1, 0, 3.0),
        ("秋季浇水", "Autumn water", "二队", 1, 1, 1.5),
    ],
    "campaigns_by_year": [
        ("autumn_water", 2026, "running", AS_OF - timedelta(days=5), None, "王工", 0, 0.0),
        ("greenup_water", 2026, "over", AS_OF - timedelta(days=100), AS_OF - timedelta(days=90), "赵工", 0, 0.0),
    ],
    "drought_history": [("dry", 1, 1, AS_OF), ("bare", 1, 0, None), ("moist", 1, 0, None)],
}


@pytest.mark.parametrize("question", all_questions(), ids=lambda question: question.name)
def test_a_question_has_its_answer(asked: duckdb.DuckDBPyConnection, question: Any) -> None:
    answer = asked.execute(question.select).fetchall()
    assert answer
    if question.name in ANSWERS:
        assert answer == ANSWERS[question.name]


def test_analysts_see_the_views_that_are_meant_for_them_and_no_steps(asked: duckdb.DuckDBPyConnection) -> None:
    shown = {name for (name,) in asked.execute("select view_name from duckdb_views() where not internal").fetchall()}
    assert shown == analyst_views()
    assert shown > {"readings", "root_zone_daily", "latest_flags", "plots_now", "flights"}


def test_every_column_of_a_view_says_what_it_means_in_both_languages_with_its_unit(
    asked: duckdb.DuckDBPyConnection,
) -> None:
    explain_views(asked)
    create_dictionary(asked)
    said = asked.execute(
        "select table_name, column_name, comment from duckdb_columns() where table_name in "
        "(select view_name from duckdb_views() where not internal)"
    ).fetchall()
    assert said
    for view, column, comment in said:
        form = r"[A-Z0a-z].*?( \[[^]]+\])? / .*[\u4e00-\u9fff].*。"
        assert re.fullmatch(form, comment or ""), (view, column, comment)
        assert "[" in comment or not re.search(r"_(mm|m|s|kpa|pct|deg|litres|m2)$", column), (view, column, comment)
    listed = asked.execute("select relation, column_name, en from dictionary").fetchall()
    assert {(view, column) for view, column, _ in said} <= {(relation, column) for relation, column, _ in listed}
    assert ("soil_readings", "volumetric_water_content", "Volumetric water content, 0 to 1.") in listed
    shown = {(view, column) for view, column, _ in said}
    assert {name for name in view_words() if name[0]} <= shown, "a row of columns.csv is of no view"


def test_there_are_twenty_six_questions_in_both_languages() -> None:
    assert len(all_questions()) == 26
    assert all(question.zh.endswith(("?", "？", "。")) and question.en.endswith("?") for question in all_questions())


def test_a_question_that_is_not_asked_is_refused() -> None:
    with pytest.raises(ConfigError, match="header"):
        _question("x", "-- en: Why?\nselect 1")


def test_the_other_answers_hold_too(asked: duckdb.DuckDBPyConnection) -> None:
    select = {question.name: question.select for question in all_questions()}
    assert ("D-dry", date(2026, 7, 9), 104.2, 100.0) in asked.execute(select["completeness_by_device"]).fetchall()
    assert ("sensor", "no_data", 1, 1) in asked.execute(select["flags_by_state"]).fetchall()
    assert ("trees", date(2026, 7, 9), 1, 85.7) in asked.execute(select["moisture_by_vegetation"]).fetchall()
    assert asked.execute("select plot_id, litres from watering_reports").fetchall() == [("dry", 6400.0)]
    assert asked.execute("select count(*) from images").fetchall() == [(1,)]


def test_messages_that_a_node_lost_are_counted_by_its_numbers(lake: MadeLake) -> None:
    """Lost: 3 and 4, 7, and 255; not 6, which was refused, not a copy of 5, nothing at the birth; gw-10 is no gw-1."""
    lake.add("sparkplug_births", group_id="parks", node_id="gw-1", device_id="", message_seq=1, kind="birth")
    lake.add("sparkplug_births", group_id="parks", node_id="gw-10", device_id="", message_seq=2, kind="birth")
    numbers = [
        (1, 0, "online"),
        (2, 1, None),
        (3, 2, None),
        (4, 5, None),
        (5, 5, None),
        (7, 8, None),
        (8, 254, "online"),
    ]
    for message_seq, device_seq, state in numbers:
        is_node = state == "online"
        lake.add(
            "device_status",
            device_id="parks.gw-1" if is_node else "parks.gw-1.probe-7",
            reported_at=AS_OF - timedelta(minutes=60 - message_seq),
            message_seq=message_seq,
            device_seq=device_seq,
            state=state,
        )
    later = {"reported_at": AS_OF + timedelta(days=1), "device_id": "parks.gw-1.probe-7"}
    lake.add("device_status", **later, message_seq=9, device_seq=0)
    lake.add("device_status", device_id="parks.gw-10", reported_at=AS_OF, message_seq=10, device_seq=77)
    lake.add(
        "rejected",
        received_at=AS_OF,
        message_seq=6,
        topic="spBv1.0/parks/DDATA/gw-1/probe-7",
        scope="message",
        device_id="parks.gw-1.probe-7",
    )
    assert answers(lake, "lost_by_node") == [
        ("parks.gw-1", date(2026, 7, 11), 1, 1),
        ("parks.gw-1", date(2026, 7, 10), 7, 3),
        ("parks.gw-10", date(2026, 7, 10), 1, 0),
    ]
    lake.add("retention", table_name="rejected", kept_from_date=date(2026, 7, 11), deleted_at=AS_OF)
    assert answers(lake, "lost_by_node") == [("parks.gw-1", date(2026, 7, 11), 1, 0)], "what is deleted is not lost"


def test_a_plot_can_be_explained_down_to_its_readings(lake: MadeLake) -> None:
    lake.dry_down("P1", [0.25, 0.20, 0.19])
    lake.flags()
    described = describe_plot(lake.connection, "P1")
    (zone,) = described["zone"]
    assert zone["volumetric_water_content"] == pytest.approx(0.19)
    assert described["watering"][0]["litres"] == pytest.approx(7600.0)
    nowhere = describe_plot(lake.connection, "nowhere")
    assert {section for section, rows in nowhere.items() if rows} <= {"limits", "season", "readings"}
    assert nowhere["readings"][0]["readings"] == 0


def test_the_newest_flags_are_those_up_to_the_instant_asked_for(lake: MadeLake) -> None:
    lake.plot("P1")
    for at in (AS_OF, AS_OF + timedelta(days=400)):
        lake.add(
            "flags", as_of=at, plot_id="P1", cause="drought", state="no_sensor", needs_work=False, severity=0,
            reason_code="drought_no_sensor", reason_params_json="{}", priority=0.0, rule_id="r", rule_version="1",
            inputs_json="{}",
        )  # fmt: skip
    connection = lake.connect()
    create_views(connection)
    ask = "select as_of from latest_flags"
    assert connection.execute(ask).fetchall() == [(AS_OF + timedelta(days=400),)]
    connection.execute(f"set variable as_of = timestamptz '{AS_OF.isoformat()}'")
    assert connection.execute(ask).fetchall() == [(AS_OF,)]


def answers(lake: MadeLake, name: str, now: datetime | None = AS_OF) -> list[tuple[Any, ...]]:
    """Return the answer to a ready question, asked at `now`."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("set timezone = 'Asia/Shanghai'")
        connection.execute("set variable timezone = 'Asia/Shanghai'")
        if now is not None:
            connection.execute(f"set variable now = timestamptz '{now.isoformat()}'")
        lake.connection.close()
        lake.connection = connection
        lake.connect()
        create_views(connection)
        (select,) = [question.select for question in all_questions() if question.name == name]
        return connection.execute(select).fetchall()


def test_work_counts_for_the_season_of_a_campaign_in_which_it_was_reported(lake: MadeLake) -> None:
    """Autumn water of 2026 ran from day 5 to day 2: two reports lie in it; the year before never closed.

    A pruning is done without water.
    """
    lake.plot("P1")
    for number, (season, days, kind) in enumerate([(2025, 370, "started"), (2026, 5, "started"), (2026, 2, "closed")]):
        lake.add(
            "campaign_events", event_id=str(number), campaign_id="autumn_water", season=season, kind=kind, actor="王工",
            happened_at=AS_OF - timedelta(days=days),
        )  # fmt: skip
    for number, (days, cause, litres) in enumerate(
        [
            (6, "autumn_water", 9e3),
            (4, "autumn_water", 3e3),
            (2, "autumn_water", 2e3),
            (3, "freezeup_water", 7e3),
            (3, "autumn_prune", None),
        ]
    ):
        lake.add(
            "issue_events", event_id=f"r{number}", issue_id=f"I{number}", kind="done", plot_id=f"P{number}",
            cause=f"campaign.{cause}", actor="二队", detail_json=json.dumps({"water_used_litres": litres}),
            happened_at=AS_OF - timedelta(days=days),
        )  # fmt: skip
    lake.add(
        "campaign_events", event_id="p", campaign_id="autumn_prune", season=2026, kind="started", actor="王工",
        happened_at=AS_OF - timedelta(days=5),
    )  # fmt: skip
    rows = answers(lake, "campaigns_by_year")
    assert [(name, season, state, plots, tonnes) for name, season, state, _, _, _, plots, tonnes in rows] == [
        ("autumn_prune", 2026, "running", 1, 0.0),
        ("autumn_water", 2026, "over", 2, 5.0),
        ("autumn_water", 2025, "over", 1, 9.0),
    ]


def test_a_plot_whose_data_ended_long_ago_does_not_lead_the_driest(lake: MadeLake) -> None:
    lake.dry_down("dry now", [0.20] * 3)
    lake.laboratory_plot("ended")
    lake.device("E", "ended")
    lake.soil_days([0.15], "E", last_day=date(2026, 6, 20))
    lake.rows["flags"] = evaluate(lake.connect(), as_of=AS_OF, site=BEICHEN).to_pylist()
    # Judged two days before: nothing but its age says that a plot with a verdict is not of today.
    old = next(row for row in lake.rows["flags"] if (row["plot_id"], row["cause"]) == ("dry now", "drought"))
    lake.laboratory_plot("dry then")
    lake.rows["flags"].append(
        old | {"plot_id": "dry then", "data_at": old["data_at"] - timedelta(days=2), "depletion_mm": 99.0}
    )
    rows = answers(lake, "driest_plots")
    assert [(plot, days_older, state) for plot, _, _, _, days_older, *_, state in rows] == [
        ("dry now", 0, "dry"), ("dry then", 2, "dry"), ("ended", 19, "silent"),
    ]  # fmt: skip


def test_the_driest_are_those_furthest_beyond_their_own_line_and_plots_without_a_verdict_come_last(
    lake: MadeLake,
) -> None:
    """Data of today is no fresher than that of the day that is over; an evaluation of last week says so."""
    driest = {
        "by the day": (timedelta(hours=9), 60.0), "by the hour": (timedelta(0), 50.0), "turf": (timedelta(0), 46.0),
        "a day older": (timedelta(hours=9, days=1), 99.0), "sending nothing that counts": (timedelta(0), None),
        "without a probe": (None, None),
    }  # fmt: skip
    for plot_id, (age, depletion) in driest.items():
        lake.plot(plot_id)
        lake.add(
            "flags", as_of=AS_OF, plot_id=plot_id, cause="drought", state="ok" if depletion else "no_data",
            data_at=None if age is None else AS_OF - age, depletion_mm=depletion, total_available_water_mm=100.0,
            needs_work=False, severity=0, reason_code="r", reason_params_json="{}", priority=0.0, rule_id="r",
            rule_version="1", inputs_json=f'{{"p": {0.4 if plot_id == "turf" else 0.5}}}',
        )  # fmt: skip
    lake.plot("tensiometer")
    lake.rows["flags"].append(
        lake.rows["flags"][0]
        | {"plot_id": "tensiometer", "depletion_mm": None, "value": -88.0, "line": -80.0, "unit": "kPa"}
    )
    rows = answers(lake, "driest_plots", now=AS_OF + timedelta(days=7))
    assert [(plot, as_of, days_older) for plot, _, as_of, _, days_older, *_ in rows] == [
        ("by the day", AS_OF, 0), ("turf", AS_OF, 0), ("tensiometer", AS_OF, 0), ("by the hour", AS_OF, 0),
        ("a day older", AS_OF, 1),
        ("sending nothing that counts", AS_OF, 0), ("without a probe", AS_OF, None),
    ]  # fmt: skip


def test_flights_without_a_name_are_flights_of_their_own(lake: MadeLake) -> None:
    lake.plot("P1")
    for day, median, pixels in ((3, 0.4, 100), (2, 0.8, 100), (2, 0.1, 0)):
        at = AS_OF - timedelta(days=day)
        for part in "ab":
            lake.add(
                "index_stats", image_id=f"{day}{part}{pixels}", drone_id="U", flight_id=None, captured_at=at,
                plot_id="P1", median=median, n_pixels=pixels, sensor_kind="broken" if pixels == 0 else "good",
            )  # fmt: skip
        lake.add(
            "image_detections", image_id=f"I{day}{pixels}", detection_id="a", drone_id="U", flight_id=None,
            captured_at=at,
        )  # fmt: skip
    assert answers(lake, "vigour_by_flight") == [
        ("U/2026-07-07", "shrubs", 1, 0.4),
        ("U/2026-07-08", "shrubs", 1, 0.8),
    ]
    ((plot_id, _, images, flights, *_),) = answers(lake, "findings_by_plot_and_class")
    assert (plot_id, images, flights) == ("P1", 3, 2)


def test_completeness_tells_frozen_from_missing_and_knows_days_with_nothing(lake: MadeLake) -> None:
    moved_at = local_midnight(date(2026, 7, 8)) + timedelta(hours=12)
    lake.laboratory_plot("P1")
    lake.laboratory_plot("P2")
    lake.device("frozen")
    lake.device("moved", "P1", valid_to=moved_at)
    lake.device("moved", "P2", valid_from=moved_at, depths_cm=[40.0])
    lake.device("gap")
    lake.soil_days([0.2] * 2, "frozen", soil_temperature_c=-2.0)
    lake.soil_days([0.2] * 2, "moved")
    lake.soil_days([0.2], "gap", last_day=date(2026, 7, 7))
    rows = answers(lake, "completeness_by_device")
    assert rows == [
        ("frozen", date(2026, 7, 8), 100.0, 0.0),
        ("frozen", date(2026, 7, 9), 100.0, 0.0),
        ("gap", date(2026, 7, 7), 100.0, 100.0),
        ("gap", date(2026, 7, 8), 0.0, 0.0),
        ("gap", date(2026, 7, 9), 0.0, 0.0),
        ("moved", date(2026, 7, 8), 100.0, 100.0),
        ("moved", date(2026, 7, 9), 100.0, 100.0),
    ]


def test_low_batteries_and_potentials_are_among_the_gates(lake: MadeLake) -> None:
    lake.laboratory_plot()
    lake.device()
    lake.add("device_status", device_id="D1", reported_at=AS_OF, battery_v=2.0)
    lake.soil(AS_OF, volumetric_water_content=0.01, soil_temperature_c=20.0, bulk_ec_ds_m=0.3)
    lake.soil(AS_OF - timedelta(hours=1), matric_potential_kpa=12.0)
    lake.soil(AS_OF - timedelta(hours=2), matric_potential_kpa=-12.0)
    assert answers(lake, "blocked_readings_by_gate") == [("D1", 3, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0)]


def test_a_weather_station_has_reported(lake: MadeLake) -> None:
    lake.plot()
    lake.device("W", depths_cm=None)
    lake.add("weather_readings", device_id="W", measured_at=AS_OF, air_temperature_c=25.0)
    assert answers(lake, "last_reading_by_device") == [("W", "P1", AS_OF)]


@pytest.mark.parametrize("now", [None, AS_OF, AS_OF - timedelta(days=40)])
def test_a_probe_silent_for_a_month_is_listed_with_its_last_reading(lake: MadeLake, now: datetime | None) -> None:
    """Whatever now is: a clock that is unknown, right, or behind the readings finds the same ones."""
    last_at = {"lively": AS_OF, "yesterday": local_midnight(AS_OF) - timedelta(days=1), "silent": AS_OF - timedelta(30)}
    for device_id, at in last_at.items():
        lake.plot(device_id)
        lake.device(device_id, device_id)
        for earlier in (timedelta(), timedelta(days=3)):
            lake.soil(at - earlier, device_id, volumetric_water_content=0.2)
    found = answers(lake, "last_reading_by_device", now)
    assert found == [(name, name, at) for name, at in sorted(last_at.items(), key=lambda one: one[1])]


def test_dry_days_of_plots_known_by_potential_are_counted_and_frozen_ones_apart(lake: MadeLake) -> None:
    """One plot is moist by water content on the second day, the other is frozen for hours of the third."""
    for plot_id, devices in (("P1", "TV"), ("P2", "F")):
        lake.laboratory_plot(plot_id)
        for device_id in devices:
            lake.device(device_id, plot_id)
    for day in (7, 8, 9):
        for hour in range(24):
            at = local_midnight(date(2026, 7, day)) + timedelta(hours=hour)
            lake.soil(at, "T", matric_potential_kpa=-300.0)
            frost_c = -1.0 if day == 9 and hour < 8 else 5.0
            lake.soil(at, "F", matric_potential_kpa=-300.0, soil_temperature_c=frost_c)
            if day == 8:
                lake.soil(at, "V", volumetric_water_content=0.25)
    assert answers(lake, "dry_days_by_plot") == [("P1", 3, 2, 0), ("P2", 3, 2, 1)]


def test_a_day_with_frost_in_the_soil_is_a_frozen_one_and_no_dry_one(lake: MadeLake) -> None:
    """A third of the hours are frozen, the others show the soil of one plot dry and that of the other moist."""
    for plot_id, water_content in (("P1", 0.19), ("P2", 0.25)):
        lake.laboratory_plot(plot_id)
        lake.device(f"D-{plot_id}", plot_id)
        for day in (7, 8, 9):
            for hour in range(24):
                at = local_midnight(date(2026, 7, day)) + timedelta(hours=hour)
                soil_c = -1.0 if day == 9 and hour < 8 else 5.0
                lake.soil(at, f"D-{plot_id}", volumetric_water_content=water_content, soil_temperature_c=soil_c)
    assert answers(lake, "dry_days_by_plot") == [("P1", 3, 2, 1), ("P2", 3, 0, 1)]


@pytest.mark.parametrize(("now", "plots"), [(AS_OF, ["ends later", "stands"]), (None, ["stands", "to come"])])
def test_the_register_is_asked_at_the_instant_of_the_question(
    lake: MadeLake, now: datetime | None, plots: list[str]
) -> None:
    later = AS_OF + timedelta(days=1)
    lake.plot("stands")
    lake.plot("ends later", valid_to=later)
    lake.plot("to come", valid_from=later)
    assert sorted(plot for plot, *_ in answers(lake, "last_flight_by_plot", now)) == plots


def test_a_new_planting_is_new_on_the_days_on_which_it_was(lake: MadeLake) -> None:
    """Planted three years before 8 July: the 7th is the last day of its youth."""
    lake.dry_down("P1", [0.225] * 3, vegetation="trees", planted_on=date(2023, 7, 8))
    connection = lake.connect()
    create_views(connection)
    rows = connection.execute(
        "select date, root_zone_m, depletion_fraction from root_zone_daily where date < date '2026-07-10' order by date"
    ).fetchall()
    assert rows == [
        (date(2026, 7, 7), 0.6, 0.4),
        (date(2026, 7, 8), 1.0, 0.5),
        (date(2026, 7, 9), 1.0, 0.5),
    ]


def test_a_plateau_at_the_top_counts_as_complete_though_none_of_its_readings_is_usable(lake: MadeLake) -> None:
    """24 quiet hours, a rise, 24 hours of saturation, a fall and 23 quiet hours: what stood at the top is D10."""
    lake.laboratory_plot()
    lake.device()
    quiet, top = [0.20, 0.201] * 12, [0.42] * 24
    for hour, value in enumerate([*quiet, *top, 0.38, 0.34, 0.30, 0.27, *([0.25] * 20)]):
        at = local_midnight(date(2026, 7, 7)) + timedelta(hours=hour)
        lake.soil(at, volumetric_water_content=value, soil_temperature_c=20.0)
    assert ("D1", date(2026, 7, 8), 100.0, 100.0) in answers(lake, "completeness_by_device")
    asked = "select count(*) from readings where is_d10_high_plateau and not is_usable"
    with duckdb.connect(":memory:") as connection:
        connection.execute("set timezone = 'Asia/Shanghai'")
        lake.connection = connection
        create_views(lake.connect())
        ((plateau,),) = connection.execute(asked).fetchall()
    assert plateau >= 12


def test_the_last_day_that_views_are_asked_for_is_judged_like_those_before_it() -> None:
    lake = MadeLake()
    lake.laboratory_plot()
    lake.device()
    lake.soil_days([0.25, 0.245, 0.24, 0.235, 0.23, 0.225])
    connection = lake.connect()
    for name, value in (("timezone", "'Asia/Shanghai'"), ("window_to", "date '2026-07-07'")):
        connection.execute(f"set variable {name} = {value}")
    create_views(connection)
    for query in (
        "select max(date) from root_zone_daily",
        "select max(date) from readings_daily where is_complete",
        "select max(date) from readings",
    ):
        assert connection.execute(query).fetchall() == [(date(2026, 7, 7),)], query
