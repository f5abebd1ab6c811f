"""The real bot on a virtual node under attack: forged routing answers, floods under new numbers."""

from queue import SimpleQueue
from statistics import median

import pytest

from meshbot.mesh_link.messages import LoraSettings, TextPacket
from meshbot.sending.air_budget import SHARES, Account
from meshbot.sending.air_time import modem_of, packet_bytes
from tests.support.bot import UNHURRIED, RunningBot

PATIENCE = 60.0
EU_868 = 3


@pytest.fixture
def node(new_node):
    with new_node(nodes=12) as virtual_node:
        yield virtual_node


@pytest.fixture
def running(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock, answer_on_channels=(1,), **UNHURRIED) as bot:
        bot.wait_ready()
        yield bot


def wait(clock, seconds):
    clock.get(SimpleQueue(), clock.monotonic() + seconds)


def answers(node, packet_id):
    return [sent for sent in node.transmitted if sent.reply_id == packet_id]


# -- forged routing answers


@pytest.mark.parametrize("sender", ["stranger", "own", "recipient"])
@pytest.mark.parametrize("reason", ["DUTY_CYCLE_LIMIT", "RATE_LIMIT_EXCEEDED", "PKI_SEND_FAIL_PUBLIC_KEY"])
def test_what_only_our_node_can_know_has_no_effect_from_the_air(running, node, clock, sender, reason):
    node.fault("forged_routing", reason=reason, sender=sender)
    ids = []
    for each in node.users[:5]:
        ids.append(node.hear_text(each.num, "/ping"))
        wait(clock, 6)
    running.log.wait_for("acquittée par le destinataire", 5)
    assert [len(answers(node, packet_id)) for packet_id in ids] == [1] * 5
    assert not running.log.matching("nouvel essai|non remise|refusée")
    line = "🎭 1 paquets .* sous notre propre numéro" if sender == "own" else "🎭 1 accusé.* de qui ne peut les donner"
    assert len(running.log.matching(line)) == 1


@pytest.mark.parametrize("sender", ["stranger", "own", "recipient"])
def test_no_answer_is_read_twice_for_a_forged_key_error(running, node, clock, sender):
    node.fault("forged_routing", reason="PKI_UNKNOWN_PUBKEY", sender=sender)
    ids = [node.hear_text(each.num, "/ping") for each in node.users[:5]]
    running.log.wait_for("acquittée par le destinataire", 5)
    wait(clock, 60)
    assert [len(answers(node, packet_id)) for packet_id in ids] == [1] * 5


def test_an_unknown_error_is_a_failure_by_number(running, node):
    node.fault("forged_routing", reason="99", sender="recipient", packets=1)
    node.hear_text(node.users[0].num, "/ping")
    running.log.wait_for(r"📤 Réponse à 0x\w+ non remise \(99: raison inconnue\)")


def test_another_variant_of_routing_acknowledges_nothing(running, node, clock):
    node.fault("unheard")
    node.fault("forged_routing", reason="ROUTE_REPLY", sender="recipient", packets=1)
    node.hear_text(node.users[0].num, "/ping")
    running.log.wait_for("MAX_RETRANSMIT: personne ne l'a acquittée")
    assert not running.log.matching("acquittée par le destinataire")


# -- floods


def seconds_on_air(node):
    """What the bot's texts took of the air, by the node's own settings."""
    modem = modem_of(LoraSettings(EU_868))
    packets = [sent.packet for sent in node.transmitted if sent.text]
    texts = [TextPacket(p.id, p.decoded.payload.decode(), p.to, 0, p.decoded.reply_id, want_ack=True) for p in packets]
    return sum(modem.milliseconds(packet_bytes(text)) for text in texts) / 1000


@pytest.mark.parametrize("channel", ["direct", "1"])
def test_a_proven_user_is_answered_in_a_flood_of_strangers(running, node, clock, channel):
    node.fault("flood", rate=30, channel=channel)
    user, asked = node.users[0], {}
    for _ in range(6):
        asked[node.hear_text(user.num, "/ping")] = clock.monotonic()
        wait(clock, 10)
    node.heal("flood")
    wait(clock, 10)
    came = {sent.reply_id: sent.at for sent in reversed(node.transmitted) if sent.reply_id in asked}
    times = [came[packet_id] - at for packet_id, at in asked.items() if packet_id in came]
    assert len(times) == len(asked)
    assert median(times) <= 6
    assert seconds_on_air(node) <= 360 * SHARES[Account.STRANGERS] + 6 * 2
    assert not running.log.matching("Traceback")


def test_beyond_the_strangers_part_their_questions_are_dropped_at_the_door(node, tmp_path, clock):
    limits = {"air_time_limit": 1, "answer_on_channels": (1,)}
    with RunningBot(node.port, tmp_path, clock, **UNHURRIED | limits) as bot:
        bot.wait_ready()
        node.fault("flood", rate=2, channel="1")
        wait(clock, 90)
        part = 36 * SHARES[Account.STRANGERS]
        assert 0.8 * part < seconds_on_air(node) <= part
        worked_on = len(bot.log.matching("📨 MESSAGE BRUT"))
        assert worked_on > 150
        packet_id = node.hear_text(node.users[0].num, "/ping")
        wait(clock, 5)
        assert answers(node, packet_id)
        assert len(bot.log.matching("🚪 Questions sans réponse, faute de temps d'émission")) == 1


def test_what_the_node_refuses_to_strangers_leaves_others_their_air(running, node, clock):
    air = running.bot._sender._queue.air
    # of the hour before the start, as the node measured it
    before = air.spent(clock.monotonic())
    node.fault("flood", rate=2)
    wait(clock, 60)
    node.heal("flood")
    running.log.wait_for("PKI_SEND_FAIL_PUBLIC_KEY", 20)
    assert seconds_on_air(node) == 0
    assert 0 < air.spent(clock.monotonic()) <= before < 36_000
