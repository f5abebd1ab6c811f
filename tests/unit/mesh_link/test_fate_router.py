"""Each fate goes to where its text came from."""

import pytest

from mesh_link.fate_router import FateRouter
from mesh_link.outgoing import Fate, Outcome, OutgoingText


@pytest.mark.parametrize(
    ("origin", "told"), [("mail:7:1", ["mail"]), ("telegram:1:0:2", ["telegram"]), ("x:1", []), ("mailbox:1", [])]
)
def test_a_fate_goes_to_the_listener_of_its_origin_s_word(origin, told):
    heard = []
    router = FateRouter()
    router.route("mail", lambda _: heard.append("mail"))
    router.route("telegram", lambda _: heard.append("telegram"))
    router.fate(Outcome(OutgoingText("", 1, origin=origin), Fate.ACCEPTED))
    assert heard == told
