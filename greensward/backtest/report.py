"""The report of a back-test: one page a language, everything in the file, nothing to load."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from markupsafe import escape

from crews.words import Say, say_number, speaker
from greensward.backtest.pictures import MOST_PLOTS, heat_map, histogram, key
from greensward.backtest.summary import Summary
from greensward.backtest.tally import Tally, forecast_errors
from sql.reference import limit

PAGES = {"zh": "index.html", "en": "index.en.html"}

_STYLE = """
body { margin: 0 auto; max-width: 960px; padding: 16px; color: #17211b; background: #fff;
  font: 16px/1.5 system-ui, -apple-system, "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; }
h1 { font-size: 26px; } h2 { font-size: 20px; margin-top: 32px; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: 4px 16px 4px 0; border-bottom: 1px solid #c9d1c8; }
td.n { text-align: right; font-variant-numeric: tabular-nums; font-weight: 700; }
svg { max-width: 100%; height: auto; } .bad { color: #8a1c12; } .wide { overflow-x: auto; }
@media print { body { max-width: none; padding: 0; } h2 { break-after: avoid; } }
"""


def render_report(
    tally: Tally, summary: Summary, names: Mapping[str, str], every: timedelta, language: str, *, known_then: bool
) -> str:
    """Return the report as HTML in one language; `names` has the name of each plot."""
    say = speaker(language)
    other = "en" if language == "zh" else "zh"
    title = say("backtest.title", first=summary.first, last=summary.last)
    hours = every.total_seconds() / 3600
    step = say("backtest.days", n=f"{hours / 24:g}") if hours % 24 == 0 else say("backtest.hours", n=f"{hours:g}")
    notes = [
        say("backtest.made", plots=summary.plots, instants=summary.evaluations, every=step),
        say("backtest.known_then" if known_then else "backtest.arrival"),
        say("backtest.no_crews"),
    ]
    cut = f"<p>{say('backtest.map_cut', shown=MOST_PLOTS)}</p>" if summary.plots > MOST_PLOTS else ""
    return (
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>"
        f'<p><a href="{PAGES[other]}" lang="{other}">{say("backtest.other")}</a></p><h1>{escape(title)}</h1>'
        + "".join(f"<p>{escape(note)}</p>" for note in notes)
        + f"<h2>{say('backtest.numbers')}</h2>{_numbers(summary, say)}"
        + f"<h2>{say('backtest.map')}</h2><p>{say('backtest.map_key')}</p>{cut}"
        + f'<div class="wide">{key(tally, say)}{heat_map(tally, names, say)}</div>'
        + f"<h2>{say('backtest.errors')}</h2>{_errors(tally, summary, say)}"
        + f"<h2>{say('backtest.flappers')}</h2>{_flappers(summary, names, say)}"
        + f"<p>{say('backtest.files')}</p></body></html>\n"
    )


def _numbers(summary: Summary, say: Say) -> str:
    hours = say_number(limit("backtest_reopen_hours"), 0)
    rows = [
        (say("backtest.opened"), f"{summary.opened:,}", False),
        (say("backtest.closed"), f"{summary.closed:,}", False),
        (say("backtest.a_month"), say_number(summary.opened_a_month, 2), False),
        (say("backtest.reopened", hours=hours), f"{summary.reopened:,}", summary.reopened > 0),
        (say("backtest.work"), f"{say_number(100 * summary.work_share)} %", False),
        (say("backtest.unknown"), f"{say_number(100 * summary.unknown_share)} %", False),
        (say("backtest.frozen", n=summary.frozen_days), f"{summary.frozen_days_flagged:,}",
         summary.frozen_days_flagged > 0),
    ]  # fmt: skip
    cells = (
        f'<tr><th>{escape(name)}</th><td class="n{" bad" if is_bad else ""}">{value}</td></tr>'
        for name, value, is_bad in rows
    )
    return f"<table>{''.join(cells)}</table>"


def _errors(tally: Tally, summary: Summary, say: Say) -> str:
    errors = [error for history in tally.plots.values() for error in forecast_errors(history)]
    if not errors:
        return f"<p>{say('backtest.errors_none')}</p>"
    said = say(
        "backtest.errors_said",
        n=summary.forecasts_checked,
        median=say_number(summary.forecast_median_error_d or 0.0),
        share=say_number(100 * (summary.forecast_share_within_2_d or 0.0), 0),
        open=summary.forecasts - summary.forecasts_checked,
    )
    return f"<p>{escape(said)}</p>{histogram(errors, say)}"


def _flappers(summary: Summary, names: Mapping[str, str], say: Say) -> str:
    if not summary.flappers:
        return f"<p>{say('backtest.flappers_none')}</p>"
    hours = say_number(limit("backtest_reopen_hours"), 0)
    head = [say("backtest.plot"), say("backtest.opened"), say("backtest.closed"), say("backtest.reopened", hours=hours)]
    body = "".join(
        f"<tr><th>{escape(names.get(one.plot_id) or one.plot_id)} {escape(one.plot_id)}</th>"
        f'<td class="n">{one.opened}</td><td class="n">{one.closed}</td><td class="n">{one.reopened}</td></tr>'
        for one in summary.flappers
    )
    return f"<table><tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>{body}</table>"
