"""From the inbox into the lake: decode, refuse with every fault, drop what is there already, write durably."""

from __future__ import annotations
