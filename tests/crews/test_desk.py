"""The office acts from its pages: whose link may, what can be done in each state, and what is refused and kept."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from crews.action import Action
from crews.desk import ORDER, offers_of
from crews.issue import Event, Issue, Photo
from crews.ledger import Ledger
from crews.links import Keys, link_generation, load_keys, make_token, revoke
from crews.perform import perform
from crews.persons import LONGEST_NAME, name_to_sign
from crews.photos import LARGEST_BYTES
from ingest.errors import ConfigError
from ingest.lake.layout import DataFolder
from ingest.site import BEICHEN
from tests.crews.browser import Browser
from tests.crews.made import DAY, HOUR, NOW
from tests.crews.preview import made_folder
from tests.crews.served import served

JPEG = b"\xff\xd8\xff\xe0" + b"made of bytes, not of light" * 100


@dataclass
class District:
    """A made district of one test; each server of it shows it at its own time."""

    folder: DataFolder
    stack: ExitStack
    keys: Keys
    urls: dict[datetime, str] = field(default_factory=dict)

    def url(self, now: datetime = NOW) -> str:
        """Return the address of a server at `now`."""
        if now not in self.urls:
            self.urls[now] = self.stack.enter_context(served(self.folder, now))
        return self.urls[now]

    def reader(self, role: str, subject: str, now: datetime = NOW) -> httpx.Client:
        """Return a browser that has opened a link."""
        url = self.url(now)
        client = httpx.Client(base_url=url, headers={"origin": url}, follow_redirects=True)
        reader = self.stack.enter_context(client)
        assert reader.get(f"/c/{make_token(self.keys, role, subject, now)}").status_code == 200
        return reader

    def officer(self, name: str = "王工", now: datetime = NOW) -> httpx.Client:
        """Return the browser of a person of the office."""
        return self.reader("officer", name, now)

    def issue(self, plot_id: str, cause: str = "drought") -> Issue:
        """Return the newest issue of a plot."""
        with Ledger(self.folder.ledger, BEICHEN) as ledger:
            found = [one for one in ledger.all_issues() if (one.plot_id, one.cause) == (plot_id, cause)]
        return found[-1]

    def do(self, kind: str, plot_id: str, actor: str, now: datetime = NOW, **more: Any) -> Issue:
        """Let somebody act without a page."""
        issue = self.issue(plot_id)
        with Ledger(self.folder.ledger, BEICHEN) as ledger:
            return perform(
                ledger, Action(f"{kind}-{issue.events}-{plot_id}", issue.issue_id, kind, actor, **more), now
            ).issue

    def report(self, plot_id: str, at: datetime = NOW, photo: str = "a", **more: Any) -> Issue:
        """Let the crew report its work done, with a photo from after it."""
        photos = (Photo(photo * 64, "after"),) if photo else ()
        return self.do("done", plot_id, "crew:一队", at, photos=photos, **more)

    def events(self, plot_id: str) -> list[Event]:
        """Return what happened to the newest issue of a plot."""
        with Ledger(self.folder.ledger, BEICHEN) as ledger:
            return ledger.history(self.issue(plot_id).issue_id)

    def tries(self) -> list[tuple[str, str, str]]:
        """Return who tried what with which outcome, of people with a name."""
        with Ledger(self.folder.ledger, BEICHEN) as ledger:
            rows = ledger.run("select actor, kind, outcome from audit where actor like '%工' order by n", ())
        return [tuple(row) for row in rows]

    def version(self) -> int:
        """Return the ledger's version."""
        with Ledger(self.folder.ledger, BEICHEN) as ledger:
            return ledger.version()


@pytest.fixture
def district(tmp_path: Path) -> Iterator[District]:
    """Return a district of its own."""
    folder = made_folder(tmp_path / "data")
    with ExitStack() as stack:
        yield District(folder, stack, load_keys(folder))


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """Return a district for tests in which nothing is done: BYH-05 was reported with a photo, JJ-015 is assigned."""
    folder = made_folder(tmp_path_factory.mktemp("unchanged") / "data")
    with ExitStack() as stack:
        shared = District(folder, stack, load_keys(folder))
        shared.report("BYH-05")
        yield shared


def _page(reader: httpx.Client, issue: Issue) -> str:
    return reader.get(f"/office/issues/{issue.issue_id}").text


def kinds_on(page: str) -> list[str]:
    """Return what the page has forms for, in their order."""
    return re.findall(r'name="kind" value="(\w+)"', page)


def hidden(page: str, kind: str) -> dict[str, str]:
    """Return the hidden fields of a form."""
    form = next(part for part in page.split("<form ")[1:] if f'name="kind" value="{kind}"' in part)
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def send(
    reader: httpx.Client, issue: Issue, kind: str, /, page: str = "", files: Any = None, **typed: str
) -> httpx.Response:
    """Fill in a form of the page of an issue, as it is now or as `page` has it, and send it."""
    path = f"/office/issues/{issue.issue_id}"
    sent = hidden(page or reader.get(path).text, kind) | typed
    return reader.post(f"{path}/actions?lang=zh", data=sent, files=files or {"photo_after": ("", b"", "image/jpeg")})


# ---- whose link may


def test_a_link_without_a_name_reads_and_cannot_act(unchanged: District) -> None:
    issue = unchanged.issue("BYH-05")
    with_name, without = unchanged.officer(), unchanged.reader("office", "office")
    page = with_name.get(f"/office/issues/{issue.issue_id}").text
    assert "王工：您在这里做的，都记您的名字" in page
    read = without.get(f"/office/issues/{issue.issue_id}").text
    assert kinds_on(read) == []
    assert f"greensward issue close {issue.issue_id}" in read
    assert "greensward list --office --links --by" in without.get("/office").text
    before = unchanged.version()
    answer = send(without, issue, "closed", page)
    assert (answer.status_code, "这个链接只能看，不能操作" in answer.text) == (403, True)
    assert 'href="/office?lang=zh"' in answer.text
    assert unchanged.version() == before


def test_a_crews_link_cannot_act_for_the_office_in_whichever_cookie_it_comes(unchanged: District) -> None:
    issue = unchanged.issue("BYH-05")
    page = unchanged.officer().get(f"/office/issues/{issue.issue_id}").text
    crew = unchanged.reader("crew", "一队")
    before = unchanged.version()
    assert send(crew, issue, "closed", page).status_code == 403
    crew.cookies.set("greensward-office", make_token(unchanged.keys, "crew", "一队", NOW))
    assert send(crew, issue, "closed", page).status_code == 403
    assert crew.get("/office").status_code == 403
    assert unchanged.version() == before


def _with_payload(change: Callable[[dict[str, Any]], None]) -> Callable[[str], str]:
    def spoil(token: str) -> str:
        key_id, payload, signature = token.split(".")
        said = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        change(said)
        return f"{key_id}.{base64.urlsafe_b64encode(msgspec.json.encode(said)).rstrip(b'=').decode()}.{signature}"

    return spoil


@pytest.mark.parametrize(
    ("role", "subject", "spoil"),
    [
        ("officer", "王工", _with_payload(lambda said: said.update(s="赵工"))),
        ("office", "office", _with_payload(lambda said: said.update(r="officer"))),
        ("crew", "一队", _with_payload(lambda said: said.update(r="officer", s="王工"))),
        ("officer", "王工", _with_payload(lambda said: said.update(e=said["e"] + 1))),
    ],
    ids=["another name", "a reader made to act", "a crew made to act", "a longer life"],
)  # fmt: skip
def test_what_is_signed_cannot_be_changed(
    unchanged: District, role: str, subject: str, spoil: Callable[[str], str]
) -> None:
    token = make_token(unchanged.keys, role, subject, NOW)
    same = _with_payload(lambda _: None)(token)
    assert httpx.get(f"{unchanged.url()}/c/{same}").status_code == 303, "the test would spoil any token"
    answer = httpx.get(f"{unchanged.url()}/c/{spoil(token)}")
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


def test_a_link_of_another_district_opens_nothing(unchanged: District, tmp_path: Path) -> None:
    other = load_keys(DataFolder(tmp_path / "other"))
    token = make_token(other, "officer", "王工", NOW)
    refused = httpx.get(f"{unchanged.url()}/c/{token}")
    assert (refused.status_code, "已经换了新的" in refused.text) == (403, True)  # so it is after a restore, too
    # Even under our key's id the other's signature is not ours.
    forged = f"{unchanged.keys.current}.{token.partition('.')[2]}"
    answer = httpx.get(f"{unchanged.url()}/office", cookies={"greensward-office": forged})
    assert answer.status_code == 403


def test_a_persons_links_are_withdrawn_with_that_name_or_with_all_of_the_office(district: District) -> None:
    issue = district.report("JJ-015")
    wang, zhao = district.officer("王 工"), district.officer("赵工")
    page = wang.get(f"/office/issues/{issue.issue_id}").text
    with Ledger(district.folder.ledger, BEICHEN) as ledger:
        revoke(ledger, "officer", " 王\u3000工")
    assert wang.get("/office").status_code == 403
    answer = send(wang, issue, "closed", page)
    assert (answer.status_code, "收回" in answer.text, "没有收下" in answer.text) == (403, True, True)
    assert zhao.get("/office").status_code == 200
    with Ledger(district.folder.ledger, BEICHEN) as ledger:
        generation = link_generation(ledger, "officer", "王 工")
        fresh = make_token(district.keys, "officer", "王 工", NOW, generation=generation)
        assert wang.get(f"/c/{fresh}").status_code == 200
        revoke(ledger, "office", "office")
    assert [reader.get("/office").status_code for reader in (wang, zhao)] == [403, 403]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": ""}, {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"}, {"referer": "http://evil.example/office", "origin": ""},
    ],
)  # fmt: skip
def test_a_decision_sent_from_elsewhere_is_refused(unchanged: District, headers: dict[str, str]) -> None:
    issue, reader = unchanged.issue("BYH-05"), unchanged.officer()
    page = _page(reader, issue)
    before = unchanged.version()
    reader.headers.update(headers)
    assert send(reader, issue, "closed", page).status_code == 403
    assert unchanged.version() == before


def test_of_the_offices_links_that_a_browser_has_opened_the_last_one_counts(district: District) -> None:
    issue = district.report("JJ-015")
    path, shared = f"/office/issues/{issue.issue_id}", district.officer("王工")
    page_of_wang = shared.get(path).text
    shared.get(f"/c/{make_token(district.keys, 'officer', '赵工', NOW)}")
    assert "赵工：您在这里做的" in shared.get(path).text
    answer = send(shared, issue, "closed", page_of_wang)
    assert (answer.status_code, "另一个链接" in answer.text) == (403, True)
    shared.get(f"/c/{make_token(district.keys, 'office', 'office', NOW)}")
    assert kinds_on(shared.get(path).text) == []
    assert district.issue("JJ-015").state == "done_unchecked"
    # A crew's link in the same browser takes nothing away.
    shared.get(f"/c/{make_token(district.keys, 'officer', '赵工', NOW)}")
    shared.get(f"/c/{make_token(district.keys, 'crew', '一队', NOW)}")
    assert send(shared, issue, "closed").status_code == 200
    assert district.events("JJ-015")[-1].actor == "赵工"


@pytest.mark.parametrize(
    ("written", "signed"),
    [
        ("王工", "王工"), ("  王\u3000工 ", "王 工"), ("Ｗang", "Wang"), ("王\u202e工\u200b", "王工"),
        ("O'Neill <b>", "O'Neill <b>"), ("王\u3164工\ufe0f", "王工"), ("葛\U000e0100", "葛"),
        ("名" * LONGEST_NAME, "名" * LONGEST_NAME),
    ],
)  # fmt: skip
def test_a_name_is_signed_as_one_person_writes_it(written: str, signed: str) -> None:
    assert name_to_sign(written, {"一队"}) == signed


@pytest.mark.parametrize(
    "written",
    [
        "", " ", "…", "\u200b", "\u3164", "\u2800", "名" * (LONGEST_NAME + 1), "crew:王工", "office：王工",
        "一队", "一 队", "一\ufe00队", "绿 化所", "１队",
        "greensward", "Office", "绿化所",
    ],
)  # fmt: skip
def test_what_is_no_one_persons_name_gets_no_link(written: str) -> None:
    with pytest.raises(ConfigError, match="--by"):
        name_to_sign(written, {"一队", "一 队", "1队"})


def test_a_name_with_odd_letters_acts_and_is_shown_as_text(district: District) -> None:
    reader = district.officer("O'Neill <b>&\"")
    page = reader.get(f"/office/issues/{district.issue('JJ-015').issue_id}").text
    assert "<b>&" not in page
    assert "O&#39;Neill &lt;b&gt;" in page
    assert send(reader, district.issue("JJ-015"), "deferred", reason="等水车").status_code == 200
    assert district.events("JJ-015")[-1].actor == "O'Neill <b>&\""


@pytest.mark.parametrize("written", ["王\u3000工", "王 工", "王\ufe00工", "王\u3164工", "\u202e王工", "crew: 王工"])
def test_who_wrote_a_report_down_does_not_check_it_however_the_name_is_written(
    district: District, written: str
) -> None:
    issue = district.do("done", "JJ-015", written, photos=(Photo("a" * 64, "after"),))
    answer = district.officer("王工").get(f"/office/issues/{issue.issue_id}").text
    assert ("closed" in kinds_on(answer), "要由别人核查" in answer) == (False, True)
    assert "closed" in kinds_on(district.officer("王工一").get(f"/office/issues/{issue.issue_id}").text)


# ---- what can be done


def _put_off(district: District) -> None:
    district.do("cannot_do", "JJ-015", "crew:一队", reason="no_water")


def _reported_without_photo(district: District) -> None:
    district.report("JJ-015", photo="")


def _reported_by_telephone(district: District) -> None:
    district.do("done", "JJ-015", "王工", photos=(Photo("a" * 64, "after"),))


def _closed(district: District) -> None:
    district.report("JJ-015", NOW - 2 * HOUR)
    district.do("closed", "JJ-015", "赵工", NOW - HOUR)


def _void(district: District) -> None:
    district.do("void", "JJ-015", "赵工", reason="湿")


REPORTS = ["done", "cannot_do", "false_alarm"]


@pytest.mark.parametrize(
    ("prepare", "days", "kinds", "said"),
    [
        (lambda _: None, 0, ["assigned", "extended", "deferred", "void", *REPORTS], ""),
        (_put_off, 0, ["assigned", "extended", "void", "done", "false_alarm"], ""),
        (lambda district: district.report("JJ-015"), 0, ["closed", "reopened", "void"], ""),
        (_reported_without_photo, 0, ["reopened", "void"], "没有作业后的照片，不能结案"),
        (_reported_by_telephone, 0, ["reopened"], "这次上报是您记的，要由别人核查"),
        (_closed, 0, ["reopened"], "结案当天不算回头看"),
        (_closed, 1, ["looked_back", "reopened"], ""),
        (_void, 0, [], ""),
    ],
    ids=["assigned", "put off", "reported", "no photo", "own report", "closed today", "closed", "void"],
)  # fmt: skip
def test_the_page_offers_what_can_be_done_and_says_why_not(
    district: District, prepare: Callable[[District], None], days: int, kinds: list[str], said: str
) -> None:
    prepare(district)
    issue, now, before = district.issue("JJ-015"), NOW + days * DAY, district.version()
    with Ledger(district.folder.ledger, BEICHEN) as ledger:
        offers = offers_of(ledger, issue, "王工", now)
    assert list(offers.kinds) == kinds
    page = district.officer(now=now).get(f"/office/issues/{issue.issue_id}").text
    assert kinds_on(page) == kinds
    assert said in page
    assert (district.version(), district.tries()[-1:]) == (before, district.tries()[-1:])
    assert ("现在没有可做的" in page) == (not kinds)


def test_every_form_of_the_page_does_what_its_command_does(district: District) -> None:
    """From a plot without a crew to a look-back, by three people of whom nobody types a name."""
    wang, zhao = district.officer("王工"), district.officer("赵工")
    issue = district.issue("BYH-05")
    answer = send(wang, issue, "assigned", crew="二队", note="先去看")
    assert "已记：派遣。北运河滨河 5 号，现在是“已派遣”" in answer.text
    assert answer.url.path == f"/office/issues/{issue.issue_id}"
    later = {"until": "2026-07-09T18:00", "reason": "等水车", "approved_by": "李所"}
    assert send(wang, issue, "extended", **later).status_code == 200
    assert district.issue("BYH-05").due_at == datetime.fromisoformat("2026-07-09T18:00+08:00")
    assert "批准人：李所" in wang.get(f"/office/issues/{issue.issue_id}").text
    assert send(wang, issue, "deferred", reason="没有车").status_code == 200
    assert send(wang, issue, "assigned", crew="一队").status_code == 200
    files = {"photo_after": ("a.jpg", JPEG, "image/jpeg"), "photo_before": ("b.jpg", JPEG + b"1", "image/jpeg")}
    answer = send(wang, issue, "done", files=files, water="6.2", water_unit="t", note="电话报的")
    assert "已记：报完成" in answer.text
    assert "这次上报是您记的，要由别人核查" in answer.text
    assert (district.issue("BYH-05").water_used_litres, len(district.issue("BYH-05").photos)) == (6200.0, 2)
    assert send(zhao, issue, "closed").status_code == 200
    closer = district.officer("赵工", NOW + 8 * DAY)
    assert "结案的也是您" in closer.get(f"/office/issues/{issue.issue_id}").text
    answer = send(closer, issue, "looked_back")
    assert (answer.status_code, "没有别人时，在备注里写明原因" in answer.text) == (400, True)
    again = district.officer("李工", NOW + 8 * DAY)
    assert send(again, issue, "looked_back").status_code == 200
    assert send(again, issue, "reopened", reason="又干了").status_code == 200
    assert send(again, issue, "void", reason="地是湿的").status_code == 200
    people = [(event.kind, event.actor) for event in district.events("BYH-05")[1:]]
    assert people == [
        ("assigned", "王工"), ("extended", "王工"), ("deferred", "王工"), ("assigned", "王工"), ("done", "王工"),
        ("closed", "赵工"), ("looked_back", "李工"), ("reopened", "李工"), ("void", "李工"),
    ]  # fmt: skip
    assert ("赵工", "looked_back", "refused: same_checker") in district.tries()


def test_a_crew_that_telephoned_is_written_down_with_its_own_reasons(district: District) -> None:
    reader = district.officer()
    assert send(reader, district.issue("JJ-015"), "cannot_do", reason="no_water", note="水车坏").status_code == 200
    assert (district.issue("JJ-015").state, district.issue("JJ-015").result_code) == ("deferred", "no_water")
    assert send(reader, district.issue("JJ-012"), "false_alarm", reason="wet").status_code == 200
    sick = district.issue("BYH-03", "disease")
    page = reader.get(f"/office/issues/{sick.issue_id}").text
    assert 'name="water"' not in page
    assert send(reader, sick, "done", page, inspection="confirmed").status_code == 200
    assert district.issue("BYH-03", "disease").inspection == "confirmed"


def test_only_who_was_not_seen_watering_is_sent_again_without_a_look(district: District) -> None:
    issue = district.issue("JJ-015")
    with Ledger(district.folder.ledger, BEICHEN) as ledger, ledger.transaction():
        done = ledger.append(issue, "done", NOW - HOUR, "crew:一队", {"result_code": "done", "photos": []})
        detail = {"due_at": (NOW + DAY).isoformat(), "not_by": ["crew:一队"]}
        ledger.append(done, "reopened", NOW - HOUR, "greensward", detail)
    reader = district.officer()
    assert "派给 一队 必须写" in reader.get(f"/office/issues/{issue.issue_id}").text
    answer = send(reader, issue, "assigned", crew="一队")
    assert (answer.status_code, "请派别的班组，或先去看现场再派" in answer.text) == (400, True)
    assert '<option value="一队" selected>' in answer.text
    assert send(reader, issue, "assigned", crew="一队", reason="树池积水").status_code == 200
    assert district.events("JJ-015")[-1].detail["seen"] == "树池积水"


# ---- what is refused is kept, and nothing typed is lost


def test_of_two_people_at_once_the_second_is_told_and_loses_no_word(district: District) -> None:
    issue = district.report("JJ-015")
    wang, zhao = district.officer("王工"), district.officer("赵工")
    path = f"/office/issues/{issue.issue_id}"
    seen = zhao.get(path).text
    assert send(wang, issue, "reopened", reason="水没到根").status_code == 200
    answer = send(zhao, issue, "void", seen, reason='地是"湿"的')
    assert (answer.status_code, answer.headers["greensward-refused"]) == (409, "changed")
    assert "没有成功：这张问题单刚才有了变化" in answer.text
    assert 'value="地是&#34;湿&#34;的"' in answer.text
    assert "退回重做：水没到根" in answer.text, "the page shows what the other did"
    assert district.issue("JJ-015").state == "assigned"
    assert district.tries() == [("王工", "reopened", "accepted"), ("赵工", "void", "refused: changed")]
    assert answer.text.index("没有成功") < answer.text.index('class="sides"'), "it stands where a phone begins the page"
    assert 'href="#void">回到刚才填的' in answer.text
    again = send(zhao, issue, "void", answer.text, reason="湿")
    assert (again.status_code, district.issue("JJ-015").state) == (200, "void")


def test_of_two_people_at_the_same_moment_one_is_heard(district: District) -> None:
    issue = district.report("JJ-015")
    readers = [district.officer("王工"), district.officer("赵工")]
    pages = [_page(reader, issue) for reader in readers]
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda reader, page: send(reader, issue, "closed", page), readers, pages))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert [event.kind for event in district.events("JJ-015")][-2:] == ["done", "closed"]
    assert sorted(outcome for _, _, outcome in district.tries()) == ["accepted", "refused: changed"]


def test_new_data_since_the_page_was_opened_asks_for_another_look(district: District) -> None:
    issue, reader = district.issue("JJ-015"), district.officer()
    page = reader.get(f"/office/issues/{issue.issue_id}").text
    with Ledger(district.folder.ledger, BEICHEN) as ledger, ledger.transaction():
        ledger.append(issue, "evidence", NOW, "greensward", {"finding": issue.finding, "severity": 4, "told": True})
    assert send(reader, issue, "deferred", page, reason="不急").status_code == 409
    assert district.issue("JJ-015").state == "assigned"


def test_a_decision_counts_once_however_often_it_is_sent(district: District) -> None:
    issue, reader = district.report("JJ-015"), district.officer()
    page = _page(reader, issue)
    before = district.version()
    for _ in range(3):
        answer = send(reader, issue, "closed", page)
        assert (answer.status_code, "已记：结案" in answer.text) == (200, True)
    assert district.version() == before + 1
    assert [outcome for _, _, outcome in district.tries()] == ["accepted", "repeated", "repeated"]


def test_something_else_sent_from_a_page_that_was_used_is_no_repetition_of_it(district: District) -> None:
    reader, issue = district.officer(), district.issue("JJ-015")
    page = _page(reader, issue)
    assert send(reader, issue, "extended", page, until="2026-08-01T08:00", reason="等水车").status_code == 200
    answer = send(reader, issue, "extended", page, until="2026-09-01T08:00", reason="等水车")
    assert (answer.status_code, answer.headers["greensward-refused"]) == (409, "changed")
    assert ("已记" in answer.text, 'value="2026-09-01T08:00"' in answer.text) == (False, True)
    again = send(reader, issue, "extended", answer.text, until="2026-09-01T08:00", reason="等水车")
    assert again.status_code == 200
    assert f"{district.issue('JJ-015').due_at:%m-%d}" == "09-01"


@pytest.mark.parametrize(
    ("kind", "typed", "code", "said"),
    [
        ("void", {"reason": "  "}, "no_reason", "请写明原因"),
        ("assigned", {"crew": "三队"}, "unknown_crew", "请选一个班组"),
        ("assigned", {"crew": ""}, "unknown_crew", "请选一个班组"),
        ("extended", {"until": "2026-07-01T08:00", "reason": "等水车"}, "not_later", "比现在的截止时间晚"),
        ("extended", {"until": "明天", "reason": "等水车"}, "bad_deadline", "截止时间看不懂"),
        ("extended", {"until": "2026-13-01T08:00", "reason": "等水车"}, "bad_deadline", "截止时间看不懂"),
        ("extended", {"until": "9999-08-01T08:00", "reason": "等水车"}, "bad_deadline", "2099"),
        ("extended", {"until": "2062-08-01T08:00", "reason": "等水车"}, "too_far", "看看年份对不对"),
        ("extended", {"until": "0001-01-01T00:00", "reason": "等水车"}, "bad_deadline", "2099"),
        ("done", {"water": "6.4", "water_unit": "L"}, "odd_litres", "勾上“就是这么多”"),
        ("done", {"water": "很多"}, "bad_litres", "用水量看不懂"),
        ("cannot_do", {"reason": "累"}, "no_reason", "请写明原因"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why_keeps_the_try_and_what_was_typed(
    unchanged: District, kind: str, typed: dict[str, str], code: str, said: str
) -> None:
    issue, reader, before = unchanged.issue("JJ-015"), unchanged.officer(), unchanged.version()
    answer = send(reader, issue, kind, **typed)
    assert (answer.status_code, answer.headers["greensward-refused"]) == (400, code)
    assert said in answer.text
    for text in ("等水车", "很多"):
        assert (f'value="{text}"' in answer.text) == (text in typed.values())
    assert (unchanged.version(), unchanged.tries()[-1]) == (before, ("王工", kind, f"refused: {code}"))


def test_odd_water_that_is_sure_is_taken_and_a_refused_photo_is_not_kept(district: District) -> None:
    issue, reader = district.issue("JJ-015"), district.officer()
    answer = send(reader, issue, "done", files={"photo_after": ("a.jpg", JPEG, "image/jpeg")}, water="40")
    assert (answer.status_code, "照片要重新选" in answer.text) == (400, True)
    assert list(district.folder.photos.glob("photo-*")) == []
    answer = send(reader, issue, "done", files={"photo_after": ("a.txt", b"no photo", "image/jpeg")})
    assert (answer.status_code, "只收 JPEG" in answer.text) == (400, True)
    large = {"photo_after": ("a.jpg", JPEG + bytes(LARGEST_BYTES), "image/jpeg")}
    answer = send(reader, issue, "done", files=large, note="等水车")
    assert (answer.status_code, "每张最多 10 MB" in answer.text, 'value="等水车"' in answer.text) == (413, True, True)
    assert send(reader, issue, "done", water="40", sure="yes").status_code == 200
    assert district.issue("JJ-015").water_used_litres == 40_000.0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"kind": "started"}, 400), ({"kind": "evidence"}, 400), ({"events": ""}, 400), ({"events": "九"}, 400),
        ({"form_token": ""}, 403), ({"action_id": "short"}, 409),
    ],
)  # fmt: skip
def test_a_form_that_is_not_ours_is_refused(unchanged: District, change: dict[str, str], status: int) -> None:
    issue, reader, before = unchanged.issue("BYH-05"), unchanged.officer(), unchanged.version()
    assert send(reader, issue, "closed", **change).status_code == status
    assert unchanged.version() == before


def test_an_issue_that_is_none_is_not_found(unchanged: District) -> None:
    reader, issue = unchanged.officer(), unchanged.issue("BYH-05")
    none = msgspec.structs.replace(issue, issue_id="BC-1")
    assert send(reader, none, "closed", _page(reader, issue)).status_code == 404


def test_an_action_id_of_another_issue_is_not_taken_for_a_repetition(district: District) -> None:
    reader, first, other = district.officer(), district.issue("JJ-015"), district.issue("JJ-012")
    page = _page(reader, first)
    assert send(reader, first, "deferred", page, reason="x").status_code == 200
    mixed = hidden(page, "deferred")["action_id"]
    answer = send(reader, other, "deferred", action_id=mixed, reason="x")
    assert (answer.status_code, "这一页已经用过了" in answer.text) == (409, True)
    assert district.issue("JJ-012").state == "assigned"


# ---- one after the other


def test_photos_are_checked_one_after_the_other(district: District) -> None:
    for n, plot_id in enumerate(("JJ-015", "BYH-05", "SH-02")):
        district.do("done", plot_id, "crew:一队", NOW - (3 - n) * HOUR, photos=(Photo(f"{n}" * 64, "after"),))
    own = district.do("done", "LM-07", "王工", NOW - 4 * HOUR, photos=(Photo("f" * 64, "after"),))
    assert own.state == "done_unchecked"
    reader = district.officer("王工")
    table = reader.get("/office").text
    ids = [district.issue(plot_id).issue_id for plot_id in ("JJ-015", "BYH-05", "SH-02")]
    assert f'href="/office/issues/{ids[0]}?lang=zh">开始核查' in table
    assert "下一张待核查（还有 2 张）" in _page(reader, district.issue("JJ-015"))
    assert f'href="/office/issues/{ids[2]}?lang=zh">下一张待核查' in _page(reader, district.issue("BYH-05"))
    answer = send(reader, district.issue("JJ-015"), "closed", then="next")
    assert answer.url.path == f"/office/issues/{ids[1]}"
    assert "已记：结案。京津路绿带 15 段" in answer.text
    assert f'href="/office/issues/{ids[2]}?lang=zh">下一张待核查（还有 1 张）' in answer.text
    answer = send(reader, district.issue("SH-02"), "void", reason="湿", then="next")
    assert answer.url.path == f"/office/issues/{ids[1]}", "after the last comes the first that was passed over"
    answer = send(reader, district.issue("BYH-05"), "reopened", reason="重做", then="next")
    assert answer.url.path == "/office"
    assert "已记：重新打开。北运河滨河 5 号" in answer.text
    assert "开始核查" not in answer.text


def test_what_waits_for_the_office_comes_first_on_its_page(district: District) -> None:
    district.report("JJ-015")
    reader = district.officer()
    page = reader.get("/office?grade=3").text
    waiting = page.split('<section class="waiting"')[1].split('<form class="filters"')[0]
    groups = dict(re.findall(r"<h3>(.*?) <span class=\"count\">(\d+)</span>", waiting))
    assert groups == {"待核查": "2", "未派遣": "1", "班组做不了，等重新派遣": "1"}
    order = [
        waiting.index(name) for name in ("京津路绿带 15 段", "京津路绿带 22 段", "北运河滨河 5 号", "龙门东道行道树")
    ]
    assert order == sorted(order), "what somebody can end comes before what waits for data"
    assert "没有作业后照片，等数据" in waiting
    assert "做不了：没有水" in waiting
    assert page.index("等绿化所处理") < page.index("筛选")
    assert "开始核查" not in district.reader("office", "office").get("/office").text


def test_look_backs_that_are_due_wait_for_the_office(district: District) -> None:
    with Ledger(district.folder.ledger, BEICHEN) as ledger, ledger.transaction():
        report = {"result_code": "done", "photos": []}
        done = ledger.append(district.issue("JJ-015"), "done", NOW - HOUR, "crew:一队", report)
        detail = {"reason": "photo_checked", "look_back_on": "2026-07-09"}
        ledger.append(done, "closed", NOW, "赵工", detail)
    assert "待回头看" not in district.officer(now=NOW + 6 * DAY).get("/office").text
    page = district.officer(now=NOW + 7 * DAY).get("/office").text
    assert "待回头看" in page
    assert "2026-07-09 起该回头看" in page


def test_a_receipt_cannot_be_made_by_hand(district: District) -> None:
    reader, issue = district.officer(), district.issue("JJ-015")
    for query in (
        f"did=closed&of={issue.issue_id}",
        "did=void&of=BC-1",
        "did=opened&of=",
        f"did=x&of={issue.issue_id}",
    ):
        assert "已记" not in reader.get(f"/office?{query}").text
        assert "已记" not in reader.get(f"/office/issues/{issue.issue_id}?{query}").text
    assert send(reader, issue, "deferred", reason="x").status_code == 200
    query = f"did=deferred&of={issue.issue_id}"
    assert "已记：挂账" in reader.get(f"/office?{query}").text
    assert "已记" not in district.officer("赵工").get(f"/office?{query}").text


def test_photos_fit_through_the_offices_form_and_nothing_larger(district: District) -> None:
    reader, issue = district.officer(), district.issue("JJ-015")
    files = {"photo_after": ("a.jpg", JPEG + bytes(9_000_000), "image/jpeg")}
    assert send(reader, issue, "done", files=files).status_code == 200
    assert reader.post("/office", content=bytes(70_000)).status_code == 413
    assert reader.post(f"/office/issues/{issue.issue_id}/actions", content=bytes(21_000_001)).status_code == 413


# ---- in a browser


@pytest.mark.parametrize("width", [360, 1200])
def test_the_photo_stands_beside_what_is_decided_of_it(district: District, width: int) -> None:
    crew, issue = district.reader("crew", "一队"), district.issue("JJ-015")
    page = crew.get("/list").text
    form = page.split(f'id="{issue.issue_id}"')[1].split("<form ")[1]
    sent = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    png = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    files = {"photo_after": ("a.png", png + bytes(1000), "image/png")}
    assert crew.post(f"/issues/{issue.issue_id}/actions", data=sent, files=files).status_code == 200
    with Browser(width, scale=1) as browser:
        browser.open(f"{district.url()}/c/{make_token(district.keys, 'officer', '王工', NOW)}")
        browser.open(f"{district.url()}/office/issues/{issue.issue_id}")
        photo, button, card = browser.measure(
            "['.photos img', '#closed button.main', '.card'].map(name => document.querySelector(name)"
            ".getBoundingClientRect()).map(r => [r.left, r.top, r.right, r.bottom])"
        )
        if width == 360:
            assert photo[3] < button[1] < card[1]
        else:
            assert photo[2] < button[0]
            assert button[1] < photo[3] + 40
        browser.measure("(document.querySelector('#closed button.main').click(), true)")
        browser.wait_for("document.querySelector('.notice.good') !== null")
        assert "已记：结案" in browser.measure("document.querySelector('.notice.good').textContent")
    assert district.events("JJ-015")[-1].actor == "王工"


def test_every_action_of_the_page_has_a_name_and_is_tried() -> None:
    assert set(ORDER) == {"closed", "looked_back", "assigned", "reopened", "extended", "deferred", "void", *REPORTS}
