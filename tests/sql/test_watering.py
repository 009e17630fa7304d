"""The water that crews say they brought."""

from __future__ import annotations

from datetime import timedelta

from sql.analysts import create_views
from sql.campaigns import Campaigns, load_campaigns
from tests.sql.made_lake import AS_OF, MadeLake


def test_a_corrected_amount_takes_the_place_of_the_reported_one_in_its_own_round_only(lake: MadeLake) -> None:
    said = [("done", 6400.0), ("amended", 640.0), ("reopened", None), ("done", 3000.0), ("done", None)]
    for number, (kind, litres) in enumerate(said):
        lake.rows["issue_events"].append(
            {
                "event_id": f"e{number}",
                "issue_id": "I1",
                "happened_at": AS_OF + timedelta(minutes=number),
                "kind": kind,
                "plot_id": "P1",
                "cause": "drought",
                "actor": "一队",
                "detail_json": "{}" if litres is None else f'{{"water_used_litres": {litres}}}',
            }
        )
    connection = lake.connect()
    create_views(connection)
    rows = connection.execute(
        "select round_number, actor, litres from watering_reports order by reported_at"
    ).fetchall()
    assert rows == [(1, "一队", 640.0), (2, "一队", 3000.0), (3, "一队", None)]


def test_work_that_asks_for_no_water_is_a_watering_only_where_it_says_litres(lake: MadeLake) -> None:
    """Also by a campaign of the district's own."""
    said: list[tuple[str, float | None]] = [
        ("drought", None), ("drought", 6400.0), ("campaign.autumn_water", None), ("campaign.festival", None),
        ("campaign.spring_replant", 300.0), ("vigour", 100.0), ("campaign.spring_replant", None),
        ("campaign.autumn_prune", None), ("campaign.winter_protect", None), ("campaign.unheard_of", None),
        ("disease", None), ("disease", 0.0), ("sensor", None),
    ]  # fmt: skip
    for number, (cause, litres) in enumerate(said):
        lake.add(
            "issue_events", event_id=f"e{number}", issue_id=f"I{number:02}", happened_at=AS_OF, kind="done",
            plot_id="P1", cause=cause, actor="一队",
            detail_json="{}" if litres is None else f'{{"water_used_litres": {litres}}}',
        )  # fmt: skip
    connection = lake.connect()
    known = load_campaigns()
    create_views(
        connection, Campaigns((*known.rows, {**known.row("autumn_water"), "campaign_id": "festival"}), known.rules)
    )
    asked = "select cause, litres from {} order by issue_id"
    assert connection.execute(asked.format("work_reports")).fetchall() == said
    assert connection.execute(asked.format("watering_reports")).fetchall() == said[:6]


def test_a_report_stays_a_watering_when_its_campaign_is_taken_out_of_the_table(lake: MadeLake) -> None:
    """The newest issue that was opened for a campaign says what work it was, as long as the table does not."""
    told = [
        ("campaign.was_water", ["prune", "water"]),
        ("campaign.was_prune", ["water", "prune"]),
        ("campaign.autumn_prune", ["water"]),
    ]
    for number, (cause, works) in enumerate(told):
        for ago, work in zip((20, 10), works, strict=False):
            detail = f'{{"finding": {{"reason_params": {{"work": "{work}"}}}}}}'
            lake.add(
                "issue_events", event_id=f"e{number}.{ago}", issue_id=f"I{number}", kind="opened", plot_id="P1",
                happened_at=AS_OF - timedelta(days=ago), cause=cause, actor="greensward", detail_json=detail,
            )  # fmt: skip
        lake.add(
            "issue_events", event_id=f"e{number}", issue_id=f"I{number}", kind="done", plot_id="P1",
            happened_at=AS_OF, cause=cause, actor="一队", detail_json="{}",
        )  # fmt: skip
    connection = lake.connect()
    create_views(connection)
    assert connection.execute("select cause from watering_reports").fetchall() == [("campaign.was_water",)]
