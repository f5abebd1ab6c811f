"""Translations: every .mo is its .po compiled, and every text of the code is translated."""

import io
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
CURE = "run: make catalogs, and complete the .po files"
PO = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\\n"

#, python-format
msgid "Hello %s"
msgstr "Bonjour %s"
"""


def wrongs(root):
    """Return what is out of step between a project's code, .po and .mo files."""
    texts = {message for _, _, message, *_ in extract_from_dir(root, directory_filter=_holds_code)}
    found = []
    sources = sorted(root.glob("meshbot/locale/*/LC_MESSAGES/*.po"))
    for source in sources:
        name = source.relative_to(root / "meshbot" / "locale")
        with source.open("rb") as file:
            catalog = read_po(file, abort_invalid=True)
        compiled = io.BytesIO()
        write_mo(compiled, catalog)
        binary = source.with_suffix(".mo")
        if not binary.exists() or binary.read_bytes() != compiled.getvalue():
            found.append(f"{name}: compiled from something else")
        ready = {message.id for message in catalog if message.string and not message.fuzzy}
        found += [f"{name}: not translated: {text!r}" for text in sorted(texts - ready, key=str)]
        found += [f"{name}: {error}" for message in catalog for error in message.check(catalog)]
    if texts and not sources:
        found.append("no catalogue at all")
    orphans = set(root.glob("meshbot/locale/*/LC_MESSAGES/*.mo")) - {source.with_suffix(".mo") for source in sources}
    return found + [f"{orphan.relative_to(root / 'meshbot' / 'locale')}: has no .po" for orphan in sorted(orphans)]


def _holds_code(folder):
    return Path(folder).name != "tests" and not Path(folder).name.startswith(".")


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "meshbot" / "locale" / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (tmp_path / "hello.py").write_text('print(_("Hello %s") % 1)\n')
    (folder / "meshbot.po").write_text(PO, encoding="utf-8")
    with (folder / "meshbot.po").open("rb") as source, (folder / "meshbot.mo").open("wb") as target:
        write_mo(target, read_po(source))
    return tmp_path


def change(project, old, new):
    path = project / "meshbot" / "locale" / "fr" / "LC_MESSAGES" / "meshbot.po"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_the_project_s_translations_are_in_step():
    assert wrongs(ROOT) == [], CURE


def test_catalogues_in_step_are_accepted(project):
    assert wrongs(project) == []


def test_a_translation_that_was_not_compiled_is_found(project):
    change(project, "Bonjour %s", "Salut %s")
    assert wrongs(project) == ["fr/LC_MESSAGES/meshbot.po: compiled from something else"]


def test_a_missing_compiled_file_is_found(project):
    (project / "meshbot" / "locale" / "fr" / "LC_MESSAGES" / "meshbot.mo").unlink()
    assert wrongs(project) == ["fr/LC_MESSAGES/meshbot.po: compiled from something else"]


def test_a_compiled_file_without_its_source_is_found(project):
    (project / "meshbot" / "locale" / "fr" / "LC_MESSAGES" / "meshbot.po").unlink()
    assert wrongs(project) == ["no catalogue at all", "fr/LC_MESSAGES/meshbot.mo: has no .po"]


def test_an_untranslated_text_is_found(project):
    (project / "more.py").write_text('print(_("Bye"), ngettext("%d node", "%d nodes", 2))\n')
    assert wrongs(project) == [
        "fr/LC_MESSAGES/meshbot.po: not translated: ('%d node', '%d nodes')",
        "fr/LC_MESSAGES/meshbot.po: not translated: 'Bye'",
    ]


def test_an_uncertain_translation_counts_as_none(project):
    change(project, "#, python-format", "#, fuzzy, python-format")
    assert "fr/LC_MESSAGES/meshbot.po: not translated: 'Hello %s'" in wrongs(project)


def test_a_translation_that_loses_a_placeholder_is_found(project):
    change(project, "Bonjour %s", "Bonjour")
    assert any("placeholders" in wrong for wrong in wrongs(project))
