"""The page of connections: one picture with its sentence, and the ties beneath."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from regulars.pipeline.connected import Circle, largest_communities, strengths
from regulars.pipeline.segment import as_of_now
from regulars.pipeline.workspace import Workspace
from regulars.web.chart import Chart
from regulars.web.network import network, strength_bars, told
from regulars.web.report import Number, Report, Section, Table

TIES = ("one", "other", "kind", "days together", "by chance", "tie")
HOW = "The thicker a line, the stronger the tie: family, passes, and days together beyond what chance gives."


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a page or picture is about: a customer's circle, a community's, or with neither the whole."""

    circle: Circle | None = None
    about: str | None = None                 # customer id
    community: int | None = None             # its number, or that of the customer's


def picture(workspace: Workspace, subject: Subject) -> Chart:
    """Return the network of a customer or a community, or how strong connections are on the whole."""
    if subject.circle is None:
        rows = strengths(workspace)
        return strength_bars(rows, title="How strong connections are", sentence=_on_the_whole(workspace))
    return network(subject.circle, title=_title(subject), sentence=_said(subject), about=subject.about)


def connections_page(workspace: Workspace, subject: Subject, chart: Chart) -> Report:
    """Return the page as the report's template shows it."""
    business = workspace.project.config.business
    circle = subject.circle
    tables = (_ties(circle),) if circle else (_communities(workspace),)
    return Report(
        business=business.name, timezone=business.timezone,
        as_of=f"{as_of_now(workspace).at.astimezone(business.zone):%a %-d %b %Y, %H:%M}",
        headline=_title(subject) if circle else "Who comes with whom", numbers=_numbers(workspace, circle),
        sections=(Section(title="The picture", sentence=chart.sentence, charts=(chart,), tables=tables),),
        version=version("regulars"),
    )


def _title(subject: Subject) -> str:
    if subject.about and subject.circle:
        return f"{subject.circle.people[0]['name'] or 'No name'} and who they come with"
    return f"Community {subject.community}"


def _said(subject: Subject) -> str:
    assert subject.circle is not None
    people, ties = len(subject.circle.people), len(subject.circle.ties)
    more = f" {subject.circle.left_out} more are not shown." if subject.circle.left_out else ""
    return f"{people} people, {ties} ties.{more} {HOW}"


def _on_the_whole(workspace: Workspace) -> str:
    rows = strengths(workspace)
    pairs, sure = sum(row["pairs"] for row in rows), sum(row["companions"] for row in rows)
    return (
        f"{pairs:,} pairs of customers have an interaction; of {sure:,} chance is ruled out: they come together. "
        "Strength counts interactions and asks nothing else."
    )


def _numbers(workspace: Workspace, circle: Circle | None) -> tuple[Number, ...]:
    if circle is None:
        rows = strengths(workspace)
        pairs, sure = sum(row["pairs"] for row in rows), sum(row["companions"] for row in rows)
        return (
            Number(label="Connections", value=f"{pairs:,}", note="pairs with an interaction"),
            Number(label="Companions", value=f"{sure:,}", note="pairs of whom chance is ruled out"),
        )
    return (
        Number(label="People", value=f"{len(circle.people) + circle.left_out:,}", note=f"{len(circle.people)} shown"),
        Number(label="Ties", value=f"{len(circle.ties):,}", note="among those shown"),
    )


def _ties(circle: Circle) -> Table:
    rows = tuple(tuple("—" if row[c] is None else row[c] for c in TIES) for row in told(circle))
    return Table(
        caption="Ties, the strongest first", columns=TIES, rows=rows, numeric=frozenset({3, 4, 5}),
        empty="Nobody is tied to anybody here.",
    )


def _communities(workspace: Workspace) -> Table:
    columns = ("community", "people", "ties", "centre")
    rows = tuple(tuple(row[c] or "—" for c in columns) for row in largest_communities(workspace))
    return Table(
        caption="The largest communities", columns=columns, rows=rows, numeric=frozenset({1, 2}),
        empty="Nobody is tied to anybody yet.",
    )
