"""Points on how messages come: how many, refused or not, twice, with gaps, with which QoS, retained, answered. Pure."""

from __future__ import annotations

import collections
import itertools
import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from greensward.acceptance.evidence import Came, Evidence, Outage
from greensward.acceptance.in_chinese import in_both, in_chinese
from greensward.acceptance.needs import longer
from greensward.acceptance.point import Point, Said, lacking, passes, point, said, seconds
from greensward.overheard.ear import FORMATS
from ingest.decode.fault_codes import FAULT_CODES, Meaning
from ingest.decode.topics import ROOT
from ingest.errors import Fault

_SHARE = 0.95
"""Of the reports that the interval promises: one may fall just before the test or just after it."""

_PAUSES = 2
"""A pause of this many intervals means that one report was lost."""

_CUT_S = 600.0
"""So long power may be away after the last will was heard, beside what a pause may last anyway."""

_REPEATS = 0.05
"""Of all readings; more repeats cost the battery, fewer are what QoS 1 does where a connection breaks."""

_ANSWER_WITHIN = timedelta(seconds=15)
"""An answer comes when the rows are on disk, within about ten seconds; what came later than this is not judged."""

_FAULTS_TOLD = 8
_NAMING = frozenset({"identity_mismatch", "unknown_topic", "wrong_district", "bad_device_id"})


def delivery_points(evidence: Evidence) -> Iterator[Point]:
    """Yield the points."""
    yield _arrived(evidence)
    yield _refused(evidence)
    yield _identity(evidence)
    yield _duplicates(evidence)
    yield _sequence(evidence)
    yield _qos(evidence)
    yield _retained(evidence)
    yield _state(evidence)
    yield _last_will(evidence)
    yield _answers(evidence)


def _arrived(evidence: Evidence) -> Point:
    at = [came.heard.received_at for came in evidence.readings if came.is_new]
    interval_s, away = evidence.trial.interval_s, _long_outage(evidence)
    excused = (away.last_at, away.back_at) if away else None
    pause_s = max(
        _lasts_s(pause) for pause in itertools.pairwise([evidence.began_at, *at, evidence.ended_at]) if pause != excused
    )
    away_s = _lasts_s(excused) if excused else 0.0
    found = [said("arrived", n=len(at), pause=seconds(pause_s))]
    found += [said("away", pause=seconds(away_s))] if away else []
    if interval_s is None:
        return lacking("arrived_unknown", [said("interval"), longer(evidence)], *found)
    least = max(1, math.floor(_SHARE * (evidence.lasted_s - away_s) / interval_s))
    limits = {"least": least, "interval": seconds(interval_s), "pause": seconds(_PAUSES * interval_s)}
    if evidence.lasted_s < _PAUSES * interval_s:
        return lacking("arrived", [longer(evidence)], *found, **limits)
    is_well = len(at) >= least and pause_s <= _PAUSES * interval_s
    longest_s = _CUT_S + _PAUSES * interval_s
    if is_well and away and _lasts_s((away.offline_at, away.back_at)) > longest_s:
        return lacking("arrived", [said("sooner", most=seconds(longest_s))], *found, **limits)
    return point("arrived", passes(is_well), *found, **limits)


def _long_outage(evidence: Evidence) -> Outage | None:
    """Return the outage where it lasted for longer than a pause may."""
    outage, interval_s = evidence.outage, evidence.trial.interval_s
    return outage if outage and interval_s and outage.lasted.total_seconds() > _PAUSES * interval_s else None


def _lasts_s(pause: tuple[datetime, datetime]) -> float:
    return (pause[1] - pause[0]).total_seconds()


def _refused(evidence: Evidence) -> Point:
    faults = [fault for came in evidence.live for fault in came.faults]
    if not faults:
        return point("refused", "passed" if evidence.live else "not_seen", said("none_refused", n=len(evidence.live)))
    counts = collections.Counter((fault.code, fault.pointer) for fault in faults)
    first = {(fault.code, fault.pointer): fault for fault in reversed(faults)}
    told = [_fault(first[key], number) for key, number in counts.most_common(_FAULTS_TOLD)]
    if len(counts) > _FAULTS_TOLD:
        told.append(said("more", n=len(counts) - _FAULTS_TOLD))
    return point("refused", "failed", *told)


def _fault(fault: Fault, number: int) -> Said:
    advice = Meaning(f"Expected {fault.expected}. {fault.advice}", f"要求：{in_chinese(fault.expected)}。")
    meaning, got = FAULT_CODES.get(fault.code, Meaning("", "")), in_both(fault.got)
    place = fault.pointer or "/"
    return said("fault", code=fault.code, n=number, place=place, meaning=meaning, got=got, advice=advice)


def _identity(evidence: Evidence) -> Point:
    limits = {"topic": f"{ROOT}{evidence.trial.district}/{evidence.trial.device_id}/…"}
    wrong = [came for came in evidence.live if any(fault.code in _NAMING for fault in came.faults)]
    if not wrong:
        found = said("identity", n=len(evidence.live))
        return point("identity", "passed" if evidence.live else "not_seen", found, **limits)
    named = ((came.heard.topic, fault.got) for came in wrong for fault in came.faults if fault.code in _NAMING)
    topics = collections.Counter(came.heard.topic for came in wrong)
    got = dict(reversed(list(named)))  # the first of each
    told = [
        said("other_name", n=n, topic=topic, got=in_both(got[topic])) for topic, n in topics.most_common(_FAULTS_TOLD)
    ]
    return point("identity", "failed", *told, **limits)


def _duplicates(evidence: Evidence) -> Point:
    rows = sum(len(came.rows) for came in evidence.readings)
    if not rows:
        return point("duplicates", "not_seen", said("no_reading"), share=f"{_REPEATS:.0%}")
    is_well = not evidence.conflicts and evidence.repeats <= _REPEATS * rows
    found = said("duplicates", rows=rows, repeats=evidence.repeats, conflicts=evidence.conflicts)
    return point("duplicates", passes(is_well), found, share=f"{_REPEATS:.0%}")


def _sequence(evidence: Evidence) -> Point:
    own = [came for came in evidence.live if not came.heard.topic.startswith(FORMATS["sparkplug"])]
    counted = [(number, came.is_new) for came in own if (number := _number(came)) is not None]
    if not counted:
        return point("sequence", "not_seen", said("no_seq" if own or not evidence.live else "node_seq"))
    numbers = [number for number, _ in counted]
    seen = sorted(set(numbers))
    missing = restarts = stood = 0
    for (before, _), (after, is_new) in itertools.pairwise(counted):
        restarts += after < before
        stood += after == before and is_new
        if after > before + 1:
            missing += after - before - 1 - (bisect_left(seen, after) - bisect_right(seen, before))
    found = [said("sequence", first=numbers[0], last=numbers[-1], missing=missing, restarts=restarts)]
    if stood:
        found.append(said("seq_stood", n=stood))
    if all(came.is_served for came in own):
        lost = max(1, math.floor((1 - _SHARE) * len(numbers)))  # as many as may be late or lost by its interval
        return point("sequence_served", passes(missing <= lost and not stood), *found, lost=lost)
    return point("sequence", passes(not missing and not stood), *found)


def _number(came: Came) -> int | None:
    """Return the counter of a message; of a native one also when it is refused: it came, after all."""
    rows: list[Any] = [*came.status, *came.soil]
    number = next((row.device_seq for row in rows if row.device_seq is not None), None)
    if number is None and came.kind and came.faults:
        try:
            number = msgspec.json.decode(came.heard.payload, type=_Numbered).seq
        except msgspec.MsgspecError:
            return None
    return number


class _Numbered(msgspec.Struct):
    seq: int | None = None


def _direct(evidence: Evidence) -> list[Came]:
    """Return what the device itself published."""
    return [came for came in evidence.live if not came.is_served]


def _not_its_own(evidence: Evidence) -> Said:
    return said("served") if evidence.live else said("nothing")


def _qos(evidence: Evidence) -> Point:
    direct = _direct(evidence)
    if not direct:
        return point("qos", "not_seen", _not_its_own(evidence))
    counts = collections.Counter(came.heard.qos for came in direct)
    return point("qos", passes(not counts[0]), said("qos", n=len(direct), zero=counts[0]))


def _retained(evidence: Evidence) -> Point:
    lying = {came.heard.topic for came in evidence.lying if came.kind != "state" and not came.is_served}
    if lying:
        return point("retained", "failed", said("retained", topics=", ".join(sorted(lying))))
    if not _direct(evidence):
        return point("retained", "not_seen", _not_its_own(evidence))
    if not evidence.was_finished:
        return lacking("retained", [said("to_the_end")], said("not_looked"))
    return point("retained", "passed", said("none_retained"))


def _states(messages: Sequence[Came]) -> list[Came]:
    return [came for came in messages if came.kind == "state" and came.heard.payload]


def _state(evidence: Evidence) -> Point:
    live, lying = _states(evidence.live), _states(evidence.lying)
    if not live and not lying:
        return point("state", "not_seen", said("no_state") if not evidence.live else _no_state(evidence))
    if not lying:
        return point(
            "state", "failed" if evidence.was_finished else "not_seen", said("state_not_retained", n=len(live))
        )
    refused = [came for came in (*live, lying[-1]) if came.faults]
    if refused:
        return point("state", "failed", said("state_refused", n=len(refused)))
    word, last = _word(lying[-1]), _word((live or lying)[-1])
    if word != last and evidence.was_finished:
        return point("state", "failed", said("state_other_retained", state=word, last=last))
    if live and _is_older(lying[-1], live[-1]) and evidence.was_finished:
        return point("state", "failed", said("state_old_retained", state=word))
    return point("state", "passed", said("state", n=len(live), state=word))


def _is_older(one: Came, other: Came) -> bool:
    """Say whether a state says of itself that it is older; a bare word does not."""
    return bool(one.status and other.status) and one.status[-1].reported_at < other.status[-1].reported_at


def _no_state(evidence: Evidence) -> Said:
    return said("no_state") if _direct(evidence) else said("served")


def _last_will(evidence: Evidence) -> Point:
    words = [_word(came) for came in _states(evidence.live)]
    if "offline" not in words:
        return point("last_will", "not_seen", said("no_will") if _direct(evidence) else _not_its_own(evidence))
    lying = [_word(came) for came in _states(evidence.lying)]
    is_well = words[-1] != "offline" or lying[-1:] == ["offline"] or not evidence.was_finished
    return point("last_will", passes(is_well), said("will" if is_well else "will_not_retained"))


def _word(came: Came) -> str:
    """Return online or offline; "?" where the message says neither."""
    try:
        said_state = msgspec.json.decode(came.heard.payload)
    except msgspec.DecodeError:
        said_state = {"state": came.heard.payload.strip().decode("utf-8", "replace")}
    word = said_state.get("state") if isinstance(said_state, dict) else None
    return str(word) if word in {"online", "offline"} else "?"


def _answers(evidence: Evidence) -> Point:
    asked = [
        came
        for came in evidence.live
        if came.told.reply is not None
        and came.told.reply.topic.startswith(ROOT)
        and evidence.ended_at - came.heard.received_at > _ANSWER_WITHIN
    ]
    if not asked:
        return point("answers", "not_seen", said("none_asked"))
    answered_at = _answered_at(evidence)
    waits = [_wait_s(came, answered_at) for came in asked]
    answered = [wait for wait in waits if wait is not None]
    if len(answered) < len(asked):
        found = said("unanswered", n=len(asked), missing=len(asked) - len(answered))
        return lacking("answers", [said("ingest")], found)
    return point("answers", "passed", said("answered", n=len(asked), median=seconds(statistics.median(answered))))


class _Answer(msgspec.Struct):
    payload_sha256: str = ""


_Answers = dict[tuple[str, str], list[datetime]]
"""When answers came, in order, by their topic and the hash of the message that they answer."""


def _answered_at(evidence: Evidence) -> _Answers:
    found: _Answers = collections.defaultdict(list)
    for answer in sorted(evidence.answers, key=lambda answer: answer.received_at):
        found[answer.topic, _answers_to(answer.payload)].append(answer.received_at)
    return found


def _answers_to(payload: bytes) -> str:
    try:
        return msgspec.json.decode(payload, type=_Answer).payload_sha256
    except msgspec.MsgspecError:
        return ""


def _wait_s(came: Came, answered_at: _Answers) -> float | None:
    """Return after how many seconds a message was answered; None where it was not."""
    assert came.told.reply is not None
    answers = answered_at.get((came.told.reply.topic, _answers_to(came.told.reply.payload)), [])
    place = bisect_left(answers, came.heard.received_at)
    return (answers[place] - came.heard.received_at).total_seconds() if place < len(answers) else None
