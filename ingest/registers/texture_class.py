"""The texture class of a soil from its grains, by the triangle of the USDA."""

from __future__ import annotations


def texture_class(sand_pct: float, clay_pct: float) -> str:
    """Return the USDA class, as soil_texture has it, of a soil with so much sand and clay by weight, the rest silt.

    Both are percent of the fine earth, their sum at most 100. Soil Survey Manual (USDA Handbook 18), chapter 3; the
    first line that holds decides.
    """
    silt_pct = 100 - sand_pct - clay_pct
    lines = (
        ("sand", silt_pct + 1.5 * clay_pct < 15),  # noqa: PLR2004
        ("loamy_sand", silt_pct + 2 * clay_pct < 30),  # noqa: PLR2004
        ("sandy_clay", clay_pct >= 35 and sand_pct > 45),  # noqa: PLR2004
        ("silty_clay", clay_pct >= 40 and silt_pct >= 40),  # noqa: PLR2004
        ("clay", clay_pct >= 40),  # noqa: PLR2004
        ("sandy_clay_loam", clay_pct >= 20 and silt_pct < 28 and sand_pct > 45),  # noqa: PLR2004
        ("silty_clay_loam", clay_pct >= 27 and sand_pct <= 20),  # noqa: PLR2004
        ("clay_loam", clay_pct >= 27),  # noqa: PLR2004
        ("silt", silt_pct >= 80 and clay_pct < 12),  # noqa: PLR2004
        ("silt_loam", silt_pct >= 50),  # noqa: PLR2004
        ("loam", clay_pct >= 7 and sand_pct <= 52),  # noqa: PLR2004
        ("sandy_loam", True),
    )
    return next(name for name, holds in lines if holds)
