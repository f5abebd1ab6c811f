"""The fixed tour: ask, then harm the link in four ways; after each: reconnected, /help answered, keys synced."""

from __future__ import annotations

import time

from meshbot.demo.stage import HARMS, READY, SYNCED, DemoFault, Stage

STEP_TIMEOUT = 60.0  # seconds for the bot to be back after a harm


def tour(stage: Stage) -> int:
    """Play it; return the process's exit code: 0 if every step went well."""
    results = [("connexion", _attempt(stage, None))]
    results += [(harm.title, _attempt(stage, harm)) for harm in HARMS.values()]
    print("\n── Bilan ──")
    for title, outcome in results:
        mark = "❌" if isinstance(outcome, str) else "✅"
        said = outcome if isinstance(outcome, str) else f"de retour en {outcome:.1f} s, /help répondu, clés à jour"
        print(f"{mark} {title} : {said}")
    failed = any(isinstance(outcome, str) for _, outcome in results)
    return 1 if failed else 0


def _attempt(stage: Stage, harm: DemoFault | None) -> float | str:
    """Return the seconds until the link was back, or what went wrong."""
    print(f"\n── {harm.title if harm else 'le bot se connecte'} ──")
    ready, synced = stage.bot.count(READY), stage.bot.count(SYNCED)
    begun = time.monotonic()
    try:
        if harm:
            harm(stage)
            ready += 1
        else:
            ready, synced = 1, 0
        stage.bot.wait_for(READY, ready, STEP_TIMEOUT)
        recovered = time.monotonic() - begun
        print(f"📻 vous → bot : /help\n📻 bot → vous : {stage.answer_to(stage.ask('/help'))}")
        stage.bot.wait_for(SYNCED, synced + 1, STEP_TIMEOUT)
    except TimeoutError as error:
        return str(error)
    return recovered
