"""The catalogue of metrics: every number there is, once, with what it means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from regulars.check import did_you_mean
from regulars.errors import DeclarationError, NotFound
from regulars.metrics.metric import Metric, Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A metric as the catalogue shows it."""

    name: str
    title: str
    unit: str
    definition: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All metrics of a project, by name."""

    metrics: Mapping[str, Metric]

    def __getitem__(self, name: str) -> Metric:
        """Return a metric. Raises NotFound naming the closest one."""
        if name not in self.metrics:
            raise NotFound(f"no metric {name!r}", hint=did_you_mean(name, self.metrics))
        return self.metrics[name]

    def entries(self) -> list[Entry]:
        """Return what there is, by name."""
        return [
            Entry(name=name, title=metric.title, unit=metric.unit, definition=metric.definition)
            for name, metric in sorted(self.metrics.items())
        ]


def catalogue(metrics: Iterable[Metric]) -> Catalogue:
    """Return the catalogue of some metrics.

    Raises DeclarationError for a ratio of a metric that is not there or is a ratio itself.
    """
    by_name = {metric.name: metric for metric in metrics}
    for metric in by_name.values():
        if not isinstance(metric.formula, Ratio):
            continue
        for n, name in enumerate((metric.formula.numerator, metric.formula.denominator)):
            if name not in by_name:
                raise DeclarationError(
                    f"{metric.name!r} divides by or into {name!r}, which is no metric",
                    hint=did_you_mean(name, set(by_name) - {metric.name}),
                    path=("ratio", n),
                )
            if isinstance(by_name[name].formula, Ratio):
                raise DeclarationError(
                    f"{name!r} is a ratio itself", hint="divide counts and sums", path=("ratio", n)
                )
    return Catalogue(by_name)
