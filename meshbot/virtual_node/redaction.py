"""What a client that has not given the passphrase gets of a configuration, from firmware 2.8 on."""

from __future__ import annotations

from typing import Final

from meshtastic.protobuf import config_pb2, mesh_pb2, module_config_pb2

LORA_FIELDS: Final = ("use_preset", "modem_preset", "region", "channel_num", "hop_limit")


def redacted(message: mesh_pb2.FromRadio) -> mesh_pb2.FromRadio:
    """Return what is left of a configuration's message; nodes and files are left out by who sends it."""
    kind = message.WhichOneof("payload_variant")
    if kind == "my_info":
        for field in ("device_id", "pio_env", "min_app_version"):
            message.my_info.ClearField(field)
    elif kind in {"metadata", "channel"}:
        getattr(message, kind).Clear()
    elif kind == "config":
        message.config.CopyFrom(_redacted_config(message.config))
    elif kind == "moduleConfig" and message.moduleConfig.WhichOneof("payload_variant") == "mqtt":
        message.moduleConfig.CopyFrom(module_config_pb2.ModuleConfig(mqtt={}))
    return message


def _redacted_config(config: config_pb2.Config) -> config_pb2.Config:
    match config.WhichOneof("payload_variant"):
        case "network":
            return config_pb2.Config(network={})
        case "security":
            return config_pb2.Config(security={})
        case "lora":
            return config_pb2.Config(lora={field: getattr(config.lora, field) for field in LORA_FIELDS})
    return config
