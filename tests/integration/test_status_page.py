"""The whole bot with its page: what happens on the mesh is counted, and nothing of it is there when it is off."""

import re
import socket
import subprocess
import sys
from http.client import HTTPConnection
from queue import SimpleQueue

import pytest

from meshbot.runtime import DatabaseFailed
from meshbot.storage.database import open_database
from tests.support.bot import RunningBot
from tests.support.fake_clock import FakeClock
from tests.support.process import ROOT

PATIENCE = 30.0  # real seconds: only a failure waits so long


@pytest.fixture
def node(new_node):
    with new_node(nodes=8) as virtual_node:
        yield virtual_node


@pytest.fixture
def port():
    """A port that nobody else has now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


@pytest.fixture
def running(node, tmp_path, clock, port):
    with RunningBot(node.port, tmp_path, clock, status_port=port, language="en") as bot:
        bot.wait_ready()
        bot.log.wait_for("Page d'état")
        yield bot


def get(running, path):
    connection = HTTPConnection("127.0.0.1", running.settings.status_port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def value(running, series):
    found = re.search(rf"^{re.escape(series)} (\S+)$", get(running, "/metrics")[1], re.MULTILINE)
    return float(found[1]) if found else None


def test_a_question_is_counted_from_the_packet_to_the_answer(running, node, clock):
    asker = node.users[0].num
    question = node.hear_text(asker, "/ping")
    node.wait_for(lambda sent: sent.reply_id == question, PATIENCE)
    clock.wait_for_rest()
    assert value(running, 'meshbot_packets_total{port="text"}') >= 1
    assert value(running, 'meshbot_command_seconds_count{command="ping",platform="mesh"}') == 1
    assert value(running, 'meshbot_air_time_used_seconds{class="all"}') > 0
    assert value(running, "meshbot_link_up") == 1
    assert value(running, 'meshbot_link_state{state="ready"}') == 1
    assert value(running, 'meshbot_keys{state="learnt"}') > 0
    assert value(running, "meshbot_database_transaction_seconds_count") > 0


def test_what_other_parts_know_is_told(running, node, clock):
    asker, other = node.users[0].num, node.users[1]
    question = node.hear_text(asker, f"/mail send {other.node_id} see you")
    node.wait_for(lambda sent: sent.reply_id == question, PATIENCE)
    clock.get(SimpleQueue(), clock.monotonic() + 60)
    clock.wait_for_rest()
    metrics = get(running, "/metrics")[1]
    assert re.search(r'^meshbot_texts_total\{priority="answer",status="[a-z]+"\} 1\.0', metrics, re.MULTILINE)
    assert value(running, 'meshbot_radio_keys{state="held"}') > 0
    assert "letters: 1; unread: 1, for 1 nodes" in get(running, "/?lang=en")[1]


def test_an_incident_is_counted_and_shown(running):
    running.bot.incidents.report(DatabaseFailed("the disk is gone"))
    assert value(running, 'meshbot_incidents_total{kind="DatabaseFailed"}') == 1
    shown = get(running, "/?lang=en")[1].partition('id="incidents"')[2].partition("</section>")[0]
    assert shown.count("<li>") == 1


def test_a_node_in_lockdown_is_told(new_node, tmp_path, clock, port):
    with (
        new_node(nodes=8, firmware_version="2.8.0") as node,
        RunningBot(node.port, tmp_path, clock, status_port=port, language="en") as bot,
    ):
        bot.wait_ready()
        bot.log.wait_for("Page d'état")
        assert value(bot, "meshbot_node_locked") == 0
        node.fault("lockdown")
        bot.bot._reconnect_tcp_interface()
        bot.log.wait_for("🔒 Notre nœud est verrouillé")
        clock.wait_for_rest()
        assert value(bot, "meshbot_node_locked") == 1
        assert "🔒 the node is in lockdown" in get(bot, "/?lang=en")[1]


def test_a_database_that_cannot_be_opened_is_told(node, tmp_path, clock, port):
    (tmp_path / "file").touch()
    with RunningBot(node.port, tmp_path / "file" / "data", clock, status_port=port) as bot:
        bot.wait_ready()
        bot.log.wait_for("Page d'état")
        bot.log.wait_for("impossible à créer")
        assert value(bot, "meshbot_database_up") == 0


def test_a_lost_link_is_counted_shown_and_kept(running, node, clock, tmp_path):
    clock.get(SimpleQueue(), clock.monotonic() + 120)
    running.bot._reconnect_tcp_interface()
    running.wait_ready(2)
    assert value(running, 'meshbot_link_reconnections_total{cause="requested"}') == 1
    assert value(running, "meshbot_link_outage_seconds_count") == 1
    status, page = get(running, "/?lang=en")
    assert status == 200
    assert "an operator asked for a new connection" in page
    running.bot.stop()
    running._thread.join(PATIENCE)
    database = open_database(tmp_path, FakeClock())
    with database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT is_up, cause FROM link_periods ORDER BY run, number").all()
    database.close()
    assert [bool(is_up) for is_up, _ in rows] == [True, False, True]
    assert rows[1][1] == "REQUESTED"


def test_health_is_the_bot_s_also_without_a_node(running, node):
    node.stop()
    running.log.wait_for("Lien TCP perdu")
    status, text = get(running, "/healthz")
    assert (status, '"status": "ok"' in text) == (200, True)
    assert value(running, "meshbot_link_up") == 0


def test_every_thread_that_is_watched_is_told(running):
    text = get(running, "/metrics")[1]
    threads = set(re.findall(r'^meshbot_thread_silent_seconds\{thread="([^"]+)"\}', text, re.MULTILINE))
    assert {"Mesh-Sender", "Mesh-Router", "Mesh-Dispatcher", "TCP-Watchdog", "Housekeeping", "TCP-Session"} <= threads
    inboxes = set(re.findall(r'^meshbot_drops_total\{reason="inbox_([^"]+)"\}', text, re.MULTILINE))
    assert {"Housekeeping", "Mesh-Router", "Mesh-Dispatcher", "Status-Page"} <= inboxes


def test_without_a_port_nothing_of_it_is_there(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock) as bot:
        bot.wait_ready()
        assert bot.bot._parts.status is None
        assert not bot.log.matching("Page d'état")
        names = [service.name for service in bot.bot.supervisor.services]
    assert "Status-Page" not in names


@pytest.mark.parametrize("library", ["jinja2", "prometheus_client", "waitress", "meshbot.status_page"])
def test_a_bot_without_the_page_does_not_load_its_libraries(library):
    program = (
        "import sys, config, main_bot, tempfile, pathlib\n"
        "folder = pathlib.Path(tempfile.mkdtemp())\n"
        "main_bot.MeshBot(config.Settings(data_dir=folder, node_names_file=folder / 'n.json'))\n"
        f"sys.exit({library!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_the_page_takes_no_more_than_eight_megabytes():
    program = (
        "import sys, re, gc, config, main_bot, tempfile, pathlib\n"
        "folder, port = pathlib.Path(tempfile.mkdtemp()), int(sys.argv[1])\n"
        "settings = config.Settings(data_dir=folder, node_names_file=folder / 'n.json', status_port=port)\n"
        "bot = main_bot.MeshBot(settings)\n"
        "for page in [each for each in bot.supervisor.services if each.name == 'Status-Page']:\n"
        "    for path in ('/', '/metrics', '/healthz') * 10:\n"
        "        environ = {'REQUEST_METHOD': 'GET', 'PATH_INFO': path, 'HTTP_HOST': 'localhost'}\n"
        "        assert page._application(environ, lambda status, headers: None)\n"
        "gc.collect()\n"
        "print(re.search(r'VmRSS:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])"
    )

    def resident(port):
        run = [sys.executable, "-c", program, str(port)]
        return int(subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True).stdout) / 1000

    assert resident(18099) - resident(0) <= 8
