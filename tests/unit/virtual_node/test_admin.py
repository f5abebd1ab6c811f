import pytest
from meshtastic.protobuf import admin_pb2, mesh_pb2

from meshbot.virtual_node.packets import sender_of
from tests.support.phone import EPOCH, Phone, PortNum, error_of

KEY = bytes(range(32))
GHOST = 0x1234567


def contact(num=GHOST, key=KEY, **fields):
    return {"node_num": num, "user": {"long_name": "Ghost", "short_name": "GHO", "public_key": key}, **fields}


def test_an_admin_message_is_acknowledged_if_want_ack_is_set():
    phone = Phone()
    packet_id = phone.admin(add_contact=contact())
    messages = phone.drain()
    assert [m.WhichOneof("payload_variant") for m in messages] == ["queueStatus", "packet"]
    ack = messages[1].packet
    assert (error_of(ack), ack.decoded.request_id, sender_of(ack), ack.to) == ("NONE", packet_id, phone.num, phone.num)
    phone.admin(want_ack=False, add_contact=contact())
    assert [m.WhichOneof("payload_variant") for m in phone.drain()] == ["queueStatus"]


@pytest.mark.parametrize(("version", "res"), [("2.7.26", 39), ("2.8.0", 0)])
def test_before_2_8_a_contact_counts_only_after_what_came_with_it(version, res):
    phone = Phone(version=version)
    payload = admin_pb2.AdminMessage(add_contact=contact()).SerializeToString()
    for to, port, content in ((phone.num, PortNum.ADMIN_APP, payload), (GHOST, PortNum.TEXT_MESSAGE_APP, b"x")):
        decoded = mesh_pb2.Data(portnum=port, payload=content)
        packet = mesh_pb2.MeshPacket(to=to, id=port, decoded=decoded)
        phone.api.handle(mesh_pb2.ToRadio(packet=packet).SerializeToString(), phone.now)
    assert [status.res for status in phone.statuses()] == [0, res]
    phone.later(3)
    phone.send(GHOST)
    assert [status.res for status in phone.statuses()] == [0]


def test_admin_messages_do_not_go_on_air():
    phone = Phone()
    phone.admin(set_time_only=EPOCH)
    assert phone.firmware.transmitted == ()


def test_add_contact_makes_a_favourite_with_key_and_leaves_last_heard():
    phone = Phone()
    phone.admin(add_contact=contact())
    info = phone.firmware.node_info(GHOST)
    assert (info.user.public_key, info.user.long_name, info.user.id) == (KEY, "Ghost", "!01234567")
    assert (info.is_favorite, info.last_heard, info.is_key_manually_verified) == (True, 0, False)
    assert not [m for m in phone.drain() if m.HasField("node_info")]


def test_add_contact_overwrites_a_good_key_and_locks_the_true_out():
    phone = Phone()
    phone.admin(add_contact=contact(phone.keyed.num))
    phone.later(60)
    assert phone.firmware.node_info(phone.keyed.num).user.public_key == KEY
    phone.hear_from(phone.keyed)
    assert phone.packets()[-1].HasField("encrypted")


def test_add_contact_with_an_empty_key_erases_a_good_one():
    phone = Phone()
    phone.admin(add_contact=contact(phone.keyed.num, b""))
    assert phone.firmware.node_info(phone.keyed.num).user.public_key == b""


def test_a_manually_verified_key_is_safe_from_unverified_contacts():
    phone = Phone()
    phone.admin(add_contact=contact(manually_verified=True))
    phone.admin(add_contact=contact(key=b"x" * 32))
    assert phone.firmware.node_info(GHOST).user.public_key == KEY
    phone.admin(add_contact=contact(key=b"y" * 32, manually_verified=True))
    assert phone.firmware.node_info(GHOST).user.public_key == b"y" * 32


def test_remove_by_nodenum_undoes_a_contact():
    phone = Phone()
    phone.admin(add_contact=contact())
    phone.admin(remove_by_nodenum=GHOST)
    assert phone.firmware.node_info(GHOST) is None


def test_favourites_are_set_and_removed():
    phone = Phone()
    for message, favourite in (("set_favorite_node", True), ("remove_favorite_node", False)):
        phone.admin(**{message: phone.keyed.num})
        assert phone.firmware.node_info(phone.keyed.num).is_favorite is favourite


def test_a_new_node_aborts_a_firmware_full_of_favourites():
    phone = Phone(nodes=3, capacity=4)
    for user in phone.firmware.users:
        phone.admin(set_favorite_node=user.num)
    phone.admin(add_contact=contact())
    phone.later(0)
    assert phone.firmware.is_up(phone.now)
    phone.admin(add_contact=contact(GHOST + 1))
    phone.later(0)
    assert not phone.firmware.is_up(phone.now)


def test_a_full_database_gives_up_the_longest_unheard_node_without_a_key():
    phone = Phone(nodes=12, capacity=12)
    keyless = [user for user in phone.firmware.users if not user.public_key]
    oldest = min(keyless, key=lambda user: phone.firmware.node_info(user.num).last_heard)
    phone.admin(add_contact=contact())
    assert phone.firmware.node_info(oldest.num) is None
    assert sum(phone.firmware.node_info(user.num) is None for user in phone.firmware.users) == 1


def test_the_node_reports_owner_device_channels_and_settings():
    phone = Phone()
    assert phone.ask(get_owner_request=True).get_owner_response.long_name == phone.firmware.own.long_name
    metadata = phone.ask(get_device_metadata_request=True).get_device_metadata_response
    assert metadata.firmware_version.startswith("2.7.26.")
    channel = phone.ask(get_channel_request=2).get_channel_response
    assert (channel.index, channel.settings.name) == (1, "Entraide")
    security = phone.ask(get_config_request=7).get_config_response.security
    assert security.public_key == phone.firmware.own.public_key
    assert phone.ask(get_module_config_request=0).get_module_config_response.HasField("mqtt")
    assert len(phone.ask(get_owner_request=True).session_passkey) == 8


def test_a_channel_out_of_range_is_a_bad_request():
    phone = Phone()
    phone.admin(want_response=True, get_channel_request=9)
    assert [error_of(packet) for packet in phone.packets()] == ["BAD_REQUEST"]


def test_a_question_without_want_response_gets_no_answer():
    phone = Phone()
    phone.admin(want_ack=False, get_owner_request=True)
    assert phone.packets() == []


def test_a_request_without_an_answer_gets_no_response():
    phone = Phone()
    phone.send(phone.num, b"", PortNum.PRIVATE_APP, data={"want_response": True})
    assert [error_of(packet) for packet in phone.packets()] == ["NO_RESPONSE"]


def test_a_managed_node_ignores_its_client_but_acknowledges():
    phone = Phone()
    phone.admin(set_config={"security": {"is_managed": True, "admin_key": [KEY]}})
    phone.later(20)
    phone.connect()
    phone.configure()
    phone.admin(add_contact=contact())
    assert [error_of(packet) for packet in phone.packets()] == ["NONE"]
    assert phone.firmware.node_info(GHOST) is None


def test_set_owner_renames_the_node_and_reboots_it_7_s_later():
    phone = Phone()
    phone.admin(set_owner={"long_name": "Nouveau", "short_name": "NEUF"})
    assert phone.firmware.node_info(phone.num).user.short_name == "NEUF"
    phone.later(6.9)
    assert phone.firmware.is_up(phone.now)
    phone.later(0.2)
    assert not phone.firmware.is_up(phone.now)
    phone.later(10)
    assert phone.firmware.is_up(phone.now)
    assert phone.firmware.node_info(phone.num).user.long_name == "Nouveau"


@pytest.mark.parametrize("owner", [{"long_name": "  "}, {"short_name": " "}])
def test_a_blank_owner_is_a_bad_request(owner):
    phone = Phone()
    phone.admin(want_response=True, set_owner=owner)
    assert [error_of(packet) for packet in phone.packets()] == ["BAD_REQUEST"]
    phone.later(8)
    assert phone.firmware.is_up(phone.now)


def test_reboot_seconds_reboots_then_and_a_negative_number_calls_it_off():
    phone = Phone()
    phone.admin(reboot_seconds=5)
    phone.admin(reboot_seconds=-1)
    phone.later(6)
    assert phone.firmware.is_up(phone.now)
    phone.admin(reboot_seconds=2)
    phone.later(3)
    assert not phone.firmware.is_up(phone.now)


def test_settings_are_kept_and_channels_need_no_reboot():
    phone = Phone()
    phone.admin(set_channel={"index": 2, "role": 2, "settings": {"name": "Test"}})
    phone.later(30)
    assert phone.firmware.is_up(phone.now)
    phone.drain()
    assert phone.ask(get_channel_request=3).get_channel_response.settings.name == "Test"
    phone.send(channel=2)
    assert [status.res for status in phone.statuses()] == [0]
