"""What messages and tables look like: data files only, read through `importlib.resources`."""

from __future__ import annotations
