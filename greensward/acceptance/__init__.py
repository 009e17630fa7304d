"""A device held against the contract for some minutes: what came is kept in a file, and judged point by point."""

from __future__ import annotations
