"""A node's configuration is saved, and after a factory reset the same node is back, read back from the node itself."""

from dataclasses import replace

import pytest
from meshtastic.protobuf import admin_pb2, channel_pb2, config_pb2, mesh_pb2, module_config_pb2

from meshbot.mesh_link.connecting import LinkTarget
from meshbot.mesh_link.own_node_client import OwnNodeClient
from meshbot.mesh_link.own_settings import differences
from meshbot.radio_backup.backup import Backup, open_backup, seal_backup
from meshbot.radio_backup.restore import RestoreError, RestoreProblem, read_back, restore
from meshbot.virtual_node.fields_2_8 import MESH_BEACON

PASSPHRASE = "correct horse battery"


@pytest.fixture(params=["2.7.26", "2.8.0"])
def node(request, new_node):
    with new_node(nodes=6, firmware_version=request.param) as node:
        yield node


@pytest.fixture
def connect(node, clock):
    target = LinkTarget("127.0.0.1", node.port, connect_timeout=5.0, send_timeout=5.0, user_timeout=0.0)
    return lambda: OwnNodeClient(target, clock)


def administer(connect, **content):
    with connect() as client:
        assert client.send(admin_pb2.AdminMessage(**content).SerializeToString()) == "NONE"
        client.wait_for_reboot(15.0)


def settings(connect, clock):
    return read_back(connect, clock)


def customize(connect, clock):
    """Give the node a name, a channel, a radio setting and a module setting of its own."""
    channel = channel_pb2.Channel(index=2, role=channel_pb2.Channel.Role.SECONDARY)
    channel.settings.name, channel.settings.psk = "Secours", bytes(range(32))
    administer(connect, set_channel=channel)
    administer(connect, set_owner=mesh_pb2.User(long_name="Relais du Bourg", short_name="RB"))
    config = config_pb2.Config()
    config.lora.CopyFrom(config_pb2.Config.FromString(settings(connect, clock).configs["lora"]).lora)
    config.lora.hop_limit = 5
    administer(connect, set_config=config)
    module = module_config_pb2.ModuleConfig()
    module.telemetry.device_update_interval = 1234
    administer(connect, set_module_config=module)


def test_after_a_factory_reset_the_same_node_is_back(node, connect, clock):
    customize(connect, clock)
    before = settings(connect, clock)
    content = seal_backup(Backup(before, 1), PASSPHRASE)
    administer(connect, factory_reset_device=1)
    reset = settings(connect, clock)
    assert not reset.is_whole
    assert (reset.public_key, reset.private_key) != (before.public_key, before.private_key)
    assert reset.long_name != "Relais du Bourg"
    restored = restore(open_backup(content, PASSPHRASE).settings, connect, clock)
    assert restored.remaining == ()
    assert {"lora", "security", "owner", "channel 2", "telemetry"} <= set(restored.changed)
    after = settings(connect, clock)
    assert differences(before, after) == []
    assert (after.num, after.private_key, after.long_name) == (before.num, before.private_key, "Relais du Bourg")


def managed(settings):
    """Return the configuration as that of a node which takes orders by an admin key alone."""
    security = config_pb2.Config.FromString(settings.configs["security"])
    security.security.admin_key.append(bytes(range(32)))
    with_key = replace(settings, configs={**settings.configs, "security": security.SerializeToString()})
    return with_key.with_management(is_managed=True)


def test_a_managed_node_gets_everything_before_it_takes_no_more(node, connect, clock):
    customize(connect, clock)
    wanted = managed(settings(connect, clock))
    administer(connect, factory_reset_device=1)
    settings(connect, clock)
    restored = restore(wanted, connect, clock)
    after = settings(connect, clock)
    assert (restored.remaining, differences(wanted, after), after.is_managed) == ((), [], True)
    # and there nothing more is to be written
    with pytest.raises(RestoreError) as refused:
        restore(wanted, connect, clock)
    assert refused.value.problem is RestoreProblem.MANAGED


@pytest.mark.parametrize("node", ["2.8.0"], indirect=True)
def test_modules_that_the_library_drops_are_saved(node, connect, clock):
    module = module_config_pb2.ModuleConfig()
    module.statusmessage.node_status = "au sommet"
    administer(connect, set_module_config=module)
    before = settings(connect, clock)
    assert {"statusmessage", "traffic_management", "tak", f"module {MESH_BEACON}"} <= set(before.modules)
    administer(connect, factory_reset_config=1)
    settings(connect, clock)
    assert "statusmessage" in restore(before, connect, clock).changed
    assert settings(connect, clock).modules == before.modules


def test_a_node_that_has_it_all_is_left_alone(connect, clock):
    before = settings(connect, clock)
    assert restore(before, connect, clock).changed == ()


def test_another_device_is_refused_unless_it_is_wanted(node, connect, clock):
    wanted = replace(settings(connect, clock), device_id=b"another one")
    with pytest.raises(RestoreError) as refused:
        restore(wanted, connect, clock)
    assert refused.value.problem is RestoreProblem.OTHER_DEVICE
    assert restore(wanted, connect, clock, force=True).remaining == ()


def test_another_series_of_firmware_is_refused_unless_it_is_wanted(connect, clock):
    wanted = replace(settings(connect, clock), firmware="2.5.20.abc")
    with pytest.raises(RestoreError) as refused:
        restore(wanted, connect, clock)
    assert refused.value.problem is RestoreProblem.OTHER_FIRMWARE


def test_a_link_lost_on_the_way_leaves_a_restore_to_be_repeated(node, connect, clock):
    customize(connect, clock)
    wanted = settings(connect, clock)
    administer(connect, factory_reset_device=1)
    settings(connect, clock)

    class Dropping(OwnNodeClient):
        """Loses its node after a few messages."""

        sent = 0

        def send(self, message):
            self.sent += 1
            if self.sent == 4:
                node.fault("drop")
            return super().send(message)

    target = LinkTarget("127.0.0.1", node.port, connect_timeout=5.0, send_timeout=5.0, user_timeout=0.0)
    with pytest.raises(RestoreError) as failed:
        restore(wanted, lambda: Dropping(target, clock), clock)
    assert failed.value.problem is RestoreProblem.UNREACHABLE
    assert restore(wanted, connect, clock).remaining == ()
    assert differences(wanted, settings(connect, clock)) == []


def test_a_node_that_is_away_is_named_so(node, connect, clock):
    wanted = settings(connect, clock)
    node.fault("refuse")
    with pytest.raises(RestoreError) as failed:
        restore(wanted, connect, clock)
    assert failed.value.problem is RestoreProblem.UNREACHABLE
