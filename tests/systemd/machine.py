"""A Debian under a real systemd: a container of systemd-nspawn on a tree of debootstrap, which it leaves as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest

ROOT = Path(__file__).resolve().parents[2]
TREES = Path(os.environ.get("SYSTEMD_TREES", ROOT / ".systemd-trees"))
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv,ca-certificates,procps"
PATIENCE = 90.0  # real seconds: only a failure waits so long
LONGEST = 900.0  # for a tree, or for the libraries
# What pip needs of this machine: a mirror, a certificate
PIP = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
BOUND = ("/etc/pip.conf", "/etc/ssl/certs", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates")


def tree(suite: str) -> Path:
    """Return a minimal Debian, made once."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a container: sudo make test-systemd")
    missing = [each for each in ("systemd-nspawn", "debootstrap") if shutil.which(each) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} missing: apt install systemd-container debootstrap")
    folder = TREES / suite
    if not (folder / "made").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, folder, MIRROR]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
        if done.returncode:
            pytest.skip(f"debootstrap cannot make {suite}: {done.stdout[-300:]}{done.stderr[-300:]}")
        (folder / "made").touch()
    return folder


class Machine:
    """Runs from `with` to its end."""

    def __init__(self, suite: str, folder: Path, **bound: Path) -> None:
        """`bound`: further folders, each to be seen under its name in the root."""
        places = {"src": ROOT, **bound}
        binds = [f"--bind-ro={path}:/{name}" for name, path in places.items()]
        binds += [
            f"--bind-ro={path}" for path in (*BOUND, *PIP.values()) if path.startswith("/") and Path(path).exists()
        ]
        options = ["--register=no", "--keep-unit", "--volatile=overlay", "--resolv-conf=bind-host"]
        name = f"meshbot-{suite}-{os.getpid()}"
        self._command = ["systemd-nspawn", "-b", *options, *binds, "-D", tree(suite), "-M", name]
        self._log = folder / "console.log"
        self._init = ""

    def __enter__(self) -> Self:
        """Start it, or skip where it cannot be."""
        with self._log.open("w") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            self._init = children[0] if children else ""
            if self._init and self.run("systemctl is-system-running", check=False) in {"running", "degraded"}:
                return self
            time.sleep(0.5)
        self.__exit__()
        pytest.skip(f"no container here: {self._log.read_text()[-300:]}")

    def __exit__(self, *_: object) -> None:
        """Power it off."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def run(self, command: str, *, check: bool = True, timeout: float = PATIENCE, lang: str = "C.UTF-8") -> str:
        """Return what a shell command prints, errors too; it must succeed if `check`."""
        variables = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": lang,
        }
        given = [f"{name}={value}" for name, value in (variables | PIP).items()]
        enter = ["nsenter", "--all", "--target", self._init, "--", "env", "-i", *given, "sh", "-c", command]
        done = subprocess.run(
            enter, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False
        )
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout.strip()

    def wait_for(self, command: str, wanted: str) -> str:
        """Run a command until its output contains `wanted`; return it."""
        deadline = time.monotonic() + PATIENCE
        while wanted not in (output := self.run(command, check=False)):
            assert time.monotonic() < deadline, f"{command} did not say {wanted!r}:\n{output}\n{self.journal()}"
            time.sleep(0.5)
        return output

    def journal(self) -> str:
        """Return the service's journal."""
        return self.run("journalctl -u meshbot --no-pager -o cat", check=False)

    def shown(self, name: str) -> str:
        """Return a property of the service."""
        return self.run(f"systemctl show meshbot -p {name} --value")
