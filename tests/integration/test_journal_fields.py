"""The running bot's lines say what they are about, as fields that journalctl searches by."""

import re

from meshbot.runtime.journal import SUBJECT
from tests.support.bot import RunningBot


def fields(caplog, pattern):
    """The fields of the lines that match, in their order."""
    return [getattr(each, SUBJECT, {}) for each in caplog.records if re.search(pattern, each.getMessage())]


def test_lines_name_the_link_s_state_the_node_and_the_command(new_node, clock, tmp_path, caplog):
    with new_node(nodes=3) as node, RunningBot(node.port, tmp_path, clock) as running:
        running.wait_ready(1)
        node.fault("reset")
        running.wait_ready(2)
        asker = node.users[0].num
        for text in ("/ping", "hello"):
            node.hear_text(asker, text)
            running.log.wait_for(f"MESSAGE BRUT: '{text}'")
        node.hear_text(asker, "/reboot")
        running.log.wait_for("refusée")
    states = [each["LINK_STATE"] for each in fields(caplog, r"TCP (#\d )?à|Lien TCP|TCP (établie|réussie)")]
    assert states == ["CONNECTING", "READY", "BACKOFF", "CONNECTING", "READY"]
    about = {"NODE": f"!{asker:08x}"}
    assert fields(caplog, "MESSAGE BRUT: '/ping'") == [{**about, "COMMAND": "ping"}]
    assert fields(caplog, "MESSAGE BRUT: 'hello'") == [about]
    assert fields(caplog, "⛔ /reboot") == [{**about, "COMMAND": "reboot"}]
