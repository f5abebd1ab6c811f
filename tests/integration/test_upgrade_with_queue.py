"""The real bot while its node is upgraded to 2.8: nobody has our key under the new number, and all are answered."""

from tests.support.bot import UNHURRIED, RunningBot

PATIENCE = 60.0


def test_everybody_is_answered_after_an_upgrade_of_our_node(new_node, tmp_path, clock):
    with new_node(nodes=24) as node, RunningBot(node.port, tmp_path, clock, **UNHURRIED) as running:
        running.wait_ready()
        # Only then has it seen the old number
        running.log.wait_for("🗝️ Clés publiques dans la radio: ")
        askers = [user for user in node.users if user.public_key][:3]
        node.fault("unheard")
        for user in askers:
            node.hear_text(user.num, "/ping")
        node.wait_until(lambda: len(node.transmitted) >= 1, PATIENCE)
        node.upgrade("2.8.0", seconds=5.0)
        node.heal()
        running.wait_ready(2)
        running.log.wait_for("acquittée par le destinataire", len(askers))
        assert not running.log.matching("non remise")
