"""Write dist/meshbot_VERSION_ARCHITECTURE.deb, for the Debian and the machine that this runs on.

Its Python environment is the installer's, with the libraries in it: nothing is fetched when the package is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Run as a script, Python looks for modules beside it alone
sys.path.insert(0, str(ROOT))

from meshbot.installation.layout import Layout, Source  # noqa: E402 - found by the line above
from meshbot.installation.plan import Options, install  # noqa: E402 - the same
from meshbot.installation.runner import facts_of, run  # noqa: E402 - the same
from meshbot.version import __version__  # noqa: E402 - the same

# The environment belongs to this Python; the service's user is systemd's own (DynamicUser)
CONTROL = """\
Package: meshbot
Version: {version}
Architecture: {architecture}
Maintainer: MeshBot's operators <root@localhost>
Installed-Size: {kilobytes}
Depends: python3 (>= {python}), python3 (<< {next_python}), systemd
Section: hamradio
Priority: optional
Description: bot for community Meshtastic networks that holds its link
 It keeps one TCP connection to a node, answers commands over the radio and in
 Telegram, and keeps the public keys of all nodes.
"""
CONFFILES = "/etc/meshbot/meshbot.toml\n/etc/meshbot/meshbot.env\n"
POSTINST = """\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    # the service may not write there itself
    /opt/meshbot/venv/bin/python -m compileall -q /opt/meshbot/program || true
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        systemctl enable meshbot.service
        systemctl restart meshbot.service || echo "meshbot: journalctl -u meshbot -n 20" >&2
    fi
fi
"""
PRERM = """\
#!/bin/sh
set -e
if [ "$1" = remove ]; then
    if [ -d /run/systemd/system ]; then systemctl disable --now meshbot.service || true; fi
fi
find /opt/meshbot/program -name __pycache__ -prune -exec rm -rf {} +
"""
POSTRM = """\
#!/bin/sh
set -e
if [ "$1" = purge ]; then
    rm -rf /var/lib/meshbot /var/lib/private/meshbot /etc/meshbot /etc/systemd/system/meshbot.service.d
fi
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
"""
SCRIPTS = {"postinst": POSTINST, "prerm": PRERM, "postrm": POSTRM}


def stage(root: Path, *, pictures: bool) -> None:
    """Install below `root` as the package has it."""
    layout = Layout(root, is_package=True)
    steps = install(layout, Source.of(ROOT), facts_of(layout, "make deb"), Options(pictures=pictures, start=False))
    run(steps, lambda _step: None)
    # they name the folder that they were made in, and nobody needs them: `python -m pip`
    for script in (layout.venv / "bin").iterdir():
        if not script.name.startswith("python"):
            script.unlink()
    # made again where it is installed: its files have other times there
    for folder in list(layout.program.rglob("__pycache__")):
        shutil.rmtree(folder)


def describe(root: Path, architecture: str) -> None:
    """Write the package's own files."""
    major, minor = sys.version_info[:2]
    folder = root / "DEBIAN"
    size = sum(path.lstat().st_size for path in root.rglob("*"))
    folder.mkdir()
    folder.chmod(0o755)
    control = CONTROL.format(
        version=__version__,
        architecture=architecture,
        kilobytes=size // 1024,
        python=f"{major}.{minor}~",
        next_python=f"{major}.{minor + 1}~",
    )
    (folder / "control").write_text(control, encoding="utf-8")
    (folder / "conffiles").write_text(CONFFILES, encoding="utf-8")
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)


def build(root: Path, folder: Path, *, pictures: bool = True) -> Path:
    """Make the package from what is installed below `root`; return its file in `folder`."""
    architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    package = folder / f"meshbot_{__version__}_{architecture}.deb"
    stage(root, pictures=pictures)
    describe(root, architecture)
    command: list[str | Path] = ["dpkg-deb", "--root-owner-group", "--build", "-Zxz", root, package]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return package


def main() -> int:
    """Build it; return the exit code."""
    if sysconfig.get_config_var("prefix") != "/usr":
        print(f"❌ {sys.executable} is not Debian's Python: /usr/bin/python3 scripts/make_deb.py", file=sys.stderr)
        return 1
    os.umask(0o022)
    (ROOT / "dist").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="meshbot-deb-") as folder:
        root = Path(folder) / "root"
        root.mkdir()
        package = build(root, ROOT / "dist", pictures="--no-pictures" not in sys.argv[1:])
    print(f"✅ {package}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
