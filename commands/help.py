"""/help: what one may ask."""

from __future__ import annotations

from commands.language import mark as _
from commands.registry import PREFIX, Command, Example, Request


def run(request: Request) -> str:
    """Return the names usable here, or one command's use; fits one packet."""
    tr = request.translate
    if not request.argument:
        names = " ".join(PREFIX + command.name for command in request.available)
        return tr(_("Commands: {names}. /help <command> tells more.")).format(names=names)
    wanted = request.argument.split()[0].lower().removeprefix(PREFIX)
    for command in request.available:
        if wanted in (command.name, *command.aliases):
            usage = f" {tr(command.usage)}" if command.usage else ""  # gettext translates "" into its header
            return f"{PREFIX}{command.name}{usage} — {tr(command.summary)}"
    return tr(_("No command /{name}. /help lists them.")).format(name=wanted[:20])


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
        Example("/help zzz", "No command /zzz. /help lists them."),
    ),
)
