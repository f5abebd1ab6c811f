"""A root folder in which the service can be installed without fetching its libraries."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from meshbot.installation.layout import Layout, Source
from meshbot.installation.plan import STAMP, Options, stamp_of
from meshbot.installation.runner import facts_of


def root_with_libraries(root):
    """Make the environment that an installation would make, with the libraries of this one; return the layout."""
    layout = Layout(root)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", layout.venv], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = layout.venv / "lib" / version / "site-packages"
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    stamp = stamp_of(Source.of(), facts_of(layout, ""), Options())
    (layout.venv / STAMP).write_text(stamp, encoding="utf-8")
    return layout


def in_english():
    """Return variables for a program that speaks English and has no settings from here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MESHBOT_", "LC_", "LANG"))}
    return kept | {"LANG": "en_GB.UTF-8"}


def run(*command, code=0, **options):
    """Run it in English; return what it prints."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env=in_english(),
        **options,
    )
    output = done.stdout + done.stderr
    assert done.returncode == code, output
    assert "Traceback" not in output
    return output


def mode(path):
    """Return a file's rights."""
    return Path(path).stat().st_mode & 0o777
