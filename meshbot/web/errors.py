"""What can go wrong with a request to another server; pure."""

from __future__ import annotations

from enum import Enum

from meshbot.runtime import MeshBotError


class Fault(Enum):
    """The kind of error, which decides the user's answer; the value is for the log."""

    UNREACHABLE = "injoignable"
    TIMEOUT = "sans réponse à temps"
    BUSY = "débordé ou en panne"
    REFUSED = "refus"
    INVALID = "réponse inexploitable"


class WebError(MeshBotError):
    """A request without a usable answer. Its text is for the operator and holds no address, header or secret."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{fault.value} ({detail})")
        self.fault = fault
