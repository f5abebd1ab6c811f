"""The node's own key pair, number and settings: set by its client, reset, and upgraded to 2.8."""

from zlib import crc32

import pytest

from meshbot.virtual_node import x25519
from meshbot.virtual_node.packets import BROADCAST_NUM
from tests.support.phone import Phone, PortNum, from_radio

PRIVATE = bytes(range(1, 33))
UNSET, EU_868 = 0, 3


def restarted(phone, seconds=20):
    """Let the reboot that is due happen, and come back; return the configuration."""
    phone.later(8)
    phone.later(seconds)
    phone.connect()
    return phone.configure()


def security(phone):
    return phone.ask(get_config_request=7).get_config_response.security


def test_2_8_numbers_a_node_by_its_key():
    phone = Phone(version="2.8.0")
    assert phone.num == crc32(phone.firmware.own.public_key)
    assert all(user.num == crc32(user.public_key) for user in phone.firmware.users if user.public_key)


def test_a_private_key_renumbers_a_2_8_node_by_my_info_alone():
    phone = Phone(version="2.8.0")
    old = phone.num
    phone.admin(set_config={"security": {"private_key": PRIVATE, "admin_key": [bytes(32)]}})
    messages = phone.drain()
    new = crc32(x25519.public_key(PRIVATE))
    assert [m.WhichOneof("payload_variant") for m in messages] == ["my_info", "queueStatus", "packet"]
    assert (messages[0].my_info.my_node_num, phone.num) == (new, new)
    assert phone.firmware.node_info(old) is None
    assert restarted(phone)[0].my_info.my_node_num == new
    assert security(phone).public_key == phone.firmware.own.public_key == x25519.public_key(PRIVATE)


def test_a_private_key_leaves_a_2_7_node_its_number():
    phone = Phone()
    old = phone.num
    phone.admin(set_config={"security": {"private_key": PRIVATE}})
    assert phone.firmware.own.public_key == x25519.public_key(PRIVATE)
    phone.later(30)
    assert phone.num == old
    assert phone.firmware.is_up(phone.now)
    phone.hear_from(phone.keyed)
    assert phone.packets()[-1].HasField("encrypted")


@pytest.mark.parametrize(("version", "kept"), [("2.7.26", False), ("2.8.0", True)])
def test_a_security_section_without_a_key_keeps_it_on_2_8_alone(version, kept):
    phone = Phone(version=version)
    before = phone.firmware.own.public_key
    phone.admin(set_config={"security": {"serial_enabled": True}})
    assert (phone.firmware.own.public_key == before) is kept


def test_on_2_8_a_section_of_a_key_alone_keeps_admin_keys():
    phone = Phone(version="2.8.0")
    phone.admin(set_config={"security": {"admin_key": [PRIVATE]}})
    phone.admin(set_config={"security": {"private_key": PRIVATE}})
    assert list(restarted(phone) and security(phone).admin_key) == [PRIVATE]


def test_managed_mode_needs_an_admin_key():
    phone = Phone()
    phone.admin(set_config={"security": {"is_managed": True}})
    assert [m.WhichOneof("payload_variant") for m in phone.drain()] == ["queueStatus", "clientNotification", "packet"]
    assert not security(phone).is_managed


@pytest.mark.parametrize("version", ["2.7.26", "2.8.0"])
def test_a_factory_reset_of_the_settings_keeps_key_and_number(version):
    phone = Phone(version=version)
    own = phone.firmware.own
    phone.admin(factory_reset_config=1)
    messages = restarted(phone)
    assert (phone.num, len([m for m in messages if m.HasField("node_info")])) == (own.num, 1)
    assert messages[2].node_info.user.long_name == f"Meshtastic {own.num & 0xFFFF:04x}"
    assert phone.ask(get_config_request=5).get_config_response.lora.region == UNSET
    phone.admin(set_config={"lora": {"region": EU_868, "tx_enabled": True, "use_preset": True, "hop_limit": 3}})
    restarted(phone)
    assert (phone.firmware.own.public_key, phone.num) == (own.public_key, own.num)


def test_a_whole_factory_reset_of_2_8_makes_another_node_of_it():
    phone = Phone(version="2.8.0")
    own = phone.firmware.own
    phone.admin(factory_reset_device=1)
    restarted(phone)
    assert (phone.num, phone.firmware.own.public_key) == (own.num, b"")
    packet_id = phone.send(BROADCAST_NUM)
    (status,) = phone.statuses()
    assert (status.mesh_packet_id, status.res) == (packet_id, 34)
    phone.admin(set_config={"lora": {"region": EU_868, "tx_enabled": True, "use_preset": True, "hop_limit": 3}})
    phone.admin(reboot_seconds=1)
    restarted(phone)
    assert phone.firmware.own.public_key not in {own.public_key, b""}
    assert phone.num == crc32(phone.firmware.own.public_key) != own.num


def test_a_restored_key_pair_brings_the_old_number_back():
    phone = Phone(version="2.8.0")
    own, keys = phone.firmware.own, security(phone)
    phone.admin(factory_reset_device=1)
    restarted(phone)
    phone.admin(begin_edit_settings=True)
    phone.admin(set_config={"security": keys})
    phone.admin(set_config={"lora": {"region": EU_868, "tx_enabled": True, "use_preset": True, "hop_limit": 3}})
    phone.admin(set_owner={"long_name": "Un nom de plus de 24 octets"})
    phone.admin(commit_edit_settings=True)
    messages = restarted(phone)
    assert (phone.num, phone.firmware.own.public_key) == (own.num, own.public_key)
    assert messages[2].node_info.user.long_name == "Un nom de plus de 24 oct"
    phone.hear_from(phone.keyed, "too early")
    phone.packets()
    # Nobody's key is known any more, but ours is to them
    phone.admin(add_contact={"node_num": phone.keyed.num, "user": {"public_key": phone.keyed.public_key}})
    phone.hear_from(phone.keyed)
    assert phone.packets()[-1].decoded.payload == b"bonjour"


def test_edited_settings_are_lost_in_a_reboot_before_their_commit():
    phone = Phone()
    phone.admin(begin_edit_settings=True)
    phone.admin(set_channel={"index": 2, "role": 2, "settings": {"name": "Test"}})
    phone.admin(set_owner={"long_name": "Nouveau"})
    phone.drain()
    assert phone.ask(get_channel_request=3).get_channel_response.settings.name == "Test"
    phone.firmware.reboot(phone.now, 5.0, forget_recent=True)
    restarted(phone)
    assert phone.ask(get_channel_request=3).get_channel_response.settings.name == ""
    assert phone.ask(get_owner_request=True).get_owner_response.long_name != "Nouveau"


def test_committed_settings_survive_the_reboot_that_follows():
    phone = Phone()
    phone.admin(begin_edit_settings=True)
    phone.admin(set_channel={"index": 2, "role": 2, "settings": {"name": "Test"}})
    phone.later(30)
    assert phone.firmware.is_up(phone.now)
    phone.admin(commit_edit_settings=True)
    restarted(phone)
    assert phone.ask(get_channel_request=3).get_channel_response.settings.name == "Test"


def test_a_reset_of_the_node_database_may_keep_favourites():
    for keeps in (True, False):
        phone = Phone()
        phone.admin(set_favorite_node=phone.keyed.num)
        phone.admin(nodedb_reset=keeps)
        restarted(phone)
        assert (phone.firmware.node_info(phone.keyed.num) is not None) is keeps
        assert phone.firmware.node_info(phone.keyless.num) is None


def test_an_upgrade_to_2_8_renumbers_the_node_on_the_same_data():
    phone = Phone()
    old, key = phone.num, phone.firmware.own.public_key
    phone.admin(want_ack=False, set_favorite_node=phone.keyed.num)
    phone.firmware.upgrade("2.8.0", 10.0, phone.now)
    phone.later(10)
    phone.connect()
    messages = phone.configure()
    assert (phone.num, phone.firmware.own.public_key) == (crc32(key), key)
    assert messages[0].my_info.my_node_num == phone.num
    assert messages[3].metadata.firmware_version.startswith("2.8.0.")
    assert phone.firmware.node_info(old) is None
    assert phone.firmware.node_info(phone.keyed.num).is_favorite
    assert phone.ask(get_channel_request=1).get_channel_response.settings.module_settings.position_precision == 0


def test_users_write_to_the_old_number_until_the_new_one_introduces_itself():
    phone = Phone()
    old = phone.num
    phone.firmware.upgrade("2.8.0", 10.0, phone.now)
    phone.later(10)
    phone.connect()
    phone.configure()
    phone.hear_from(phone.keyed)
    assert phone.packets() == []
    phone.later(31)
    phone.hear_from(phone.keyed)
    (packet,) = phone.packets()
    assert (packet.to, packet.pki_encrypted) == (phone.num, True)
    assert phone.num != old


def test_a_user_s_upgrade_renumbers_it_under_the_same_key():
    phone = Phone()
    before = phone.keyed
    after = phone.firmware.upgrade_user(before.num, phone.now)
    assert (after.num, after.public_key) == (crc32(before.public_key), before.public_key)
    phone.later(31)
    assert phone.packets()[-1].decoded.portnum == PortNum.NODEINFO_APP
    assert phone.firmware.node_info(after.num).user.public_key == before.public_key
    assert phone.firmware.node_info(before.num) is not None
    phone.hear_from(after)
    assert phone.packets()[-1].pki_encrypted


def test_a_downgrade_keeps_the_number():
    phone = Phone(version="2.8.0")
    number = phone.num
    phone.firmware.upgrade("2.7.26", 5.0, phone.now)
    phone.later(5)
    phone.connect()
    assert phone.configure()[0].my_info.my_node_num == number


def test_what_reaches_a_client_are_whole_messages():
    phone = Phone(version="2.8.0", configured=False)
    phone.to_radio(want_config_id=1)
    frames = []
    while (framed := phone.api.next_frame(phone.now)) is not None:
        frames.append(framed)
    assert all(len(from_radio(framed)) == 1 for framed in frames)
