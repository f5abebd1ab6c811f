"""/help: lists the commands, or shows the use of one."""

from __future__ import annotations

from meshbot.commands.formatting import lines_that_fit
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import PREFIX, Command, Example, Platform, Request


def run(request: Request) -> str:
    """Return the commands that the asker may use here, or one command's use; fits one packet."""
    if not request.argument:
        return _all(request)
    wanted = request.argument.split()[0].lower().removeprefix(PREFIX)
    for command in request.available:
        if wanted in (command.name, *command.aliases):
            return _one(command, request)
    return request.translate(_("No command /{name}. /help lists them.")).format(name=wanted[:20])


def _all(request: Request) -> str:
    tr, commands = request.translate, request.available
    if request.wide:
        return lines_that_fit([tr(_("Commands:")), *(_use(command, tr) for command in commands)], request.limit)
    names = " ".join(PREFIX + command.name for command in commands)
    return tr(_("Commands: {names}. /help <command> tells more.")).format(names=names)


def _one(command: Command, request: Request) -> str:
    use = _use(command, request.translate)
    if not request.wide or not command.aliases:
        return use
    names = ", ".join(PREFIX + alias for alias in command.aliases)
    also = request.translate(_("also: {names}")).format(names=names)
    return f"{use}\n{also}"


def _use(command: Command, tr: Translate) -> str:
    # gettext translates "" into its header
    usage = f" {tr(command.usage)}" if command.usage else ""
    return f"{PREFIX}{command.name}{usage} — {tr(command.summary)}"


HELP = Command(
    name="help",
    aliases=("aide", "?"),
    usage=_("[command]"),
    summary=_("lists the commands, or tells what one does"),
    run=run,
    examples=(
        Example(
            "/help",
            "Commands: /help /ping /nodes /info /my /stats /neighbors /propag /trace /mail /status /keys. "
            "/help <command> tells more.",
        ),
        Example("/help ping", "/ping — tells how you were heard: SNR, RSSI, hops"),
        Example(
            "/help ping", "/ping — tells how you were heard: SNR, RSSI, hops\nalso: /test", platform=Platform.TELEGRAM
        ),
        Example("/help zzz", "No command /zzz. /help lists them."),
    ),
)
