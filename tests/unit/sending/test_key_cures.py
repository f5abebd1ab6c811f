"""Direct messages that need a key which our node lacks: they wait for it, and nothing waits for them."""

import pytest
from meshtastic.protobuf import mesh_pb2

from meshbot.sending.key_cures import KeyCure
from meshbot.sending.receipts import DeliveryStatus
from meshbot.sending.retry_policy import KEY_CURE, LACKS_KEY
from tests.support.configured import LIFETIMES
from tests.support.send_queue import ASKER, EVERYBODY, INTERVAL, QueueDriver

OTHER = 0x5678
ERRORS = {error: mesh_pb2.Routing.Error.Value(error) for error in ("NO_CHANNEL", "PKI_FAILED", LACKS_KEY)}


@pytest.fixture
def driver():
    return QueueDriver().up()


@pytest.fixture
def lacking():
    """Return the nodes whose key the radio surely lacks."""
    return set()


@pytest.fixture
def old(driver, lacking):
    """A queue for a node that would send them with the channel's key."""
    driver.queue.cures.lacks = lacking.__contains__
    return driver


def cured(driver, num=ASKER, **details):
    return driver._note(driver.queue.on_key_cure(KeyCure(num, **{"cured": True} | details), driver.now))


@pytest.mark.parametrize("error", ERRORS)
def test_a_text_goes_again_under_a_new_id_with_the_key(driver, error):
    driver.add()
    first = driver.take()
    assert driver.status(first, ERRORS[error]) == [DeliveryStatus.POSTPONED]
    assert driver.queue.cures.take_wanted() == {ASKER: error == LACKS_KEY}
    assert driver.later(INTERVAL).take() is None
    cured(driver)
    second = driver.take()
    assert second.packet_id != first.packet_id
    assert second.text == first.text


@pytest.mark.parametrize("error", ["NO_CHANNEL"])
def test_the_recipients_own_complaint_does_the_same(driver, error):
    driver.add(want_ack=True)
    driver.routing(driver.send(), error, ASKER)
    assert driver.queue.cures.take_wanted() == {ASKER: False}
    cured(driver)
    again = driver.send()
    assert driver.routing(again, "NONE", ASKER) == [DeliveryStatus.ACKNOWLEDGED]


def test_other_texts_pass_meanwhile(driver):
    driver.add()
    driver.status(driver.take(), ERRORS[LACKS_KEY])
    driver.add("autre", to=OTHER)
    assert driver.later(INTERVAL).take().text == "autre"


def test_a_text_does_not_wait_for_ever_for_a_cure(driver):
    driver.add()
    driver.status(driver.take(), ERRORS[LACKS_KEY])
    before = driver.now
    assert driver.take_when_due().text == "bonjour"
    assert driver.now - before == KEY_CURE[0]


def test_a_text_waits_no_longer_than_its_lifetime(driver):
    driver.add()
    for _ in range(2):
        driver.status(driver.take_when_due(), ERRORS[LACKS_KEY])
    driver.run_until_quiet()
    assert driver.reports[-1].status is DeliveryStatus.EXPIRED
    assert driver.reports[-1].reason == LACKS_KEY
    assert driver.now - 100.0 <= min(LIFETIMES.values()) + 1


def test_mail_is_tried_three_more_times(driver):
    driver.mail()
    for _ in KEY_CURE:
        driver.status(driver.take_when_due(), ERRORS[LACKS_KEY])
    assert driver.status(driver.take_when_due(), ERRORS[LACKS_KEY]) == [DeliveryStatus.REFUSED]


def test_a_key_that_cannot_be_had_ends_the_text_with_the_reason(driver):
    driver.add()
    driver.status(driver.take(), ERRORS[LACKS_KEY])
    assert cured(driver, cured=False, final=True, reason="clé douteuse") == [DeliveryStatus.REFUSED]
    assert driver.reports[-1].detail == f"{LACKS_KEY}: clé douteuse"
    assert len(driver.queue.texts) == 0


def test_a_key_that_cannot_be_had_now_keeps_the_text(driver):
    driver.add()
    driver.status(driver.take(), ERRORS[LACKS_KEY])
    assert cured(driver, cured=False, reason="pas de lien") == []
    assert driver.take_when_due().text == "bonjour"


def test_a_key_that_comes_later_than_its_cure_sends_the_text(driver):
    driver.add()
    driver.status(driver.take(), ERRORS[LACKS_KEY])
    cured(driver, cured=False, reason="pas de lien")
    assert driver.later(INTERVAL).take() is None
    cured(driver)
    assert driver.take().text == "bonjour"


def test_a_text_that_has_gone_waits_for_no_key(driver):
    driver.mail()
    driver.status(driver.take(), ERRORS[LACKS_KEY])
    cured(driver, cured=False, reason="pas de lien")
    driver.take_when_due()
    driver.down()
    driver.later(INTERVAL).up()
    # whether the node has it is not known: first its evidence
    cured(driver)
    assert driver.later(INTERVAL).take() is None


def test_a_text_waits_for_tomorrows_lessons(driver):
    driver.mail("demain")
    driver.status(driver.take(), ERRORS[LACKS_KEY])
    began = driver.now
    cured(driver, cured=False, reason="limite du jour atteinte", wait=30_000.0)
    assert driver.take_when_due(40_000.0).text == "demain"
    assert driver.now - began == 30_000.0


def test_two_texts_for_one_node_want_its_key_once(driver):
    for text in ("un", "deux"):
        driver.add(text)
    driver.status(driver.take(), ERRORS[LACKS_KEY])
    driver.status(driver.later(INTERVAL).take(), ERRORS["NO_CHANNEL"])
    # our own node's word outweighs the recipient's
    assert driver.queue.cures.take_wanted() == {ASKER: True}


def test_a_cure_of_somebody_else_changes_nothing(driver):
    driver.add()
    driver.status(driver.take(), ERRORS[LACKS_KEY])
    cured(driver, OTHER)
    cured(driver, OTHER, cured=False, final=True)
    assert driver.later(INTERVAL).take() is None
    assert len(driver.queue.texts) == 1


def test_a_text_is_held_back_where_it_would_go_in_clear(old, lacking):
    lacking.add(ASKER)
    old.add()
    old.add("autre", to=OTHER)
    assert old.send().text == "autre"
    assert old.queue.cures.take_wanted() == {ASKER: True}
    lacking.clear()
    cured(old)
    assert old.take_when_due(within=INTERVAL).text == "bonjour"


def test_a_text_that_is_held_back_expires_unsent(old, lacking):
    lacking.add(ASKER)
    old.add()
    old.take()
    cured(old, cured=False, reason="ni le nœud ni la radio n'ont répondu")
    old.run_until_quiet()
    assert old.reports[-1].status is DeliveryStatus.EXPIRED
    assert old.reports[-1].reason == LACKS_KEY


def test_a_broadcast_is_never_held_back(old, lacking):
    lacking.add(EVERYBODY)
    old.add(to=EVERYBODY)
    assert old.take().text == "bonjour"


def test_a_late_acknowledgement_under_the_first_id_counts(driver):
    driver.add(want_ack=True)
    first = driver.send()
    driver.routing(first, "NO_CHANNEL", ASKER)
    assert driver.routing(first, "NONE", ASKER) == [DeliveryStatus.ACKNOWLEDGED]
