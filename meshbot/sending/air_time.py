"""How long a text is on air, and for how long in an hour its node may send, by the node's LoRa settings; pure.

The time is Semtech's formula (SX1261/2 data sheet, §6.1.4), with the firmware's parameters: link_facts §13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from meshbot.mesh_link import BROADCAST_NUM, LoraSettings, TextPacket

HEADER_BYTES: Final = 16  # of every packet
PKI_BYTES: Final = 12  # nonce and tag of a direct message
DATA_BYTES: Final = 6  # portnum, bitfield, tag and length of the payload
LONG_PAYLOAD: Final = 128  # bytes from which that length takes one more
REPLY_BYTES: Final = 5  # a reply_id
SIGNATURE_BYTES: Final = 66  # XEdDSA: tag, length, 64 bytes
ROUTE_BYTES: Final = 40  # payload of a traceroute when it has grown on its way
ROUTING_BYTES: Final = 2  # payload of a routing error
LARGEST_PACKET: Final = 255  # bytes

PREAMBLE: Final = 16  # symbols
WIDE_PREAMBLE: Final = 12  # symbols, at 2.4 GHz
SYNC: Final = 4.25  # symbols behind the preamble, and for the two smallest spreading factors
SYNC_SMALL: Final = 6.25
# Milliseconds a symbol: then the radio optimises for low data rates
LOW_RATE_FROM: Final = 16.0

WIDE_REGION: Final = 13  # LORA_24
# Its bandwidths: 812.5 for 250 kHz
WIDE_FACTOR: Final = 3.25
UNSCALED: Final = range(10, 16)  # presets that have no wide variant
DEFAULT_MODEM: Final = (250.0, 11, 5)  # LONG_FAST, which the firmware takes for any preset it does not know
# By Config.LoRaConfig.ModemPreset: kHz, spreading factor, denominator of the coding rate 4/n
PRESETS: Final[Mapping[int, tuple[float, int, int]]] = {
    0: DEFAULT_MODEM,
    1: (125.0, 12, 8),  # LONG_SLOW
    2: (62.5, 12, 8),  # VERY_LONG_SLOW, until 2.4
    3: (250.0, 10, 5),  # MEDIUM_SLOW
    4: (250.0, 9, 5),  # MEDIUM_FAST
    5: (250.0, 8, 5),  # SHORT_SLOW
    6: (250.0, 7, 5),  # SHORT_FAST
    7: (125.0, 11, 8),  # LONG_MODERATE
    8: (500.0, 7, 5),  # SHORT_TURBO
    9: (500.0, 11, 8),  # LONG_TURBO
    10: (125.0, 9, 5),  # LITE_FAST
    11: (125.0, 10, 5),  # LITE_SLOW
    12: (62.5, 7, 6),  # NARROW_FAST
    13: (62.5, 8, 6),  # NARROW_SLOW
    14: (15.6, 7, 5),  # TINY_FAST
    15: (15.6, 8, 6),  # TINY_SLOW
    16: (500.0, 9, 5),  # MEDIUM_TURBO
}
# Codes of custom bandwidths that are no whole kHz
BANDWIDTHS: Final[Mapping[int, float]] = {
    8: 7.8,
    10: 10.4,
    16: 15.6,
    21: 20.8,
    31: 31.25,
    42: 41.7,
    62: 62.5,
    200: 203.125,
    400: 406.25,
    800: 812.5,
    1600: 1625.0,
}
# By Config.LoRaConfig.RegionCode: percent of an hour; every other region may send all the time
DUTY_CYCLES: Final[Mapping[int, float]] = {
    2: 10,  # EU_433
    3: 10,  # EU_868
    12: 10,  # TH
    14: 10,  # UA_433
    15: 1,  # UA_868, of earlier firmware
    29: 2.5,  # EU_866; a router has 10
    32: 10,  # EU_N_868
}
MOBILE_REGION: Final = 29
FIXED_DUTY_CYCLE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Modem:
    """How the radio sends."""

    bandwidth: float  # kHz
    spreading_factor: int
    coding_rate: int  # 5 to 8, for 4/5 to 4/8
    preamble: int = PREAMBLE  # symbols

    def milliseconds(self, size: int) -> int:
        """Return how long a packet of `size` bytes, its header included, is on air; rounded up."""
        factor = self.spreading_factor
        symbol = (1 << factor) / self.bandwidth
        is_small = factor < 7  # noqa: PLR2004 - SF5 and SF6 are sent in another way
        bits = 8 * size + 16 - 4 * factor + (20 if is_small else 28)
        per_block = 4 * (factor - 2) if symbol >= LOW_RATE_FROM and not is_small else 4 * factor
        payload = 8 + max(0, ceil(bits / per_block)) * self.coding_rate
        return ceil((self.preamble + (SYNC_SMALL if is_small else SYNC) + payload) * symbol)


def modem_of(lora: LoraSettings) -> Modem:
    """Return the modem's parameters as the firmware derives them; impossible ones are replaced as it does."""
    is_wide = lora.region == WIDE_REGION
    preamble = WIDE_PREAMBLE if is_wide else PREAMBLE
    if lora.use_preset:
        bandwidth, factor, rate = PRESETS.get(lora.preset, DEFAULT_MODEM)
        if is_wide and lora.preset not in UNSCALED:
            bandwidth *= WIDE_FACTOR
        # a higher rate of the user's own counts
        rate = max(rate, lora.coding_rate if lora.coding_rate in range(5, 9) else 0)
        return Modem(bandwidth, factor, rate, preamble)
    bandwidth = BANDWIDTHS.get(lora.bandwidth, float(lora.bandwidth)) or DEFAULT_MODEM[0]
    factor = lora.spreading_factor if lora.spreading_factor in range(5, 13) else DEFAULT_MODEM[1]
    rate = lora.coding_rate if lora.coding_rate in range(5, 9) else DEFAULT_MODEM[2]
    return Modem(bandwidth, factor, rate, preamble)


def duty_cycle(lora: LoraSettings) -> float:
    """Return the percent of an hour that the node's region allows it to send."""
    if lora.region == MOBILE_REGION and lora.is_router:
        return FIXED_DUTY_CYCLE
    return DUTY_CYCLES.get(lora.region, 100.0)


def packet_bytes(packet: TextPacket, *, signs: bool = False) -> int:
    """Return a text's size on air; one for a node counts as encrypted with its key.

    A node that `signs` adds its signature to what it broadcasts, if that still fits (link_facts §12).
    """
    text = len(packet.text.encode())
    size = HEADER_BYTES + DATA_BYTES + text + (1 if text >= LONG_PAYLOAD else 0)
    size += REPLY_BYTES if packet.reply_id else 0
    if packet.to != BROADCAST_NUM:
        size += PKI_BYTES
    elif signs and size + SIGNATURE_BYTES <= LARGEST_PACKET:
        size += SIGNATURE_BYTES
    return min(LARGEST_PACKET, size)


def signed_text_bytes(*, is_reply: bool) -> int:
    """Return how many bytes a text for a channel may have so that its packet still gets signed."""
    room = LARGEST_PACKET - HEADER_BYTES - DATA_BYTES - SIGNATURE_BYTES - (REPLY_BYTES if is_reply else 0)
    # its length then takes one byte more
    return room - 1 if room >= LONG_PAYLOAD else room


def traceroute_bytes() -> int:
    """Return the size on air of a traceroute, which grows on its way."""
    return HEADER_BYTES + DATA_BYTES + ROUTE_BYTES


def key_question_bytes() -> int:
    """Return the size on air of a routing error that has a node introduce itself."""
    return HEADER_BYTES + DATA_BYTES + ROUTING_BYTES
