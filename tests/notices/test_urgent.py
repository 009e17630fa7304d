"""What cannot wait for the digest: grave new work and work that was raised, once, and not at night."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crews.action import Action
from crews.apply import apply_flags
from crews.perform import perform
from tests.crews.made import DAY, HOUR, NOW, PLOTS, flag, well
from tests.notices.sending import Sending, robot
from tests.robots import Vendors

MINUTE = timedelta(minutes=1)
Make = Callable[..., Sending]
NO_DIGEST = 'at = ""\n'


def judged(made: Sending, now: Any, *flags: Mapping[str, Any]) -> None:
    """Let an evaluation find what the flags say."""
    apply_flags(made.ledger, flags, PLOTS, now)


@pytest.fixture
def crew(tmp_path: Path, robots: Vendors, sending: Make) -> Sending:
    """Return a sender of new issues to 一队 that has looked once, so that what comes from here on is news."""
    made = sending(robot(tmp_path, robots, "wecom", "crew_1", more=f"{NO_DIGEST}raised_from = 0\n"))
    made.turn(NOW)
    return made


def test_a_new_channel_is_not_told_of_all_that_ever_was(crew: Sending, robots: Vendors) -> None:
    crew.turn(NOW + MINUTE, times=3)
    assert robots.tries == 0


@pytest.mark.parametrize(("severity", "told"), [(2, 0), (3, 1), (4, 1)])
def test_a_new_issue_of_the_highest_severities_is_told_at_once_and_once(
    severity: int, told: int, crew: Sending, robots: Vendors
) -> None:
    judged(crew, NOW + MINUTE, flag("LM-07", "vigour", NOW + MINUTE, severity=severity))
    crew.turn(NOW + 2 * MINUTE, times=20, every=MINUTE)
    assert [text.partition("\n")[0] for text in robots.texts()] == ["一队 · 加急"] * told
    assert all("新派：龙门东道行道树" in text and "/c/" in text for text in robots.texts())
    assert all("；数据 " in text for text in robots.texts()), "with its reason and the age of its data"


def test_work_that_was_raised_is_told_at_each_level(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    made = sending(robot(tmp_path, robots, "wecom", "crew_1", more=f"{NO_DIGEST}new_from = 0\n"))
    made.turn(NOW)
    judged(made, NOW + MINUTE)
    made.turn(NOW + MINUTE, times=3)
    (text,) = robots.texts()
    assert "超期升级：京津路绿带 12 段：已超 24 小时，升级到绿化主管部门" in text
    made.turn(NOW + HOUR, times=3)
    assert len(robots.texts()) == 1, "once to each level"
    judged(made, NOW + 49 * HOUR)
    made.turn(NOW + 49 * HOUR, times=3)
    assert "升级到分管领导" in robots.texts()[-1]


def test_the_official_hears_only_of_what_reaches_him(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    more = NO_DIGEST + "raised_from = 3\nnew_from = 0\n"
    made = sending(robot(tmp_path, robots, "feishu", "official", '["*"]', more))
    made.turn(NOW)
    judged(made, NOW + MINUTE, flag("SH-02", "vigour", NOW + MINUTE, severity=4))
    made.turn(NOW + MINUTE)
    assert robots.texts() == []
    judged(made, NOW + 49 * HOUR)
    made.turn(NOW + 49 * HOUR)
    (text,) = robots.texts()
    assert "一队 · 超期升级：" in text, "it says whose it is"
    assert "/c/" not in text


def test_what_is_urgent_at_night_waits_for_the_morning(crew: Sending, robots: Vendors) -> None:
    night, morning = NOW + 14 * HOUR, NOW + 22 * HOUR  # 22:30 and 06:30
    judged(crew, night, flag("LM-07", "vigour", night, severity=4))
    crew.turn(night, times=40, every=10 * MINUTE)
    assert robots.texts() == []
    crew.turn(morning - MINUTE)
    assert robots.texts() == []
    crew.turn(morning)
    (text,) = robots.texts()
    assert "7月2日 22:30 生成" in text
    assert "今天" not in text, "which was the day before"
    assert "明天" not in text


def test_unless_the_settings_say_otherwise(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    more = NO_DIGEST + "urgent_at_night = true\n"
    made = sending(robot(tmp_path, robots, "wecom", "crew_1", more=more))
    night = NOW + 14 * HOUR
    made.turn(night)
    judged(made, night + MINUTE, flag("LM-07", "vigour", night + MINUTE, severity=4))
    made.turn(night + MINUTE)
    assert len(robots.texts()) == 1


def test_what_was_done_or_given_to_others_meanwhile_is_not_told(crew: Sending, robots: Vendors) -> None:
    night, morning = NOW + 14 * HOUR, NOW + 22 * HOUR
    found = [flag(plot, "vigour", night, severity=4) for plot in ("LM-07", "GY-01", "JJ-012")]
    judged(crew, night, *found)
    crew.turn(night)
    issues = {issue.plot_id: issue.issue_id for issue in crew.ledger.open_issues() if issue.cause == "vigour"}
    perform(
        crew.ledger,
        Action("done-12345", issues["LM-07"], "done", "crew:一队", as_crew="一队", inspection="unsure"),
        night + HOUR,
    )
    perform(crew.ledger, Action("move-12345", issues["GY-01"], "assigned", "王工", crew="二队"), night + HOUR)
    crew.turn(morning, times=3)
    (text,) = robots.texts()
    assert "京津路绿带 12 段" in text
    assert "龙门东道" not in text
    assert "果园街" not in text


def test_a_notice_of_which_nothing_holds_is_dropped(crew: Sending, robots: Vendors) -> None:
    night, morning = NOW + 14 * HOUR, NOW + 22 * HOUR
    judged(crew, night, flag("LM-07", "vigour", night, severity=4))
    crew.turn(night)
    judged(crew, night + 6 * HOUR, well("LM-07", "vigour", night + 6 * HOUR))
    crew.turn(morning, times=3)
    assert robots.tries == 0
    assert crew.standing(morning).counts == {"overtaken": 1}


def test_many_new_issues_are_one_message(crew: Sending, robots: Vendors) -> None:
    plots = [plot["plot_id"] for plot in PLOTS if plot["crew"] == "一队"]
    judged(crew, NOW + MINUTE, *(flag(plot, "vigour", NOW + MINUTE, severity=3) for plot in plots))
    crew.turn(NOW + 2 * MINUTE)
    (text,) = robots.texts()
    assert text.count("新派：") == len(plots)


def test_a_whole_district_that_turns_dry_at_once_is_no_flood_of_messages(
    crew: Sending, robots: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crews.notices.notice.MOST_CARDS", 3)
    plots = [plot["plot_id"] for plot in PLOTS if plot["crew"] == "一队"]
    judged(crew, NOW + MINUTE, *(flag(plot, "vigour", NOW + MINUTE, severity=3) for plot in plots))
    crew.turn(NOW + 2 * MINUTE)
    (text,) = robots.texts()
    assert text.count("新派：") == 3
    assert f"另有 {len(plots) - 3} 处，见清单" in text


def test_what_a_message_had_no_room_for_is_not_lost_with_what_it_names(
    crew: Sending, robots: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crews.notices.notice.MOST_CARDS", 1)
    night, morning = NOW + 14 * HOUR, NOW + 22 * HOUR
    judged(crew, night, *(flag(plot, "vigour", night, severity=4) for plot in ("LM-07", "JJ-012")))
    crew.turn(night)
    (row,) = crew.rows()
    (named,) = crew.content(row)["cards"]
    perform(crew.ledger, Action("void-12345", named["issue_id"], "void", "王工", reason="x"), night + HOUR)
    crew.turn(morning)
    assert "另有 1 处，见清单" in robots.texts()[0]


def test_news_of_days_ago_is_no_news(crew: Sending, robots: Vendors) -> None:
    judged(crew, NOW + MINUTE, flag("LM-07", "vigour", NOW + MINUTE, severity=4))
    crew.turn(NOW + 2 * DAY, times=3)
    assert robots.tries == 0


def test_work_that_an_office_hands_over_is_new_to_the_crew_that_gets_it(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    made = sending(robot(tmp_path, robots, "wecom", "crew_2", '["二队"]', NO_DIGEST))
    made.turn(NOW)
    grave = next(issue for issue in made.ledger.open_issues() if issue.severity == 4)
    perform(made.ledger, Action("move-12345", grave.issue_id, "assigned", "王工", crew="二队"), NOW + MINUTE)
    made.turn(NOW + 2 * MINUTE)
    assert "新派：京津路绿带 12 段" in robots.texts()[0]
