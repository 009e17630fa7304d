"""What the footer of a Parquet file says of its columns.

Row groups are asked, and never `FileMetaData.schema`: pyarrow ties that to the footer in a ring, so that both stay in
memory until the garbage collector looks at its oldest objects, which takes hours in a process that makes few.
"""

from __future__ import annotations

import pyarrow.parquet as pq


def column_statistics(footer: pq.FileMetaData, name: str) -> list[pq.Statistics | None]:
    """Return the statistics of a column, one of each row group; None where a group does not have them.

    Raises: ValueError when the file has row groups and no such column.
    """
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    return [group.column(_names(group).index(name)).statistics for group in groups]


def ascending_columns(group: pq.RowGroupMetaData) -> tuple[str, ...]:
    """Return the columns by which the group says that it is sorted, ascending and nulls last."""
    names = _names(group)
    return tuple(
        names[column.column_index] for column in group.sorting_columns if not (column.descending or column.nulls_first)
    )


def repeated_columns(footer: pq.FileMetaData) -> set[str]:
    """Return the columns of texts and bytes that the file holds once for all rows of a group which repeat them."""
    return {
        column.path_in_schema
        for group in map(footer.row_group, range(footer.num_row_groups))
        for column in map(group.column, range(group.num_columns))
        if column.physical_type == "BYTE_ARRAY" and column.has_dictionary_page
    }


def _names(group: pq.RowGroupMetaData) -> list[str]:
    return [group.column(place).path_in_schema for place in range(group.num_columns)]
