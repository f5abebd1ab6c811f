"""Every setting: its default, unit and bounds; where its value came from; all that is wrong, at once.

A setting is a constant here (`TCP_PORT`, its default), a field of `Settings` (`settings.tcp_port`), a name in the
TOML file (`tcp_port`) and an environment variable (`MESHBOT_TCP_PORT`), which goes before the file.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin
from urllib.parse import unquote

from annotated_types import Ge, Le
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

EXIT_CONFIG: Final = 78  # sysexits.h EX_CONFIG; meshbot.service does not restart on it
ENV_PREFIX: Final = "MESHBOT_"
DEFAULT_FILES: Final = (Path("meshbot.toml"), Path("/etc/meshbot/meshbot.toml"))
MASK: Final = "***"

Language = Literal["fr", "en"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

# Defaults. Durations are in seconds; what each setting means stands at its field below.
LANGUAGE: Language = "fr"
TCP_HOST = "meshtastic.local"  # the name a node announces by mDNS
TCP_PORT = 4403  # the firmware's own
TCP_CONNECT_TIMEOUT = 10  # name resolution included
TCP_CONFIG_SILENCE = 20  # an ESP32 can stall about 10 s in one write
TCP_CONFIG_TIMEOUT = 60  # for the whole configuration
TCP_PUBKEY_SYNC_DELAY = 15  # after READY; 10 fast ESP32, 15 standard, 20 loaded, 30 very slow
TCP_PROBE_AFTER = 15  # without a byte from the node
TCP_PROBE_TIMEOUT = 15  # an ESP32 can stall about 10 s, so less would accuse a living node
TCP_PROBE_MISSES = 2  # heartbeats; one answer can go astray to another client
TCP_SILENT_TIMEOUT = 120  # without a byte, on a node that does not answer heartbeats (before 2.7.6)
TCP_USER_TIMEOUT = 30  # unacknowledged by the node's kernel; 0 leaves the system's (about 15 min)
TCP_SEND_TIMEOUT = 10
TCP_CLOSE_TIMEOUT = 5
TCP_INTERFACE_CLEANUP_DELAY = 1  # before a new interface; 15 gives a node the slow timeline
TCP_STABLE_AFTER = 60  # READY for so long, a lost link is no trouble of the node's
TCP_ALERT_AFTER = 60  # of outage; a reboot takes a node 10 to 20 s
DATA_DIR = Path("data")  # under systemd: its STATE_DIRECTORY, /var/lib/meshbot
DATABASE_URL = SecretStr("")  # none: the file meshbot.db in data_dir
PACKET_RETENTION_DAYS = 7
NODE_NAMES_FILE = Path("node_names.json")
ANSWER_ON_CHANNELS: tuple[int, ...] = ()  # none: direct messages only
ANSWER_MAX_BYTES = 200  # of UTF-8 a packet; a PKI message with reply_id holds 215
SEND_INTERVAL = 2.2  # the firmware drops a text that follows another within 2 s, in silence
ANSWER_TTL = 120
MAIL_TTL = 30 * 86400
BRIDGE_TTL = 600  # a conversation has gone on by then
ALERT_TTL = 3600
CHANNEL_UTILIZATION_LIMIT = 25  # percent; the firmware's own limit for what can wait
COMMAND_MAX_AGE = 300
COMMAND_TIMEOUT = 30
COMMAND_WORKERS = 2  # threads
LOG_LEVEL: LogLevel = "INFO"


@dataclass(frozen=True)
class Kind:
    """What a setting's type is called in messages (French) and in the example (English)."""

    fr: str
    en: str


def _whole(value: float) -> float:
    """Give 15 for 15.0, so that a log line says `15s`."""
    return int(value) if value.is_integer() else value


def _items(value: object) -> object:
    """Split a variable's text, JSON or comma separated, into a list."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)  # a JSONDecodeError is a ValueError, so it is reported like any other
    return [item.strip() for item in value.split(",") if item.strip()]


def _location(value: object) -> object:
    """Refuse an empty path, which would mean the current directory, and `~`, which nobody would expand."""
    if isinstance(value, str) and (not value.strip() or value.startswith("~") or not value.isprintable()):
        raise ValueError
    return value


def _database_url(value: SecretStr) -> SecretStr:
    """Refuse what the database could not be reached by; whether it can is seen when it is opened."""
    if value.get_secret_value() and not re.fullmatch(r"postgresql(\+psycopg)?://\S*[^\s/]", value.get_secret_value()):
        raise ValueError
    return value


# No colon at all, or two and more as in IPv6: "192.168.1.5:4403" is a common slip
Host = Annotated[
    str,
    Field(pattern=r"^([^\s/:]+|[^\s/:]*:[^\s/:]*:[^\s/]*)$"),
    Kind("un nom d'hôte ou une adresse IP, sans port", "a host name or an IP address, without port"),
]
Seconds = Annotated[float, AfterValidator(_whole), Kind("un nombre de secondes", "seconds")]
Percent = Annotated[float, AfterValidator(_whole), Kind("un pourcentage", "percent")]
Count = Annotated[int, Kind("un nombre entier", "a whole number")]
Bytes = Annotated[int, Kind("un nombre d'octets", "bytes")]
Location = Annotated[Path, BeforeValidator(_location), Kind("un chemin, sans ~", "a path, without ~")]
Channels = Annotated[
    tuple[Annotated[int, Field(ge=0, le=7)], ...],
    BeforeValidator(_items),
    Kind("une liste d'entiers de 0 à 7, comme [0, 2]", "a list of whole numbers from 0 to 7, such as [0, 2]"),
]

DatabaseUrl = Annotated[
    SecretStr,
    AfterValidator(_database_url),
    Kind(
        "vide, ou postgresql://nom:mot_de_passe@serveur/base",
        "empty, or postgresql://name:password@host/database",
    ),
]

ORDER: Final = "meshbot_order"  # our own type among pydantic's errors
NOT_BELOW: Final = {"tcp_config_timeout": "tcp_config_silence", "answer_ttl": "send_interval"}


class Settings(BaseSettings):
    """The settings in force. Made directly it takes its arguments and defaults alone; `load` asks the sources."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    language: Language = Field(LANGUAGE)
    """Language of the answers to people."""
    tcp_host: Host = Field(TCP_HOST)
    """The node's name or address; the default is its mDNS name."""
    tcp_port: Count = Field(TCP_PORT, ge=1, le=65535)
    """The node's TCP port."""
    tcp_connect_timeout: Seconds = Field(TCP_CONNECT_TIMEOUT, ge=0.1, le=300)
    """Longest wait for a connection, name resolution included."""
    tcp_config_silence: Seconds = Field(TCP_CONFIG_SILENCE, ge=0.1, le=300)
    """Longest silence while the node delivers its configuration; at most tcp_config_timeout."""
    tcp_config_timeout: Seconds = Field(TCP_CONFIG_TIMEOUT, ge=0.1, le=600)
    """Longest wait for the node's whole configuration."""
    tcp_pubkey_sync_delay: Seconds = Field(TCP_PUBKEY_SYNC_DELAY, ge=0, le=600)
    """From READY to the synchronisation of public keys: 10 for a fast ESP32, 20 loaded, 30 very slow."""
    tcp_probe_after: Seconds = Field(TCP_PROBE_AFTER, ge=0, le=3600)
    """Silence after which a heartbeat asks whether the node lives; 0: never, tcp_silent_timeout alone decides."""
    tcp_probe_timeout: Seconds = Field(TCP_PROBE_TIMEOUT, ge=0.1, le=300)
    """Wait for the answer to each heartbeat."""
    tcp_probe_misses: Count = Field(TCP_PROBE_MISSES, ge=1, le=20)
    """Heartbeats without answer after which the link is dead."""
    tcp_silent_timeout: Seconds = Field(TCP_SILENT_TIMEOUT, ge=0.1, le=86400)
    """Silence after which the link is dead, on a node that cannot answer heartbeats (before 2.7.6)."""
    tcp_user_timeout: Seconds = Field(TCP_USER_TIMEOUT, ge=0, le=3600)
    """How long sent bytes may stay unacknowledged (TCP_USER_TIMEOUT); 0 leaves the system's limit."""
    tcp_send_timeout: Seconds = Field(TCP_SEND_TIMEOUT, ge=0.1, le=300)
    """Longest time for one send."""
    tcp_close_timeout: Seconds = Field(TCP_CLOSE_TIMEOUT, ge=0.1, le=60)
    """Longest time for closing; beyond, the session is abandoned."""
    tcp_interface_cleanup_delay: Seconds = Field(TCP_INTERFACE_CLEANUP_DELAY, ge=0, le=600)
    """From the loss of a good link to the next attempt; 15 for a node that needs rest."""
    tcp_stable_after: Seconds = Field(TCP_STABLE_AFTER, ge=0, le=3600)
    """How long a link must last to count as good: losing it sooner makes the next attempts slower."""
    tcp_alert_after: Seconds = Field(TCP_ALERT_AFTER, ge=0, le=86400)
    """Outage after which failed attempts raise the alert."""
    data_dir: Location = Field(DATA_DIR)
    """Where the database lives; unset, STATE_DIRECTORY under systemd (/var/lib/meshbot)."""
    database_url: DatabaseUrl = Field(DATABASE_URL)
    """A PostgreSQL database instead of the file in data_dir; its password is a secret: better in meshbot.env."""
    packet_retention_days: Count = Field(PACKET_RETENTION_DAYS, ge=1, le=365)
    """How many days the packets heard and the figures made of them are kept."""
    node_names_file: Location = Field(NODE_NAMES_FILE)
    """An older bot's node names and keys, imported once if the file exists."""
    answer_on_channels: Channels = Field(ANSWER_ON_CHANNELS)
    """Channels on which commands are answered; none: direct messages only."""
    answer_max_bytes: Bytes = Field(ANSWER_MAX_BYTES, ge=40, le=200)
    """Longest text of one packet, in UTF-8."""
    send_interval: Seconds = Field(SEND_INTERVAL, ge=2.2, le=60)
    """Between two texts; the node drops what follows within 2 s, in silence."""
    answer_ttl: Seconds = Field(ANSWER_TTL, ge=2.2, le=3600)
    """How long an answer waits for the link before it is given up; at least send_interval."""
    mail_ttl: Seconds = Field(MAIL_TTL, ge=60, le=366 * 86400)
    """How long a mail waits to be delivered."""
    bridge_ttl: Seconds = Field(BRIDGE_TTL, ge=2.2, le=86400)
    """How long a message from elsewhere waits to go on air."""
    alert_ttl: Seconds = Field(ALERT_TTL, ge=2.2, le=86400)
    """How long an alert waits to go on air."""
    channel_utilization_limit: Percent = Field(CHANNEL_UTILIZATION_LIMIT, ge=0, le=100)
    """Channel utilisation, by the node's own telemetry, above which only answers to direct messages are sent."""
    command_max_age: Seconds = Field(COMMAND_MAX_AGE, ge=1, le=86400)
    """A question older than this when it arrives is not answered."""
    command_timeout: Seconds = Field(COMMAND_TIMEOUT, ge=0.1, le=600)
    """Longest time for one command's work."""
    command_workers: Count = Field(COMMAND_WORKERS, ge=1, le=16)
    """Commands worked on at the same time."""
    log_level: LogLevel = Field(LOG_LEVEL)
    """Least level that is logged; DEBUG also lets the libraries speak."""

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings passes all five by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the arguments alone: the library's sources stop at the first error and tell no origins."""
        return (init_settings,)

    @field_validator("*", mode="before")
    @classmethod
    def _no_bool(cls, value: object, info: ValidationInfo) -> object:
        """Refuse true where a number is meant: pydantic would read it as 1."""
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError
        return value

    @field_validator(*NOT_BELOW)
    @classmethod
    def _not_below(cls, value: float, info: ValidationInfo) -> float:
        """Compare with the other setting, unless that one was refused itself and so is missing from `info.data`."""
        other = NOT_BELOW[info.field_name or ""]
        if value < info.data.get(other, value):
            least = _toml(info.data[other])
            raise PydanticCustomError(ORDER, "doit être au moins {other} ({least})", {"other": other, "least": least})
        return value

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each value came from: a file, a variable; a default has no entry."""
        return self._origins

    def secrets(self) -> tuple[str, ...]:
        """Return the values that no output may contain; of a URL also the password alone, as errors may quote it."""
        values = (getattr(self, name) for name in type(self).model_fields)
        texts = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        passwords = [found[1] for text in texts if (found := re.match(r"[\w+]+://[^/@]*?:([^/]*)@", text))]
        return tuple(text for text in (*texts, *passwords, *map(unquote, passwords)) if text)


class ConfigError(Exception):
    """What is wrong with the configuration: `problems` has one line each, without secrets."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(
    config_file: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    model: type[Settings] = Settings,
) -> Settings:
    """Read the file (`config_file`, else the first of DEFAULT_FILES that exists) under the MESHBOT_ variables.

    Raises ConfigError with every problem of both. A model beside Settings is for those who add settings of their own.
    """
    problems: list[str] = []
    found = _from_systemd(environ)
    for source in (_from_file(config_file, problems), _from_environ(environ)):
        problems += [_unknown(name, value.origin, model) for name, value in source.items() if _is_unknown(name, model)]
        found |= {name: value for name, value in source.items() if not _is_unknown(name, model)}
    try:
        settings = model(**{name: value.raw for name, value in found.items()})
    except ValidationError as error:
        problems += _refused(error, found, model)
    if problems:
        raise ConfigError(tuple(_one_line(problem) for problem in problems))
    settings._origins.update({name: value.origin for name, value in found.items()})  # noqa: SLF001 - made here
    return settings


def effective(settings: Settings) -> str:
    """Return the settings as TOML that `load` reads back, secrets masked, each with its origin if not the default."""
    lines = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        origin = settings.origins.get(name, "" if value == field.default else "fixé par le programme")
        lines.append(f"{name} = {_toml(value)}" + (f"  # {_one_line(origin)}" if origin else ""))
    return "\n".join(lines) + "\n"


def allowed(field: FieldInfo, language: Literal["fr", "en"] = "fr") -> str:
    """Say what a setting may be."""
    if get_origin(field.annotation) is Literal:
        return ", ".join(get_args(field.annotation))
    kind = next((getattr(m, language) for m in field.metadata if isinstance(m, Kind)), "texte")
    low = next((m.ge for m in field.metadata if isinstance(m, Ge)), None)
    high = next((m.le for m in field.metadata if isinstance(m, Le)), None)
    if low is None or high is None:
        return str(kind)
    return f"{kind} de {low} à {high}" if language == "fr" else f"{kind} from {low} to {high}"


@dataclass(frozen=True)
class _Value:
    raw: Any
    origin: str


def _from_systemd(environ: Mapping[str, str]) -> dict[str, _Value]:
    """Take the unit's StateDirectory= (a colon separated list) for data_dir."""
    state = environ.get("STATE_DIRECTORY", "").split(":")[0]
    return {"data_dir": _Value(state, "STATE_DIRECTORY")} if state else {}


def _from_environ(environ: Mapping[str, str]) -> dict[str, _Value]:
    """Take the MESHBOT_ variables; one that is not upper case keeps its whole name, and so is unknown."""
    names = (name for name in environ if name.startswith(ENV_PREFIX))
    return {
        name.removeprefix(ENV_PREFIX).lower() if name.isupper() else name: _Value(environ[name], name) for name in names
    }


def _from_file(config_file: Path | None, problems: list[str]) -> dict[str, _Value]:
    for path in DEFAULT_FILES if config_file is None else (config_file,):
        try:
            return {name: _Value(raw, str(path)) for name, raw in tomllib.loads(_text(path)).items()}
        except FileNotFoundError:
            if config_file is not None:
                problems.append(f"{path} : fichier introuvable")
        except OSError as error:
            problems.append(f"{path} : fichier illisible ({error.strerror})")
        except ValueError as error:  # TOML's own errors, and numbers of thousands of digits
            problems.append(f"{path} : {_in_french(str(error))}")
    return {}


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")  # some editors put a byte order mark first
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"ligne {line} : n'est pas en UTF-8 ; enregistrez le fichier en UTF-8") from None


def _in_french(toml_error: str) -> str:
    """Put `Expected '=' … (at line 3, column 5)` the way the other problems are put."""
    place = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", toml_error, re.DOTALL)
    return f"ligne {place[2]}, colonne {place[3]} : TOML incorrect ({place[1]})" if place else toml_error


def _is_unknown(name: str, model: type[Settings]) -> bool:
    return name not in model.model_fields


def _unknown(name: str, origin: str, model: type[Settings]) -> str:
    nearest = get_close_matches(name.removeprefix(ENV_PREFIX).lower(), model.model_fields, n=1)
    is_variable = origin.startswith(ENV_PREFIX)
    what = f"{origin} : variable inconnue" if is_variable else f"{name} ({origin}) : réglage inconnu"
    if not nearest:
        return f"{what} ; les réglages sont dans meshbot.toml.example"
    return f"{what} ; vouliez-vous dire {ENV_PREFIX + nearest[0].upper() if is_variable else nearest[0]} ?"


def _refused(error: ValidationError, found: Mapping[str, _Value], model: type[Settings]) -> list[str]:
    """Say one line for each setting that was refused."""
    lines: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0])
        field = model.model_fields[name]
        value = found.get(name, _Value(field.default, "défaut"))
        shown = MASK if field.annotation is SecretStr else _shortened(repr(value.raw))
        rule = detail["msg"] if detail["type"] == ORDER else f"permis : {allowed(field)}"
        lines.setdefault(name, f"{name} ({value.origin}) : {shown} refusé ; {rule}")
    return list(lines.values())


def _shortened(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _one_line(text: str) -> str:
    """Escape what could break the line or the terminal: names and paths are whatever somebody typed."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _toml(value: object) -> str:
    match value:
        case SecretStr():
            return f'"{MASK}"' if value.get_secret_value() else '""'
        case bool():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case int() | float():
            return str(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
