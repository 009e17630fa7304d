"""Sparkplug B: births tell what aliases mean, deaths end a session, and hostile bytes end in a refusal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.decode.context import DecodeContext
from ingest.decode.route import decode, refusal_reply
from ingest.decode.sparkplug import read_life_event, read_number
from ingest.decode.sparkplug_births import MOST_REMEMBERED, Births, BornMetric, Certificate, LifeEvent, Node
from ingest.decode.sparkplug_payload import read_payload, signed
from ingest.decode.sparkplug_sequence import Sequences
from ingest.errors import PayloadError
from ingest.observation import Decoded, Message
from ingest.site import BEICHEN
from tests.decode.conftest import NOON
from tests.decode.sparkplug import (
    AT,
    DATA_AT,
    DBIRTH,
    DDATA,
    DEVICE_ID,
    GROUP,
    NBIRTH,
    NDEATH_6,
    NDEATH_7,
    NODE_ID,
    moisture,
    payload,
)

N, D = f"{GROUP}/N{{}}/gw-1", f"{GROUP}/D{{}}/gw-1/probe-7"

NBIRTH_8 = payload({"name": "bdSeq", "long_value": 8})


class Host:
    """Hears message after message, as a seal does; all births of a batch are known before its messages are read."""

    def __init__(self) -> None:
        self.births, self.sequences = Births(), Sequences()

    def hear(self, *messages: tuple[int, str, bytes]) -> list[Decoded | PayloadError]:
        batch = [Message(seq, NOON, topic, sent) for seq, topic, sent in messages]
        self.sequences.hear(number for message in batch if (number := read_number(message)) is not None)
        for message in batch:
            if (event := read_life_event(message)) is not None:
                self.births.learn(event)
        return [self._one(message) for message in batch]

    def _one(self, message: Message) -> Decoded | PayloadError:
        try:
            return decode(message, DecodeContext(BEICHEN, {}, births=self.births, sequences=self.sequences))
        except PayloadError as error:
            return error


@pytest.fixture
def host() -> Host:
    return Host()


def codes(heard: Decoded | PayloadError) -> list[str]:
    assert isinstance(heard, PayloadError)
    return [fault.code for fault in heard.faults]


def water(heard: Decoded | PayloadError) -> list[float | None]:
    assert isinstance(heard, Decoded), heard
    return [row.volumetric_water_content for row in heard.soil]


def test_a_birth_says_that_the_device_is_online_and_what_it_measured(host: Host) -> None:
    _, birth = host.hear((1, N.format("BIRTH"), NBIRTH), (2, D.format("BIRTH"), DBIRTH))
    assert isinstance(birth, Decoded)
    (row,), (status,) = birth.soil, birth.status
    assert (row.device_id, row.measured_at, row.depth_cm) == (DEVICE_ID, AT, 10)
    assert (row.volumetric_water_content, row.soil_temperature_c, row.bulk_ec_ds_m) == (0.183, -5.0, None)
    assert (status.device_id, status.state, status.reported_at, status.device_seq) == (DEVICE_ID, "online", AT, 1)


def test_data_by_alias_is_read_with_the_names_types_and_units_of_the_birth(host: Host) -> None:
    *_, data = host.hear((1, N.format("BIRTH"), NBIRTH), (2, D.format("BIRTH"), DBIRTH), (3, D.format("DATA"), DDATA))
    assert isinstance(data, Decoded)
    now, before = sorted(data.soil, key=lambda row: row.measured_at, reverse=True)
    assert (now.measured_at, now.volumetric_water_content, now.soil_temperature_c) == (DATA_AT, 0.008, -2.0)
    assert now.bulk_ec_ds_m == 0.42
    assert (before.measured_at, before.volumetric_water_content) == (AT + timedelta(minutes=30), 0.181)
    assert {row.device_seq for row in data.soil} == {2}


def test_historical_values_may_be_any_age(host: Host) -> None:
    month_ago = int((DATA_AT - timedelta(days=30)).timestamp() * 1000)
    sent = payload(moisture(20.0, timestamp=month_ago, is_historical=True))
    *_, data = host.hear((1, D.format("BIRTH"), DBIRTH), (2, D.format("DATA"), sent))
    assert isinstance(data, Decoded)
    assert [(row.measured_at, row.quarantine) for row in data.soil] == [(DATA_AT - timedelta(days=30), None)]


@pytest.mark.parametrize(("seconds_late", "doubt"), [(0, None), (1, "clocks_apart")])
def test_a_value_a_day_behind_its_node_is_in_doubt_unless_it_is_marked_historical(
    host: Host, seconds_late: int, doubt: str | None
) -> None:
    day_before = DATA_AT - timedelta(days=1, seconds=seconds_late)
    sent = payload(moisture(20.0, timestamp=int(day_before.timestamp() * 1000)), at=DATA_AT)
    *_, data = host.hear((1, D.format("BIRTH"), DBIRTH), (2, D.format("DATA"), sent))
    assert isinstance(data, Decoded)
    ((at, why),) = [(row.measured_at, row.quarantine) for row in data.soil]
    assert (at, why and why.partition(":")[0]) == (day_before, doubt)


def test_a_birth_may_tell_a_last_value_of_any_age(host: Host) -> None:
    month_ago = int((AT - timedelta(days=30)).timestamp() * 1000)
    sent = payload(moisture(20.0, timestamp=month_ago, name="10cm/soil_moisture", datatype=9), at=AT)
    (birth,) = host.hear((1, D.format("BIRTH"), sent))
    assert isinstance(birth, Decoded)
    assert [row.quarantine for row in birth.soil] == [None]


def test_data_before_any_birth_is_refused_and_the_node_is_asked_to_be_born_again(host: Host) -> None:
    (refused,) = host.hear((5, D.format("DATA"), DDATA))
    assert codes(refused) == ["birth_unknown"]
    assert isinstance(refused, PayloadError)
    reply = refusal_reply(Message(5, NOON, D.format("DATA"), DDATA), refused)
    assert reply is not None
    assert (reply.topic, reply.is_request) == (f"{GROUP}/NCMD/gw-1", True)
    said = read_payload(reply.payload)
    assert [metric.name for metric in said.metrics] == ["Node Control/Rebirth"]
    assert said.timestamp_ms == int(NOON.timestamp() * 1000)


def test_tahu_s_definition_reads_our_command(host: Host) -> None:
    at = datetime(2026, 7, 2, tzinfo=UTC)
    (refused,) = host.hear((5, N.format("DATA"), DDATA))
    assert isinstance(refused, PayloadError)
    reply = refusal_reply(Message(5, at, N.format("DATA"), DDATA), refused)
    assert reply is not None
    # Read back with mqtt-spb-wrapper's sparkplug_b_pb2: timestamp, one metric of type Boolean (11), value true.
    assert reply.payload.hex() == (
        "0880a08081f23312210a144e6f646520436f6e74726f6c2f526562697274681880a08081f233200b7001"
    )


def test_a_birth_that_comes_later_explains_what_was_refused(host: Host) -> None:
    data = (5, D.format("DATA"), payload(moisture(18.1)))
    assert codes(host.hear(data)[0]) == ["birth_unknown"]
    host.hear((6, N.format("BIRTH"), NBIRTH), (7, D.format("BIRTH"), DBIRTH))
    assert water(host.hear(data)[0]) == [0.181]


def test_a_birth_of_the_next_session_does_not_explain_the_last_one(host: Host) -> None:
    data = (5, D.format("DATA"), payload(moisture(18.1)))
    host.hear((6, N.format("DEATH"), NDEATH_6), (7, N.format("BIRTH"), NBIRTH), (8, D.format("BIRTH"), DBIRTH))
    assert codes(host.hear(data)[0]) == ["birth_unknown"]


def test_each_message_is_read_by_the_birth_before_it(host: Host) -> None:
    swapped = payload(moisture(19.0, alias=9, name="10cm/soil_moisture", datatype=9), seq=0)
    old, new = (3, D.format("DATA"), payload(moisture(18.1))), (5, D.format("DATA"), payload(moisture(19.1, alias=9)))
    host.hear((2, D.format("BIRTH"), DBIRTH), (4, D.format("BIRTH"), swapped))
    heard = host.hear(old, new)
    assert [water(one) for one in heard] == [[0.181], [0.191]]


def test_a_node_born_anew_ends_the_births_of_its_devices(host: Host) -> None:
    host.hear((1, N.format("BIRTH"), NBIRTH), (2, D.format("BIRTH"), DBIRTH), (3, N.format("DEATH"), NDEATH_7))
    assert codes(host.hear((4, D.format("DATA"), DDATA))[0]) == ["birth_unknown"]


def test_a_repeated_birth_changes_nothing(host: Host) -> None:
    births = [(1, N.format("BIRTH"), NBIRTH), (2, D.format("BIRTH"), DBIRTH)]
    host.hear(*births)
    host.hear(*[(seq + 10, topic, sent) for seq, topic, sent in births], *births)
    assert [event.message_seq for event in host.births] == [1, 2]


def test_a_will_tells_the_node_and_its_devices_offline_when_it_came(host: Host) -> None:
    *_, death = host.hear(
        (1, N.format("BIRTH"), NBIRTH), (2, D.format("BIRTH"), DBIRTH), (3, N.format("DEATH"), NDEATH_7)
    )
    assert isinstance(death, Decoded)
    assert [(row.device_id, row.state, row.reported_at) for row in death.status] == [
        (NODE_ID, "offline", NOON),
        (DEVICE_ID, "offline", NOON),
    ]


def test_the_will_of_an_earlier_session_ends_nothing(host: Host) -> None:
    *_, death = host.hear((1, N.format("BIRTH"), NBIRTH), (2, N.format("DEATH"), NDEATH_6))
    assert isinstance(death, Decoded)
    assert (death.ignored, death.status) == ("sparkplug_stale_death", ())
    assert isinstance(host.hear((3, N.format("DATA"), payload()))[0], PayloadError)
    assert host.births.find(Node("parks", "gw-1"), "", 3) is not None


def test_a_device_s_death_is_its_own(host: Host) -> None:
    *_, death = host.hear((1, D.format("BIRTH"), DBIRTH), (2, D.format("DEATH"), payload(at=DATA_AT)))
    assert isinstance(death, Decoded)
    assert [(row.device_id, row.state, row.reported_at) for row in death.status] == [(DEVICE_ID, "offline", DATA_AT)]


def test_a_metric_that_no_birth_announced_is_refused_alone(host: Host) -> None:
    *_, data = host.hear(
        (1, D.format("BIRTH"), DBIRTH), (2, D.format("DATA"), payload(moisture(18.1), moisture(1, 77)))
    )
    assert water(data) == [0.181]
    assert isinstance(data, Decoded)
    assert [part.faults[0].code for part in data.parts_refused] == ["alias_unknown"]


def test_null_transient_and_boolean_metrics_say_nothing(host: Host) -> None:
    metrics = (moisture(is_null=True), moisture(3.0, is_transient=True), moisture(boolean_value=True), moisture(18.1))
    *_, data = host.hear((1, D.format("BIRTH"), DBIRTH), (2, D.format("DATA"), payload(*metrics)))
    assert water(data) == [0.181]


@pytest.mark.parametrize(
    ("value", "datatype", "meant"),
    [
        (251, 1, -5),
        (0xFFFFFFFB, 1, -5),
        (0xFFFB, 2, -5),
        (0xFFFFFFFB, 3, -5),
        (2**64 - 5, 4, -5),
        (127, 1, 127),
        (128, 1, -128),
        (0xFFFFFFFB, 7, 0xFFFFFFFB),
        (5, None, 5),
        (1.5, 3, 1.5),
    ],
)
def test_signed_integers_travel_as_two_s_complement(value: float, datatype: int | None, meant: float) -> None:
    assert signed(value, datatype) == meant


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\xff", "malformed_protobuf"),
        (DDATA[:20], "malformed_protobuf"),
        (b"\x12\xff\xff\xff\xff\x0f", "malformed_protobuf"),
        (b"\x0b" * 1000, "malformed_protobuf"),
        (b"\x12\x00" * 5001, "too_many"),
        (b"\x12\x05\x0a\x03\xff\xfe\x41", "not_utf8"),
        (bytes(65_537), "too_large"),
        (b"", "no_known_field"),
    ],
)
def test_hostile_bytes_are_refused_by_name(host: Host, sent: bytes, code: str) -> None:
    *_, heard = host.hear((1, D.format("BIRTH"), DBIRTH), (2, D.format("DATA"), sent))
    assert codes(heard) == [code]


def test_templates_in_templates_do_no_harm(host: Host) -> None:
    inner = b""
    while len(inner) < 60_000:
        template = b"\x12" + _varint(len(inner)) + inner  # Template.metrics
        inner = b"\x92\x01" + _varint(len(template)) + template  # Metric.template_value
    sent = b"\x12" + _varint(len(inner)) + inner
    *_, heard = host.hear((1, D.format("BIRTH"), DBIRTH), (2, D.format("DATA"), sent))
    assert codes(heard) == ["alias_unknown"]


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        (f"{GROUP}/NCMD/gw-1", "unknown_topic"),
        (f"{GROUP}/DDATA/gw-1", "unknown_topic"),
        (f"{GROUP}/NDATA/gw-1/probe-7", "unknown_topic"),
        ("spBv1.0/STATE/host", "unknown_topic"),
        ("spBv1.0/parks/DDATA/gw.1/probe-7", "bad_device_id"),
        ("spBv1.0/公园/DDATA/gw-1/probe-7", "bad_device_id"),
        (f"spBv1.0/parks/NDATA/{'g' * 60}", "bad_device_id"),
    ],
)
def test_other_topics_and_names_are_refused(host: Host, topic: str, code: str) -> None:
    assert codes(host.hear((1, topic, DDATA))[0]) == [code]


def test_a_death_is_not_that_of_devices_which_the_newest_session_never_announced(host: Host) -> None:
    births = ((1, N.format("BIRTH"), NBIRTH), (2, D.format("BIRTH"), DBIRTH), (3, N.format("BIRTH"), NBIRTH_8))
    *_, death = host.hear(*births, (4, N.format("DEATH"), NBIRTH_8))
    assert isinstance(death, Decoded)
    assert [(row.device_id, row.state) for row in death.status] == [(NODE_ID, "offline")]


def test_counters_that_no_table_holds_count_nothing(host: Host) -> None:
    metrics = ({"name": "bdSeq", "long_value": 2**64 - 1}, {"name": "soil_moisture", "double_value": 20.0})
    (birth,) = host.hear((1, N.format("BIRTH"), payload(*metrics, seq=2**63)))
    assert isinstance(birth, Decoded)
    assert [row.device_seq for row in birth.soil] == [row.device_seq for row in birth.status] == [None]
    assert [event.bd_seq for event in host.births] == [None]


def test_not_a_number_is_how_a_float_says_that_there_is_no_value(host: Host) -> None:
    nothing, endless = float("nan"), float("inf")
    sent = payload(moisture(nothing), moisture(endless, alias=2), {"alias": 4, "double_value": nothing})
    *_, data = host.hear((1, D.format("BIRTH"), DBIRTH), (2, D.format("DATA"), sent))
    assert codes(data) == ["out_of_range"]


def test_memory_of_a_node_that_is_born_for_ever_is_bounded_and_never_wrong() -> None:
    births, node = Births(), Node("parks", "gw-1")
    for session in range(60):
        names = tuple(BornMetric(f"m{number}-{session}", number, 9, None) for number in range(1000))
        births.learn(LifeEvent(node, "", session + 1, "birth", session, Certificate(names)))
    kept = list(births)
    assert sum(1 + len(event.certificate.metrics if event.certificate else ()) for event in kept) <= MOST_REMEMBERED
    newest = births.find(node, "", 100)
    assert newest is not None
    assert newest.by_alias[0].name == "m0-59"
    assert births.find(node, "", 1) is None, "what was forgotten must not be read by another session's births"


def test_memory_of_ever_new_nodes_is_bounded_and_the_quietest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.decode.sparkplug_births.MOST_OF_ALL", 10)
    births = Births()
    certificate = Certificate(tuple(BornMetric(f"m{number}", number, 9, None) for number in range(3)))
    for seq in range(5):
        births.learn(LifeEvent(Node("parks", f"gw-{seq}"), "", seq, "birth", seq, certificate))
    assert [event.node.node_id for event in births] == ["gw-3", "gw-4"]


def asks_for_birth(heard: Decoded | PayloadError) -> bool:
    assert isinstance(heard, Decoded), heard
    if heard.reply is not None:
        assert (heard.reply.topic, heard.reply.is_request) == (f"{GROUP}/NCMD/gw-1", True)
    return heard.reply is not None


def numbered(place: int, seq: int, topic: str = D, node: str = "gw-1") -> tuple[int, str, bytes]:
    return place, topic.format("DATA").replace("gw-1", node), payload(moisture(18.3), seq=seq)


def test_a_number_that_was_left_out_makes_the_node_be_asked_for_its_birth(host: Host) -> None:
    host.hear((1, N.format("BIRTH"), NBIRTH), (2, D.format("BIRTH"), DBIRTH))
    two, three, five, six = host.hear(numbered(3, 2), numbered(4, 3), numbered(5, 5), numbered(6, 6))
    assert [asks_for_birth(heard) for heard in (two, three, five, six)] == [False, False, True, False]
    assert water(five) == [0.183], "what came is kept all the same"
    (eight,) = host.hear(numbered(7, 8))
    assert asks_for_birth(eight), "the number before was in an earlier batch"


def test_numbers_begin_again_behind_255_and_at_every_birth_and_a_copy_is_no_gap(host: Host) -> None:
    host.hear((1, N.format("BIRTH"), NBIRTH), (2, D.format("BIRTH"), DBIRTH))
    heard = host.hear(*(numbered(3 + place, seq) for place, seq in enumerate([2, 2])))
    assert not any(asks_for_birth(one) for one in heard)
    host.hear(*(numbered(10 + seq, seq) for seq in range(3, 256)))
    (wrapped,) = host.hear(numbered(300, 0))
    assert not asks_for_birth(wrapped)
    _, born, *_ = host.hear(numbered(301, 1), (302, N.format("BIRTH"), NBIRTH), (303, D.format("BIRTH"), DBIRTH))
    assert not asks_for_birth(born)


def test_a_node_has_its_own_numbers_and_shares_them_with_its_devices(host: Host) -> None:
    born = payload({"name": "soil_moisture", "alias": 1, "float_value": 18.3}, seq=0)
    host.hear((1, N.format("BIRTH"), born), (2, N.format("BIRTH").replace("gw-1", "gw-2"), born))
    node, other = numbered(3, 1, topic=N), numbered(4, 1, topic=N, node="gw-2")
    late = host.hear(node, other, (5, D.format("BIRTH"), payload(*[{"name": "x", "alias": 9, "int_value": 1}], seq=2)))
    assert not any(asks_for_birth(heard) for heard in late)
    assert asks_for_birth(host.hear((6, N.format("DATA"), payload(moisture(18.4), seq=4)))[0])


def test_what_was_refused_came_and_is_no_gap(host: Host) -> None:
    host.hear((1, N.format("BIRTH"), NBIRTH), (2, D.format("BIRTH"), DBIRTH))
    unknown = (3, D.format("DATA"), payload({"name": "colour", "string_value": "red"}, seq=2))
    refused, after = host.hear(unknown, numbered(4, 3))
    assert isinstance(refused, PayloadError)
    assert not asks_for_birth(after)


def test_every_message_of_a_node_leaves_its_number_behind(host: Host) -> None:
    host.hear((1, N.format("BIRTH"), NBIRTH), (2, D.format("BIRTH"), DBIRTH))
    (data, untimed) = host.hear(numbered(3, 2), (4, D.format("DATA"), payload(moisture(18.4), seq=3, at=None)))
    assert isinstance(data, Decoded)
    assert isinstance(untimed, Decoded)
    assert [(row.device_id, row.reported_at, row.device_seq, row.state) for row in (*data.status, *untimed.status)] == [
        (DEVICE_ID, DATA_AT, 2, None),
        (DEVICE_ID, NOON, 3, None),
    ]
    far = payload(moisture(18.3, timestamp=int(DATA_AT.timestamp() * 1000)), seq=4, at=NOON + timedelta(days=900))
    (ahead,) = host.hear((5, D.format("DATA"), far))
    assert isinstance(ahead, Decoded)
    assert [row.reported_at for row in ahead.status] == [NOON], "a clock far ahead does not tell when"
    (dead,) = host.hear((6, D.format("DEATH"), payload(seq=5)))
    assert isinstance(dead, Decoded)
    assert [(row.state, row.device_seq) for row in dead.status] == [("offline", 5)]
