"""The questions of analysts, with the answers that a small lake has to them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from ingest.errors import ConfigError
from ingest.site import BEICHEN
from sql.analysts import _question, all_questions, create_views
from sql.describe import describe_plot
from sql.evaluate import evaluate
from tests.sql.made_lake import AS_OF, MadeLake


@pytest.fixture
def asked(lake: MadeLake) -> duckdb.DuckDBPyConnection:
    """Return a lake with two plots, one of them dry, whose views and flags are there."""
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
    lake.rows["flags"] = evaluate(lake.connect(), as_of=AS_OF, site=BEICHEN).to_pylist()
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
    lake.connection.close()
    lake.connection = duckdb.connect(":memory:")
    lake.connection.execute("set timezone = 'Asia/Shanghai'")
    connection = lake.connect()
    create_views(connection)
    return connection


ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "driest_plots": [
        ("dry", "dry", date(2026, 7, 9), 67.9, 64.3, "dry"),
        ("moist", "moist", date(2026, 7, 9), 85.7, 28.6, "ok"),
    ],
    "dry_days_by_plot": [("dry", 3, 2), ("moist", 3, 0)],
    "last_reading_by_device": [
        ("quiet", "bare", None, 0),
        ("D-dry", "dry", AS_OF, 81),
        ("D-moist", "moist", AS_OF, 81),
    ],
    "blocked_readings_by_gate": [("D-dry", 81, 80, 0, 0, 1, 0, 0, 0), ("D-moist", 81, 80, 0, 1, 0, 0, 0, 0)],
    "water_by_crew": [("一队", 1, 7.6)],
    "findings_by_plot_and_class": [("moist", "powdery_mildew", 2, 1, 0.9, AS_OF - timedelta(days=2))],
    "last_flight_by_plot": [
        ("bare", "bare", None, 0),
        ("dry", "dry", None, 0),
        ("moist", "moist", date(2026, 7, 8), 1),
    ],
    "rejected_by_code": [("not_json", "D9", 2, AS_OF)],
    "delay_by_device": [("D-moist", 81, 0.0, 60.0), ("D-dry", 81, 0.0, 0.0)],
    "frozen_days_by_plot": [("dry", date(2026, 7, 9), 1, -1.0)],
    "vigour_by_flight": [("F1", "shrubs", 2, 0.5), ("F1", "trees", 1, 0.8)],
    "drought_history": [("dry", 1, 1, AS_OF), ("bare", 1, 0, None), ("moist", 1, 0, None)],
}


@pytest.mark.parametrize("question", all_questions(), ids=lambda question: question.name)
def test_a_question_has_its_answer(asked: duckdb.DuckDBPyConnection, question: Any) -> None:
    answer = asked.execute(question.select).fetchall()
    assert answer
    if question.name in ANSWERS:
        assert answer == ANSWERS[question.name]


def test_there_are_fifteen_questions_in_both_languages() -> None:
    assert len(all_questions()) == 15
    assert all(question.zh.endswith(("?", "？", "。")) and question.en.endswith("?") for question in all_questions())


def test_a_question_that_is_not_asked_is_refused() -> None:
    with pytest.raises(ConfigError, match="header"):
        _question("x", "-- en: Why?\nselect 1")


def test_the_other_answers_hold_too(asked: duckdb.DuckDBPyConnection) -> None:
    select = {question.name: question.select for question in all_questions()}
    assert ("D-dry", date(2026, 7, 9), 100.0) in asked.execute(select["completeness_by_device"]).fetchall()
    assert ("sensor", "no_data", 1, 1) in asked.execute(select["flags_by_state"]).fetchall()
    assert ("trees", date(2026, 7, 9), 1, 85.7) in asked.execute(select["moisture_by_vegetation"]).fetchall()
    assert asked.execute("select plot_id, water_used_litres from watering").fetchall() == [("dry", 6400.0)]
    assert asked.execute("select count(*) from images").fetchall() == [(1,)]


def test_a_plot_can_be_explained_down_to_its_readings(lake: MadeLake) -> None:
    lake.dry_down("P1", [0.25, 0.20, 0.19])
    lake.flags()
    described = describe_plot(lake.connection, "P1")
    assert [row["volumetric_water_content"] for row in described["root_zone"]] == pytest.approx([0.25, 0.20, 0.19])
    assert described["watering"][0]["litres"] == pytest.approx(7600.0)
    assert not any(describe_plot(lake.connection, "nowhere").values())


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
