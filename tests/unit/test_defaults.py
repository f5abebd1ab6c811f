"""A setting's default stands in config.py and nowhere else."""

import ast
import importlib
import inspect
from pathlib import Path

from config import Settings

ROOT = Path(__file__).parents[2]
NOT_THE_BOT = {"tests", "bench", "chaos", "scripts"}


def repeated_defaults(path):
    """Yield each setting given to a parameter that has a default of its own."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    calls = [call for call in calls if any(map(read, given(call).values()))]
    if not calls:
        return
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for call in calls:
        callee = called(module, call.func)
        if not callable(callee) or callee is Settings:
            continue
        parameters = list(inspect.signature(callee).parameters.values())
        for place, argument in given(call).items():
            taking = [parameter for index, parameter in enumerate(parameters) if place in {index, parameter.name}]
            for parameter in taking:
                if read(argument) and parameter.default is not parameter.empty:
                    yield f"{path.name}:{call.lineno}: {ast.unparse(call.func)}({parameter.name}={parameter.default!r})"


def called(module, func):
    """Return what `name(…)` or `package.name(…)` calls, None for anything else."""
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
        return getattr(vars(module).get(func.value.id), func.attr, None)
    return vars(module).get(func.id) if isinstance(func, ast.Name) else None


def given(call):
    """Return the call's arguments by place or name."""
    return dict(enumerate(call.args)) | {keyword.arg: keyword.value for keyword in call.keywords}


def read(argument):
    """Return whether a setting is read right in this argument, not in a call within it."""
    if isinstance(argument, ast.Call):
        return isinstance(argument.func, ast.Attribute) and read(argument.func.value)
    if isinstance(argument, ast.Attribute):
        return argument.attr in Settings.model_fields and isinstance(argument.value, ast.Name)
    return any(read(part) for part in ast.iter_child_nodes(argument))


def test_no_part_repeats_the_default_of_a_setting():
    paths = [path for path in ROOT.rglob("*.py") if not is_outside(path.relative_to(ROOT).parts)]
    assert [line for path in paths for line in repeated_defaults(path)] == []


def is_outside(parts):
    return parts[0] in NOT_THE_BOT or parts[0].startswith(".")
