"""What is asked of the running bot, through its control socket."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from meshbot.cli.errors import CommandError
from meshbot.commands import Translate
from meshbot.commands import mark as _
from meshbot.control import ControlClient, NoBotError, NotAllowedError, Verb, candidates

if TYPE_CHECKING:
    from meshbot.cli.arguments import Commands
    from meshbot.cli.program import Call

# Seconds for a command's work: a traceroute may take two minutes
WORK_TIMEOUT: Final = 180.0
# Seconds for a text's way to its recipient: an acknowledgement over many hops, and the texts before it
SAY_WAIT: Final = 120
LONGEST_WAIT: Final = 86400


def add_commands(top: Commands) -> None:
    """Add them to the parser."""
    tr = top.tr
    _add(top, "status", show_status, _("tells how the running bot and its link are doing"))
    nodes = _add(top, "nodes", show_nodes, _("lists the nodes that the running bot hears directly"))
    nodes.add_argument("page", nargs="?", default="", help=tr(_("the page of the list")))
    ask = _add(top, "ask", ask_command, _("asks the running bot any command, as its operator: ask /stats"))
    ask.add_argument("words", nargs="+", metavar=tr(_("COMMAND")), help=tr(_("as on the mesh: /info Kim")))
    say = _add(top, "say", say_text, _("has the running bot send a text to a node or on a channel"))
    say.add_argument("to", help=tr(_("name, short name or id of the node; number or #name of the channel")))
    say.add_argument("text", nargs="+", help=tr(_("what it says")))
    say.add_argument("--no-wait", action="store_true", help=tr(_("does not wait until the text has arrived")))
    wait = tr(_("waits at most so long for the end, {count} by default")).format(count=SAY_WAIT)
    say.add_argument("--wait", type=_seconds_in(tr), default=SAY_WAIT, metavar=tr(_("SECONDS")), help=wait)
    _add(top, "log", follow_log, _("follows the running bot's log"))
    _add(top, "reconnect", reconnect, _("has the running bot drop its link and take it anew"))
    _add(top, "sync", synchronize, _("has the running bot put the trusted keys into its interface"))
    _add(top, "reload", reload_settings, _("has the running bot read its settings again"))


def _add(top: Commands, name: str, run: Any, summary: str) -> argparse.ArgumentParser:
    parser = top.add(name, run, summary)
    # where they cannot be read, the bot is asked all the same
    parser.set_defaults(needs_settings=False)
    parser.add_argument("--json", action="store_true", help=top.tr(_("prints the bot's answers as they are, in JSON")))
    socket = top.tr(_("the bot's control socket, if it is elsewhere"))
    parser.add_argument("--socket", type=Path, metavar=top.tr(_("FILE")), help=socket)
    return parser


def _seconds_in(tr: Translate) -> Callable[[str], float]:
    def seconds(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = 0.0
        if not 0 < found <= LONGEST_WAIT:
            words = tr(_("{text} refused; seconds, up to {most}"))
            raise argparse.ArgumentTypeError(words.format(text=repr(text), most=LONGEST_WAIT))
        return found

    return seconds


def show_status(call: Call[Any], options: argparse.Namespace) -> int:
    """Print the bot's own words, or all figures."""
    if options.json:
        return _print(call, options, Verb.STATUS)
    return _print(call, options, Verb.COMMAND, text="/status")


def show_nodes(call: Call[Any], options: argparse.Namespace) -> int:
    """Print a page of the nodes."""
    return _print(call, options, Verb.COMMAND, text=f"/nodes {options.page}")


def ask_command(call: Call[Any], options: argparse.Namespace) -> int:
    """Print a command's answer."""
    return _print(call, options, Verb.COMMAND, text=" ".join(options.words))


def say_text(call: Call[Any], options: argparse.Namespace) -> int:
    """Have a text sent, and print what becomes of it."""
    wait = not options.no_wait
    said = {"to": options.to, "text": " ".join(options.text), "wait": wait}
    return _print(call, options, Verb.SAY, timeout=options.wait, **said)


def follow_log(call: Call[Any], options: argparse.Namespace) -> int:
    """Print the log's lines until Ctrl-C, or the bot's end."""
    return _print(call, options, Verb.LOG, timeout=None)


def reconnect(call: Call[Any], options: argparse.Namespace) -> int:
    """See Verb."""
    return _print(call, options, Verb.RECONNECT)


def synchronize(call: Call[Any], options: argparse.Namespace) -> int:
    """See Verb."""
    return _print(call, options, Verb.SYNC)


def reload_settings(call: Call[Any], options: argparse.Namespace) -> int:
    """See Verb."""
    return _print(call, options, Verb.RELOAD)


def _print(
    call: Call[Any], options: argparse.Namespace, verb: Verb, timeout: float | None = WORK_TIMEOUT, **fields: object
) -> int:
    """Ask, print each answer as it comes, and return the exit code: 0 if the bot did it."""
    answer: Mapping[str, Any] = {}
    for answer in _answers(call, options, verb, timeout, fields):
        if options.json:
            print(json.dumps(answer, ensure_ascii=False), flush=True)
        elif "missed" in answer:
            call.say(_("… {count} lines were left out: this terminal does not keep up"), count=answer["missed"])
        elif answer.get("ok", False):
            print(answer.get("text", ""), flush=True)
        else:
            raise CommandError("{answer}", answer=answer.get("text", answer))
    return 0 if answer.get("ok") else 1


def _greeting(client: ControlClient) -> dict[str, Any]:
    """Return the bot's first answer, which needs no work: one that hangs shows itself within seconds."""
    try:
        return client.last(Verb.STATUS)
    except TimeoutError:
        hangs = _("The bot at {path} is there and does not answer: it hangs. sudo systemctl restart meshbot")
        raise CommandError(hangs, path=client.path) from None


def _answers(
    call: Call[Any], options: argparse.Namespace, verb: Verb, timeout: float | None, fields: Mapping[str, object]
) -> Iterator[dict[str, Any]]:
    paths = [options.socket] if options.socket else candidates(call.settings.data_dir, os.environ)
    try:
        with ControlClient(paths) as client:
            answer = _greeting(client)
            if answer.get("ok"):
                client.be_patient(timeout)
                yield from client.ask(verb, language=call.language, **fields)
            else:
                yield answer
    except TimeoutError:
        if verb is Verb.SAY:
            text = _("No more came in time. The text goes on waiting; the bot's log tells its end.")
        else:
            text = _("The bot has not finished within {seconds:.0f} s; its log may tell more.")
        raise CommandError(text, seconds=timeout) from None
    except NotAllowedError as exc:
        raise CommandError(_("{path} is not for you: sudo meshbot {verb}"), path=exc, verb=verb.value) from None
    except NoBotError:
        at = ", ".join(map(str, paths))
        text = _("No bot answers ({paths}). Does it run? sudo systemctl status meshbot; as another user: sudo meshbot")
        raise CommandError(text, paths=at) from None
