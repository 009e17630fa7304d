"""What people may do, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from crews.action import Action
from crews.apply import apply_flags
from crews.issue import ActionRefusedError, Photo
from crews.issue_page import event_words
from crews.ledger import Ledger
from crews.ledger_check import ledger_faults
from crews.perform import perform
from crews.policy import due_at, look_back_on
from crews.reports import false_alarm_reasons
from crews.words import speaker
from ingest.site import BEICHEN
from tests.crews.made import DAY, HOUR, NOW, PLOTS, flag, sick, silent

SECOND = timedelta(seconds=1)
PHOTO = (Photo("ab" * 32, "after"),)


@pytest.fixture
def issue_id(ledger: Ledger) -> str:
    """Return a dry plot's issue, given to 一队."""
    apply_flags(ledger, [flag("JJ-012", "drought", NOW)], PLOTS, NOW)
    return ledger.open_issues()[0].issue_id


def crew(issue_id: str, kind: str, action_id: str = "phone-0001", **more: object) -> Action:
    """Return an action of 一队."""
    return Action(action_id, issue_id, kind, "crew:一队", as_crew="一队", **more)  # type: ignore[arg-type]


def refused(ledger: Ledger, action: Action) -> str:
    """Return the code with which an action is refused, after seeing that nothing changed but the audit."""
    version = ledger.version()
    tries = len(ledger.run("select 1 from audit", ()))
    with pytest.raises(ActionRefusedError) as caught:
        perform(ledger, action, NOW + HOUR)
    assert ledger.version() == version
    rows = ledger.run("select outcome from audit order by n", ())
    assert (len(rows), rows[-1]["outcome"]) == (tries + 1, f"refused: {caught.value.code}")
    return caught.value.code


def test_a_report_counts_once_however_often_it_is_sent(ledger: Ledger, issue_id: str) -> None:
    assert perform(ledger, crew(issue_id, "done"), NOW + HOUR).is_new
    version = ledger.version()
    assert not perform(ledger, crew(issue_id, "done"), NOW + 2 * HOUR).is_new
    assert ledger.version() == version
    outcomes = [row["outcome"] for row in ledger.run("select outcome from audit order by n", ())]
    assert outcomes == ["accepted", "repeated"]


def test_an_action_id_cannot_be_used_for_something_else(ledger: Ledger, issue_id: str) -> None:
    apply_flags(ledger, [flag("JJ-015", "drought", NOW)], PLOTS, NOW)
    other = next(issue.issue_id for issue in ledger.open_issues() if issue.plot_id == "JJ-015")
    perform(ledger, crew(issue_id, "done"), NOW + HOUR)
    assert refused(ledger, crew(other, "done")) == "bad_action_id"


def test_a_crew_cannot_touch_another_crews_issue_or_do_the_offices_work(ledger: Ledger, issue_id: str) -> None:
    assert refused(ledger, Action("phone-0001", issue_id, "done", "crew:二队", as_crew="二队")) == "not_yours"
    for kind in ("closed", "void", "extended", "assigned", "deferred"):
        assert refused(ledger, crew(issue_id, kind, reason="x")) == "not_yours"


def test_closing_needs_the_crews_word_a_photo_and_somebody_else(ledger: Ledger, issue_id: str) -> None:
    assert refused(ledger, Action("office-01", issue_id, "closed", "王工")) == "not_done"
    perform(ledger, crew(issue_id, "done"), NOW + HOUR)
    assert refused(ledger, Action("office-02", issue_id, "closed", "王工")) == "no_proof"
    apply_flags(ledger, [sick("BYH-03", NOW)], PLOTS, NOW)
    other = next(issue.issue_id for issue in ledger.open_issues() if issue.cause == "disease")
    perform(ledger, crew(other, "done", "phone-0002", photos=PHOTO, inspection="confirmed"), NOW + HOUR)
    assert refused(ledger, Action("office-03", other, "closed", "crew:一队")) == "same_person"
    assert refused(ledger, Action("office-04", other, "closed", "一队")) == "same_person"
    issue = perform(ledger, Action("office-05", other, "closed", "王工"), NOW + DAY).issue
    assert (issue.state, issue.closed_reason, issue.checker) == ("closed", "photo_checked", "王工")


BEFORE = (Photo("cd" * 32, "before"),)


def test_only_a_photo_from_after_the_work_closes_it(ledger: Ledger, issue_id: str) -> None:
    perform(ledger, crew(issue_id, "done", photos=BEFORE), NOW + HOUR)
    assert refused(ledger, Action("office-01", issue_id, "closed", "王工")) == "no_proof"
    perform(ledger, crew(issue_id, "amended", "phone-0002", photos=PHOTO), NOW + 2 * HOUR)
    assert perform(ledger, Action("office-02", issue_id, "closed", "王工"), NOW + DAY).issue.state == "closed"


def test_a_photo_of_what_could_not_be_done_is_no_proof_of_what_was_done_later(ledger: Ledger, issue_id: str) -> None:
    perform(ledger, crew(issue_id, "cannot_do", reason="no_water", photos=PHOTO), NOW + HOUR)
    assert ledger.issue(issue_id).photos == PHOTO
    perform(ledger, crew(issue_id, "done", "phone-0002"), NOW + 2 * HOUR)
    assert refused(ledger, Action("office-01", issue_id, "closed", "王工")) == "no_proof"


def test_photos_of_an_earlier_round_prove_nothing_and_stay_in_the_history(ledger: Ledger, issue_id: str) -> None:
    perform(ledger, crew(issue_id, "done", photos=PHOTO), NOW + HOUR)
    again = Action("office-01", issue_id, "reopened", "王工", reason="没浇透")
    issue = perform(ledger, again, NOW + 2 * HOUR).issue
    assert (issue.photos, issue.reopen_reason) == ((), "没浇透")
    perform(ledger, crew(issue_id, "done", "phone-0002"), NOW + 3 * HOUR)
    assert refused(ledger, Action("office-02", issue_id, "closed", "王工")) == "no_proof"
    assert [event.detail["photos"] for event in ledger.history(issue_id) if event.kind == "done"] == [
        [{"sha256": "ab" * 32, "role": "after"}],
        [],
    ]


def test_a_photo_that_was_sent_before_is_no_photo_of_today(ledger: Ledger, issue_id: str) -> None:
    ledger.run("insert into photos values (?, 'x.jpg', 'image/jpeg', 1, 1)", ("ab" * 32,))
    assert refused(ledger, crew(issue_id, "done", photos=PHOTO)) == "photo_used"
    twice = (Photo("ef" * 32, "before"), Photo("ef" * 32, "after"))
    assert refused(ledger, crew(issue_id, "done", photos=twice)) == "photo_used"


@pytest.mark.parametrize(
    "name", ["crew:一队", "一队", " 一队 ", "crew: 一队", "一\u200b队", "CREW:一队", "office:一队", "二队"]
)
def test_no_writing_of_a_crews_name_checks_a_crews_work(ledger: Ledger, issue_id: str, name: str) -> None:
    perform(ledger, Action("office-00", issue_id, "assigned", "王工", crew="二队"), NOW)
    perform(ledger, Action("office-01", issue_id, "assigned", "王工", crew="一队"), NOW)
    perform(ledger, crew(issue_id, "done", photos=PHOTO), NOW + HOUR)
    for number, kind in enumerate(("closed", "void")):
        action = Action(f"office-1{number}", issue_id, kind, name, reason="x")
        assert refused(ledger, action) in {"same_person", "crew_checks"}
    perform(ledger, Action("office-02", issue_id, "closed", "王工"), NOW + DAY)
    assert refused(ledger, Action("office-03", issue_id, "looked_back", name)) in {"same_person", "crew_checks"}


def test_who_reported_by_telephone_does_not_check_it_in_wider_letters(ledger: Ledger, issue_id: str) -> None:
    perform(ledger, Action("office-01", issue_id, "done", "Wang 2", photos=PHOTO), NOW + HOUR)
    assert refused(ledger, Action("office-02", issue_id, "closed", "ＷＡＮＧ　２")) == "same_person"
    assert perform(ledger, Action("office-03", issue_id, "closed", "Li"), NOW + DAY).issue.state == "closed"


@pytest.mark.parametrize("actor", ["", "  ", "\u200b", "crew:", "crew: "])
def test_nobody_does_nothing(ledger: Ledger, issue_id: str, actor: str) -> None:
    assert refused(ledger, Action("office-01", issue_id, "deferred", actor, reason="x")) == "no_actor"


def test_an_action_id_counts_for_one_kind_of_report_only(ledger: Ledger, issue_id: str) -> None:
    perform(ledger, crew(issue_id, "done"), NOW + HOUR)
    assert refused(ledger, crew(issue_id, "false_alarm", reason="wet")) == "bad_action_id"


def test_a_report_is_refused_by_its_state_before_anything_else_is_looked_at(ledger: Ledger, issue_id: str) -> None:
    kept = []
    perform(ledger, crew(issue_id, "done"), NOW + HOUR, keep=lambda: kept.append("first"))
    perform(ledger, crew(issue_id, "done"), NOW + HOUR, keep=lambda: kept.append("repeated"))
    with pytest.raises(ActionRefusedError, match="was reported already"):
        perform(ledger, crew(issue_id, "done", "phone-0002"), NOW + HOUR, keep=lambda: kept.append("refused"))
    assert kept == ["first"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("done", None), ("cannot_do", "no_access")),
        (("done", None), ("false_alarm", "wet")),
        (("done", None), ("done", None)),
        (("false_alarm", "wet"), ("false_alarm", "wrong_place")),
        (("cannot_do", "no_water"), ("cannot_do", "no_access")),
    ],
)
def test_who_reports_anew_what_the_office_has_of_them_is_told_what_to_do(
    ledger: Ledger, issue_id: str, first: tuple[str, str | None], second: tuple[str, str | None]
) -> None:
    perform(ledger, crew(issue_id, first[0], reason=first[1]), NOW + HOUR)
    again = crew(issue_id, second[0], "phone-0002", reason=second[1])
    assert refused(ledger, again) == "already_reported"
    stood = ledger.issue(issue_id).state
    perform(ledger, Action("office-0001", issue_id, *SENT_BACK[stood], crew="一队", reason="x"), NOW + HOUR)
    assert perform(ledger, again, NOW + HOUR).is_new, "once the office has sent it back it is reported like any other"


SENT_BACK = {"done_unchecked": ("reopened", "王工"), "deferred": ("assigned", "王工")}


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"water_used_litres": 11_000.0}, (11_000.0, "浇透")),
        ({"water_used_litres": 10_000.0, "note": "东头没浇"}, (10_000.0, "东头没浇")),
        ({"water_used_litres": 10_000.0, "note": "浇透", "photos": PHOTO}, (10_000.0, "浇透")),
    ],
)
def test_a_second_different_report_from_one_form_corrects_the_first(
    ledger: Ledger, issue_id: str, second: dict[str, Any], said: tuple[float, str]
) -> None:
    first = crew(issue_id, "done", "form-done.1", water_used_litres=10_000.0, note="浇透", form_id="form-done")
    assert perform(ledger, first, NOW + HOUR).event_kind == "done"
    corrected = crew(issue_id, "done", "form-done.2", form_id="form-done", **second)
    assert [perform(ledger, corrected, NOW + HOUR).event_kind for _ in range(2)] == ["amended", "amended"]
    assert perform(ledger, first, NOW + HOUR).is_new is False
    issue = ledger.issue(issue_id)
    assert (issue.state, issue.water_used_litres, issue.note) == ("done_unchecked", *said)
    assert issue.photos == second.get("photos", ())
    assert [event.kind for event in ledger.history(issue_id)][-2:] == ["done", "amended"]


@pytest.mark.parametrize(
    "second", [{}, {"note": "浇透"}, {"note": "没浇成"}, {"water_used_litres": 10_000.0, "inspection": "nothing"}]
)
def test_what_would_take_the_first_report_back_is_no_correction_of_it(
    ledger: Ledger, issue_id: str, second: dict[str, Any]
) -> None:
    first = crew(issue_id, "done", "form-done.1", water_used_litres=10_000.0, note="浇透", form_id="form-done")
    perform(ledger, first, NOW + HOUR)
    before = ledger.version()
    assert refused(ledger, crew(issue_id, "done", "form-done.2", form_id="form-done", **second)) == "already_reported"
    odd = crew(issue_id, "done", "form-done.3", form_id="form-done", water_used_litres=10.0)
    assert refused(ledger, odd) == "odd_litres", "an amount that looks like a slip replaces none that does not"
    assert ledger.version() == before


def test_a_photo_is_added_to_a_report_whose_odd_water_was_asked_back_or_was_said_to_be_right(
    ledger: Ledger, issue_id: str
) -> None:
    first = crew(issue_id, "done", "form-done.1", water_used_litres=10.0, form_id="form-done")
    perform(ledger, first, NOW + HOUR)
    again = msgspec.structs.replace(first, action_id="form-done.2", photos=PHOTO)
    issue = perform(ledger, again, NOW + HOUR).issue
    assert (issue.photos, issue.water_used_litres, issue.water_doubt_litres) == (PHOTO, None, 10.0)
    assert refused(ledger, msgspec.structs.replace(first, action_id="form-done.3")) == "already_reported"
    perform(ledger, crew(issue_id, "amended", "phone-0002", water_used_litres=10.0, water_is_sure=True), NOW + HOUR)
    noted = msgspec.structs.replace(first, action_id="form-done.4", note="土还湿")
    issue = perform(ledger, noted, NOW + HOUR).issue
    assert (issue.note, issue.water_used_litres, issue.water_doubt_litres) == ("土还湿", 10.0, None)


def test_a_form_of_one_issue_corrects_no_other_and_after_the_end_the_issue_stays(ledger: Ledger, issue_id: str) -> None:
    perform(ledger, crew(issue_id, "done", "form-done.1", photos=PHOTO, form_id="form-done"), NOW + HOUR)
    apply_flags(ledger, [flag("JJ-015", "drought", NOW)], PLOTS, NOW)
    other = next(issue.issue_id for issue in ledger.open_issues() if issue.issue_id != issue_id)
    second = crew(issue_id, "done", "form-done.2", note="两车", form_id="form-done")
    assert refused(ledger, msgspec.structs.replace(second, issue_id=other)) == "bad_action_id"
    perform(ledger, Action("office-0001", issue_id, "closed", "王工"), NOW + HOUR)
    assert perform(ledger, second, NOW + HOUR).event_kind == "late_report"
    assert ledger.issue(issue_id).state == "closed"


def test_what_cannot_be_kept_undoes_the_report(ledger: Ledger, issue_id: str) -> None:
    def fail() -> None:
        raise ActionRefusedError("photo_quota", "too much")

    with pytest.raises(ActionRefusedError):
        perform(ledger, crew(issue_id, "done"), NOW + HOUR, keep=fail)
    assert ledger.issue(issue_id).state == "assigned"


@pytest.mark.parametrize(
    ("litres", "is_doubted"), [(319.9, True), (320.0, False), (19_200.0, False), (19_201.0, True), (6.4, True)]
)
def test_water_far_from_what_was_asked_is_asked_back_once(
    ledger: Ledger, issue_id: str, litres: float, *, is_doubted: bool
) -> None:
    issue = perform(ledger, crew(issue_id, "done", water_used_litres=litres), NOW + HOUR).issue
    said = (None, litres) if is_doubted else (litres, None)
    assert (issue.state, issue.water_used_litres, issue.water_doubt_litres) == ("done_unchecked", *said)
    sure = crew(issue_id, "amended", "phone-0002", water_used_litres=litres, water_is_sure=True)
    issue = perform(ledger, sure, NOW + HOUR).issue
    assert (issue.water_used_litres, issue.water_doubt_litres) == (litres, None)


def test_the_water_of_one_visit_is_what_a_report_is_held_against(ledger: Ledger) -> None:
    apply_flags(ledger, [flag("JJ-015", "drought", NOW, litres=64_000.0, visits=10)], PLOTS, NOW)
    (issue,) = [one for one in ledger.open_issues() if one.plot_id == "JJ-015"]
    assert perform(ledger, crew(issue.issue_id, "done", water_used_litres=400.0), NOW).issue.water_used_litres == 400.0


def test_odd_water_by_telephone_is_refused_unless_it_is_sure(ledger: Ledger, issue_id: str) -> None:
    action = Action("office-01", issue_id, "done", "王工", water_used_litres=6.4)
    assert refused(ledger, action) == "odd_litres"
    sure = Action("office-02", issue_id, "done", "王工", water_used_litres=6.4, water_is_sure=True)
    assert perform(ledger, sure, NOW).issue.water_used_litres == 6.4


def test_nothing_can_be_added_to_what_was_not_reported_nor_nothing_to_what_was(ledger: Ledger, issue_id: str) -> None:
    assert refused(ledger, crew(issue_id, "amended", note="x")) == "wrong_state"
    perform(ledger, crew(issue_id, "done"), NOW)
    assert refused(ledger, crew(issue_id, "amended", "phone-0002")) == "empty_form"


@pytest.mark.parametrize("inspection", [None, "sick"])
def test_an_inspection_is_not_done_before_its_finding_is_said(ledger: Ledger, inspection: str | None) -> None:
    apply_flags(ledger, [sick("BYH-03", NOW)], PLOTS, NOW)
    (issue,) = ledger.open_issues()
    assert refused(ledger, crew(issue.issue_id, "done", inspection=inspection)) == "no_finding"
    done = perform(ledger, crew(issue.issue_id, "done", "phone-0002", inspection="confirmed"), NOW).issue
    assert done.inspection == "confirmed"
    assert ledger.history(issue.issue_id)[-1].detail["inspection"] == "confirmed"


@pytest.mark.parametrize(("cause", "other"), [("drought", "nothing_found"), ("disease", "wet"), ("sensor", "wet")])
def test_a_false_alarm_has_the_reasons_of_its_cause_only(ledger: Ledger, cause: str, other: str) -> None:
    rows = {"drought": flag("P1", "drought", NOW), "disease": sick("P1", NOW), "sensor": silent("P1", "S1", NOW)}
    apply_flags(ledger, [rows[cause]], [PLOTS[0] | {"plot_id": "P1"}], NOW)
    (issue,) = ledger.open_issues()
    assert refused(ledger, crew(issue.issue_id, "false_alarm", reason=other)) == "no_reason"
    reason = false_alarm_reasons(cause)[0]
    action = crew(issue.issue_id, "false_alarm", "phone-0002", reason=reason)
    assert perform(ledger, action, NOW).issue.result_code == reason


def test_what_was_put_off_has_a_new_deadline_when_it_is_given_out_again(ledger: Ledger, issue_id: str) -> None:
    perform(ledger, Action("office-01", issue_id, "deferred", "王工", reason="等水车"), NOW)
    late = NOW + 10 * DAY
    again = Action("office-02", issue_id, "assigned", "王工", crew="一队", maintenance_grade=1)
    issue = perform(ledger, again, late).issue
    assert (issue.due_at, issue.told_at) == (late + 48 * HOUR, late)
    moved = Action("office-03", issue_id, "assigned", "王工", crew="二队", maintenance_grade=1)
    assert perform(ledger, moved, late + DAY).issue.due_at == issue.due_at


def test_a_false_alarm_is_not_closed_as_work_done(ledger: Ledger, issue_id: str) -> None:
    perform(ledger, crew(issue_id, "false_alarm", reason="wet", photos=PHOTO), NOW + HOUR)
    assert refused(ledger, Action("office-01", issue_id, "closed", "王工")) == "not_done"
    assert refused(ledger, Action("office-02", issue_id, "void", "crew:一队", reason="x")) == "same_person"


@pytest.mark.parametrize(
    ("kind", "more", "code"),
    [
        ("cannot_do", {"reason": None}, "no_reason"),
        ("cannot_do", {"reason": "wet"}, "no_reason"),
        ("false_alarm", {"reason": "no_water"}, "no_reason"),
        ("done", {"water_used_litres": -1.0}, "bad_litres"),
        ("done", {"water_used_litres": 1_000_001.0}, "bad_litres"),
        ("done", {"water_used_litres": float("nan")}, "bad_litres"),
        ("dance", {}, "not_yours"),
    ],
)
def test_a_report_that_makes_no_sense_is_refused(
    ledger: Ledger, issue_id: str, kind: str, more: dict[str, object], code: str
) -> None:
    assert refused(ledger, crew(issue_id, kind, **more)) == code  # type: ignore[arg-type]


@pytest.mark.parametrize("end", ["closed", "looked_back", "void"])
def test_work_reported_after_its_issue_had_ended_is_kept_with_it_and_changes_nothing(
    ledger: Ledger, issue_id: str, end: str
) -> None:
    """It was said in time, and waited on the phone for a signal."""
    if end == "void":
        ended = perform(ledger, Action("office-01", issue_id, "void", "王工", reason="x"), NOW).issue
    else:
        perform(ledger, crew(issue_id, "done", "phone-0000", photos=PHOTO), NOW)
        ended = perform(ledger, Action("office-01", issue_id, "closed", "王工"), NOW).issue
    if end == "looked_back":
        ended = perform(ledger, Action("office-02", issue_id, "looked_back", "李工"), NOW + DAY).issue
    assert ended.state == end
    report = crew(issue_id, "done", water_used_litres=6400.0, note="浇透了", photos=BEFORE)
    outcome = perform(ledger, report, NOW + 2 * DAY)
    assert outcome.is_new
    assert perform(ledger, crew(issue_id, "amended", "phone-0002", photos=(Photo("ef" * 32, "after"),)), NOW + 2 * DAY)
    assert not perform(ledger, report, NOW + 3 * DAY).is_new
    *_, first, second = ledger.history(issue_id)
    assert {first.kind, second.kind} == {"late_report"}
    assert (first.detail["water_used_litres"], first.detail["note"]) == (6400.0, "浇透了")
    assert (first.detail["photos"], second.detail["photos"]) == (
        [{"sha256": "cd" * 32, "role": "before"}],
        [{"sha256": "ef" * 32, "role": "after"}],
    )
    now = ledger.issue(issue_id)
    assert msgspec.structs.replace(now, events=ended.events, last_event_at=ended.last_event_at) == ended
    assert list(ledger_faults(ledger, ())) == []


def test_what_is_no_work_or_not_from_the_crew_is_refused_once_the_issue_has_ended(
    ledger: Ledger, issue_id: str
) -> None:
    perform(ledger, Action("office-01", issue_id, "void", "王工", reason="x"), NOW)
    assert refused(ledger, crew(issue_id, "started")) == "wrong_state"
    assert refused(ledger, crew(issue_id, "cannot_do", reason="no_water")) == "wrong_state"
    assert refused(ledger, crew(issue_id, "false_alarm", reason="wet")) == "wrong_state"
    assert refused(ledger, crew(issue_id, "late_report")) == "not_yours"
    assert refused(ledger, Action("phone-0001", issue_id, "done", "crew:二队", as_crew="二队")) == "not_yours"
    assert refused(ledger, Action("office-02", issue_id, "done", "王工")) == "wrong_state"
    assert refused(ledger, crew("BC-20260702-9999", "done")) == "unknown_issue"


def test_an_extension_needs_a_later_day_and_a_reason(ledger: Ledger, issue_id: str) -> None:
    due = ledger.issue(issue_id).due_at
    assert refused(ledger, Action("office-01", issue_id, "extended", "王工", reason="x", due_at=due)) == "not_later"
    assert refused(ledger, Action("office-02", issue_id, "extended", "王工", due_at=due + DAY)) == "no_reason"
    issue = perform(
        ledger, Action("office-03", issue_id, "extended", "王工", reason="停水", due_at=due + DAY), NOW
    ).issue
    assert (issue.due_at, issue.first_due_at, issue.state) == (due + DAY, due, "assigned")


def test_late_work_is_not_made_timely_by_an_extension_after_its_report(ledger: Ledger, issue_id: str) -> None:
    due = ledger.issue(issue_id).due_at
    perform(ledger, crew(issue_id, "done"), due + HOUR)
    extension = Action("office-01", issue_id, "extended", "王工", reason="停水", due_at=due + DAY)
    assert refused(ledger, extension) == "wrong_state"
    assert ledger.issue(issue_id).due_at == due


def test_a_deadline_that_is_not_later_is_told_by_the_clock_on_the_wall(ledger: Ledger, issue_id: str) -> None:
    due = ledger.issue(issue_id).due_at
    sooner = Action("office-01", issue_id, "extended", "王工", reason="x", due_at=due - HOUR)
    with pytest.raises(ActionRefusedError) as caught:
        perform(ledger, sooner, NOW)
    local, asked = (f"{at.astimezone(BEICHEN.timezone):%Y-%m-%d %H:%M}" for at in (due, due - HOUR))
    assert f"after {local} by local time, got {asked}" in str(caught.value)


def test_what_cannot_be_done_waits_for_the_office_which_gives_it_out_again(ledger: Ledger, issue_id: str) -> None:
    issue = perform(ledger, crew(issue_id, "cannot_do", reason="no_water"), NOW + HOUR).issue
    assert (issue.state, issue.result_code) == ("deferred", "no_water")
    issue = perform(ledger, Action("office-01", issue_id, "assigned", "王工", crew="二队"), NOW + DAY).issue
    assert (issue.state, issue.crew, issue.result_code) == ("assigned", "二队", None)


def test_a_look_back_is_by_somebody_else_and_may_open_it_again(ledger: Ledger, issue_id: str) -> None:
    perform(ledger, crew(issue_id, "done", photos=PHOTO), NOW + HOUR)
    perform(ledger, Action("office-01", issue_id, "closed", "王工"), NOW + DAY)
    assert refused(ledger, Action("office-02", issue_id, "looked_back", "crew:一队")) == "same_person"
    issue = perform(ledger, Action("office-03", issue_id, "reopened", "赵工", reason="又干了"), NOW + 8 * DAY).issue
    assert (issue.state, issue.repeat_count, issue.done_at, issue.crew) == ("assigned", 1, None, "一队")


def test_a_look_back_is_another_look_on_a_later_day(ledger: Ledger, issue_id: str) -> None:
    perform(ledger, crew(issue_id, "done", photos=PHOTO), NOW)
    perform(ledger, Action("office-01", issue_id, "closed", "王工"), NOW + HOUR)
    assert refused(ledger, Action("office-02", issue_id, "looked_back", "赵工")) == "too_soon"
    midnight = (NOW + HOUR).astimezone(BEICHEN.timezone).replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    for number, (actor, at, code) in enumerate(
        [("赵工", midnight - SECOND, "too_soon"), ("office:王工", midnight, "same_checker")]
    ):
        with pytest.raises(ActionRefusedError) as caught:
            perform(ledger, Action(f"office-1{number}", issue_id, "looked_back", actor), at)
        assert caught.value.code == code
    issue = perform(ledger, Action("office-03", issue_id, "looked_back", "赵工"), midnight).issue
    assert (issue.state, issue.checker) == ("looked_back", "赵工")
    assert "by_closer" not in ledger.history(issue_id)[-1].detail


def test_in_an_office_of_one_the_closer_looks_back_on_a_later_day_with_a_note_and_the_history_says_so(
    ledger: Ledger, issue_id: str
) -> None:
    perform(ledger, crew(issue_id, "done", photos=PHOTO), NOW)
    perform(ledger, Action("office-01", issue_id, "closed", "王工"), NOW + HOUR)
    for number, (note, at, code) in enumerate(
        [(" ", NOW + 2 * DAY, "same_checker"), ("所里只有我", NOW + 2 * HOUR, "too_soon")]
    ):
        with pytest.raises(ActionRefusedError) as caught:
            perform(ledger, Action(f"office-1{number}", issue_id, "looked_back", "王工", note=note), at)
        assert caught.value.code == code
    looked = Action("office-02", issue_id, "looked_back", "王工", note="所里只有我，土是湿的")
    assert perform(ledger, looked, NOW + 2 * DAY).issue.state == "looked_back"
    event = ledger.history(issue_id)[-1]
    assert {name: event.detail.get(name) for name in ("result", "by_closer", "note")} == {
        "result": "ok", "by_closer": True, "note": "所里只有我，土是湿的",
    }  # fmt: skip
    assert event_words(event, BEICHEN, NOW + 2 * DAY, speaker("zh")) == ["结案人自己看的", "所里只有我，土是湿的"]


def test_a_look_back_at_what_a_sensor_closed_is_by_anybody_of_the_office(ledger: Ledger, issue_id: str) -> None:
    perform(ledger, crew(issue_id, "done"), NOW + HOUR)
    apply_flags(
        ledger, [flag("JJ-012", "drought", NOW + DAY, state="ok", needs_work=False, severity=0)], PLOTS, NOW + DAY
    )
    assert ledger.issue(issue_id).state == "closed"
    issue = perform(ledger, Action("office-01", issue_id, "looked_back", "王工"), NOW + 3 * DAY).issue
    assert issue.state == "looked_back"


def test_about_a_tenth_is_drawn_for_look_back_always_the_same_and_every_repeat() -> None:
    ids = [f"BC-20260702-{n:04d}" for n in range(2000)]
    drawn = [issue_id for issue_id in ids if look_back_on(issue_id, 0, NOW, BEICHEN)]
    assert 150 <= len(drawn) <= 250
    assert drawn == [issue_id for issue_id in ids if look_back_on(issue_id, 0, NOW + DAY, BEICHEN)]
    assert all(look_back_on(issue_id, 1, NOW, BEICHEN) for issue_id in ids)


def test_worse_trouble_and_better_plots_never_get_more_time_and_every_day_has_a_deadline() -> None:
    for days in range(366):
        start = NOW + timedelta(days=days)
        hours = [[due_at(s, g, start, BEICHEN) - start for s in (1, 2, 3, 4)] for g in (1, 2, 3)]
        for row in hours:
            assert row == sorted(row, reverse=True)
        for column in zip(*hours, strict=True):
            assert list(column) == sorted(column)


def test_summer_ends_at_midnight_by_the_sites_clock() -> None:
    last = NOW.replace(month=8, day=31, hour=15, minute=59)
    assert due_at(4, 1, last, BEICHEN) - last == 12 * HOUR
    assert due_at(4, 1, last + timedelta(minutes=1), BEICHEN) - last == 24 * HOUR + timedelta(minutes=1)
