"""`main_bot.py --demo`: at a terminal a console, elsewhere the fixed tour."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

from meshbot.demo.stage import FAULTS, NODES, READY, SHORTENED, SYNCED, DemoFault, Stage

STEP_TIMEOUT = 60.0  # seconds for the bot to be back after a fault
HELP = """Vous êtes un utilisateur du réseau. Écrivez /help ou /ping : le bot répond par radio.
  {faults}
  !nodes  les nœuds du réseau      !keys  les clés publiques que le bot a notées      !quit  la sortie"""


def main() -> int:
    """Run the demo; return its exit code."""
    interactive = sys.stdin is not None and sys.stdin.isatty()
    print(f"🛰️  Un nœud virtuel de {NODES} nœuds, et le vrai bot. Délais raccourcis par les réglages ordinaires :")
    print("   " + ", ".join(f"{name} = {value}" for name, value in SHORTENED.items()) + "\n")
    with tempfile.TemporaryDirectory(prefix="meshbot-demo-") as folder:
        stage = Stage(Path(folder), lambda line: print(f"   │ {line}", flush=True))
        with stage:
            code = converse(stage) if interactive else tour(stage)
        if stage.exit_code != 0:
            print(f"❌ le bot s'est arrêté avec le code {stage.exit_code}")
            return 1
    return code


# -- the tour: ask, then each fault; after it the bot is back, answers /help and has synced the keys


def tour(stage: Stage) -> int:
    """Run all steps; return the process's exit code: 0 if each went well."""
    results = [("connexion", _attempt(stage, None))]
    results += [(fault.title, _attempt(stage, fault)) for fault in FAULTS.values()]
    print("\n── Bilan ──")
    for title, result in results:
        mark = "❌" if isinstance(result, str) else "✅"
        text = result if isinstance(result, str) else f"de retour en {result:.1f} s, /help répondu, clés à jour"
        print(f"{mark} {title} : {text}")
    failed = any(isinstance(result, str) for _, result in results)
    return 1 if failed else 0


def _attempt(stage: Stage, fault: DemoFault | None) -> float | str:
    """Return the seconds until the link was back, or what went wrong."""
    print(f"\n── {fault.title if fault else 'le bot se connecte'} ──")
    ready, synced = stage.bot.count(READY), stage.bot.count(SYNCED)
    began = time.monotonic()
    try:
        if fault:
            fault(stage)
            ready += 1
        else:
            ready, synced = 1, 0
        stage.bot.wait_for(READY, ready, STEP_TIMEOUT)
        recovered = time.monotonic() - began
        print(f"📻 vous → bot : /help\n📻 bot → vous : {stage.answer_to(stage.ask('/help'))}")
        stage.bot.wait_for(SYNCED, synced + 1, STEP_TIMEOUT)
    except TimeoutError as error:
        return str(error)
    return recovered


# -- the console: a line typed is a text of a user of the mesh, `!` injects a fault


def converse(stage: Stage) -> int:
    """Read lines until !quit or the end of the input; return the exit code."""
    print(HELP.format(faults="\n  ".join(f"!{name:8}{fault.title}" for name, fault in FAULTS.items())))
    for line in sys.stdin:
        words = line.split()
        if words == ["!quit"]:
            break
        if words and words[0].startswith("!"):
            _command(stage, words[0][1:])
        elif words:
            _ask(stage, line.strip())
    return 0


def _ask(stage: Stage, text: str) -> None:
    packet_id = stage.ask(text)
    threading.Thread(target=_print_answer, args=(stage, packet_id), name="Demo-Answer", daemon=True).start()


def _print_answer(stage: Stage, packet_id: int) -> None:
    try:
        print(f"📻 bot → vous : {stage.answer_to(packet_id, timeout=120)}")
    except TimeoutError:
        print("📻 (pas de réponse du bot)")


def _command(stage: Stage, name: str) -> None:
    if name in FAULTS:
        print(f"⚡ {FAULTS[name].title}")
        threading.Thread(target=_inject, args=(stage, name), name="Demo-Harm", daemon=True).start()
    elif name == "nodes":
        for user in stage.node.users:
            print(f"  !{user.num:08x} {user.short_name:4} {user.long_name}{'' if user.public_key else ' (sans clé)'}")
    elif name == "keys":
        print(f"🔑 {stage.stored_keys()} clés notées par le bot, pour {NODES} nœuds")
    else:
        print(
            f"Commande inconnue : !{name}. Il y a {', '.join('!' + known for known in FAULTS)}, !nodes, !keys, !quit."
        )


def _inject(stage: Stage, name: str) -> None:
    try:
        FAULTS[name](stage)
    except TimeoutError as error:
        print(f"⚠️ {error}")


if __name__ == "__main__":
    sys.exit(main())
