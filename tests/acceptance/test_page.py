"""The report as it is printed and as a phone shows it, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from greensward.acceptance.report import to_page
from tests.acceptance.test_points import good, made, put
from tests.crews.browser import Browser


@pytest.fixture(scope="module")
def phone() -> Iterator[Browser]:
    """Return a browser 360 px wide."""
    with Browser(360) as browser:
        yield browser


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_good_device_is_signed_for_on_the_page_that_has_its_points(
    phone: Browser, tmp_path: Path, language: str
) -> None:
    page = tmp_path / "report.html"
    page.write_text(to_page(made(good(), language)), encoding="utf-8")
    phone.open(page.as_uri())
    phone.pdf(tmp_path / "report.pdf")
    assert len(re.findall(rb"/Type /Page\b", (tmp_path / "report.pdf").read_bytes())) == 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_on_a_phone_nothing_of_a_report_is_cut_off(phone: Browser, tmp_path: Path, language: str) -> None:
    page = tmp_path / "report.html"
    page.write_text(to_page(made(good(put("unit", "percent", of=2)), language)), encoding="utf-8")
    phone.open(page.as_uri())
    assert phone.measure("document.documentElement.scrollWidth") == 360
    outside = "[...document.querySelectorAll('.acceptance *')].filter(e => e.getBoundingClientRect().right > 360)"
    assert phone.measure(f"{outside}.map(e => e.outerHTML)") == []
