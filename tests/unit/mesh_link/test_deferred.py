"""A deferred module: imported at no cost, and the real one as soon as it is used."""

import importlib
import subprocess
import sys

import pytest

from meshbot.mesh_link.deferred import defer

PACKAGE = {
    "__init__.py": "import sys\nsys.loaded_here.append(__name__)\nfrom deferred_here.part import VALUE\n",
    "part.py": "VALUE = 7\n",
}


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Give the list of the package's runs; it is deferred."""
    (tmp_path / "deferred_here").mkdir()
    for name, source in PACKAGE.items():
        (tmp_path / "deferred_here" / name).write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "loaded_here", [], raising=False)
    importlib.invalidate_caches()
    defer("deferred_here")
    yield sys.loaded_here
    for name in ("deferred_here", "deferred_here.part"):
        sys.modules.pop(name, None)


def test_importing_a_deferred_module_twice_does_not_run_it(loaded):
    for _ in range(2):
        exec("import deferred_here", {})
    assert loaded == []


@pytest.mark.parametrize(
    "use",
    [
        "import deferred_here; value = deferred_here.VALUE",
        "from deferred_here import VALUE as value",
        "import deferred_here.part; value = deferred_here.VALUE",
        "from deferred_here.part import VALUE as value; import deferred_here; deferred_here.VALUE",
        "from deferred_here import *; value = VALUE",
    ],
)
def test_any_use_of_a_deferred_module_runs_it_once(loaded, use):
    names = {}
    exec(use, names)
    exec("import deferred_here; deferred_here.VALUE", {})
    assert names["value"] == 7
    assert loaded == ["deferred_here"]


def test_a_name_that_the_module_lacks_is_an_attribute_error(loaded):
    with pytest.raises(AttributeError, match="deferred_here"):
        sys.modules["deferred_here"].missing  # noqa: B018 - asking is the test
    assert loaded == ["deferred_here"]


def test_a_module_that_is_loaded_or_missing_is_left_alone():
    defer("json")
    assert sys.modules["json"].loads("1") == 1
    defer("no_such_module_at_all")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_module_at_all")


def test_what_meshtastic_does_with_requests_still_works():
    program = """if True:
        import mesh_link, socket, sys
        import meshtastic.util
        def refuse(*_, **__): raise OSError
        socket.socket.connect = refuse
        assert "urllib3" not in sys.modules
        assert meshtastic.util.check_if_newer_version() is None
        import requests
        assert issubclass(requests.ConnectionError, OSError) and "urllib3" in sys.modules
    """
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
