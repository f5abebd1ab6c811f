"""`meshbot doctor`: prints each finding as it comes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from meshbot.commands import Translate
from meshbot.commands import mark as _
from meshbot.settings import ConfigError

if TYPE_CHECKING:
    from meshbot.cli.arguments import Commands
    from meshbot.cli.program import Call
    from meshbot.doctor import Finding

WIDTH: Final = 16  # of a step's name


def add_command(top: Commands) -> None:
    """Add it to the parser."""
    tr, summary = top.tr, _("examines all from the settings to the node's answer, and names the cure")
    parser = top.add("doctor", examine, summary)
    parser.set_defaults(on_bad_settings=tell_problems)
    parser.add_argument("--json", action="store_true", help=tr(_("prints the findings in JSON, one a line")))


def examine(call: Call[Any], options: argparse.Namespace) -> int:
    """Examine, print, and return 1 if something is wrong."""
    # only here: the running bot has no use for it
    from meshbot.doctor import Doctor  # noqa: PLC0415

    try:
        patient = call.program.patient(call.settings, options.config is None)
    except ConfigError as error:
        return tell_problems(error.problems, options, call.tr)
    doctor = Doctor(patient, call.program.clock)
    return _print(doctor.examine(), call.tr, as_json=options.json)


def tell_problems(problems: Sequence[str], options: argparse.Namespace, tr: Translate) -> int:
    """Print what is wrong with the settings, without which nothing else can be examined."""
    from meshbot.doctor import Finding, bad  # noqa: PLC0415 - the same

    cure = _("Correct it, then: meshbot check")
    findings = (Finding(_("settings"), bad("{problem}", cure, problem=problem), 0.0) for problem in problems)
    return _print(findings, tr, as_json=options.json)


def _print(findings: Iterable[Finding], tr: Translate, *, as_json: bool) -> int:
    from meshbot.doctor import Verdict  # noqa: PLC0415 - the same

    wrong = 0
    for each in findings:
        wrong += each.result.verdict is Verdict.BAD
        if as_json:
            print(json.dumps(each.as_json(tr), ensure_ascii=False), flush=True)
            continue
        time = f"{each.seconds:.1f} s" if each.seconds >= 0.05 else ""  # noqa: PLR2004 - the least that is shown
        print(f"{each.result.verdict.value} {tr(each.step):<{WIDTH}} {time:>6} {each.text(tr)}", flush=True)
        if cure := each.cure(tr):
            print(f"  {'':<{WIDTH}} {'':>6} → {cure}", flush=True)
    if not as_json:
        text = tr.ngettext("❌ {count} step is not well.", "❌ {count} steps are not well.", wrong)
        print(text.format(count=wrong) if wrong else tr(_("✅ All is well.")))
    return int(wrong > 0)
