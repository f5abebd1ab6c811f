"""The documents tell of what exists: links, commands, targets, settings, log lines, versions."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import config
from assembly import online_commands
from main_bot import __version__
from meshbot.commands.registry import EVERYWHERE, Way
from meshbot.runtime.clock import SystemClock
from scripts.check_imports import LAYERS
from tests.support.sample_commands import sample_commands

ROOT = Path(__file__).parents[2]
NAMES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
DOCUMENTS = [ROOT / name for name in NAMES] + sorted((ROOT / "docs").rglob("*.md"))
PROGRAM = ("assembly.py", "config.py", "main_bot.py", "meshbot", "node_manager.py", "tcp_interface_manager.py")
DEFAULTS = dict(line.split(" = ", 1) for line in config.effective(config.Settings()).splitlines())
BAR = r"\|"  # within a table
BEGINNINGS = "|".join(sorted({name.partition("_")[0] for name in DEFAULTS}))
SETTING = re.compile(rf"(?:{BEGINNINGS})_[a-z_]+")


def text_of(document):
    return document.read_text(encoding="utf-8")


def spans(document):
    """What stands in backticks outside of code blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text_of(document), flags=re.DOTALL))


def anchors(document):
    """The names that headings get on a forge: lower case, no punctuation, dashes for spaces."""
    headings = re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def block(document, name):
    return re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", text_of(document), re.DOTALL)[1]


each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@each_document
def test_every_relative_link_leads_somewhere(document):
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(document)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        goal = (document.parent / path).resolve() if path else document
        assert goal.exists(), target
        assert not anchor or anchor in anchors(goal), target


@each_document
def test_no_path_of_somebody_s_machine_is_told(document):
    assert not re.search(r"/(?:home|root|work|tmp|Users)/", text_of(document))


@each_document
def test_every_make_target_that_is_named_exists(document):
    targets = set(re.findall(r"^([a-z0-9-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = re.findall(r"`make ([a-z0-9-]+)|&& make ([a-z0-9-]+)", text_of(document))
    assert {first or second for first, second in named} <= targets


@each_document
def test_every_file_and_test_that_is_named_exists(document):
    tests = "\n".join(text_of(path) for path in (ROOT / "tests").rglob("*.py"))
    for span in spans(document):
        if re.fullmatch(r"\w[\w/.-]*/[\w.-]*\.(?:py|md|txt|po)|\w[\w/]*/", span):
            assert (ROOT / span).exists() or (ROOT / "tests" / span).exists(), span
        elif re.fullmatch(r"test_\w+", span):
            assert f"def {span}(" in tests, span


@each_document
def test_every_setting_that_is_named_exists(document):
    for span in spans(document):
        name = span.split(" = ")[0]
        if SETTING.fullmatch(name):
            assert name in DEFAULTS, span
        elif re.fullmatch(r"(?:TCP|COMMAND|ANSWER|SEND)_[A-Z_]+", name):
            assert hasattr(config, name), span


@each_document
def test_a_duration_told_with_a_setting_is_its_default(document):
    for name, seconds in re.findall(r"`([a-z_]+)`(?: =|,)? \(?(\d+(?:\.\d+)?) s\b", text_of(document)):
        assert not SETTING.fullmatch(name) or DEFAULTS[name] == seconds, name


def test_the_table_of_settings_shows_their_defaults():
    rows = re.findall(r"^\| `([a-z_]+)` \| `([^`]+)`.* \|$", text_of(ROOT / "README.md"), re.MULTILINE)
    assert len(rows) > 5
    assert [(name, DEFAULTS.get(name)) for name, _ in rows] == rows


@pytest.mark.parametrize(
    "name", ["bot_url", "bot_model", "weather_place", "database_url", "packet_retention_days", "mail_ttl"]
)
def test_a_setting_without_which_something_is_not_there_is_told_to_newcomers(name):
    assert name in DEFAULTS
    assert name in spans(ROOT / "README.md")


def test_what_the_recipe_for_telegram_has_one_write_is_taken():
    recipe = text_of(ROOT / "README.md").partition("### Telegram\n")[2].partition("\n### ")[0]
    lines = re.findall(r"`(telegram_\w+ = [^`]+)`", recipe)
    told = {name: value for line in lines for name, value in tomllib.loads(line).items()}
    assert {"telegram_users", "telegram_groups", "telegram_bridges", "telegram_alert_chats"} == set(told)
    assert config.Settings(**told).telegram_bridges == ("1 -1001234567890",)


# -- where things are


def test_the_layers_shown_are_those_that_are_checked():
    shown = re.search(
        r"<!-- layers: begin -->\n```\n(.*?)```", text_of(ROOT / "docs" / "TCP_ARCHITECTURE.md"), re.DOTALL
    )[1]
    assert [set(line.split()) for line in shown.splitlines()] == list(LAYERS)


def test_contributors_are_told_of_every_part():
    told = text_of(ROOT / "CONTRIBUTING.md")
    for name in set().union(*LAYERS):
        assert f"`{name}/`" in told or f"`{name}.py`" in told, name


def row_of(command):
    usage = command.usage.replace("|", BAR)
    question = f"/{command.name} {usage}".rstrip()
    also = ", ".join(f"`/{alias}`" for alias in command.aliases)
    ways = "everywhere" if command.ways == EVERYWHERE else ", ".join(way.value for way in Way if way in command.ways)
    return f"| `{question}` | {command.role.name.lower()} | {also} | {ways} | {command.summary} |"


def test_the_table_of_commands_is_the_registry_s():
    online = online_commands(config.Settings(bot_url="http://[::1]"), SystemClock())
    rows = [row_of(command) for command in (*sample_commands(), *online)]
    assert block(ROOT / "README.md", "commands").splitlines()[2:] == rows


# -- log lines


def strings_of_the_program():
    """Every text in the bot's code, one a line, placeholders and all."""
    files = [
        path for name in PROGRAM for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
    ]
    nodes = (node for path in files for node in ast.walk(ast.parse(text_of(path))))
    return "\n".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


STRINGS = strings_of_the_program()


def unsaid(line):
    """The pieces of a quoted log line, values left out, that no text of the program has."""
    plain = re.sub(r"\{\w+\}|à [\d.]+:\d+|\d+(?:\.\d+)?|…|[:;]", "\0", line)
    pieces = [piece.strip(" .") for piece in plain.split("\0")]
    return [piece for piece in pieces if piece not in STRINGS]


def quoted_lines():
    table = re.findall(r"^\|[^|]*\| (`[^|]*) \|[^|]*\|[^|]*\|$", text_of(ROOT / "README.md"), re.MULTILINE)
    lines = [span for cell in table for span in re.findall(r"`([^`]+)`", cell)]
    for document in DOCUMENTS:
        for body in re.findall(r"```text\n(.*?)```", text_of(document), re.DOTALL):
            lines += [line for line in body.splitlines() if not line.startswith("T+")]
        lines += [line for line in spans(document) if re.match(r"[🔄🔑✅⚠❌📨]", line)]
    return [line for line in dict.fromkeys(lines) if not re.match(r"log_level|PKI_|[\w_]+$", line) or " " in line]


@pytest.mark.parametrize("line", quoted_lines())
def test_every_log_line_that_is_quoted_is_one_that_the_program_can_say(line):
    assert unsaid(line) == []


def test_a_line_that_nobody_says_would_be_found():
    assert len(quoted_lines()) > 25
    assert unsaid("⚠️ SILENCE TCP: 45s sans paquet (max: 45s)") == []
    assert unsaid("⚠️ SILENCE TCP: 45s sans octet (max: 45s)") == ["s sans octet (max"]


# -- versions


def test_the_changelog_s_newest_version_is_the_program_s():
    assert re.search(r"^## \[([\d.]+)\]", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)[1] == __version__


def test_every_pinned_package_has_its_reason_and_every_version_told_is_the_pinned_one():
    told = text_of(ROOT / "docs" / "decisions" / "0002-libraries.md")
    pins = {}
    for name in ("requirements.txt", "requirements-dev.txt"):
        pins |= dict(re.findall(r"^([\w.-]+)==(\S+)$", text_of(ROOT / name), re.MULTILINE))
    assert len(pins) > 20
    for package, version in pins.items():
        found = re.findall(rf"(?<![\w-]){re.escape(package)}(?![\w-])(?: (\d[\w.]*\w))?", told)
        assert found, f"{package} has no reason"
        assert {one for one in found if one} <= {version}, package
