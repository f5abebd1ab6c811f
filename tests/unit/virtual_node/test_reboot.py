from tests.support.phone import EPOCH, Phone
from tests.unit.virtual_node.test_hearing import OTHER_KEY, nodeinfo


def rebooted(phone, *, forget_recent=True):
    """Reboot and come back as a fresh client."""
    phone.firmware.reboot(phone.now, 5.0, forget_recent=forget_recent)
    phone.later(5)
    phone.connect()
    return phone.configure()


def test_a_reboot_loses_queue_time_and_packet_history():
    phone = Phone()
    phone.admin(want_ack=False, set_time_only=EPOCH)
    phone.hear_from(phone.keyed, packet_id=9)
    messages = rebooted(phone)
    assert messages[-1].HasField("config_complete_id")
    phone.hear_from(phone.keyed, packet_id=9)
    assert [packet.rx_time for packet in phone.packets()] == [0]


def test_a_rebooted_node_forgets_packet_ids_and_rate_limits():
    phone = Phone()
    phone.send(id=5)
    rebooted(phone)
    phone.send(id=5)
    assert len(phone.on_air()) == 2


def test_a_rebooting_node_hears_nothing_and_acknowledges_nothing():
    phone = Phone()
    phone.send(want_ack=True)
    phone.firmware.reboot(phone.now, 5.0, forget_recent=True)
    phone.hear_from(phone.keyed)
    phone.later(5)
    phone.connect()
    phone.configure()
    phone.later(60)
    assert phone.packets() == []


def test_what_was_heard_since_the_last_save_is_lost_in_a_reboot():
    phone = Phone()
    # Within a minute of the start nothing is saved
    phone.later(30)
    phone.firmware.hear(nodeinfo(phone.keyless, public_key=OTHER_KEY), phone.now)
    rebooted(phone)
    assert phone.firmware.node_info(phone.keyless.num).user.public_key == b""


def test_what_was_heard_a_minute_after_the_last_save_survives():
    phone = Phone()
    phone.later(61)
    phone.firmware.hear(nodeinfo(phone.keyless, public_key=OTHER_KEY), phone.now)
    rebooted(phone)
    assert phone.firmware.node_info(phone.keyless.num).user.public_key == OTHER_KEY


def test_a_clean_shutdown_loses_nothing():
    phone = Phone()
    phone.firmware.hear(nodeinfo(phone.keyless, public_key=OTHER_KEY), phone.now)
    rebooted(phone, forget_recent=False)
    assert phone.firmware.node_info(phone.keyless.num).user.public_key == OTHER_KEY


def test_a_contact_is_saved_at_once():
    phone = Phone()
    phone.admin(add_contact={"node_num": 77, "user": {"public_key": OTHER_KEY}})
    rebooted(phone)
    assert phone.firmware.node_info(77).user.public_key == OTHER_KEY


def test_reboots_are_counted_in_my_info():
    phone = Phone()
    before = phone.configure()[0].my_info.reboot_count
    assert rebooted(phone)[0].my_info.reboot_count == before + 1


def test_chatter_during_the_absence_was_not_heard():
    phone = Phone(chatter=1.0)
    phone.firmware.reboot(phone.now, 1000.0, forget_recent=True)
    phone.later(1000)
    phone.connect()
    phone.to_radio(want_config_id=1)
    assert phone.packets() == []
