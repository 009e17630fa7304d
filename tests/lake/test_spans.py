"""Files that cannot hold what a batch brings are left out, and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.lake.spans import files_within

AT = datetime(2026, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A file from AT to two hours later, in two row groups, the earlier instants in the second."""
    path = tmp_path / "file.parquet"
    column = pa.array([AT + 2 * HOUR, AT + HOUR, AT, AT + HOUR], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"other": [1, 2, 3, 4], "at": column}), path, row_group_size=2)
    return path


@pytest.mark.parametrize(
    ("low", "high", "is_within"),
    [
        (AT - HOUR, AT, True),
        (AT - HOUR, AT - TICK, False),
        (AT + 2 * HOUR, AT + 3 * HOUR, True),
        (AT + 2 * HOUR + TICK, AT + 3 * HOUR, False),
        (AT + HOUR, AT + HOUR, True),
        (AT - HOUR, AT + 9 * HOUR, True),
    ],
)
def test_a_file_counts_when_it_touches_the_span(
    written: Path, low: datetime, high: datetime, *, is_within: bool
) -> None:
    assert files_within([written], "at", (low, high)) == ([written] if is_within else [])


def test_a_file_that_does_not_say_what_it_spans_counts(tmp_path: Path) -> None:
    broken, silent, empty = (tmp_path / f"{name}.parquet" for name in ("broken", "silent", "empty"))
    broken.write_bytes(b"PAR1 and then nothing")
    pq.write_table(pa.table({"at": pa.array([AT], pa.timestamp("us", "UTC"))}), silent, write_statistics=False)
    pq.write_table(pa.table({"at": pa.array([AT, None], pa.timestamp("us", "UTC"))}), empty)
    gone = tmp_path / "gone.parquet"
    assert files_within([broken, silent, empty, gone], "at", (AT - 9 * HOUR, AT - 8 * HOUR)) == [
        broken,
        silent,
        empty,
        gone,
    ]


def test_a_file_is_looked_into_once_and_forgotten_when_it_is_gone(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []
    read = pq.read_metadata

    def look(path: Path) -> pq.FileMetaData:
        looked.append(path)
        return read(path)

    monkeypatch.setattr(pq, "read_metadata", look)
    other = written.with_name("other.parquet")
    other.write_bytes(written.read_bytes())
    for paths in ([written, other], [written, other], [written], [written, other]):
        assert files_within(paths, "at", (AT, AT)) == paths
    assert looked == [written, other, other]
