"""Every exception of the program is a MeshBotError."""

import ast
import builtins
from pathlib import Path

from meshbot.runtime.errors import MeshBotError
from meshbot.telegram_bot.failures import FailureKind, InvalidAnswerError, failure_of

ROOT = Path(__file__).parents[3]
NOT_THE_PROGRAM = {"tests", "bench", "chaos", "scripts"}
BUILTIN = {name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)}


def bases_of_classes():
    """Return the names of the bases of each class of the program."""
    paths = [path for path in ROOT.rglob("*.py") if not is_outside(path.relative_to(ROOT).parts)]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return {node.name: {ast.unparse(base).split(".")[-1] for base in node.bases} for node in classes}


def is_outside(parts):
    return parts[0] in NOT_THE_PROGRAM or parts[0].startswith(".")


def descendants(bases, ancestors):
    """Return the classes that descend from any of `ancestors`, or from a library's class that is called an error."""
    found = set()
    while True:
        more = {
            name
            for name, parents in bases.items()
            if parents & (ancestors | found) or any(is_error(parent) for parent in parents - bases.keys())
        }
        if more == found:
            return found
        found = more


def is_error(name):
    return name.endswith(("Error", "Exception", "Warning"))


def test_every_exception_of_the_program_is_a_meshboterror():
    bases = bases_of_classes()
    exceptions = descendants(bases, BUILTIN)
    ours = {"MeshBotError"}
    for _ in bases:
        ours |= {name for name, parents in bases.items() if parents & ours}
    assert len(exceptions) > 15
    assert exceptions - ours == set()


def test_what_a_library_has_to_recognise_is_also_of_its_kind():
    error = InvalidAnswerError("a page")
    assert isinstance(error, MeshBotError)
    assert failure_of(error).kind is FailureKind.SERVER
