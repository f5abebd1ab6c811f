"""What polling tells the rest of the Telegram side, and what it remembers of updates."""

import asyncio

import pytest
from telegram.error import RetryAfter

from meshbot.telegram_bot.polling import HandledIds, UpdatePoller
from meshbot.telegram_bot.reachability import Reachability
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
        self.patience = []

    async def updates(self, _offset, seconds):
        self.patience.append(seconds)
        if not self._answers:
            raise asyncio.CancelledError
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class NotingDesk:
    """Notes what it is told; `breaks` at each update."""

    def __init__(self, *, breaks=False):
        self.told = []
        self._breaks = breaks

    def take(self, update):
        self.told.append(update.update_id)
        if self._breaks:
            raise RuntimeError("broken")

    def __getattr__(self, name):
        return lambda: self.told.append(name)


def poll(api, desk, handled=None, error=asyncio.CancelledError):
    poller = UpdatePoller(
        api,
        desk,
        Reachability(lambda: 0.0),
        FakeClock(),
        handled or HandledIds(),
        lambda _ids: None,
        lambda: desk.told.append("back"),
    )
    with pytest.raises(error):
        asyncio.run(poller.run())


def test_an_outage_of_the_poll_and_its_end_are_told_to_the_desk_and_to_the_queue():
    api, desk = ScriptedApi(RetryAfter(0), [UPDATE]), NotingDesk()
    poll(api, desk)
    assert desk.told == ["away", "reached", "back", 7, "drained"]
    assert (api.patience[0] > 0, api.patience[1]) == (True, 0)  # after a failure: how is it now?


def test_an_update_that_breaks_the_desk_is_not_met_again():
    handled = HandledIds()
    poll(ScriptedApi([UPDATE]), NotingDesk(breaks=True), handled, RuntimeError)
    desk = NotingDesk(breaks=True)
    poll(ScriptedApi([UPDATE]), desk, handled)
    assert desk.told == ["reached", "drained"]
