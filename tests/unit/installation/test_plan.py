"""What an installation, an update and a removal consist of; nothing is done here."""

from dataclasses import replace
from pathlib import Path

import pytest

from meshbot.installation.layout import DATA, PICTURES, UNIT, Layout, Source
from meshbot.installation.plan import Facts, Options, RefusedError, install, remove, stamp_of
from meshbot.installation.runner import exported
from meshbot.installation.steps import MakeFolder, Remove, Replace, Run, Say, WriteFile
from tests.support.process import ROOT

SYSTEM = Layout()
SOURCE = Source({"main_bot.py": Path("/src/main_bot.py")}, {name: f"text of {name}" for name in DATA}, "abc")
FACTS = Facts(Path("/usr/bin/python3.11"), "3.11", "meshbot service install", is_root=True, has_systemd=True)
INSTALLED = replace(FACTS, stamp=stamp_of(SOURCE, FACTS, Options()), unit=SOURCE.texts[UNIT], has_settings=True)


def commands(steps):
    return [" ".join(map(str, step.command)) for step in steps if isinstance(step, Run)]


def texts(steps):
    return [step.text.format(**step.values) for step in steps if isinstance(step, Say)]


def place(steps, wanted):
    """Return where the first step stands that `wanted` holds for."""
    return next(place for place, step in enumerate(steps) if wanted(step))


def test_an_installation_ends_with_a_running_service_and_how_to_look():
    steps = install(SYSTEM, SOURCE, FACTS, Options())
    assert commands(steps)[-3:] == [
        "systemctl daemon-reload",
        "systemctl enable meshbot.service",
        "systemctl restart meshbot.service",
    ]
    assert texts(steps)[-1] == "✅ MeshBot runs. To look: journalctl -u meshbot -f"


def test_nothing_that_is_there_changes_before_the_last_step_that_may_fail():
    steps = install(SYSTEM, SOURCE, replace(INSTALLED, stamp="another"), Options())
    check = place(steps, lambda step: isinstance(step, Run) and "check" in step.command)
    before = [getattr(step, "path", SYSTEM.new) for step in steps[:check] if not getattr(step, "keep", False)]
    unharmed = (SYSTEM.home, SYSTEM.settings, SYSTEM.credentials)
    assert [path for path in before if path not in unharmed and not path.is_relative_to(SYSTEM.new)] == []
    assert place(steps, lambda step: isinstance(step, Replace)) > check


def test_the_same_libraries_are_not_installed_again():
    steps = install(SYSTEM, SOURCE, INSTALLED, Options())
    assert not any("pip" in command for command in commands(steps))
    assert [step.path for step in steps if isinstance(step, Replace)] == [SYSTEM.program]


@pytest.mark.parametrize(
    "changed",
    [
        {"source": replace(SOURCE, texts=SOURCE.texts | {PICTURES: "another"})},
        {"facts": replace(INSTALLED, version="3.13")},
        {"options": Options(pictures=False)},
    ],
)
def test_other_libraries_get_a_new_environment_that_replaces_the_old(changed):
    given = {"source": SOURCE, "facts": INSTALLED, "options": Options()} | changed
    steps = install(SYSTEM, given["source"], given["facts"], given["options"])
    assert [step.path for step in steps if isinstance(step, Replace)] == [SYSTEM.venv, SYSTEM.program]


@pytest.mark.parametrize("has_pictures", [True, False])
def test_an_update_without_a_word_keeps_pictures_as_they_were(has_pictures):
    facts = replace(INSTALLED, stamp=stamp_of(SOURCE, FACTS, Options(pictures=has_pictures)))
    other = replace(SOURCE, texts={name: text + "2" for name, text in SOURCE.texts.items()})
    (pip,) = [command for command in commands(install(SYSTEM, other, facts, Options())) if " pip " in command]
    assert (PICTURES in pip) is has_pictures
    assert "--no-deps" in pip


def test_settings_and_secrets_are_kept_and_secrets_are_roots_alone():
    steps = install(SYSTEM, SOURCE, FACTS, Options())
    written = {step.path: step for step in steps if isinstance(step, WriteFile)}
    settings, secrets = written[SYSTEM.settings / "meshbot.toml"], written[SYSTEM.settings / "meshbot.env"]
    assert (settings.mode, settings.keep) == (0o644, True)
    assert (secrets.mode, secrets.keep) == (0o600, True)
    assert all(line.startswith("#") for line in secrets.text.splitlines())


def test_a_unit_that_was_edited_is_replaced_and_kept_beside():
    facts = replace(INSTALLED, unit="[Service]\nMemoryMax=192M\n")
    steps = install(SYSTEM, SOURCE, facts, Options(), is_update=True)
    written = {step.path: step.text for step in steps if isinstance(step, WriteFile)}
    assert written[SYSTEM.unit] == SOURCE.texts[UNIT]
    assert written[SYSTEM.former_unit] == facts.unit
    assert any("systemctl edit meshbot" in text for text in texts(steps))
    again = install(SYSTEM, SOURCE, INSTALLED, Options(), is_update=True)
    assert SYSTEM.former_unit not in [getattr(step, "path", None) for step in again]


def test_settings_that_the_service_cannot_read_stop_an_update_with_the_cure():
    with pytest.raises(RefusedError, match=r"sudo chmod 644 /etc/meshbot/meshbot\.toml"):
        install(SYSTEM, SOURCE, replace(INSTALLED, settings_are_readable=False), Options())


@pytest.mark.parametrize(
    ("layout", "options", "has_systemd"),
    [(Layout(Path("/build")), Options(), False), (SYSTEM, Options(start=False), True), (SYSTEM, Options(), False)],
)
def test_without_systemd_or_unwanted_nothing_is_started(layout, options, has_systemd):
    steps = install(layout, SOURCE, replace(FACTS, has_systemd=has_systemd), options)
    assert not any("restart" in command or "enable" in command for command in commands(steps))
    assert texts(steps)[-1].endswith("sudo systemctl enable --now meshbot")


def test_below_a_root_every_path_is_below_it():
    root = Path("/build/tree")
    layout = Layout(root)
    for steps in (install(layout, SOURCE, FACTS, Options()), remove(layout, INSTALLED, Options(purge=True))):
        paths = [getattr(step, "path", getattr(step, "folder", root)) for step in steps]
        assert all(path.is_relative_to(root) for path in paths)


@pytest.mark.parametrize("action", [install, remove])
def test_who_is_not_root_is_told_the_command(action):
    facts = replace(INSTALLED, is_root=False)
    given = (SYSTEM, SOURCE, facts, Options()) if action is install else (SYSTEM, facts, Options())
    with pytest.raises(RefusedError, match="sudo meshbot service install"):
        action(*given)


@pytest.mark.parametrize("python", ["/home/pi/.pyenv/bin/python3", "/root/py/bin/python3"])
def test_a_python_that_the_service_cannot_enter_is_refused(python):
    with pytest.raises(RefusedError, match="PYTHON=/usr/bin/python3"):
        install(SYSTEM, SOURCE, replace(FACTS, python=Path(python)), Options())


def test_an_update_without_a_service_says_how_to_install():
    facts = replace(FACTS, command="meshbot service update")
    with pytest.raises(RefusedError, match="sudo meshbot service install"):
        install(SYSTEM, SOURCE, facts, Options(), is_update=True)


def test_a_removal_leaves_settings_and_data_and_says_so():
    steps = remove(SYSTEM, INSTALLED, Options())
    removed = {step.path for step in steps if isinstance(step, Remove)}
    assert removed == {
        SYSTEM.unit,
        SYSTEM.former_unit,
        SYSTEM.launcher,
        *SYSTEM.shared.values(),
        SYSTEM.program,
        SYSTEM.venv,
        SYSTEM.new,
    }
    assert "/etc/meshbot and /var/lib/meshbot stay" in texts(steps)[-1]
    assert commands(steps) == ["systemctl disable --now meshbot.service", "systemctl daemon-reload"]


def test_a_purge_removes_settings_data_and_drop_ins_too():
    kept = {step.path for step in remove(SYSTEM, INSTALLED, Options()) if isinstance(step, Remove)}
    purged = {step.path for step in remove(SYSTEM, INSTALLED, Options(purge=True)) if isinstance(step, Remove)}
    assert {str(path) for path in purged - kept} == {
        "/etc/meshbot",
        "/etc/systemd/system/meshbot.service.d",
        "/var/lib/meshbot",
        "/var/lib/private/meshbot",
    }


def test_secrets_have_a_folder_that_is_roots_alone():
    folders = {
        step.path: step.mode for step in install(SYSTEM, SOURCE, FACTS, Options()) if isinstance(step, MakeFolder)
    }
    assert folders[SYSTEM.credentials] == 0o700


def test_a_variable_behind_export_is_named_without_its_value():
    steps = install(SYSTEM, SOURCE, replace(INSTALLED, exported=("MESHBOT_TELEGRAM_TOKEN",)), Options())
    assert any("`export` before MESHBOT_TELEGRAM_TOKEN:" in text for text in texts(steps))
    assert exported("# export A=1\nexport MESHBOT_A=secret\n  export  B=2\nMESHBOT_C=export\n") == ("MESHBOT_A", "B")


@pytest.mark.parametrize(("systemd", "kind"), [(0, "notify"), (252, "notify"), (257, "notify-reload")])
def test_the_unit_fits_the_systemd_that_is_there(systemd, kind):
    source = replace(SOURCE, texts=SOURCE.texts | {UNIT: (ROOT / UNIT).read_text(encoding="utf-8")})
    steps = install(SYSTEM, source, replace(FACTS, systemd=systemd), Options())
    (unit,) = [step.text for step in steps if isinstance(step, WriteFile) and step.path == SYSTEM.unit]
    assert f"Type={kind}" in unit.splitlines()
