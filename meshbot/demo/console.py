"""The demo at a terminal: what you type is said on the mesh, `!` harms the link."""

from __future__ import annotations

import sys
import threading

from meshbot.demo.stage import HARMS, NODES, Stage

HELP = """Vous êtes un utilisateur du réseau. Écrivez /help ou /ping : le bot répond par radio.
  {harms}
  !nodes  les nœuds du réseau      !keys  les clés publiques que le bot a notées      !quit  la sortie"""


def converse(stage: Stage) -> int:
    """Read lines until !quit or the end of the input; return the exit code."""
    print(HELP.format(harms="\n  ".join(f"!{name:8}{harm.title}" for name, harm in HARMS.items())))
    for line in sys.stdin:
        words = line.split()
        if words == ["!quit"]:
            break
        if words and words[0].startswith("!"):
            _command(stage, words[0][1:])
        elif words:
            _say(stage, line.strip())
    return 0


def _say(stage: Stage, text: str) -> None:
    packet_id = stage.ask(text)
    threading.Thread(target=_print_answer, args=(stage, packet_id), name="Demo-Answer", daemon=True).start()


def _print_answer(stage: Stage, packet_id: int) -> None:
    try:
        print(f"📻 bot → vous : {stage.answer_to(packet_id, timeout=120)}")
    except TimeoutError:
        print("📻 (pas de réponse du bot)")


def _command(stage: Stage, name: str) -> None:
    if name in HARMS:
        print(f"⚡ {HARMS[name].title}")
        threading.Thread(target=_harm, args=(stage, name), name="Demo-Harm", daemon=True).start()
    elif name == "nodes":
        for user in stage.node.users:
            print(f"  !{user.num:08x} {user.short_name:4} {user.long_name}{'' if user.public_key else ' (sans clé)'}")
    elif name == "keys":
        print(f"🔑 {stage.stored_keys()} clés notées par le bot, pour {NODES} nœuds")
    else:
        print(f"Commande inconnue : !{name}. Il y a {', '.join('!' + known for known in HARMS)}, !nodes, !keys, !quit.")


def _harm(stage: Stage, name: str) -> None:
    try:
        HARMS[name](stage)
    except TimeoutError as error:
        print(f"⚠️ {error}")
