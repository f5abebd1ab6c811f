"""The dispatcher asks who asks: refusals, limits, and orders behind their answers."""

import pytest

from meshbot.commands.access import Access
from meshbot.commands.rate_limit import RateLimiter
from meshbot.mesh_link.packets import BROADCAST_NUM
from meshbot.persistence.replay_guard import ReplayGuard
from tests.support.configured import make_roles
from tests.support.dispatching import ASKER, OWN, PATIENCE
from tests.support.nodes import key, text_of

PROOF = {"pkiEncrypted": True, "publicKey": text_of(key(1))}


class Nodes:
    def public_key(self, num):
        return key(1)

    def is_named(self, num):
        return True


@pytest.fixture
def access():
    """Two commands in five minutes, and ASKER for an admin."""
    return Access(make_roles(admins=frozenset({ASKER})), Nodes(), RateLimiter(2, 300.0), ReplayGuard(None))


def test_a_command_sees_what_its_asker_may_use_here(bench):
    bench.ask("/may", **PROOF)
    assert "order" in bench.sinks.next_text().text.split()
    bench.ask("/may", to=BROADCAST_NUM, channel=2)
    assert "order" not in bench.sinks.next_text().text.split()


def test_an_order_with_proof_is_carried_out_behind_its_answer_and_noted(bench, caplog):
    bench.ask("/order", id=77, **PROOF)
    assert bench.sinks.next_text().text == "so be it"
    order = bench.sinks.orders.get(timeout=PATIENCE)
    assert (order.to, order.reply_id, order.until) == (ASKER, 77, bench.clock.monotonic() + 10.0)
    assert bench.done == []
    order.action()
    assert bench.done == ["ordered"]
    assert "🛠️ /order demandée par l'administrateur 0x00001234" in caplog.messages


def test_an_order_under_a_forged_number_is_refused_and_warned_of(bench, caplog):
    bench.ask("/order", pkiEncrypted=False)
    assert bench.sinks.next_text().text == "🔒 /order needs a message encrypted with your public key."
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert warning.getMessage().startswith("⛔ /order de 0x00001234 refusée: message non chiffré")
    assert bench.sinks.orders.empty()


def test_an_order_on_a_channel_is_refused_without_a_word(bench, caplog):
    bench.ask("/order", to=BROADCAST_NUM, channel=2)
    bench.settle()
    assert bench.sinks.sent.empty()
    assert any("hors message direct" in line for line in caplog.messages)


def test_too_many_commands_are_refused_once_and_then_ignored(bench):
    for _ in range(5):
        bench.ask("/echo x", **{"from": 7})
    texts = [bench.sinks.next_text().text for _ in range(3)]
    bench.settle()
    assert sorted(texts) == ["x", "x", "🚦 That is a lot of commands: please pause for a few minutes."]
    assert bench.sinks.sent.empty()
    bench.clock.advance(300)
    bench.ask("/echo again", **{"from": 7})
    assert bench.sinks.next_text().text == "again"


def test_the_refusal_of_too_many_on_a_channel_goes_to_the_asker_alone(bench):
    for _ in range(3):
        bench.ask("/echo x", to=BROADCAST_NUM, channel=2, **{"from": 7})
    answers = {bench.sinks.next_text() for _ in range(3)}
    assert {(answer.to, answer.text[0]) for answer in answers} == {(BROADCAST_NUM, "x"), (7, "🚦")}


def test_repeated_packets_our_own_and_other_bots_commands_do_not_count(bench):
    for _ in range(4):
        bench.ask("/echo x", id=5, **{"from": 7})
        bench.ask("/echo x", **{"from": OWN})
        bench.ask("/weather", to=BROADCAST_NUM, channel=2, **{"from": 7})
        bench.ask("bonjour", **{"from": 7})
    bench.ask("/echo second", **{"from": 7})
    assert {bench.sinks.next_text().text for _ in range(2)} == {"x", "second"}
