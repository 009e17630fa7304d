"""Nothing writes under the lake's root but `ingest/lake/write.py`: what else touches a name there stands here."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_PLACES = {"lake", "table", "partition", "analyst_database", "analyst_start", "data_package"}
"""What `DataFolder` calls a path under the lake's root."""

_CHANGES = {
    *("write_bytes", "write_text", "rename", "unlink", "mkdir", "rmdir", "touch", "hardlink_to", "symlink_to", "chmod"),
    *("rmtree", "copyfile", "copytree", "move", "write_table", "write_parquet", "ParquetWriter", "write_to_dataset"),
    *("write_new_file", "replace_file", "replace_whole", "exchange_folders", "make_folder", "empty_folder"),
}
"""Calls that make, fill, rename or remove a file or folder, of the standard library, of Arrow and of durable.py."""

_ALLOWED = {
    "ingest/lake/write.py": "the one writer",
    "greensward/settled.py _replace": "asks the lake, and writes beside it",
    "ingest/lake/damage.py set_aside_damaged": "moves a file whose bytes are wrong out of the lake",
    "ingest/lake/ownership.py settle": "makes the root itself",
}


def _called(node: ast.AST) -> str:
    target = node.func if isinstance(node, ast.Call) else None
    return target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else ""


def _changes_the_lake(function: ast.AST) -> bool:
    named = {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}
    return bool(named & _PLACES) and any(_called(node) in _CHANGES for node in ast.walk(function))


def test_nothing_but_the_one_writer_touches_a_name_in_the_lake() -> None:
    found = set()
    for package in ("greensward", "crews", "sql", "ingest"):
        for file in sorted((ROOT / package).rglob("*.py")):
            name = str(file.relative_to(ROOT))
            for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(function, ast.FunctionDef) and _changes_the_lake(function):
                    found.add(name if name in _ALLOWED else f"{name} {function.name}")
    assert found == set(_ALLOWED)
