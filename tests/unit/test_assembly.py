"""Settings reach the parts that they are for: none of these values is a default, and each has its effect."""

import pytest
from sqlalchemy import func, select

import assembly
from assembly import key_custody
from config import Settings
from main_bot import MeshBot
from meshbot.mesh_link.current_link import CurrentLink
from meshbot.mesh_link.messages import NodeRecord
from meshbot.mesh_link.packets import BROADCAST_NUM
from meshbot.persistence.housekeeping import UPKEEP_EVERY
from meshbot.runtime.incidents import unreported
from meshbot.sending.key_cures import KeyCures
from meshbot.sending.outgoing import OutgoingText, Priority, new_packet_id
from meshbot.sending.receipts import DeliveryStatus
from meshbot.sending.sender import MeshSender
from meshbot.sending.traceroute import Tracer
from meshbot.storage.schema import PACKETS
from meshbot.storage.traffic import By
from tests.support.fake_clock import FakeClock
from tests.support.packet_records import packet

ALICE, BOB, OWN = 0x20001EEF, 0x20001EF0, 0x9999
KEY = bytes(range(32))
DAY = 86400
LIFETIMES = {"answer_ttl": 11, "mail_ttl": 65, "bridge_ttl": 13, "alert_ttl": 14}


def settings(folder, **values):
    return Settings(data_dir=folder, node_names_file=folder / "none.json", tcp_host="127.0.0.1", **values)


@pytest.fixture
def clock():
    return FakeClock()


# -- the outbox


@pytest.mark.parametrize(("name", "lifetime"), LIFETIMES.items())
def test_each_kind_of_text_expires_after_its_own_setting(tmp_path, clock, name, lifetime):
    box = assembly.send_queue(settings(tmp_path, **LIFETIMES), clock, KeyCures())
    box.add(OutgoingText("a", ALICE, priority=Priority[name.removesuffix("_ttl").upper()]), 0.0)
    assert box.on_deadline(lifetime - 0.1) == []
    assert [outcome.status for outcome in box.on_deadline(lifetime)] == [DeliveryStatus.EXPIRED]


def test_the_channel_is_busy_above_the_setting(tmp_path, clock):
    box = assembly.send_queue(settings(tmp_path, channel_utilization_limit=40), clock, KeyCures())
    box.channel_load(40.0, 0.0)
    assert not box.hold.holding
    box.channel_load(40.1, 0.0)
    assert box.hold.holding


def test_packets_are_as_long_and_as_far_apart_as_the_settings_say(tmp_path, clock):
    box = assembly.send_queue(settings(tmp_path, send_interval=7, answer_max_bytes=50), clock, KeyCures())
    box.link_up(0.0)
    box.add(OutgoingText("x" * 60, BROADCAST_NUM), 0.0)
    first = box.take(0.0)
    assert len(first.text.encode()) == 50
    box.on_queue_status(first.packet_id, 0, 1.0)
    assert box.take(7.9) is None
    assert box.take(8.0) is not None


def test_the_defaults_are_those_of_the_specification():
    values = Settings()
    assert (values.send_interval, values.answer_max_bytes, values.channel_utilization_limit) == (2.2, 200, 25)
    assert (values.answer_ttl, values.mail_ttl) == (120, 30 * DAY)
    assert (values.rate_limit_commands, values.rate_limit_seconds) == (5, 300)
    assert values.packet_retention_days == 7


# -- the memory


def count_of(database, table):
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


@pytest.mark.parametrize("days", [2, 9])
def test_packets_are_kept_as_many_days_as_the_setting_says(tmp_path, clock, days):
    wanted = settings(tmp_path, packet_retention_days=days)
    database, nodes = assembly.open_storage(wanted, clock)
    memory = assembly.memory(wanted, database, nodes, clock, lambda: OWN)

    def record():
        memory.record(packet(BOB))
        assert memory.flush()
        return count_of(database, PACKETS)

    memory.record(packet(ALICE))
    assert memory.flush()
    clock.advance(days * DAY - 7200)
    assert record() == 2
    assert memory.hours_kept == days * 24
    # sums go with the end of their hour
    clock.advance(7200 + 3600)
    # ALICE's packet is gone, and BOB's second is there
    assert record() == 2
    assert memory.traffic(24 * 30, By.PORT).packets == 2
    database.close()


def test_mail_is_kept_as_long_as_the_setting_says(tmp_path, clock):
    wanted = settings(tmp_path, mail_ttl=2 * DAY)
    database, nodes = assembly.open_storage(wanted, clock)
    memory = assembly.memory(wanted, database, nodes, clock, lambda: OWN)
    memory.mailbox.send(ALICE, BOB, "bonjour")
    clock.advance(2 * DAY - 60)
    memory.flush()
    assert len(memory.mailbox.mails_of(BOB)) == 1
    clock.advance(3600)
    memory.flush()
    assert memory.mailbox.mails_of(BOB) == []
    database.close()


def test_the_bot_s_memory_and_outbox_are_made_from_the_settings(tmp_path, clock):
    bot = MeshBot(settings(tmp_path, packet_retention_days=3, mail_ttl=DAY), clock)
    bot.memory.mailbox.send(ALICE, BOB, "bonjour")
    assert bot.memory.hours_kept == 72
    clock.advance(DAY + 3600)
    bot.memory.flush()
    assert bot.memory.mailbox.mails_of(BOB) == []
    bot.stop()
    assert bot.run() == 0


# -- Telegram


def made_and_ended(wanted):
    bot = MeshBot(wanted)
    bot.stop()
    assert bot.run() == 0


def test_telegram_settings_without_a_token_are_logged(tmp_path, caplog):
    made_and_ended(settings(tmp_path, telegram_users=("5 admin",), telegram_bridges=("0 -100",)))
    assert "⚠️ Telegram reste éteint: telegram_users, telegram_bridges sans telegram_token" in caplog.messages


def test_without_telegram_settings_the_log_has_nothing_of_it(tmp_path, caplog):
    made_and_ended(settings(tmp_path))
    assert not [line for line in caplog.messages if "Telegram" in line]


# -- the housekeeping


class Interface:
    def __init__(self):
        self.nodes, self.nodesByNum, self.channels, self.own_num = {}, {}, (), OWN


def test_housekeeping_gives_missing_keys_back_to_the_interface(tmp_path, clock):
    wanted, link = settings(tmp_path), CurrentLink(clock)
    database, nodes = assembly.open_storage(wanted, clock)
    memory = assembly.memory(wanted, database, nodes, clock, link.own_num)
    sender = MeshSender(clock, assembly.send_queue(wanted, clock, KeyCures()), link.interface, save=print)
    tracer = Tracer(clock, sender.tell, new_packet_id)
    custody = key_custody(clock, nodes, link, sender=sender.tell, disk=print, database=database, report=unreported)
    parts = assembly.Parts(wanted, clock, database, nodes, memory, link, sender, tracer, custody, unreported)
    housekeeping = assembly.housekeeping(parts, None, str)
    housekeeping.on_start()
    nodes.learn_from_nodeinfo(NodeRecord(ALICE, "Alice", public_key=KEY))
    clock.advance(UPKEEP_EVERY)
    housekeeping.on_deadline()
    link.ready(Interface())
    clock.advance(UPKEEP_EVERY)
    assert link.interface().nodesByNum == {}
    housekeeping.on_deadline()
    assert link.interface().nodesByNum[ALICE]["user"]["publicKey"]
    housekeeping.on_stop()
    database.close()
