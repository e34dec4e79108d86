"""How far a run is, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.cli.estimate import in_words
from captum_deconvnet.gallery.shared_work import SharedWork
from captum_deconvnet_benchmarks.runs.estimate import Estimate, Kind
from captum_deconvnet_benchmarks.runs.plan import Group
from captum_deconvnet_benchmarks.runs.rows import Unit


class Progress:
    """A bar over all units that are left; under torchrun the leading process shows it for all.

    The time that remains is worked out from the seconds that each kind of unit has taken so far,
    not from their number: a randomisation test takes a thousand times what an entropy does.
    """

    def __init__(self, groups: Sequence[Group], shared: SharedWork | None) -> None:
        """Show nothing done of all the groups."""
        self.groups, self.shared = groups, shared
        self.estimate = Estimate()
        self.number = 0
        self.bar = tqdm(
            total=sum(len(group.metrics) for group in groups),
            desc="benchmark",
            unit="unit",
            disable=True if shared is not None and not shared.leads else None,
            bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} units, {elapsed} gone{postfix}",
        )

    def __enter__(self) -> Progress:
        """Show the bar."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bar as it is."""
        self.bar.close()

    def reach(self, number: int) -> None:
        """A group is begun."""
        self.number = number
        if self.shared is None:
            self._show()

    def told(self, unit: Unit, seconds: float) -> None:
        """A unit is done."""
        self.estimate.add(kind_of(unit), seconds)
        if self.shared is None:
            self.bar.n += 1
        else:
            self.bar.n = self.shared.store.add("units", 1)
        self._show()

    def left(self) -> float:
        """The seconds that remain."""
        ahead = (kind_of(unit) for group in self.groups[self.number :] for unit in group.units())
        return self.estimate.of(ahead) / (self.shared.world if self.shared else 1)

    def _show(self) -> None:
        if not self.bar.disable and self.bar.n:
            self.bar.set_postfix_str(f"{in_words(self.left())} left")


def kind_of(unit: Unit) -> Kind:
    """What units that take about as long have in common, the most telling first."""
    return unit.metric.name, unit.place.model, unit.explainer.name
