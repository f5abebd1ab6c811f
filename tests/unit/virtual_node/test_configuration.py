from itertools import groupby

from tests.support.phone import Phone

ALL = [
    ("my_info", 1), ("deviceuiConfig", 1), ("node_info", 1), ("metadata", 1), ("channel", 8), ("config", 10),
    ("moduleConfig", 16), ("node_info", 11), ("fileInfo", 5), ("config_complete_id", 1),
]  # fmt: skip


def kinds(messages):
    names = [message.WhichOneof("payload_variant") for message in messages]
    return [(name, len(list(group))) for name, group in groupby(names)]


def test_the_configuration_comes_in_the_firmware_s_order():
    phone = Phone(configured=False)
    messages = phone.configure(nonce=4242)
    assert kinds(messages) == ALL
    assert messages[0].my_info.my_node_num == messages[2].node_info.num == phone.num
    assert messages[-1].config_complete_id == 4242


def test_69420_leaves_the_other_nodes_out():
    assert kinds(Phone(configured=False).configure(69420)) == [kind for kind in ALL if kind != ("node_info", 11)]


def test_69421_sends_nothing_but_nodes():
    messages = Phone(configured=False).configure(69421)
    assert kinds(messages) == [("node_info", 12), ("config_complete_id", 1)]
    assert messages[-1].config_complete_id == 69421


def test_of_two_requests_in_a_row_only_the_second_completes():
    phone = Phone(configured=False)
    phone.to_radio(want_config_id=1)
    phone.to_radio(want_config_id=2)
    assert [message.config_complete_id for message in phone.drain() if message.config_complete_id] == [2]


def test_a_request_in_the_middle_of_a_download_starts_it_again():
    phone = Phone(configured=False)
    phone.to_radio(want_config_id=1)
    for _ in range(20):
        phone.api.next_frame(phone.now)
    assert kinds(phone.configure(2)) == ALL


def test_before_want_config_only_heartbeats_are_answered():
    phone = Phone(configured=False)
    phone.firmware.hear_text(phone.keyed.num, "allo", phone.now)
    assert phone.drain() == []
    phone.to_radio(heartbeat={})
    (answer,) = phone.drain()
    assert (answer.queueStatus.free, answer.queueStatus.maxlen, answer.queueStatus.res) == (16, 16, 0)
    assert answer.queueStatus.mesh_packet_id == 0


def test_packets_wait_until_the_configuration_is_complete():
    phone = Phone(configured=False)
    phone.to_radio(want_config_id=1)
    phone.api.next_frame(phone.now)
    phone.firmware.hear_text(phone.keyed.num, "allo", phone.now)
    names = [message.WhichOneof("payload_variant") for message in phone.drain()]
    assert names[-2:] == ["config_complete_id", "packet"]
    assert names.count("packet") == 1


def test_the_last_three_module_sections_are_empty():
    messages = Phone(configured=False).configure()
    sections = [message.moduleConfig for message in messages if message.HasField("moduleConfig")]
    assert [section.WhichOneof("payload_variant") is None for section in sections] == [False] * 13 + [True] * 3


def test_node_infos_carry_keys_positions_and_batteries():
    phone = Phone(configured=False, nodes=42)
    infos = {m.node_info.num: m.node_info for m in phone.configure() if m.HasField("node_info")}
    assert len(infos) == 42
    for user in phone.firmware.users:
        info = infos[user.num]
        assert (info.user.id, info.user.public_key) == (user.node_id, user.public_key)
        assert info.user.long_name == user.long_name
        assert info.position.latitude_i
        assert info.device_metrics.battery_level


def test_favourites_come_first_then_the_last_heard():
    phone = Phone(configured=False)
    last = phone.configure()[-7].node_info.num
    phone.admin(set_favorite_node=last)
    others = [m.node_info for m in phone.configure() if m.HasField("node_info")][1:]
    assert others[0].num == last
    assert [info.last_heard for info in others[1:]] == sorted((i.last_heard for i in others[1:]), reverse=True)


def test_the_version_in_the_metadata_begins_with_the_one_asked_for():
    messages = Phone(configured=False, version="2.7.19").configure()
    assert messages[3].metadata.firmware_version.startswith("2.7.19.")


def test_a_version_that_names_its_build_is_sent_unchanged():
    messages = Phone(configured=False, version="2.7.26.54e0d8d").configure()
    assert messages[3].metadata.firmware_version == "2.7.26.54e0d8d"
