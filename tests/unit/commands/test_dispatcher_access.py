"""The dispatcher asks who asks: refusals, limits, and orders behind their answers."""

import pytest

from meshbot.commands.access import Access
from meshbot.commands.rate_limit import RateLimiter
from meshbot.mesh_link.packets import BROADCAST_NUM
from tests.support.configured import make_roles, replay_guards
from tests.support.dispatching import ASKER, OWN, PATIENCE
from tests.support.nodes import key

PROOF = {"pki_encrypted": True, "public_key": key(1)}


class Nodes:
    is_loaded = True

    def public_key(self, num):
        return key(1)

    def is_named(self, num):
        return True

    def is_newcomer(self, num):
        return False

    def numbers(self, num):
        return (num,)

    def candidate(self, num):
        return None

    def is_vouched(self, _num):
        return True

    def has_pending_key(self, _num):
        return False


@pytest.fixture
def access():
    """Two commands in five minutes, and ASKER for an admin."""
    return Access(make_roles(admins=frozenset({ASKER})), Nodes(), RateLimiter(2, 300.0), *replay_guards())


def test_a_command_sees_what_its_asker_may_use_here(bench):
    bench.ask("/may", **PROOF)
    assert "order" in bench.sent.next_text().text.split()
    bench.ask("/may", to=BROADCAST_NUM, channel=2)
    assert "order" not in bench.sent.next_text().text.split()


def test_an_admin_command_with_proof_runs_behind_its_answer_and_is_logged(bench, caplog):
    bench.ask("/order", packet_id=77, **PROOF)
    assert bench.sent.next_text().text == "so be it"
    order = bench.sent.actions.get(timeout=PATIENCE)
    assert (order.to, order.reply_id, order.until) == (ASKER, 77, bench.clock.monotonic() + 10.0)
    assert bench.done == []
    order.action()
    assert bench.done == ["ordered"]
    assert "🛠️ /order demandée par l'administrateur 0x00001234" in caplog.messages


def test_an_admin_command_under_a_forged_number_is_refused_with_a_warning(bench, caplog):
    bench.ask("/order", pki_encrypted=False)
    assert bench.sent.next_text().text == "🔒 /order needs a message encrypted with your public key."
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert warning.getMessage().startswith("⛔ /order de 0x00001234 refusée: message non chiffré")
    assert bench.sent.actions.empty()


def test_an_admin_command_on_a_channel_is_refused_silently(bench, caplog):
    bench.ask("/order", to=BROADCAST_NUM, channel=2)
    bench.settle()
    assert bench.sent.texts.empty()
    assert any("hors message direct" in line for line in caplog.messages)


def test_too_many_commands_are_refused_once_and_then_ignored(bench):
    for _ in range(5):
        bench.ask("/echo x", sender=7)
    texts = [bench.sent.next_text().text for _ in range(3)]
    bench.settle()
    assert sorted(texts) == ["x", "x", "🚦 That is a lot of commands: please pause for a few minutes."]
    assert bench.sent.texts.empty()
    bench.clock.advance(300)
    bench.ask("/echo again", sender=7)
    assert bench.sent.next_text().text == "again"


def test_the_rate_limit_on_a_channel_is_answered_to_the_user_alone(bench):
    for _ in range(3):
        bench.ask("/echo x", to=BROADCAST_NUM, channel=2, sender=7)
    answers = {bench.sent.next_text() for _ in range(3)}
    assert {(answer.to, answer.text[0]) for answer in answers} == {(BROADCAST_NUM, "x"), (7, "🚦")}


def test_repeated_packets_our_own_and_other_bots_commands_do_not_count(bench):
    for number in range(4):
        bench.ask("/echo x", packet_id=5, is_repeat=number > 0, sender=7)
        bench.ask("/echo x", sender=OWN)
        bench.ask("/weather", to=BROADCAST_NUM, channel=2, sender=7)
        bench.ask("bonjour", to=BROADCAST_NUM, sender=7)
    bench.ask("/echo second", sender=7)
    assert {bench.sent.next_text().text for _ in range(2)} == {"x", "second"}


def test_without_air_an_admin_s_order_is_carried_out_all_the_same(bench):
    bench.answers_go_in.update({False: 3600.0, True: 3600.0})
    bench.ask("/echo dropped", sender=7)
    bench.ask("/order", **PROOF)
    assert bench.sent.next_text().text == "so be it"
    bench.settle()
    assert bench.sent.texts.empty()
