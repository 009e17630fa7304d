"""From a GeoJSON file to checked plots: every fault of every feature, and the plots that have none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ingest.registers.area import build_area, check_size, geodesic_area_m2
from ingest.registers.datum import Datum, to_wgs84
from ingest.registers.datum_check import DatumEvidence, KnownPosition, weigh
from ingest.registers.findings import Finding, Findings, Place
from ingest.registers.overlaps import Overlap, find_overlaps, in_the_way
from ingest.registers.plot_file import Feature, read_features
from ingest.registers.position import check_position
from ingest.registers.properties import Facts, named, read_facts, read_plot_id
from ingest.registers.rings import Ring, mend_ring, read_rings
from ingest.registers.soil import Textures
from ingest.site import Site

_DATUM_NAMES = {"gcj02": "GCJ-02 (Amap, Tencent)", "bd09": "BD-09 (Baidu)"}
_NAMED = 5
"""Features with the same id, or plots that one overlaps, that are named one by one."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot without faults.

    number: index of its feature in the file
    facts: columns of the register without geometry and validity, area_m2, lon and lat (a point inside) included
    area: Polygon or MultiPolygon, WGS 84
    """

    number: int
    facts: Facts
    area: BaseGeometry

    @property
    def plot_id(self) -> str:
        """The plot's id."""
        return str(self.facts["plot_id"])


@dataclass(frozen=True, slots=True)
class Standing:
    """What the register holds already: outlines by plot_id as they are now, and known positions."""

    outlines: Mapping[str, BaseGeometry]
    known: Sequence[KnownPosition]


@dataclass(frozen=True, slots=True)
class PlotCheck:
    """What a file holds.

    plots: the ones without a fault, in the order of the file; none when the file as a whole is wrong
    features: how many the file has
    """

    plots: tuple[Plot, ...]
    findings: tuple[Finding, ...]
    features: int
    datum: DatumEvidence

    @property
    def faults(self) -> int:
        """How many faults were found."""
        return sum(finding.severity == "fault" for finding in self.findings)


def check_plots(
    payload: bytes,
    *,
    site: Site,
    today: date,
    standing: Standing,
    datum: Datum | None = None,
    replace: bool = False,
    textures: Textures = MappingProxyType({}),
) -> PlotCheck:
    """Return the plots of a GeoJSON file and everything that is wrong with it.

    today: the site's local day
    datum: what the coordinates are in; None takes WGS 84 and checks it against what is known
    replace: plots that the file does not name are going to be closed, so they are in nobody's way
    textures: what a texture puts in for a laboratory value that is not given; without it that is not looked at
    """
    findings = Findings()
    features = read_features(payload, findings)
    file_is_wrong = any(finding.number is None and finding.severity == "fault" for finding in findings.all)
    plots = [plot for feature in features if (plot := _plot(feature, site, today, datum, textures, findings))]
    plots = _without_doubles(plots, findings)
    unmoved = frozenset(
        plot.plot_id
        for plot in plots
        if plot.plot_id in standing.outlines and standing.outlines[plot.plot_id].wkb == plot.area.wkb
    )
    evidence = weigh({plot.plot_id: plot.area for plot in plots}, standing.known, unmoved)
    plots, datum_is_wrong = _datum_checked(plots, evidence, findings, datum)
    named_ids = {_id_of(feature) for feature in features} if replace else set()
    others = {plot_id: area for plot_id, area in standing.outlines.items() if not replace or plot_id in named_ids}
    plots = _without_overlaps(plots, others, findings)
    ordered = sorted(findings.all, key=lambda finding: -1 if finding.number is None else finding.number)
    kept = () if file_is_wrong or datum_is_wrong else tuple(plots)
    return PlotCheck(kept, tuple(ordered), len(features), evidence)


def _id_of(feature: Feature) -> str | None:
    return read_plot_id(named(feature.properties, Findings().at(feature.index)), feature.id)


def _plot(
    feature: Feature, site: Site, today: date, datum: Datum | None, textures: Textures, findings: Findings
) -> Plot | None:
    place = findings.at(feature.index, None, f"/features/{feature.index}")
    given_to = findings.at(feature.index, _id_of(feature), place.pointer)
    given = named(feature.properties, given_to)
    facts = read_facts(given, given_to.record_id, today, given_to, textures)
    area = _area(feature, site, datum or "wgs84", given_to)
    if area is None or given_to.failed:
        return None
    facts["area_m2"] = geodesic_area_m2(area)
    check_size(facts["area_m2"], given_to)
    inside = shapely.point_on_surface(area)
    facts["lon"], facts["lat"] = float(inside.x), float(inside.y)
    return None if given_to.failed else Plot(feature.index, facts, area)


def _area(feature: Feature, site: Site, datum: Datum, place: Place) -> BaseGeometry | None:
    parts = read_rings(feature.geometry, place)
    if parts is None:
        return None
    if datum != "wgs84":
        parts = [[(where, _in_wgs84(ring, datum)) for where, ring in part] for part in parts]
    check_position(np.vstack([ring for part in parts for _, ring in part]), site, place)
    mended = [[(where, mend_ring(where, ring, place)) for where, ring in part] for part in parts]
    whole = [[(where, ring) for where, ring in part if ring is not None] for part in mended]
    if any(len(after) != len(before) for after, before in zip(whole, mended, strict=True)):
        return None
    return build_area(whole, place)


def _in_wgs84(ring: Ring, datum: Datum) -> Ring:
    lon, lat = to_wgs84(ring[:, 0], ring[:, 1], datum)
    return np.column_stack([lon, lat]).round(9)


def _without_doubles(plots: list[Plot], findings: Findings) -> list[Plot]:
    """Leave out plots that share an id: exact copies but one, and all of them where they differ."""
    by_id: dict[str, list[Plot]] = {}
    for plot in plots:
        by_id.setdefault(plot.plot_id, []).append(plot)
    kept: list[Plot] = []
    for plot in plots:
        same = by_id[plot.plot_id]
        if len(same) == 1:
            kept.append(plot)
            continue
        place = findings.at(plot.number, plot.plot_id, f"/features/{plot.number}")
        numbers = " and ".join(f"feature {other.number}" for other in same[: _NAMED + 1] if other is not plot)
        if all(other.facts == plot.facts and other.area.wkb == plot.area.wkb for other in same):
            if plot is same[0]:
                kept.append(plot)
            else:
                place.warn("duplicate_feature", f"the same as {numbers}", "each plot once", "Nothing: one was taken.")
        else:
            place.fault(
                "duplicate_id",
                f"{plot.plot_id}, also {numbers}",
                "each id once",
                "Give one an id of its own.",
                "/properties/plot_id",
            )
    return kept


def _datum_checked(
    plots: list[Plot], evidence: DatumEvidence, findings: Findings, datum: Datum | None
) -> tuple[list[Plot], bool]:
    """Return the plots to keep, and whether the file as a whole is in the wrong datum."""
    if evidence.verdict in _DATUM_NAMES or evidence.verdict == "shifted_back":
        place = findings.at(None)
        contradicted = datum in {"gcj02", "bd09"} and evidence.is_contradicted_by_devices
        say = place.fault if datum is None or contradicted else place.warn
        count = f"{evidence.counts[evidence.verdict]} of {len(evidence.per_plot)} plots that can be compared"
        if evidence.verdict == "shifted_back":
            say(
                "datum_shifted_back",
                f"{count} lie as if converted from GCJ-02 or BD-09 once too often, or the register itself is shifted",
                "WGS 84",
                "Import without --datum, or, if the register is wrong, with --datum wgs84.",
            )
        else:
            say(
                f"datum_looks_like_{evidence.verdict}",
                f"{count} lie where {_DATUM_NAMES[evidence.verdict]} would put them",
                "WGS 84",
                f"Import with --datum {evidence.verdict}; with --datum wgs84 if you know that they are right.",
            )
        return plots, place.failed
    kept = []
    for plot in plots:
        verdict = evidence.per_plot.get(plot.plot_id, "fits")
        if verdict == "elsewhere":
            findings.at(plot.number, plot.plot_id, f"/features/{plot.number}").warn(
                "far_from_known",
                f"{evidence.away_m[plot.plot_id]:,.0f} m from where the register has its device, or had its centre",
                "a plot where it was",
                "Check the border and the id: was another plot meant?",
                "/geometry",
            )
        if verdict in _DATUM_NAMES:
            place = findings.at(plot.number, plot.plot_id, f"/features/{plot.number}")
            say = place.fault if datum is None else place.warn
            say(
                f"datum_looks_like_{verdict}",
                f"it lies where {_DATUM_NAMES[verdict]} would put it, unlike the rest of the file",
                "WGS 84",
                "Draw this plot again on an image in WGS 84 (Tianditu).",
                "/geometry",
            )
            if place.failed:
                continue
        kept.append(plot)
    return kept, False


def _without_overlaps(plots: list[Plot], others: Mapping[str, BaseGeometry], findings: Findings) -> list[Plot]:
    """Leave out as few plots as needed so that none overlaps another, or one in the register that stays as it is."""
    ids = [plot.plot_id for plot in plots] + list(others)
    pairs = find_overlaps([plot.area for plot in plots] + list(others.values()), ids, len(plots))
    registered = frozenset(range(len(plots), len(ids)))
    kept = set(range(len(plots)))
    while True:
        taken = {ids[index] for index in kept}
        there = kept | {index for index in registered if ids[index] not in taken}
        active = [pair for pair in pairs if {pair.first, pair.second} <= there]
        leaving = in_the_way([pair for pair in active if not pair.is_sliver], registered)
        kept -= leaving
        reported = active if not leaving else [pair for pair in active if not pair.is_sliver]
        told: Counter[int] = Counter()
        for pair in reported:
            if leaving.isdisjoint({pair.first, pair.second}) and leaving:
                continue
            blamed = min({pair.first, pair.second} & leaving or {pair.first, pair.second} - registered)
            other = pair.second if blamed == pair.first else pair.first
            whose = "in the register" if other in registered else f"feature {plots[other].number}"
            told[blamed] += 1
            if told[blamed] <= _NAMED:
                _tell(plots[blamed], f"{ids[other]} ({whose})", pair, findings)
        for blamed, count in told.items():
            if count > _NAMED:
                place = findings.at(plots[blamed].number, plots[blamed].plot_id, f"/features/{plots[blamed].number}")
                say = place.fault if leaving else place.warn
                say(
                    "overlap" if leaving else "overlap_sliver",
                    f"{count - _NAMED} more plots",
                    "plots that share no ground",
                    "Is this one drawn around all the others?",
                    "/geometry",
                )
        if not leaving:
            return [plots[index] for index in sorted(kept)]


def _tell(plot: Plot, other: str, overlap: Overlap, findings: Findings) -> None:
    place = findings.at(plot.number, plot.plot_id, f"/features/{plot.number}")
    got = f"{overlap.area_m2:.1f} m², {overlap.share:.1%} of the smaller, shared with {other}"
    where = f"at {overlap.lon:.6f}, {overlap.lat:.6f}"
    if overlap.is_sliver:
        place.warn("overlap_sliver", got, "common borders", f"Nothing; snap the borders {where} some day.", "/geometry")
    else:
        advice = f"Correct one of the borders {where}; --replace closes plots that the file does not name."
        place.fault("overlap", got, "plots that share no ground", advice, "/geometry")
