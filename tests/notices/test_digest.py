"""One digest per crew and day: when it goes, what it says, whose link is in it, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from crews.action import Action
from crews.issue import ActionRefusedError
from crews.ledger import Ledger
from crews.links import load_keys, read_token, revoke
from crews.notices.outbox import untold
from crews.perform import perform
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.crews.made import DAY, HOUR, NOW
from tests.notices.sending import PUBLIC, Sending, robot
from tests.robots import KEY, Vendors

MINUTE = timedelta(minutes=1)
AT = NOW - timedelta(hours=1, minutes=17)
"""07:13 by the district's clock."""

Make = Callable[..., Sending]


def links_in(text: str) -> list[str]:
    return re.findall(rf"{PUBLIC}/c/(\S+)", text)


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "feishu"])
def test_a_robot_takes_one_digest_a_day_with_counts_stops_and_the_crews_own_link(
    kind: str, tmp_path: Path, robots: Vendors, sending: Make, folder: DataFolder
) -> None:
    made = sending(robot(tmp_path, robots, kind, "crew_1"))
    made.turn(AT, times=6)
    (text,) = robots.texts(kind)
    assert text.startswith("一队 · 2026-07-02 养护清单\n")
    assert "已超期" in text
    assert "吨 ≈" in text
    assert "1. 京津路绿带 12 段：" in text
    assert "（10 cm 含水率 14.2 %，已到凋萎点附近（养护线 18 %），马上浇；数据 " in text
    assert text.count("；数据 ") == len(re.findall(r"^\d+\. ", text, re.MULTILINE)), (
        "no flag without the age of its data"
    )
    assert text.splitlines()[-1].startswith(PUBLIC), "what is to be done comes before a long address"
    assert "07:13 生成" in text
    (token,) = links_in(text)
    with Ledger(folder.ledger, BEICHEN) as ledger:
        keys = load_keys(folder)
        said = read_token(keys, ledger, token, AT + HOUR)
        assert (said.role, said.subject) == ("crew", "一队")
        assert said.ends_at - said.made_at <= timedelta(days=7)
        revoke(ledger, "crew", "一队")
        with pytest.raises(ActionRefusedError, match="withdrawn"):
            read_token(keys, ledger, token, AT + HOUR)
    assert [(one["outcome"], one["code"]) for one in made.receipts()] == [("sent", "0")]
    assert made.rows()[0]["list_version"] > 0


def test_nothing_goes_before_its_minute_nor_twice_and_the_next_day_again(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    made = sending(robot(tmp_path, robots, "wecom", "crew_1"))
    made.turn(AT - MINUTE)
    assert robots.texts() == []
    made.turn(AT, times=30, every=10 * MINUTE)
    assert len(robots.texts()) == 1
    made.turn(AT + DAY)
    assert [text.partition("\n")[0][5:15] for text in robots.texts()] == ["2026-07-02", "2026-07-03"]


def test_a_sender_that_was_away_for_a_month_tells_today_and_no_day_before(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    section = robot(tmp_path, robots, "wecom", "crew_1")
    sending(section).turn(AT)
    sending(section).turn(AT + 30 * DAY + HOUR, times=10)
    assert [text.partition("\n")[0][5:15] for text in robots.texts()] == ["2026-07-02", "2026-08-01"]


def test_a_digest_that_could_not_go_all_day_is_not_sent_the_next_as_if_it_were_new(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    robots.instead = lambda: (503, b"away", {})
    made = sending(robot(tmp_path, robots, "wecom", "crew_1"))
    made.turn(AT, times=100, every=12 * MINUTE)
    (late,) = untold(made.ledger, AT - DAY, AT + HOUR)
    assert (late.state, late.code) == ("expired", "HTTP 503"), "and nobody takes it for told"
    assert made.standing(AT + 20 * HOUR).counts == {"expired": 1}
    assert 10 < robots.tries < 45, "tried again, less and less often"
    robots.instead = lambda: None
    made.turn(AT + DAY)
    (text,) = robots.texts()
    assert "2026-07-03" in text


def test_what_is_late_is_named_before_its_time_is_over(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    robots.instead = lambda: (503, b"away", {})
    made = sending(robot(tmp_path, robots, "wecom", "crew_1"))
    made.turn(AT)
    assert untold(made.ledger, AT - DAY, AT + 29 * MINUTE) == []
    (late,) = untold(made.ledger, AT - DAY, AT + 30 * MINUTE)
    assert (late.state, late.crew, late.kind, late.code) == ("waiting", "一队", "digest", "HTTP 503")


def test_a_clock_that_is_set_back_or_forward_for_a_while_makes_no_second_digest(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    made = sending(robot(tmp_path, robots, "wecom", "crew_1"))
    made.turn(AT + HOUR)
    made.turn(AT - HOUR)
    made.turn(AT + MINUTE, times=3)
    assert len(robots.texts()) == 1
    made.turn(AT + 10 * DAY)
    made.turn(AT + 2 * HOUR, times=3)
    assert [text.partition("\n")[0][5:15] for text in robots.texts()] == ["2026-07-02", "2026-07-12"]
    made.turn(AT + DAY)
    assert len(robots.texts()) == 3, "and the days between have theirs"


def test_a_refusal_is_kept_with_its_words_and_never_tried_again(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    section = robot(tmp_path, robots, "wecom", "crew_1")
    (tmp_path / "crew_1.url").write_text(f"{robots.url}/wecom/send?key=canary-of-nobody\n", encoding="utf-8")
    made = sending(section)
    made.turn(AT, times=20)
    assert robots.tries == 1
    (refusal,) = untold(made.ledger, AT - DAY, AT)
    assert (refusal.channel, refusal.crew, refusal.code) == ("crew_1", "一队", "93000")
    assert "invalid webhook url" in refusal.said
    assert "93000" in "".join(made.said)


@pytest.mark.parametrize(("kind", "code", "alone"), [("wecom", "45009", MINUTE), ("dingtalk", "130101", 10 * MINUTE),
                                                      ("feishu", "11232", MINUTE)])  # fmt: skip
def test_a_robot_that_has_had_enough_is_left_alone_for_as_long_as_it_says_and_then_told(
    kind: str, code: str, alone: timedelta, tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    robots.limit = 0
    made = sending(robot(tmp_path, robots, kind, "crew_1"))
    made.turn(AT)
    assert made.receipts()[0]["code"] == code
    robots.limit = 20
    made.turn(AT + timedelta(seconds=5), times=2, every=alone / 2 - timedelta(seconds=5))
    assert robots.tries == 1
    made.turn(AT + alone + 2 * MINUTE, times=2, every=2 * MINUTE)
    assert len(robots.texts()) == 1


def test_a_wrong_signature_is_refused_by_the_robot_and_told(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    for kind, code in (("dingtalk", "310000"), ("feishu", "19021")):
        section = robot(tmp_path, robots, kind, f"of_{kind}")
        (tmp_path / f"of_{kind}.secret").write_text("SEC-of-another\n", encoding="utf-8")
        made = sending(section)
        made.turn(AT)
        assert code in [one.code for one in untold(made.ledger, AT - DAY, AT)]


def test_dingtalks_keyword_stands_in_every_message(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    robots.keyword = "[养护]_通知"
    more = 'keyword = "[养护]_通知"\nformat = "markdown"\n'
    sending(robot(tmp_path, robots, "dingtalk", "crew_1", more=more)).turn(AT)
    assert len(robots.texts()) == 1


def test_a_long_list_goes_in_several_messages_at_the_robots_pace_and_goes_on_where_it_was_cut(
    tmp_path: Path, robots: Vendors, sending: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crews.notices.notice._LONGEST_NAME", 600)
    names = "很长的地块名称" * 60
    monkeypatch.setattr("crews.notices.notice.short", lambda name: f"{name}{names}")
    section = robot(tmp_path, robots, "wecom", "crew_1")
    made = sending(section)
    made.turn(AT)
    first = len(robots.texts())
    assert first == 1, "the bucket begins with one"
    again = sending(section)  # as after a kill
    again.turn(AT + MINUTE, times=20, every=timedelta(seconds=5))
    texts = robots.texts()
    assert len(texts) > 2
    assert all(len(text.encode()) <= 2048 for text in texts)
    assert [re.search(r"（(\d+)/(\d+)）", text)[1] for text in texts] == [str(n) for n in range(1, len(texts) + 1)]  # type: ignore[index]
    assert [bool(links_in(text)) for text in texts] == [*[False] * (len(texts) - 1), True]


def test_one_crews_link_is_in_no_message_that_others_read(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    office = robot(tmp_path, robots, "wecom", "office", '["*"]')
    both = robot(tmp_path, robots, "feishu", "both", '["一队", "二队"]')
    sending(office + both).turn(AT, times=3)
    assert len(robots.texts()) == 2
    for text in robots.texts():
        assert links_in(text) == []
        assert "一队：" in text
        assert "二队：" in text


def test_two_channels_of_one_robot_carry_no_links_when_they_are_of_two_crews(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    one = robot(tmp_path, robots, "wecom", "crew_1")
    two = robot(tmp_path, robots, "wecom", "crew_2", '["二队"]')
    sending(one + two).turn(AT, times=4)
    assert len(robots.texts()) == 2
    assert [links_in(text) for text in robots.texts()] == [[], []]
    assert all("几个班组共用" in text for text in robots.texts())


def test_a_robot_is_known_however_its_address_is_written(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    one = robot(tmp_path, robots, "wecom", "crew_1")
    two = robot(tmp_path, robots, "wecom", "crew_2", '["二队"]')
    (tmp_path / "crew_2.url").write_text(f"{robots.url}/wecom/send?debug=1&key={KEY}\n", encoding="utf-8")
    sending(one + two).turn(AT, times=4)
    assert [links_in(text) for text in robots.texts()] == [[], []]


def test_what_our_own_code_fails_on_is_refused_and_the_others_go_on(
    tmp_path: Path, robots: Vendors, sending: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr("crews.notices.robots.sign_dingtalk", fail)
    made = sending(
        robot(tmp_path, robots, "dingtalk", "crew_1") + robot(tmp_path, robots, "wecom", "crew_2", '["二队"]')
    )
    made.turn(AT, times=2)
    assert len(robots.texts("wecom")) == 1
    (refusal,) = untold(made.ledger, AT - DAY, AT)
    assert refusal.code == "fault"
    assert "RuntimeError" in refusal.said
    assert "canary" not in refusal.said


def test_without_the_servers_address_there_is_no_link_and_it_says_so(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    sending(robot(tmp_path, robots, "wecom", "crew_1"), public_url="").turn(AT)
    (text,) = robots.texts()
    assert "/c/" not in text
    assert "没有链接：服务器地址还没有设置" in text


def test_no_link_and_no_secret_is_ever_written_down(
    tmp_path: Path, robots: Vendors, sending: Make, folder: DataFolder
) -> None:
    robots.echo = True
    made = sending(
        robot(tmp_path, robots, "wecom", "crew_1") + robot(tmp_path, robots, "dingtalk", "crew_2", '["二队"]')
    )
    robots.limit = 1  # one is taken and one refused, and both answers hold all that was sent
    made.turn(AT, times=3)
    tokens = [token for text in robots.texts() for token in links_in(text)]
    assert tokens
    assert made.said
    written = "".join(file.read_bytes().decode("latin-1") for file in folder.root.rglob("*")
                      if file.is_file() and folder.secrets not in file.parents)  # fmt: skip
    for secret in (*tokens, "canary"):
        assert secret not in written + "".join(made.said), secret


def test_english_is_english_and_markdown_has_a_link_to_tap(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    more = 'language = "en"\nformat = "markdown"\n'
    sending(robot(tmp_path, robots, "wecom", "crew_1", more=more)).turn(AT)
    (text,) = robots.texts()
    assert text.startswith("一队 · work list of 2026-07-02\n")
    assert re.search(rf"\[Open the list\]\({PUBLIC}/c/\S+\)", text)


def test_a_crew_that_nobody_knows_is_not_told_that_it_has_nothing_to_do(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    one = robot(tmp_path, robots, "wecom", "crew_1", '["一对"]')
    several = robot(tmp_path, robots, "feishu", "office", '["一对", "二队"]')
    sending(one + several).turn(AT)
    for kind in ("wecom", "feishu"):
        (text,) = robots.texts(kind)
        assert "登记里没有“一对”这个班组" in text
        assert "没有待办" not in text
        assert links_in(text) == [], "a link would open a list that says that nothing is to do"
    assert "二队：" in robots.texts("feishu")[0]


def test_nobody_is_told_that_a_crew_has_nothing_to_do_where_no_evaluation_is_new_enough_to_know(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    made = sending(robot(tmp_path, robots, "wecom", "office", '["*"]'))
    for issue in made.ledger.open_issues():
        if issue.crew == "二队":
            perform(made.ledger, Action(f"void-{issue.issue_id}", issue.issue_id, "void", "王工", reason="x"), NOW)
    made.turn(datetime.fromisoformat("2026-07-04T07:13:00+08:00"))
    (line,) = [one for one in robots.texts()[0].splitlines() if one.startswith("二队：")]
    assert "不知道有没有待办" in line


def test_feishu_is_not_spoken_to_when_everybody_does(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    made = sending(robot(tmp_path, robots, "feishu", "crew_1", more='at = "09:59"\n'))
    ten = NOW + timedelta(hours=1, minutes=30)
    made.turn(ten - MINUTE, times=3, every=timedelta(seconds=40))
    assert robots.texts() == []
    made.turn(ten + 2 * MINUTE)
    assert len(robots.texts()) == 1


def test_a_list_of_an_old_evaluation_says_so(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    sending(robot(tmp_path, robots, "wecom", "crew_1")).turn(datetime.fromisoformat("2026-07-04T07:13:00+08:00"))
    assert "47 小时前" in robots.texts()[0].split("\n")[1]
