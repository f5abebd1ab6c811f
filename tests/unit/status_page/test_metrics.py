"""The metrics: what happens is counted once, what is so is told, and no stranger makes them grow."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from meshbot.commands.registry import Command, Platform, Request
from meshbot.mesh_link.actions import Generation, LinkDown, LinkReady
from meshbot.mesh_link.failures import LinkFailure
from meshbot.mesh_link.messages import RadioMetadata
from meshbot.runtime.incidents import LinkCause, LinkLost
from meshbot.sending.outgoing import OutgoingText, Priority
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus
from meshbot.status_page import Telegram
from meshbot.status_page.metrics import PORTS
from tests.support.packet_records import packet

# As the issue names them
FAMILIES = {
    "link state": ("link_up", "link_state"),
    "outages with duration histogram": ("link_outage_seconds",),
    "reconnections by cause": ("link_reconnections",),
    "probe round trip": ("probe_round_trip_seconds",),
    "packets by port": ("packets",),
    "air time used by class": ("air_time_used_seconds", "air_time_limit_seconds"),
    "commands and latency": ("command_seconds", "command_failures"),
    "outbox by priority and age": ("outbox_packets", "outbox_oldest_seconds"),
    "drops by reason": ("drops", "texts"),
    "keys by state": ("keys", "nodes"),
    "Telegram state": ("telegram_up", "telegram_waiting_messages"),
    "database latency and waiting rows": ("database_transaction_seconds", "database_waiting_rows", "database_up"),
    "beats by thread": ("thread_beats", "thread_silent_seconds"),
    "build info": ("build_info",),
}


def scrape(bench):
    """All samples, by name and labels."""
    found = {}
    for family in text_string_to_metric_families(bench.metrics.exposition().decode()):
        for sample in family.samples:
            found[sample.name, *sorted(sample.labels.values())] = sample.value
    return found


def lose(bench, cause, seconds):
    take, clock = bench.link.statistics.take, bench.clock
    now = clock.monotonic()
    take([LinkDown(LinkFailure(cause), first=True, was_ready=True, retry_in=1.0)], now, now)
    # the attempts fail for another reason than the loss
    again = LinkDown(LinkFailure(LinkCause.REFUSED), first=True, was_ready=False, retry_in=1.0)
    take([again], now, now)
    clock.advance(seconds)
    ready = LinkReady(Generation(2), reconnection=True, outage=seconds, attempts=2)
    take([ready], None, clock.monotonic())


@pytest.mark.parametrize("wanted", FAMILIES.values(), ids=FAMILIES)
def test_each_family_is_there_with_its_help(bench, wanted):
    bench.state["telegram"] = Telegram(is_reachable=True, waiting=0)
    bench.link.statistics.probe_answered(0.03)
    text = bench.metrics.exposition().decode()
    for name in wanted:
        assert re.search(rf"^# HELP meshbot_{name}(?:_total)? \S", text, re.MULTILINE), name
        assert re.search(rf"^# TYPE meshbot_{name}(?:_total)? \w+$", text, re.MULTILINE), name


def test_outages_are_counted_by_what_ended_the_link(bench):
    lose(bench, LinkCause.SILENCE, 45)
    lose(bench, LinkCause.CLOSED, 3)
    found = scrape(bench)
    assert found["meshbot_link_reconnections_total", "silence"] == 1
    assert found["meshbot_link_reconnections_total", "closed"] == 1
    assert found["meshbot_link_reconnections_total", "refused"] == 0
    assert found["meshbot_link_outage_seconds_sum",] == 48
    assert found["meshbot_link_outage_seconds_bucket", "5.0"] == 1


def test_a_restart_of_the_node_has_a_cause_of_its_own(bench):
    take = bench.link.statistics.take
    take([LinkReady(Generation(1), reconnection=False, outage=1.0, attempts=1)], None, 1.0)
    take([LinkReady(Generation(1), reconnection=True, outage=4.0, attempts=0)], None, 9.0)
    assert scrape(bench)["meshbot_link_reconnections_total", "node_restarted"] == 1


def test_strangers_ports_are_one_label(bench):
    for port in (*range(600), None):
        bench.metrics.packet(packet(7, portnum=port))
    found = {key[1]: value for key, value in scrape(bench).items() if key[0] == "meshbot_packets_total"}
    assert found.keys() == {"other", *PORTS.values()}
    assert sum(found.values()) == 601
    assert found["text"] == found["encrypted"] == 1


def test_a_command_is_timed_also_when_it_fails(bench):
    def run(_request):
        bench.clock.advance(2)
        raise ValueError

    word = Command("odd", "", lambda _request: "fine")
    (timed,) = bench.metrics.timed([Command("odd", "", run, words={"word": word})])
    request = Request("odd", "", 7, RadioMetadata(), None, (), platform=Platform.TELEGRAM)
    with pytest.raises(ValueError):
        timed.run(request)
    assert timed.words["word"].run(request) == "fine"
    found = scrape(bench)
    assert found["meshbot_command_failures_total", "odd"] == 1
    assert found["meshbot_command_seconds_sum", "odd", "telegram"] == 2
    assert found["meshbot_command_seconds_count", "odd", "telegram"] == 2


def test_texts_count_once_with_their_end(bench):
    text = OutgoingText("a", 7, priority=Priority.MAIL, want_ack=True)
    for status in (DeliveryStatus.QUEUED, DeliveryStatus.ACCEPTED, DeliveryStatus.EXPIRED):
        bench.metrics.report(DeliveryReport(text, status))
    found = {key: value for key, value in scrape(bench).items() if key[0] == "meshbot_texts_total"}
    assert found == {("meshbot_texts_total", "expired", "mail"): 1}


def test_what_waits_is_told_by_kind_with_its_age(bench):
    bench.queue.add(OutgoingText("a" * 300, 7, priority=Priority.BRIDGE), bench.clock.monotonic())
    bench.clock.advance(77)
    found = scrape(bench)
    assert found["meshbot_outbox_packets", "bridge"] == 2
    assert found["meshbot_outbox_oldest_seconds", "bridge"] == 77
    assert found["meshbot_outbox_oldest_seconds", "answer"] == 0


def test_air_is_told_by_whose_texts_used_it(bench):
    now = bench.clock.monotonic()
    bench.queue.link_up(now, 1, None)
    bench.queue.add(OutgoingText("a", 7, for_stranger=True), now)
    assert bench.queue.take(now)
    found = scrape(bench)
    used = found["meshbot_air_time_used_seconds", "strangers"]
    assert 0 < used == found["meshbot_air_time_used_seconds", "all"] < found["meshbot_air_time_limit_seconds", "all"]
    assert found["meshbot_air_time_used_seconds", "forwarded"] == 0
    bench.clock.advance(3700)
    assert scrape(bench)["meshbot_air_time_used_seconds", "all"] == 0


def test_drops_and_beats_are_told_by_thread(bench):
    found = scrape(bench)
    assert found["meshbot_drops_total", "bad_packet"] == 2
    assert found["meshbot_drops_total", "inbox_Mesh-Router"] == 4
    assert found["meshbot_thread_beats_total", "Mesh-Sender"] == 3


def test_the_link_is_in_one_state(bench):
    bench.state["link"] = "backoff"
    states = {key[1]: value for key, value in scrape(bench).items() if key[0] == "meshbot_link_state"}
    assert states.pop("backoff") == 1
    assert len(states) == 4
    assert not any(states.values())


def test_transactions_and_rows_that_wait_are_told(bench):
    bench.database.on_transaction = bench.metrics.transaction
    bench.hear(7, "Alice")
    assert scrape(bench)["meshbot_database_waiting_rows",] == 1
    bench.memory.flush()
    found = scrape(bench)
    assert found["meshbot_database_waiting_rows",] == 0
    assert found["meshbot_database_transaction_seconds_count",] == 2
    assert found["meshbot_database_up",] == 1


def test_incidents_are_counted_by_kind(bench):
    bench.metrics.incident(LinkLost("n", 1, 1))
    assert scrape(bench)["meshbot_incidents_total", "LinkLost"] == 1


def test_a_name_with_quotes_and_lines_breaks_no_format(bench):
    bench.state["beats"] = [('a"b\\c\nd', 1, 0.0)]
    assert scrape(bench)["meshbot_thread_beats_total", 'a"b\\c\nd'] == 1
