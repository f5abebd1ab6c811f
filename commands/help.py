"""/help: what one may ask."""

from __future__ import annotations

from functools import partial

from commands.language import Translate
from commands.language import mark as _
from commands.registry import PREFIX, Command, Example, Request, Way
from commands.words import as_many_as_fit


def run(request: Request) -> str:
    """Return the names usable here, with their summaries where there is room, or one command's use; fits one packet."""
    tr = request.translate
    if not request.argument and request.wide:
        return as_many_as_fit(
            tr(_("Commands:")), map(partial(_use, tr=tr), request.available), len(request.available), request.limit
        )
    if not request.argument:
        names = " ".join(PREFIX + command.name for command in request.available)
        return tr(_("Commands: {names}. /help <command> tells more.")).format(names=names)
    wanted = request.argument.split()[0].lower().removeprefix(PREFIX)
    for command in request.available:
        if wanted in (command.name, *command.aliases):
            also = ", ".join(PREFIX + alias for alias in command.aliases)
            return "\n".join(
                [_use(command, tr), *([tr(_("also: {names}")).format(names=also)] if also and request.wide else [])]
            )
    return tr(_("No command /{name}. /help lists them.")).format(name=wanted[:20])


def _use(command: Command, tr: Translate) -> str:
    usage = f" {tr(command.usage)}" if command.usage else ""  # gettext translates "" into its header
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
        Example("/help ping", "/ping — tells how you were heard: SNR, RSSI, hops\nalso: /test", way=Way.TELEGRAM),
        Example("/help zzz", "No command /zzz. /help lists them."),
    ),
)
