"""What came of having the radio follow an operator's decision about a key, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.nodes import KeyDecision, Outcome

WHY_NOT: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        Outcome.NO_LINK: _("no link; it gets it at the next one."),
        Outcome.MANAGED: _("it is managed and takes no keys from me; give it the key with your administration tool."),
        Outcome.LOCKED: _("it is locked; unlock it, then repeat this."),
        Outcome.OLD_FIRMWARE: _("its firmware is older than 2.6.8; update it."),
        Outcome.DAY_FULL: _("enough keys for one day, its flash wears; repeat this tomorrow."),
        Outcome.UNSEEN: _("its nodes have not come yet; repeat this in a minute."),
        Outcome.FORGOTTEN: _("it had a revoked one, and has forgotten it."),
        Outcome.NO_KEY: _("I know no key."),
        Outcome.DOUBTFUL: _("its key is shared or weak; see /keys."),
        Outcome.PINNED: _("it holds another one."),
        Outcome.REFUSED: _("it refused; remove the node there, then repeat this."),
        Outcome.NO_ANSWER: _("it did not answer; repeat this."),
        Outcome.NOT_KEPT: _("my database cannot be written; see the log, then repeat this."),
    }
)


# Nothing to forget
NOT_REVOKED: Final = frozenset({Outcome.HELD, Outcome.NO_KEY, Outcome.DOUBTFUL, Outcome.PINNED})


def taught_by(teach: Callable[[int], Outcome]) -> Callable[[int, KeyDecision, Translate], str]:
    """Return what has the radio follow a decision about a node's key by `teach`, and says what came of that."""

    def told(num: int, decision: KeyDecision, translate: Translate) -> str:
        outcome = teach(num)
        return forgotten(outcome, translate) if decision is KeyDecision.REJECT else taught(outcome, translate)

    return told


def taught(outcome: Outcome, translate: Translate) -> str:
    """Return whether the radio has acknowledged the key, or why not and what to do."""
    if outcome is Outcome.HELD:
        return translate(_("The radio has it."))
    return translate(_("⚠️ The radio does not have it: {reason}")).format(reason=translate(WHY_NOT[outcome]))


def forgotten(outcome: Outcome, translate: Translate) -> str:
    """Return whether the radio has forgotten a revoked key; empty: it had none."""
    if outcome in NOT_REVOKED:
        return ""
    if outcome is Outcome.FORGOTTEN:
        return translate(_("The radio has forgotten it."))
    if outcome is Outcome.MANAGED:
        return translate(_("⚠️ The radio may still have it, and takes no orders from me: remove the node there."))
    return translate(_("⚠️ The radio may still have it; I try again at the next link."))
