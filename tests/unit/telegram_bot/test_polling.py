"""What the poller reports to the handler, and the updates that it remembers."""

import asyncio

import pytest
from telegram.error import RetryAfter

from meshbot.telegram_bot.failures import Reachability
from meshbot.telegram_bot.polling import HandledIds, UpdatePoller
from tests.support.fake_clock import FakeClock

UPDATE = {
    "update_id": 7,
    "message": {
        "message_id": 1,
        "date": 1,
        "chat": {"id": 5, "type": "private", "first_name": "A"},
        "from": {"id": 5, "is_bot": False, "first_name": "A"},
        "text": "/ping",
    },
}


class ScriptedApi:
    """Answers polls in turn; the poll after the last is cancelled."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.timeouts = []

    async def get_updates(self, _offset, seconds, _limit):
        self.timeouts.append(seconds)
        if not self._answers:
            raise asyncio.CancelledError
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class CallLog:
    """A handler that notes its calls; `breaks` at each update."""

    def __init__(self, *, breaks=False):
        self.calls = []
        self._breaks = breaks

    def on_update(self, update):
        self.calls.append(update.update_id)
        if self._breaks:
            raise RuntimeError("broken")

    def __getattr__(self, name):
        return lambda: self.calls.append(name)


def poll(api, handler, handled=None, error=asyncio.CancelledError):
    poller = UpdatePoller(
        api,
        handler,
        Reachability(lambda: 0.0),
        FakeClock(),
        handled or HandledIds(),
        lambda _ids: None,
        lambda: handler.calls.append("on_recovered"),
    )
    with pytest.raises(error):
        asyncio.run(poller.run())


def test_an_outage_of_the_poll_and_its_end_are_reported():
    api, handler = ScriptedApi(RetryAfter(0), [UPDATE]), CallLog()
    poll(api, handler)
    assert handler.calls == ["on_unreachable", "on_reachable", "on_recovered", 7, "on_caught_up"]
    assert (api.timeouts[0] > 0, api.timeouts[1]) == (True, 0)


def test_an_update_that_crashes_the_handler_is_not_handled_again():
    handled = HandledIds()
    poll(ScriptedApi([UPDATE]), CallLog(breaks=True), handled, RuntimeError)
    handler = CallLog(breaks=True)
    poll(ScriptedApi([UPDATE]), handler, handled)
    assert handler.calls == ["on_reachable", "on_caught_up"]
