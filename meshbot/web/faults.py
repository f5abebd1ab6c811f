"""What can go wrong with another computer; pure."""

from __future__ import annotations

from enum import Enum

from meshbot.runtime import MeshBotError


class Fault(Enum):
    """What went wrong, as far as a user can be told; the value is for the log."""

    UNREACHABLE = "injoignable"
    SILENT = "sans réponse à temps"
    BUSY = "débordé ou en panne"
    REFUSED = "refus"
    ODD = "réponse inexploitable"


class WebError(MeshBotError):
    """A question without a usable answer. Its text is for the operator and holds no address, header or secret."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{fault.value} ({detail})")
        self.fault = fault
