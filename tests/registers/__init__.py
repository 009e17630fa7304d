"""Tests of the registers of plots and devices."""
