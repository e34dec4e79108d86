"""One closed form: a metric, a case, what is expected and what is obtained."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

RELATIONS: dict[str, Callable[[float, float, float], bool]] = {
    "=": lambda obtained, expected, tolerance: abs(obtained - expected) <= tolerance,
    "<": lambda obtained, expected, tolerance: obtained < expected,
    ">": lambda obtained, expected, tolerance: obtained > expected,
}


@dataclass(frozen=True)
class Case:
    """A row of the self-test.

    Args:
        metric: its name in the table of metrics.
        name: what is scored.
        expected: the value known beforehand.
        obtain: measures it.
        tolerance: how far off it may be, for ``"="``.
        relation: ``"="``, or ``"<"`` or ``">"`` for what theory says only roughly.
    """

    metric: str
    name: str
    expected: float
    obtain: Callable[[], float]
    tolerance: float = 1e-6
    relation: str = "="

    def outcome(self) -> Outcome:
        """Measure; an exception is a failure with its text, but for a package that is missing."""
        try:
            obtained = float(self.obtain())
        except ModuleNotFoundError:
            raise
        except Exception as error:
            return Outcome(self, math.nan, f"{type(error).__name__}: {error}")
        return Outcome(self, obtained)


@dataclass(frozen=True)
class Outcome:
    """What a case gave.

    Args:
        case: the case.
        obtained: the value; NaN if there is none.
        error: why there is none.
    """

    case: Case
    obtained: float
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether the value is as expected; NaN never is."""
        related = RELATIONS[self.case.relation]
        return not self.error and related(self.obtained, self.case.expected, self.case.tolerance)

    @property
    def row(self) -> dict[str, str]:
        """The outcome as a row of a table."""
        case = self.case
        return {
            "metric": case.metric,
            "case": case.name,
            "expected": f"{'' if case.relation == '=' else case.relation + ' '}{case.expected:.6g}",
            "obtained": self.error or f"{self.obtained:.6g}",
            "ok": "yes" if self.ok else "NO",
        }
