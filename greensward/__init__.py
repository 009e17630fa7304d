"""The `greensward` command: what people type. It wires ingest, sql and crews together and holds no domain rule."""

from __future__ import annotations

import ingest  # noqa: F401 - before anything loads Arrow: it says where that takes memory
