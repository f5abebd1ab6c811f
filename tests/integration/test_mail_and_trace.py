"""The real bot and a virtual node: mail from one user to another, and traceroutes over the air."""

import re

import pytest
from meshtastic.protobuf import mesh_pb2

from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet
from tests.support.bot import RunningBot

PATIENCE = 30.0
TELEMETRY_APP, TRACEROUTE_APP = 67, 70


@pytest.fixture
def node(new_node):
    with new_node(nodes=12) as virtual_node:
        yield virtual_node


@pytest.fixture
def running(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock, language="en", answer_on_channels=[0]) as bot:
        bot.wait_ready()
        yield bot


def answer(node, packet_id, text=""):
    """Wait for the answer to a packet that has this text in it."""
    return node.wait_for(lambda sent: sent.reply_id == packet_id and text in sent.text, PATIENCE).text


def without_age(mails):
    return re.sub(r" \d+(?:s|min): ", " …: ", mails)


def keyed(node, count):
    """Return users who can be written to."""
    return [user for user in node.users if user.public_key][:count]


def short(user):
    return user.short_name


# -- mail


def notices(node, user):
    return [sent for sent in node.transmitted if sent.to == user.num and "New mail for you" in sent.text]


def test_mail_is_announced_when_its_recipient_is_heard(running, node):
    sender, recipient = keyed(node, 2)
    question = node.hear_text(sender.num, f"/mail send {recipient.node_id} see you at five")
    assert answer(node, question) == f"✉️ Kept for {recipient.long_name}, who is told when next heard."
    assert notices(node, recipient) == []
    for packet_id in (71, 72):  # two packets without a question
        node.hear(data_packet(recipient.num, BROADCAST_NUM, TELEMETRY_APP, b"", packet_id))
    node.wait_until(lambda: notices(node, recipient), PATIENCE)
    read = answer(node, node.hear_text(recipient.num, "/mail"))
    assert without_age(read) == f"✉️ 1 {sender.long_name} …: see you at five\n/mail del <n> deletes a letter."
    assert "0 left" in answer(node, node.hear_text(recipient.num, "/mail del 1"))
    assert answer(node, node.hear_text(recipient.num, "/mail")) == "📭 No mail for you."
    (notice,) = notices(node, recipient)
    assert notice.text == f"✉️ New mail for you: 1, from {sender.long_name}. /mail reads it."


def test_a_notice_that_failed_is_still_to_be_sent(running, node):
    sender, recipient = keyed(node, 2)
    question = node.hear_text(sender.num, f"/mail send {recipient.node_id} see you at five")
    answer(node, question)
    node.fault("nak", reason="NO_ROUTE", remote=1, packets=1)
    node.hear(data_packet(recipient.num, BROADCAST_NUM, TELEMETRY_APP, b"", 71))
    running.log.wait_for("📤 Lettre à .* non remise")
    node.wait_until(lambda: running.bot.memory.mailbox.is_unnotified(recipient.num), PATIENCE)


def test_mail_survives_a_restart_and_is_announced(node, tmp_path, clock):
    sender, recipient = keyed(node, 2)
    with RunningBot(node.port, tmp_path, clock, language="en") as bot:
        bot.wait_ready()
        answer(node, node.hear_text(sender.num, f"/mail send {short(recipient)} see you at five"), "Kept for")
    with RunningBot(node.port, tmp_path, clock, language="en") as bot:
        bot.wait_ready()
        node.hear(data_packet(recipient.num, BROADCAST_NUM, TELEMETRY_APP, b"", 73))
        node.wait_until(lambda: notices(node, recipient), PATIENCE)


def test_a_forged_number_reads_and_deletes_no_mail(running, node):
    sender, recipient = keyed(node, 2)
    answer(node, node.hear_text(sender.num, f"/mail send {recipient.node_id} see you at five"), "Kept for")
    for question in ("/mail", "/mail del 1"):
        refused = answer(node, node.hear_text(recipient.num, question, pki_encrypted=False))
        assert refused == "🔒 /mail needs a message encrypted with your public key."
    assert "see you at five" in answer(node, node.hear_text(recipient.num, "/mail"))
    forged = node.hear_text(sender.num, f"/mail send {recipient.node_id} come alone", pki_encrypted=False)
    answer(node, forged, "Kept for")
    mail = without_age(answer(node, node.hear_text(recipient.num, "/mail")))
    assert f"2 {sender.long_name}? …: come alone" in mail


def test_on_a_channel_no_mail_is_read(running, node):
    asker, *_ = keyed(node, 1)
    question = node.hear_text(asker.num, "/mail", to=BROADCAST_NUM)
    assert answer(node, question) == "✉️ Mail is private: write to me directly."


# -- trace


def test_trace_without_a_node_shows_the_question_s_path(running, node):
    user, *_ = keyed(node, 1)
    direct = node.hear_text(user.num, "/trace", rx_snr=6.25, hop_start=3, hop_limit=3)
    assert answer(node, direct) == "🧭 direct, SNR 6.2 dB"
    relayed = node.hear_text(user.num, "/trace", rx_snr=-4.5, hop_start=3, hop_limit=1, relay_node=0x42)
    text = answer(node, relayed)
    assert text.startswith("🧭 hops: 2, last relay: ")
    assert text.endswith(", SNR -4.5 dB")


def test_trace_with_a_node_shows_the_route_both_ways(running, node):
    asker, other, *_ = keyed(node, 2)
    far = max(node.users, key=lambda user: user.hops)
    text = answer(node, node.hear_text(asker.num, f"/trace {far.node_id}"))
    head, there, back = text.splitlines()
    assert head == f"🧭 {far.long_name}, SNR in dB"
    names = there.removeprefix("→ ").split()[::2]
    assert len(names) == far.hops + 1
    assert names[-1] == short(far)
    assert back.removeprefix("← ").split()[::2] == [*names[-2::-1], node.own.short_name]
    (request,) = [sent for sent in node.transmitted if sent.packet.decoded.portnum == TRACEROUTE_APP]
    assert (request.to, request.packet.decoded.want_response) == (far.num, True)
    assert mesh_pb2.RouteDiscovery.FromString(request.packet.decoded.payload) == mesh_pb2.RouteDiscovery()
    assert "ask again in" in answer(node, node.hear_text(other.num, f"/trace {far.node_id}"))


def test_while_a_traceroute_waits_others_are_answered(running, node):
    asker, other, far = keyed(node, 3)
    node.fault("unheard")
    question = node.hear_text(asker.num, f"/trace {far.node_id}")
    node.wait_for(lambda sent: sent.packet.decoded.portnum == TRACEROUTE_APP, PATIENCE)
    assert "pong" in answer(node, node.hear_text(other.num, "/ping"))
    assert "previous /trace" in answer(node, node.hear_text(asker.num, f"/trace {other.node_id}"))
    assert answer(node, node.hear_text(asker.num, "/trace")).startswith("🧭 ")
    assert [sent for sent in node.transmitted if sent.reply_id == question] == []


def test_a_refusal_by_the_radio_is_answered_at_once(running, node):
    asker, far = keyed(node, 2)
    node.fault("nak", reason="NO_INTERFACE", packets=1)
    assert "refused the traceroute" in answer(node, node.hear_text(asker.num, f"/trace {far.node_id}"))


def test_a_traceroute_that_the_radio_s_full_queue_refuses_is_answered(running, node):
    asker, far = keyed(node, 2)
    node.fault("tx_queue_full")
    question = node.hear_text(asker.num, f"/trace {far.node_id}")
    running.log.wait_for("TX_QUEUE_FULL")
    node.heal("tx_queue_full")
    assert "refused the traceroute" in answer(node, question)


def test_a_routing_error_for_a_traceroute_is_answered_at_once(running, node):
    asker, far = keyed(node, 2)
    # of those that the other node may give
    node.fault("nak", reason="NO_CHANNEL", packets=1, remote=1)
    assert "refused the traceroute" in answer(node, node.hear_text(asker.num, f"/trace {far.node_id}"))


def test_a_traceroute_too_soon_for_the_radio_is_refused(running, node):
    asker, far, *_ = keyed(node, 2)
    interface = running.bot.interface
    # As somebody else on the radio would
    interface.send_route_request(4711, far.num)
    node.wait_for(lambda sent: sent.packet.id == 4711, PATIENCE)
    assert "refused the traceroute" in answer(node, node.hear_text(asker.num, f"/trace {far.node_id}"))
