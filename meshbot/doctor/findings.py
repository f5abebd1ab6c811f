"""What the doctor finds: a verdict for each step, with its time and, where something is wrong, the cure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from meshbot.commands import Translate
from meshbot.commands import mark as _
from meshbot.text import one_line


class Verdict(Enum):
    """How a step ended; the value is for people."""

    GOOD = "✓"
    BAD = "✗"
    UNKNOWN = "–"  # not asked for, not possible here, or of no use after what failed before


class Words(str):
    """A value that is a marked text itself."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A step's verdict: marked texts with their values."""

    verdict: Verdict
    text: str
    values: Mapping[str, object] = field(default_factory=dict)
    cure: str = ""


def good(text: str, **values: object) -> Result:
    """Return that all is well."""
    return Result(Verdict.GOOD, text, values)


def bad(text: str, cure: str, **values: object) -> Result:
    """Return what is wrong, and what cures it."""
    return Result(Verdict.BAD, text, values, cure)


def unknown(text: str, cure: str = "", **values: object) -> Result:
    """Return why nothing can be said, or what deserves a look without being wrong."""
    return Result(Verdict.UNKNOWN, text, values, cure)


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of one step."""

    step: str  # marked
    result: Result
    seconds: float  # that the step took

    def as_json(self, tr: Translate) -> dict[str, Any]:
        """Return it for scripts, which find a step by its English name."""
        found = {"step": self.step, "verdict": self.result.verdict.name.lower(), "seconds": round(self.seconds, 3)}
        return {**found, "text": self.text(tr), "cure": self.cure(tr)}

    def text(self, tr: Translate) -> str:
        """Return what was found."""
        return self._said(self.result.text, tr)

    def cure(self, tr: Translate) -> str:
        """Return what to do, empty for nothing."""
        return self._said(self.result.cure, tr) if self.result.cure else ""

    def _said(self, text: str, tr: Translate) -> str:
        values = {name: tr(value) if isinstance(value, Words) else value for name, value in self.result.values.items()}
        # names and reasons are whatever a node or a server says
        return one_line(tr(text).format(**values))


# A step returns one result or several; its waits are bounded
Step = tuple[str, Callable[[], Result | Iterable[Result]]]


def examine(steps: Iterable[Step], monotonic: Callable[[], float]) -> Iterator[Finding]:
    """Take one step after the other; one that raises is a finding too."""
    for name, run in steps:
        began = monotonic()
        try:
            found = run()
            results = [found] if isinstance(found, Result) else list(found)
        except Exception as exc:  # noqa: BLE001 - the doctor must come to the other steps
            text = _("this step failed: {kind}: {reason}")
            results = [bad(text, _("Report it, with this line."), kind=type(exc).__name__, reason=exc)]
        took = monotonic() - began
        for result in results:
            yield Finding(name, result, took)
            # the first line has the step's time
            took = 0.0
