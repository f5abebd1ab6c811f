"""Our own node's configuration: what it tells of number and key, and what it holds back in lockdown."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshtastic.protobuf import channel_pb2, localonly_pb2, mesh_pb2

from meshbot.mesh_link.messages import OwnNode
from meshbot.mesh_link.own_config import is_redacted, lora_settings, own_node
from tests.support.nodes import key

PRIMARY, DISABLED = channel_pb2.Channel.Role.PRIMARY, channel_pb2.Channel.Role.DISABLED


def config(public_key):
    local = localonly_pb2.LocalConfig()
    local.security.public_key = public_key
    return local


@given(st.binary(max_size=40))
def test_a_key_of_another_length_is_unknown(public_key):
    expected = public_key if len(public_key) == 32 else b""
    assert own_node(7, config(public_key), is_complete=True) == OwnNode(7, expected)


def test_until_the_next_configuration_a_new_number_may_have_another_key():
    new = zlib.crc32(key(1))
    assert own_node(new, config(key(1)), is_complete=False) == OwnNode(new, key(1))
    assert own_node(new + 1, config(key(1)), is_complete=False) == OwnNode(new + 1)


@pytest.mark.parametrize(
    ("metadata", "roles", "redacted"),
    [
        (mesh_pb2.DeviceMetadata(), [DISABLED] * 8, True),
        (mesh_pb2.DeviceMetadata(), [], True),
        (mesh_pb2.DeviceMetadata(), [PRIMARY], False),
        (mesh_pb2.DeviceMetadata(firmware_version="2.8.0"), [DISABLED] * 8, False),
        (None, [], False),
    ],
)
def test_a_configuration_without_version_and_channels_is_that_of_a_locked_node(metadata, roles, redacted):
    assert is_redacted(metadata, [channel_pb2.Channel(index=i, role=role) for i, role in enumerate(roles)]) is redacted


def test_a_node_of_firmware_2_8_signs():
    assert lora_settings(localonly_pb2.LocalConfig(), mesh_pb2.DeviceMetadata(firmware_version="2.8.0")).signs
    assert not lora_settings(localonly_pb2.LocalConfig()).signs
