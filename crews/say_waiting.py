"""What waits for the office, in words: one line an issue, with the way to it."""

from __future__ import annotations

from dataclasses import dataclass

from crews.desk import awaits_check
from crews.issue import Issue
from crews.office import OfficeView
from crews.say_campaign import say_cause
from crews.say_stop import say_result
from crews.words import Say, say_instant
from ingest.site import Site

MOST_SHOWN = 10
"""Lines of one group; the table below has all."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One group. lines are (issue id, name of the plot, what there is to know); more: how many others wait."""

    name: str
    count: int
    lines: tuple[tuple[str, str, str], ...]
    more: int


def say_waiting(view: OfficeView, site: Site, say: Say) -> list[Waiting]:
    """Return the groups that have any: to be checked, without a crew, not done by a crew, to be looked back at."""
    groups = {**view.waiting, "look_backs": view.look_backs}
    return [
        Waiting(
            name=name,
            count=len(issues),
            lines=tuple(
                (issue.issue_id, issue.plot_name or issue.plot_id, _say(name, issue, view, site, say))
                for issue in issues[:MOST_SHOWN]
            ),
            more=max(len(issues) - MOST_SHOWN, 0),
        )
        for name, issues in groups.items()
        if issues
    ]


def _say(group: str, issue: Issue, view: OfficeView, site: Site, say: Say) -> str:
    cause = say_cause(issue.cause, issue.finding["reason_params"], say)
    reported = say_instant(issue.done_at, view.generated_at, site.timezone, say)
    match group:
        case "unchecked":
            proof = "" if awaits_check(issue) else say("waiting.no_proof")
            photos = say("office.photos", n=len(issue.photos)) if issue.photos else ""
            parts = [cause, say_result(issue, say) or "", say("waiting.reported", at=reported), photos, proof]
        case "look_backs":
            parts = [cause, say("waiting.look_back", day=issue.look_back_on)]
        case _:
            due = f"{say('card.due')} {say_instant(issue.due_at, view.generated_at, site.timezone, say)}"
            parts = [cause, say_result(issue, say) or "", due]
    return " · ".join(part for part in parts if part)
