"""A user's node sends a direct message again until ours answers, and gives up after 23 s."""

import pytest

from meshbot.virtual_node.deliveries import MAX_RETRANSMIT_AFTER, TRANSMISSIONS, Delivery
from tests.support.phone import Phone

AGAIN = MAX_RETRANSMIT_AFTER / TRANSMISSIONS


def neighbour(phone):
    """A user with a key whom nobody relays."""
    return next(user for user in phone.firmware.users if user.public_key and not user.hops)


def distant(phone):
    return next(user for user in phone.firmware.users if user.public_key and user.hops)


def texts(phone):
    return [packet.decoded.payload.decode() for packet in phone.packets() if packet.decoded.portnum == 1]


@pytest.mark.parametrize("version", ["2.7.26", "2.8.0"])
def test_a_message_that_is_heard_is_acknowledged_and_sent_once(version):
    phone = Phone(version=version)
    number = phone.hear_from(neighbour(phone))
    phone.later(60.0)
    assert texts(phone) == ["bonjour"]
    assert phone.firmware.delivery(number) == Delivery(1, "NONE")


def test_a_message_during_a_reboot_comes_after_it():
    phone = Phone()
    phone.firmware.reboot(phone.now, 10.0, forget_recent=True)
    number = phone.hear_from(neighbour(phone), "pendant le redémarrage")
    phone.later(10.0)
    assert phone.firmware.delivery(number) == Delivery(2)
    phone.connect()
    phone.configure()
    phone.later(AGAIN)
    assert texts(phone) == ["pendant le redémarrage"]
    assert phone.firmware.delivery(number) == Delivery(3, "NONE")


def test_a_distant_user_hears_a_relay_and_sends_no_more():
    phone = Phone()
    phone.firmware.reboot(phone.now, 10.0, forget_recent=True)
    number = phone.hear_from(distant(phone))
    phone.later(60.0)
    assert phone.firmware.delivery(number) == Delivery(1, "NONE", is_implicit=True)


def test_a_node_without_the_key_leaves_its_user_with_max_retransmit():
    phone = Phone(version="2.8.0")
    user = neighbour(phone)
    phone.firmware.forget_nodes()
    number = phone.hear_from(user)
    phone.later(MAX_RETRANSMIT_AFTER - 1)
    assert phone.firmware.delivery(number) == Delivery(3)
    phone.later(1.0)
    assert phone.firmware.delivery(number) == Delivery(3, "MAX_RETRANSMIT")
    assert phone.packets() == []


def test_a_key_learnt_in_between_lets_the_same_message_through():
    phone = Phone(version="2.8.0")
    user = neighbour(phone)
    phone.firmware.forget_nodes()
    number = phone.hear_from(user)
    phone.firmware.hear_nodeinfo(user.num, phone.now + 1)
    phone.later(AGAIN)
    assert texts(phone) == ["bonjour"]
    assert phone.firmware.delivery(number) == Delivery(2, "NONE")


def test_2_7_answers_that_it_lacks_the_key_and_the_user_stops():
    phone = Phone()
    user = neighbour(phone)
    phone.firmware.forget_nodes()
    number = phone.hear_from(user)
    phone.later(60.0)
    assert phone.firmware.delivery(number) == Delivery(1, "PKI_UNKNOWN_PUBKEY")


def test_unheard_acknowledgements_repeat_a_message_that_the_client_gets_once():
    phone = Phone()
    phone.firmware.switch_on("unheard", {}, 1)
    number = phone.hear_from(neighbour(phone))
    phone.later(60.0)
    assert texts(phone) == ["bonjour"]
    assert phone.firmware.delivery(number) == Delivery(3, "MAX_RETRANSMIT")


def test_after_a_reboot_a_repeated_message_is_new_to_the_node():
    phone = Phone()
    phone.firmware.switch_on("unheard", {}, 1)
    phone.hear_from(neighbour(phone))
    assert texts(phone) == ["bonjour"]
    phone.firmware.reboot(phone.now, 1.0, forget_recent=False)
    phone.later(2.0)
    phone.connect()
    phone.configure()
    phone.later(60.0)
    assert texts(phone) == ["bonjour"]


def test_a_user_without_our_key_sends_nothing():
    phone = Phone()
    user = neighbour(phone)
    phone.firmware.mistake_our_key(user.num, b"")
    number = phone.hear_from(user)
    assert phone.firmware.delivery(number) == Delivery(0, "PKI_SEND_FAIL_PUBLIC_KEY")
    assert texts(phone) == []
