"""`regulars check`: every problem of a project at once, and the examples inside its segments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from regulars.campaigns.remarks import remarks
from regulars.check import Finding
from regulars.errors import DeclarationError
from regulars.events.engine import Engine
from regulars.project.project import Project
from regulars.rules.examples import run_examples
from regulars.rules.segment import Segment


def check_project(project: Project, *, engine: Engine | None = None) -> list[Finding]:
    """Return what holds and what does not, in the order of the files.

    `project` may have problems (`Project.read`). With an engine the examples of segments are run; a segment that asks
    about one with a problem is left out, and said so.
    """
    kinds = {
        "sources": len(project.sources), "streams": len(project.streams), "events": len(project.events),
        "segments": len(project.segments), "metrics": len(project.metrics), "experiments": len(project.experiments),
    }
    for name in ("flags", "destinations", "campaigns", "flows", "tracking_plans", "shops"):
        if declared := getattr(project, name):
            kinds[name.replace("_", " ")] = len(declared)
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    findings = [*project.problems]
    if not project.problems:
        message = f"all declarations hold: {said}"
        findings.append(Finding(name="declaration", status="ok", message=message, numbers={**kinds}))
    findings += _remarks(project)
    return findings + ([] if engine is None else _examples(project, engine))


def _remarks(project: Project) -> Iterator[Finding]:
    """What a careful reader would change in the words of campaigns and flows, with the file they stand in."""
    for campaign in project.campaigns:
        for one in remarks(campaign):
            yield replace(one, where=_place(project, "campaigns", campaign.name, one.where))
    for flow in project.flows:
        for step in flow.messages:
            for one in remarks(step.campaign):
                place = f"{step.name}.{one.where}" if one.where else step.name
                yield replace(one, where=_place(project, "flows", flow.name, place))


def _place(project: Project, folder: str, name: str, within: str) -> str:
    file = next(one.file for one in project.declared if (one.folder, one.name) == (folder, name))
    return f"{file} ({within})" if within else file


def _examples(project: Project, engine: Engine) -> list[Finding]:
    sound = _sound(project)
    names = {segment.name for segment in sound}
    findings = [
        Finding(
            name="segment-examples", status="skipped", where=_file(project, segment.name),
            message=f"the examples of {segment.name} wait for what they ask about", hint="correct the problems above",
        )
        for segment in project.segments if segment.name not in names
    ]
    zone = project.config.business.timezone
    try:
        run = run_examples(sound, engine=engine, zone=zone, known=project.vocabulary)
    except DeclarationError:
        run = [finding for segment in sound for finding in _alone(project, segment, sound, engine)]
    files = {f"segments/{segment.name}.yaml": _file(project, segment.name) for segment in sound}
    return findings + [replace(finding, where=files.get(finding.where, finding.where)) for finding in run]


def _alone(project: Project, segment: Segment, sound: list[Segment], engine: Engine) -> list[Finding]:
    """One segment's examples by themselves: an example that cannot be read says where it stands."""
    others = [replace(other, examples=()) for other in sound if other.name != segment.name]
    zone = project.config.business.timezone
    try:
        found = run_examples([segment, *others], engine=engine, zone=zone, known=project.vocabulary)
    except DeclarationError as error:
        return [one.problem(error) for one in project.declared if (one.folder, one.name) == ("segments", segment.name)]
    return found[:1]


def _sound(project: Project) -> list[Segment]:
    """Segments that can be evaluated: what they ask about, directly or not, is there and in no circle."""
    sound: dict[str, Segment] = {}
    grows = True
    while grows:
        fresh = [
            segment for segment in project.segments
            if segment.name not in sound and all(name in sound for name in segment.depends_on)
        ]
        sound |= {segment.name: segment for segment in fresh}
        grows = bool(fresh)
    return list(sound.values())


def _file(project: Project, segment: str) -> str:
    return next((one.file for one in project.declared if (one.folder, one.name) == ("segments", segment)), "")
