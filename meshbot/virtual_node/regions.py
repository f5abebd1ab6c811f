"""Regions of the radio: what they allow."""

from __future__ import annotations

from typing import Final

from meshtastic.protobuf import config_pb2

from meshbot.virtual_node.fields_2_8 import REGION_PRESETS, bytes_field, number_field, varint

Region = config_pb2.Config.LoRaConfig.RegionCode
# Percent of an hour; those that are not here have no limit
DUTY_CYCLES: Final = {Region.EU_433: 10.0, Region.EU_868: 10.0, Region.TH: 10.0, Region.UA_433: 10.0}
# Presets by their numbers, those of 2.8 among them: LITE 10 and 11, NARROW 12 and 13
STANDARD_PRESETS: Final = (0, 1, 3, 4, 5, 6, 7, 8, 9)
EUROPEAN_PRESETS: Final = (0, 1, 3, 4, 5, 6, 7, 10, 11, 12, 13)
STANDARD, EUROPEAN = range(2)  # groups of regions with the same presets


def region_presets() -> bytes:
    """Return the fields of the FromRadio in which 2.8 tells the presets of each region (LoRaRegionPresetMap)."""
    groups = b"".join(
        bytes_field(1, bytes_field(1, b"".join(map(varint, presets))))
        for presets in (STANDARD_PRESETS, EUROPEAN_PRESETS)
    )
    regions = b"".join(
        bytes_field(2, number_field(1, region) + number_field(2, EUROPEAN if region == Region.EU_868 else STANDARD))
        for region in Region.values()
        if region not in {Region.UNSET, Region.UA_868, Region.LORA_24}
    )
    return bytes_field(REGION_PRESETS, groups + regions)
