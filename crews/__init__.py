"""Findings to people: the ledger of issues, the crews' lists and pages."""

from __future__ import annotations
