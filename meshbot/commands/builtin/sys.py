"""/sys: figures of the bot's machine and of its process."""

from __future__ import annotations

from collections.abc import Callable

from meshbot.commands.formatting import duration, joined
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Example, Platform, Request
from meshbot.commands.roles import Role
from meshbot.runtime import HostFigures

MEBIBYTE = 1024 * 1024


def sys_command(read: Callable[[], HostFigures]) -> Command:
    """Make the command; `read` reads a few of the system's files."""

    def run(request: Request) -> str:
        """Return the figures; what the system does not report is left out."""
        tr, figures = request.translate, read()
        within = "\n" if request.wide else ", "
        parts = (("🖥️", _host(figures, tr)), ("🤖", _bot(figures, tr)))
        lines = [f"{sign} {within.join(words)}" for sign, words in parts if words]
        return ("\n".join(lines) if request.wide else joined(lines, tr)) or tr(_("🖥️ This system tells nothing."))

    return Command(
        name="sys",
        summary=_("tells temperature, load, memory and disk of the bot's machine"),
        run=run,
        role=Role.KNOWN,
        examples=(
            Example(
                "/sys",
                "🖥️ 48.2 °C, load 0.12, memory 41 %, disk 63 %, up 12 d 3 h; "
                "🤖 61 MiB, CPU 0.4 %, 9 threads, running for 2 d 4 h",
            ),
            Example(
                "/sys",
                "🖥️ 48.2 °C\nload 0.12\nmemory 41 %\ndisk 63 %\nup 12 d 3 h\n"
                "🤖 61 MiB\nCPU 0.4 %\n9 threads\nrunning for 2 d 4 h",
                platform=Platform.TELEGRAM,
            ),
        ),
    )


def _host(figures: HostFigures, tr: Translate) -> list[str]:
    parts = []
    if figures.temperature is not None:
        parts.append(f"{figures.temperature:.1f} °C")
    if figures.load is not None:
        parts.append(tr(_("load {load:.2f}")).format(load=figures.load))
    if figures.memory_used is not None:
        parts.append(tr(_("memory {share} %")).format(share=round(figures.memory_used * 100)))
    if figures.disk_used is not None:
        parts.append(tr(_("disk {share} %")).format(share=round(figures.disk_used * 100)))
    if figures.uptime is not None:
        parts.append(tr(_("up {time}")).format(time=duration(figures.uptime, tr)))
    return parts


def _bot(figures: HostFigures, tr: Translate) -> list[str]:
    process = figures.process
    if process is None:
        return []
    parts = [tr(_("{count} MiB")).format(count=round(process.memory / MEBIBYTE))]
    age = figures.uptime - process.started if figures.uptime is not None else 0.0
    if age > 0:
        parts.append(f"CPU {process.cpu / age * 100:.1f} %")
    parts.append(tr.ngettext("{count} thread", "{count} threads", process.threads).format(count=process.threads))
    if age > 0:
        parts.append(tr(_("running for {time}")).format(time=duration(age, tr)))
    return parts
