"""Messages heard at the broker beside ingest: taken, kept in a file, judged as ingest would; nothing is stored."""

from __future__ import annotations
