"""The documents tell of what exists: links, commands, targets, settings, log lines, versions."""

import argparse
import ast
import re
import tomllib
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import config
from assembly import online_commands
from main_bot import __version__
from meshbot.cli import parser_for
from meshbot.commands.language import LOCALE_DIR, translator
from meshbot.commands.registry import ALL_PLATFORMS, Platform
from meshbot.runtime.clock import SystemClock
from scripts.check_imports import LAYERS
from scripts.make_example import page
from tests.support.sample_commands import sample_commands

ROOT = Path(__file__).parents[2]
NAMES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md")
DOCUMENTS = [ROOT / name for name in NAMES] + sorted((ROOT / "docs").rglob("*.md"))
README, INDEX = ROOT / "README.md", ROOT / "docs" / "README.md"
COMMANDS, SETTINGS = ROOT / "docs" / "commands.md", ROOT / "docs" / "settings.md"
TELEGRAM, TROUBLESHOOTING = ROOT / "docs" / "telegram.md", ROOT / "docs" / "troubleshooting.md"
LINK_FACTS = ROOT / "docs" / "link_facts.md"
# What measures, makes and tests the program, and what plays a node for it, logs no line of the bot's
OUTSIDE = {"bench", "chaos", "demo", "scripts", "tests", "virtual_node"}
DEFAULTS = dict(line.split(" = ", 1) for line in config.effective(config.Settings()).splitlines())
BAR = r"\|"  # within a table
BEGINNINGS = "|".join(sorted({name.partition("_")[0] for name in DEFAULTS}))
SETTING = re.compile(rf"(?:{BEGINNINGS})_[a-z_]+")
# Named like a setting: fields of the protocol, rows of the bench
NO_SETTINGS = {"node_info", "telegram_burst", "telegram_idle", "telegram_outage"}


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


def name_of(document):
    return str(document.relative_to(ROOT))


each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)


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
def test_every_program_that_is_named_exists_with_its_options(document):
    programs = r"(?:python -m ([a-z_.]+)|python ((?:scripts/)?[a-z_]+\.py))((?: (?:--?[a-z-]+|[\w./]+))*)"
    for module, script, arguments in re.findall(programs, text_of(document)):
        path = ROOT / (script or module.replace(".", "/"))
        if path.is_dir():
            path /= "__main__.py"
        source = text_of(path if path.suffix else path.with_suffix(".py"))
        if path.name == "main_bot.py":
            source += "".join(text_of(each) for each in (ROOT / "meshbot" / "cli").glob("*.py"))
        for option in re.findall(r"--[a-z-]+", arguments):
            assert f'"{option}"' in source or option == "--help", (path.name, option)


@each_document
def test_every_command_of_the_command_line_that_is_named_exists(document):
    def commands(parser):
        found = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        return found[0].choices if found else {}

    top = commands(parser_for("meshbot", "", translator("en")))
    code = re.findall(r"```bash\n(.*?)```|`([^`\n]+)`", text_of(document), re.DOTALL)
    for text in filter(None, (part for parts in code for part in parts)):
        for name, more, second in re.findall(r"(?<![\w/@.-])meshbot ([a-z]+)( ([a-z]+))?", text):
            if "systemctl" in text and name not in top:
                continue
            assert name in top, text
            group = commands(top[name])
            assert not (more and group) or second in group, text


@each_document
def test_every_file_and_test_that_is_named_exists(document):
    tests = "\n".join(text_of(path) for path in (ROOT / "tests").rglob("*.py"))
    for span in spans(document):
        if re.fullmatch(r"\w[\w/.-]*/[\w.-]*\.(?:py|md|txt|po|svg)|\w[\w/]*/", span):
            folders = (ROOT, ROOT / "tests", ROOT / "meshbot" / "commands")
            assert any((folder / span).exists() for folder in folders), span
        elif re.fullmatch(r"test_\w+", span):
            assert f"def {span}(" in tests, span


@each_document
def test_every_setting_that_is_named_exists(document):
    for span in spans(document):
        name = span.split(" = ")[0]
        if SETTING.fullmatch(name) and name not in NO_SETTINGS:
            assert name in DEFAULTS, span
        elif re.fullmatch(r"(?:TCP|COMMAND|ANSWER|SEND)_[A-Z_]+", name):
            assert hasattr(config, name), span


@each_document
def test_a_duration_told_with_a_setting_is_its_default(document):
    for name, seconds in re.findall(r"`([a-z_]+)`(?: =|,)? \(?(\d+(?:\.\d+)?) s\b", text_of(document)):
        assert not SETTING.fullmatch(name) or DEFAULTS[name] == seconds, name


@pytest.mark.parametrize("document", [README, SETTINGS], ids=name_of)
def test_the_table_of_settings_shows_their_defaults(document):
    rows = re.findall(r"^\| `([a-z_]+)` \| `([^`]*)`.* \|$", text_of(document), re.MULTILINE)
    assert len(rows) > 5
    assert [(name, DEFAULTS.get(name)) for name, _ in rows] == rows


def test_the_settings_page_lists_every_setting():
    assert page() == text_of(SETTINGS), "run make example"


@pytest.mark.parametrize(
    "name", ["bot_url", "bot_model", "weather_place", "database_url", "packet_retention_days", "mail_ttl"]
)
def test_a_setting_that_switches_something_on_is_explained(name):
    assert name in DEFAULTS
    assert name in spans(SETTINGS)


def test_readme_is_short_enough_for_a_newcomer():
    assert len(text_of(README).splitlines()) <= 150


def test_readme_shows_six_settings_and_a_picture():
    assert len(re.findall(r'^\| `[a-z_]+` \| `(?:"|\[)', text_of(README), re.MULTILINE)) == 6
    assert (ROOT / re.search(r"!\[[^\]]+\]\(([^)]+)\)", text_of(README))[1]).exists()


def test_the_index_lists_every_document():
    linked = re.findall(r"\]\(([^)#]+)\)", text_of(INDEX))
    assert {(INDEX.parent / target).resolve() for target in linked} == set(DOCUMENTS) - {INDEX}


def test_what_the_recipe_for_telegram_has_one_write_is_taken():
    recipe = text_of(TELEGRAM).partition("## Set-up\n")[2].partition("\n## ")[0]
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
        part = name.rpartition(".")[2]
        assert any(text in told for text in (f"`{part}/", f"/{part}/`", f"`{part}.py`", f"/{part}.py`")), name


def test_the_glossary_s_words_are_the_code_s():
    glossary = text_of(ROOT / "CONTRIBUTING.md").partition("## Glossary\n")[2].partition("\n## ")[0].strip()
    words = re.findall(r"^\| ([A-Z][a-z]+[A-Z]\w+) \|", glossary, re.MULTILINE)
    code = "\n".join(text_of(path) for path in (ROOT / "meshbot").rglob("*.py"))
    assert len(glossary.splitlines()) <= 25
    assert [word for word in words if not re.search(rf"^(?:class )?{word}\b", code, re.MULTILINE)] == []


def row_of(command):
    usage = command.usage.replace("|", BAR)
    question = f"/{command.name} {usage}".rstrip()
    also = ", ".join(f"`/{alias}`" for alias in command.aliases)
    platforms = (
        "everywhere"
        if command.platforms == ALL_PLATFORMS
        else ", ".join(each.value for each in Platform if each in command.platforms)
    )
    return f"| `{question}` | {command.role.name.lower()} | {also} | {platforms} | {command.summary} |"


def test_the_table_of_commands_is_the_registry_s():
    online = online_commands(config.Settings(bot_url="http://[::1]"), SystemClock())
    rows = [row_of(command) for command in (*sample_commands(), *online)]
    assert block(COMMANDS, "commands").splitlines()[2:] == rows


# -- log lines


def strings_of_the_program():
    """Every text in the bot's code and its French, one a line, placeholders and all."""
    files = [
        path
        for path in ROOT.rglob("*.py")
        if not any(part in OUTSIDE or part.startswith(".") for part in path.relative_to(ROOT).parts)
    ]
    nodes = (node for path in files for node in ast.walk(ast.parse(text_of(path))))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    with (LOCALE_DIR / "fr" / "LC_MESSAGES" / "meshbot.po").open("rb") as catalog:
        translated = [message.string for message in read_po(catalog) if isinstance(message.string, str)]
    return "\n".join([*texts, *translated])


STRINGS = strings_of_the_program()


def unsaid(line):
    """The pieces of a quoted log line, values left out, that no text of the program has."""
    plain = re.sub(r"\{\w+\}|à [\d.]+:\d+|\d+(?:\.\d+)?|…|[:;]", "\0", line)
    pieces = [piece.strip(" .") for piece in plain.split("\0")]
    return [piece for piece in pieces if piece not in STRINGS]


def troubles():
    """The rows of the troubleshooting tables: symptom, log line, cause, cure."""
    rows = [line.strip("| ").split(" | ") for line in text_of(TROUBLESHOOTING).splitlines() if line.startswith("| ")]
    return [row for row in rows if row[0] != "symptom"]


def test_each_trouble_has_its_own_symptom_and_a_cure():
    rows = troubles()
    assert len(rows) > 40
    assert all(len(row) == 4 and all(row) for row in rows)
    symptoms = [row[0] for row in rows]
    assert sorted(set(symptoms)) == sorted(symptoms)


def quoted_lines():
    lines = [span for row in troubles() if row[1].startswith("`") for span in re.findall(r"`([^`]+)`", row[1])]
    for document in DOCUMENTS:
        for body in re.findall(r"```text\n(.*?)```", text_of(document), re.DOTALL):
            lines += [line for line in body.splitlines() if not line.startswith("T+")]
        lines += [line for line in spans(document) if re.match(r"[🔄🔑✅⚠❌📨]", line)]
    return [line for line in dict.fromkeys(lines) if not re.match(r"log_level|PKI_|[\w_]+$", line) or " " in line]


@pytest.mark.parametrize("line", quoted_lines())
def test_every_quoted_log_line_is_one_of_the_program(line):
    assert unsaid(line) == []


def test_a_line_that_nobody_says_would_be_found():
    assert len(quoted_lines()) > 25
    assert unsaid("⚠️ SILENCE TCP: 45s sans paquet (max: 45s)") == []
    assert unsaid("⚠️ SILENCE TCP: 45s sans octet (max: 45s)") == ["s sans octet (max"]


# -- facts about the library and the firmware


def cited_sections():
    """The sections of docs/link_facts.md that the code cites, each with the citing file."""
    for path in ROOT.rglob("*.py"):
        if path.relative_to(ROOT).parts[0].startswith("."):
            continue
        for numbers in re.findall(r"link_facts(?:\.md)?((?:,? §\d+)+)", text_of(path)):
            yield from ((path, number) for number in re.findall(r"\d+", numbers))


def test_every_section_that_the_code_cites_exists():
    sections = set(re.findall(r"^## (\d+) ", text_of(LINK_FACTS), re.MULTILINE))
    cited = list(cited_sections())
    assert len(cited) > 5
    assert [(path.name, number) for path, number in cited if number not in sections] == []


def test_every_fact_says_how_it_is_known():
    rows = [line.strip("| ").split(" | ") for line in text_of(LINK_FACTS).splitlines() if line.startswith("| ")]
    facts = [row for row in rows if row[0] not in {"fact", "mark", "read", "loopback"} and len(row) > 1]
    known = re.compile(r"read|loopback|2\.7\.26|2\.8\.0|measured")
    assert len(facts) > 80
    assert [row[0] for row in facts if not known.search(row[1])] == []


# -- versions


def test_the_changelog_s_newest_version_is_the_program_s():
    assert re.search(r"^## \[([\d.]+)\]", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)[1] == __version__


def test_every_pinned_package_has_a_reason_and_its_version():
    told = text_of(ROOT / "docs" / "decisions" / "0002-libraries.md")
    pins = {}
    for name in set(ROOT.glob("requirements*.txt")) - {ROOT / "requirements-mutants.txt"}:
        pins |= dict(re.findall(r"^([\w.-]+)==(\S+)$", text_of(name), re.MULTILINE))
    assert len(pins) > 20
    for package, version in pins.items():
        found = re.findall(rf"(?<![\w-]){re.escape(package)}(?![\w-])(?: (\d[\w.]*\w))?", told)
        assert found, f"{package} has no reason"
        assert {one for one in found if one} <= {version}, package
