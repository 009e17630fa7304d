"""The sender where the disk is full, a clock is set wrong, and other ends take their time."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from crews.apply import apply_flags
from crews.notices.outbox import untold
from crews.notices.robots import MANNERS
from greensward.sending import under_way
from greensward.sending.post import Target, UnreachableError
from greensward.sending.sender import MOST_UNKNOWN, STEADY_S, TURN_S
from ingest.errors import StoreError
from tests.crews.made import DAY, HOUR, NOW, PLOTS, flag
from tests.notices.sending import Sending, robot
from tests.robots import Vendors
from tests.waiting import PATIENCE_S

MINUTE = timedelta(minutes=1)
AT = NOW - timedelta(hours=1, minutes=17)
"""07:13 by the district's clock."""

Make = Callable[..., Sending]


def fill(made: Sending, insert: str, value: str) -> None:
    """Write until there is no room."""
    with contextlib.suppress(StoreError):
        while True:
            made.ledger.run(insert, (value,))


def turns_on_a_broken_ledger(made: Sending, times: int) -> int:
    """Let it try as often as `greensward send` does, and return how often the ledger failed."""
    failed = 0
    for number in range(times):
        try:
            made.turn(AT + number * timedelta(seconds=15))
        except StoreError:
            made.seconds += 15
            failed += 1
    return failed


def test_what_cannot_be_written_down_is_not_sent_and_goes_once_when_there_is_room(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    made = sending(robot(tmp_path, robots, "wecom", "crew_1"))
    robots.limit = 0
    made.turn(AT - 14 * HOUR)
    made.ledger.run("create table filler (text text)", ())
    made.sender.turn(lambda: AT - MINUTE)
    made.turn(AT)
    assert robots.tries == 1, "recorded, tried, and not taken"
    robots.limit = 20
    pages = made.ledger.run("pragma page_count", ())[0][0]
    made.ledger.run(f"pragma max_page_count = {pages}", ())
    fill(made, "insert into filler values (?)", "x" * 300)
    fill(made, "insert into notice_receipts (notice_id, part, parts, at, outcome, code, said)"
               " values ('another', 1, 1, 0, 'sent', '', ?)", "x" * 20)  # fmt: skip
    assert turns_on_a_broken_ledger(made, 8) > 4
    assert robots.texts() == []
    made.ledger.run("pragma max_page_count = 100000", ())
    made.turn(AT + HOUR, times=5)
    assert len(robots.texts()) == 1


def test_a_message_whose_receipt_cannot_be_kept_does_not_go_again_and_again(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    made = sending(robot(tmp_path, robots, "wecom", "crew_1"))
    made.ledger.run(
        "create trigger broken before update on notice_receipts begin select raise(abort, 'disk I/O error'); end", ()
    )
    assert turns_on_a_broken_ledger(made, 200) == 200
    assert len(robots.texts()) == 1
    assert [one["outcome"] for one in made.receipts()] == ["unknown"]
    made.ledger.run("drop trigger broken", ())
    made.turn(AT + HOUR, times=3)
    assert len(robots.texts()) == 1, "what it answered is kept as soon as there is room"
    assert [one["outcome"] for one in made.receipts()] == ["sent"]


def test_a_notice_that_our_own_code_fails_to_form_is_refused_and_the_others_go_on(
    tmp_path: Path, robots: Vendors, sending: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> int:
        raise KeyError("canary")

    monkeypatch.setitem(MANNERS, "wecom", replace(MANNERS["wecom"], size=fail))
    made = sending(robot(tmp_path, robots, "wecom", "crew_1") + robot(tmp_path, robots, "feishu", "crew_2", '["二队"]'))
    made.turn(AT, times=2)
    assert len(robots.texts("feishu")) == 1
    assert [(row["channel"], row["state"]) for row in made.rows()] == [("crew_1", "refused"), ("crew_2", "sent")]
    (fault,) = [one for one in made.receipts() if one["outcome"] == "refused"]
    assert (fault["code"], "KeyError" in fault["said"], "canary" in fault["said"]) == ("fault", True, False)


def test_what_waits_for_a_channel_that_was_taken_out_waits_no_longer(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    robots.instead = lambda: (503, b"away", {})
    one, two = robot(tmp_path, robots, "wecom", "crew_1"), robot(tmp_path, robots, "feishu", "crew_2", '["二队"]')
    sending(one + two).turn(AT)
    made = sending(one)
    made.turn(AT + HOUR)
    assert [(row["channel"], row["state"]) for row in made.rows()] == [("crew_1", "waiting")]


def test_a_channel_that_was_given_to_another_crew_tells_nothing_of_the_first(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    robots.instead = lambda: (503, b"away", {})
    section = robot(tmp_path, robots, "wecom", "crew_1")
    made = sending(section)
    made.turn(AT)
    apply_flags(made.ledger, [flag("LM-07", "vigour", AT, severity=4)], PLOTS, AT + MINUTE)
    made.turn(AT + MINUTE)
    assert {row["kind"] for row in made.rows()} == {"digest", "urgent"}
    robots.instead = lambda: None
    sending(section.replace("一队", "二队")).turn(AT + HOUR, times=3)
    (text,) = robots.texts()
    assert text.startswith("二队 · 2026-07-02")


def test_what_is_urgent_is_not_lost_where_a_channel_gets_one_crew_more(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    robots.instead = lambda: (503, b"away", {})
    section = robot(tmp_path, robots, "wecom", "crew_1", more='at = ""\n')
    made = sending(section)
    made.turn(NOW)
    apply_flags(made.ledger, [flag("LM-07", "vigour", NOW, severity=4)], PLOTS, NOW + MINUTE)
    made.turn(NOW + MINUTE)
    robots.instead = lambda: None
    sending(section.replace('"一队"', '"一队", "二队"')).turn(NOW + HOUR, times=3)
    assert "新派：龙门东道行道树" in robots.texts()[0]


def test_what_may_have_arrived_is_not_said_again_all_day(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    made = sending(robot(tmp_path, robots, "wecom", "crew_1") + robot(tmp_path, robots, "feishu", "crew_2", '["二队"]'))
    robots.instead = lambda: (200, b"<html>thank you</html>", {})
    made.turn(AT, times=60, every=10 * MINUTE)
    assert robots.tries == 2 * MOST_UNKNOWN
    for late in untold(made.ledger, AT - DAY, AT + 10 * HOUR):
        assert (late.state, late.code) == ("refused", "unknown")


def test_an_answer_that_does_not_come_leaves_open_whether_it_arrived(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    section = robot(tmp_path, robots, "wecom", "crew_1")
    with hanging_up() as port:
        (tmp_path / "crew_1.url").write_text(f"http://127.0.0.1:{port}/send?key=canary\n", encoding="utf-8")
        made = sending(section)
        made.turn(AT)
    (tried,) = made.receipts()
    assert (tried["outcome"], tried["said"]) == ("unknown", "127.0.0.1: ended the connection without an answer")
    made.turn(AT + HOUR)
    assert made.receipts()[-1]["outcome"] == "later", "where nobody listens nothing arrives"


@contextlib.contextmanager
def hanging() -> Iterator[tuple[int, list[bytes], threading.Event]]:
    """Take what is sent, and answer nothing until the event is set; yields the port and what came."""
    heard: list[bytes] = []
    over = threading.Event()

    class Hanging(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            heard.append(self.request.recv(65_536))
            over.wait(PATIENCE_S)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Hanging) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1], heard, over
        finally:
            over.set()
            server.shutdown()
            thread.join()


def test_an_end_that_hangs_delays_its_own_messages_and_nobody_elses(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    sections = robot(tmp_path, robots, "dingtalk", "crew_2", '["二队"]') + robot(tmp_path, robots, "feishu", "crew_3")
    with hanging() as (port, heard, over):
        (tmp_path / "crew_2.url").write_text(f"http://127.0.0.1:{port}/send?access_token=canary\n", encoding="utf-8")
        made = sending(sections + robot(tmp_path, robots, "wecom", "office", '["*"]'))
        made.sender.turn(lambda: AT, lambda: len(robots.heard) == 2 and len(heard) == 1)
        apply_flags(made.ledger, [flag("LM-07", "vigour", AT, severity=4)], PLOTS, AT + MINUTE)
        made.seconds += 120
        made.sender.turn(lambda: AT + MINUTE, lambda: len(robots.heard) == 4)
        assert [len(robots.texts(kind)) for kind in ("wecom", "feishu")] == [2, 2], "a digest and what is urgent"
        assert len(heard) == 1, "of the end that hangs nothing more is asked"
        made.sender.finish(lambda: AT + MINUTE, 0)
        assert [row["outcome"] for row in made.receipts() if row["notice_id"].startswith("digest:crew_2:")] == [
            "unknown"
        ]
        over.set()
        made.turn(AT + MINUTE)
        assert [row["said"] for row in made.receipts() if row["notice_id"].startswith("digest:crew_2:")] == [
            "127.0.0.1: ended the connection without an answer"
        ]
        made.turn(AT + HOUR)
        assert (len(heard), len(robots.heard)) == (2, 4), "it is tried again, and nobody else's goes twice"


@pytest.mark.parametrize("name", ["deliver", "resolve", "end"])
def test_a_machine_without_a_thread_left_delays_a_message_and_loses_none(
    name: str, tmp_path: Path, robots: Vendors, sending: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sending(robot(tmp_path, robots, "wecom", "crew_1"))
    begin = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        begin(thread)

    with monkeypatch.context() as at_once:
        at_once.setattr(threading.Thread, "start", start)
        made.turn(AT)
    assert [row["outcome"] for row in made.receipts()] == ["later"]
    made.turn(AT + HOUR)
    assert [row["state"] for row in made.rows()] == ["sent"]
    assert len(robots.texts()) == 1


def test_what_was_taken_while_its_time_ran_out_was_sent(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    made = sending(robot(tmp_path, robots, "wecom", "crew_1"))

    def expire() -> None:
        with sqlite3.connect(made.folder.ledger) as ledger:
            ledger.execute("update notices set state = 'expired'")

    robots.instead = expire
    made.turn(AT)
    assert [row["state"] for row in made.rows()] == ["sent"]


@contextlib.contextmanager
def hanging_up() -> Iterator[int]:
    """Serve one connection that ends after what was sent; yields the port."""

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_what_nobody_answers_keeps_none_waiting_that_was_not_tried_yet(
    tmp_path: Path, robots: Vendors, sending: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_way, "MOST_AT_ONCE", 1)
    made = sending("".join(
        robot(tmp_path, robots, kind, kind, f'["{crew}"]') for kind, crew in (("dingtalk", "一队"), ("wecom", "二队"))
    ))  # fmt: skip
    tried: list[str] = []

    def hang(target: Target, *_: object) -> None:
        tried.append(target.url.removeprefix(robots.url).split("/")[1])
        made.seconds += TURN_S
        raise UnreachableError("no answer")

    monkeypatch.setattr("greensward.sending.outlets.post", hang)
    made.turn(AT, times=2)
    assert sorted(tried) == ["dingtalk", "wecom"], "although the first may be tried again by then"


@pytest.mark.parametrize(
    ("at", "more"), [("20:59", ""), ("23:59", 'quiet = "00:00-00:00"\n')], ids=["the rest", "the next day"]
)
def test_what_begins_in_the_middle_of_a_turn_keeps_the_others_from_going(
    at: str, more: str, tmp_path: Path, robots: Vendors, sending: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_way, "MOST_AT_ONCE", 1)
    made = sending("".join(
        robot(tmp_path, robots, kind, kind, f'["{crew}"]', f'at = "{at}"\n{more}')
        for kind, crew in (("wecom", "一队"), ("dingtalk", "二队"))
    ))  # fmt: skip
    clock = [datetime.fromisoformat(f"2026-07-02T{at}:00+08:00")]

    def slow() -> None:
        clock[0] += 2 * MINUTE

    robots.instead = slow
    made.sender.turn(lambda: clock[0])
    assert (len(made.rows()), robots.tries) == (2, 1)


def test_a_turn_ends_before_all_that_nobody_answers_were_tried(
    tmp_path: Path, robots: Vendors, sending: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_way, "MOST_AT_ONCE", 1)
    made = sending("".join(
        robot(tmp_path, robots, kind, kind, f'["{crew}"]') for kind, crew in (("wecom", "一队"), ("dingtalk", "二队"))
    ))  # fmt: skip

    def slow() -> tuple[int, bytes, dict[str, str]]:
        made.seconds += TURN_S
        return 503, b"", {}

    robots.instead = slow
    made.turn(AT)
    assert robots.tries == 1
    made.turn(AT)
    assert robots.tries == 2, "and the other has its turn next"


def test_what_was_sent_stays_sent_when_the_form_changes_between_its_parts(
    tmp_path: Path, robots: Vendors, sending: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = robot(tmp_path, robots, "wecom", "crew_1", more='format = "text"\n')
    made = sending(section)
    monkeypatch.setattr("crews.notices.notice.short", lambda name: f"{name}{'很长的地块名称' * 60}")
    made.turn(AT, times=1)
    assert made.rows()[0]["state"] == "waiting"
    monkeypatch.setattr("greensward.sending.outlets.split_message", lambda *_, **__: ["one part"])
    made.turn(AT + MINUTE)
    assert [row["state"] for row in made.rows()] == ["sent"]
    assert len(robots.texts()) == 1


def test_the_next_try_of_a_clock_that_was_ahead_is_not_waited_for(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    robots.instead = lambda: (503, b"away", {})
    made = sending(robot(tmp_path, robots, "wecom", "crew_1"))
    for now in (AT, AT + 5 * HOUR):
        made.turn(now)
        made.seconds += 120
    robots.instead = lambda: None
    made.turn(AT + 5 * MINUTE)
    assert len(robots.texts()) == 1


def right_again(made: Sending, robots: Vendors, now: datetime) -> None:
    """Let the robots take messages and the clock go as it should for a quarter of an hour."""
    robots.instead = lambda: None
    made.seconds += 120
    made.turn(now, times=45)


def test_the_digest_of_a_day_to_come_is_made_on_its_day(tmp_path: Path, robots: Vendors, sending: Make) -> None:
    made = sending(robot(tmp_path, robots, "wecom", "crew_1"))
    robots.instead = lambda: (503, b"away", {})
    made.turn(AT + DAY + HOUR)
    right_again(made, robots, AT)
    made.turn(AT + 10 * DAY)
    right_again(made, robots, AT + HOUR)
    for days in (1, 10):
        made.seconds += DAY.total_seconds()
        made.turn(AT + days * DAY, times=2)
    assert [text[5:15] for text in robots.texts()] == ["2026-07-02", "2026-07-12", "2026-07-03", "2026-07-12"]
    assert "7月3日 07:13 生成" in robots.texts()[2], "and not with what was known the day before"


def test_what_is_urgent_goes_when_a_clock_that_was_ahead_is_right(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    made = sending(robot(tmp_path, robots, "wecom", "crew_1", more='at = ""\nraised_from = 0\n'))
    made.turn(NOW)
    apply_flags(made.ledger, [flag("LM-07", "vigour", NOW, severity=4)], PLOTS, NOW + MINUTE)
    robots.instead = lambda: (503, b"away", {})
    made.turn(NOW + 11 * HOUR)
    right_again(made, robots, NOW + 2 * MINUTE)
    (text,) = robots.texts()
    assert "新派：龙门东道行道树" in text
    assert made.rows()[0]["expires_at"] < (NOW + 25 * HOUR).timestamp() * 1e6


def test_a_clock_that_is_far_ahead_for_a_while_ends_and_forgets_nothing(
    tmp_path: Path, robots: Vendors, sending: Make
) -> None:
    made = sending(robot(tmp_path, robots, "wecom", "crew_1"))
    made.turn(AT, times=40)
    night = NOW + 14 * HOUR
    made.seconds += (night - AT).total_seconds()
    made.turn(night, times=40)
    apply_flags(made.ledger, [flag("LM-07", "vigour", night, severity=4)], PLOTS, night)
    made.turn(night + HOUR / 2, times=2)
    assert [row["state"] for row in made.rows()] == ["sent", "waiting"]
    made.turn(night + 400 * DAY)
    made.turn(night + HOUR, times=3)
    assert {row["state"] for row in made.rows() if row["made_at"] < (night + DAY).timestamp() * 1e6} == {
        "sent",
        "waiting",
    }
    before = len(robots.texts())
    made.seconds += 8 * 3600
    made.turn(night + 8 * HOUR, times=3)
    assert [text.partition("\n")[0] for text in robots.texts()[before:]] == ["一队 · 加急"]
    assert STEADY_S > 3 * 20, "of the turns above"
