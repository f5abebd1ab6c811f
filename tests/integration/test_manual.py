"""The manual and the completion: made from the parser, in step with it, and good for man and bash."""

import os
import re
import shutil
import subprocess

import pytest

from scripts.make_manual import FOLDER, pages

COMMANDS = ("run", "check", "demo", "keys", "radio")


@pytest.fixture(autouse=True)
def same_language_after():
    """Give back what argparse's language is kept in."""
    before = os.environ.get("LANGUAGE")
    yield
    os.environ.pop("LANGUAGE", None)
    if before is not None:
        os.environ["LANGUAGE"] = before


def test_the_files_are_what_the_parser_says_now():
    wrong = [path.name for path, text in pages().items() if path.read_text(encoding="utf-8") != text]
    assert wrong == [], "run: make manual"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("meshbot.1", ("NAME", "tries the bot on a virtual node", "shows the version")),
        ("meshbot.fr.1", ("NOM", "essaie le bot sur un nœud virtuel", "affiche la version")),
    ],
)
def test_each_manual_has_every_command_in_its_language(name, words):
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert all(word in text for word in words)
    assert all(rf"meshbot\fR \fI\,{command}\/" in text for command in COMMANDS)


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed here")
@pytest.mark.parametrize("name", ["meshbot.1", "meshbot.fr.1"])
def test_groff_formats_the_manual_without_a_warning(name):
    done = subprocess.run(
        ["groff", "-K", "utf8", "-T", "utf8", "-man", "-ww", FOLDER / name], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "meshbot" in done.stdout


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("meshbot ", {"run", "check", "demo", "keys", "radio"}),
        ("meshbot k", {"keys"}),
        ("meshbot keys ", {"export", "import", "contact", "fingerprint"}),
        ("meshbot radio restore --f", {"--force"}),
        ("meshbot --ch", {"--check-config"}),
    ],
)
def test_bash_completes_commands_and_options(line, offered):
    words = line.split(" ")
    script = (
        f"source '{FOLDER}/meshbot.bash'; COMP_WORDS=({' '.join(word or repr('') for word in words)}); "
        f'COMP_CWORD={len(words) - 1}; _shtab_meshbot meshbot "{words[-1]}" "{words[-2]}"; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert offered <= set(done.stdout.split())
    assert all(re.match(re.escape(words[-1]), each) for each in done.stdout.split())
