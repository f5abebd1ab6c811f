"""Names that the system cannot resolve in time, with a resolver of the test's on the PATH; and what remains of them."""

import os
import re
import threading

import pytest

from meshbot.mesh_link.connecting import Connecting, KnownAddress
from meshbot.virtual_node.server import VirtualNode
from tests.support.bot import RunningBot
from tests.support.configured import make_target
from tests.support.resolver import FINDS, HANGS, UNKNOWN, Resolver
from tests.support.waiting import PATIENCE


@pytest.fixture
def resolver(tmp_path, monkeypatch):
    one = Resolver(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return one


def bot_for(port, tmp_path, clock, **changes):
    return RunningBot(port, tmp_path, clock, **{"tcp_host": "node.test", "tcp_connect_timeout": 0.4} | changes)


def test_lookups_that_hang_are_tried_for_ever_and_leave_nothing_behind(tmp_path, clock, resolver):
    resolver.says(HANGS)
    with bot_for(9, tmp_path, clock) as bot:
        bot.log.wait_for("Connexion TCP à", 8)
        assert len(resolver.running()) <= 1
        assert len([one for one in threading.enumerate() if one.name.startswith("TCP-Session")]) <= 1
        assert not bot.log.matching("sessions bloquées|abandonnée")
    assert resolver.running() == []


def test_a_name_that_resolves_again_is_found(tmp_path, clock, new_node, resolver):
    resolver.says(HANGS)
    with new_node(nodes=3) as node, bot_for(node.port, tmp_path, clock) as bot:
        bot.log.wait_for("Connexion TCP à", 5)
        resolver.says(FINDS)
        bot.wait_ready()


@pytest.mark.parametrize("trouble", [HANGS, UNKNOWN])
def test_a_name_that_is_lost_later_leaves_the_last_address_that_worked(tmp_path, monkeypatch, resolver, trouble):
    monkeypatch.setattr("meshbot.mesh_link.connecting.KNOWN_LOOKUP_TIMEOUT", 0.2)
    resolver.says(FINDS)
    with VirtualNode(nodes=3) as node, bot_for(node.port, tmp_path, None, tcp_connect_timeout=30) as bot:
        bot.wait_ready()
        resolver.says(trouble)
        for times in (2, 3):
            node.fault("drop")
            bot.wait_ready(times)
        assert len(bot.log.matching("⚠️ nom d'hôte .*; essai avec la dernière adresse connue, 127.0.0.1")) == 1


def test_a_lookup_that_hangs_has_its_share_of_the_time(resolver):
    resolver.says(HANGS)
    with pytest.raises(OSError, match=r"nom d'hôte sans réponse en 0\.2 s: node\.test"):
        attempt(connect_timeout=0.4).run()
    assert resolver.running() == []


def test_a_bot_whose_lookup_hangs_stops_at_once(tmp_path, clock, resolver):
    resolver.says(HANGS)
    with bot_for(9, tmp_path, clock, tcp_connect_timeout=300) as bot:
        bot.log.wait_for("Connexion TCP à")
    assert bot.exit_code == 0
    assert resolver.running() == []


def attempt(known=None, **target):
    return Connecting(
        make_target(target.pop("host", "node.test"), target.pop("port", 9), **target), known or KnownAddress()
    )


@pytest.mark.parametrize("address", [None, "127.0.0.1"])
def test_a_lookup_can_be_cut_from_another_thread(resolver, caplog, address):
    resolver.says(HANGS)
    known, errors = KnownAddress(), []
    known.address = address
    one = attempt(known, connect_timeout=600.0)

    def run():
        try:
            one.run()
        except OSError as exc:
            errors.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    while not resolver.runs():
        thread.join(0.01)
    one.cut()
    thread.join(PATIENCE)
    assert [type(error) for error in errors] == [ConnectionAbortedError]
    assert resolver.running() == []
    # that the attempt was ended says nothing about the name
    assert caplog.messages == []


def test_the_last_address_that_worked_is_tried_first(new_node, resolver):
    resolver.says("echo '127.0.0.2 STREAM node'; echo '127.0.0.2 DGRAM'; echo '127.0.0.1 STREAM'")
    known = KnownAddress()
    with new_node(nodes=3) as node:
        attempt(known, port=node.port).run().close()
        assert known.address == "127.0.0.1"
        sock = attempt(known, port=node.port).run()
        assert sock.getpeername()[0] == "127.0.0.1"
        sock.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_needs_no_lookup(resolver, host):
    resolver.says(HANGS)
    with pytest.raises(OSError, match=r"refused|unreachable|assign"):
        attempt(host=host, port=1).run()
    assert resolver.runs() == []


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".test", "-s.test"])
def test_a_name_that_cannot_be_is_refused_without_a_lookup(resolver, host):
    resolver.says(FINDS)
    with pytest.raises(OSError, match=re.escape(f"nom d'hôte impossible: {host}")):
        attempt(host=host).run()
    assert resolver.runs() == []


def test_a_name_beyond_ascii_is_looked_up_as_dns_has_it(resolver):
    resolver.says(UNKNOWN)
    with pytest.raises(OSError, match=r"nom d'hôte inconnu: xn--nud-fya\.test"):
        attempt(host="nœud.test").run()


@pytest.mark.parametrize("output", ["", "echo rubbish", "echo; echo ' '; echo STREAM", "echo '127.0.0.1 DGRAM'"])
def test_an_answer_without_an_address_is_an_unknown_name(resolver, output):
    resolver.says(output or "true")
    with pytest.raises(OSError, match="nom d'hôte inconnu"):
        attempt().run()


@pytest.mark.parametrize(("host", "hints"), [("node.local", 1), ("node.test", 0)])
def test_an_unknown_mdns_name_comes_with_what_looks_it_up(tmp_path, clock, resolver, host, hints):
    resolver.says(UNKNOWN)
    with bot_for(9, tmp_path, clock, tcp_host=host) as bot:
        bot.log.wait_for("Connexion TCP à", 3)
        assert len(bot.log.matching("node.local est un nom mDNS.*libnss-mdns")) == hints
