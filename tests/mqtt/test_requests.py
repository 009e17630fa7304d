"""A node that cannot answer is not asked at every message."""

from __future__ import annotations

from ingest.mqtt.requests import EVERY_S, Requests
from ingest.observation import Reply


def test_a_node_is_asked_once_a_minute_and_answers_always_go_out() -> None:
    ask, other = (
        Reply("spBv1.0/parks/NCMD/gw-1", b"a", is_request=True),
        Reply("spBv1.0/parks/NCMD/gw-2", b"a", is_request=True),
    )
    answer = Reply("greensward/v1/beichen/gs-01/soil/reply", b"yes")
    requests = Requests()
    assert requests.due([ask, answer], 100.0) == [ask, answer]
    assert requests.due([ask, other, answer], 100.0 + EVERY_S - 1) == [other, answer]
    assert requests.due([ask, other], 100.0 + EVERY_S) == [ask]
