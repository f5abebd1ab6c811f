"""Every setting: its default, unit and bounds; `meshbot/settings/sources.py` reads them and says what is wrong.

A setting is a constant here (`TCP_PORT`, its default), a field of `Settings` (`settings.tcp_port`), a name in the
TOML file (`tcp_port`) and an environment variable (`MESHBOT_TCP_PORT`), which goes before the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from meshbot.settings import (
    ORDER,
    Address,
    Bytes,
    Channels,
    ConfigError,
    Count,
    DatabaseUrl,
    Host,
    Key,
    Location,
    Nodes,
    Passphrase,
    Percent,
    Seconds,
    ServerAddress,
    SourcedSettings,
    Switch,
    TelegramBridges,
    TelegramChats,
    TelegramGroups,
    TelegramUsers,
    Text,
    Token,
    allowed,
    effective,
    sources,
    toml,
)

__all__ = ["ConfigError", "Settings", "allowed", "effective", "load"]
# EX_CONFIG of sysexits.h: meshbot.service does not restart on it
EXIT_CONFIG: Final = 78
DEFAULT_FILES: Final = (Path("meshbot.toml"), Path("/etc/meshbot/meshbot.toml"))

Language = Literal["fr", "en"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

# Defaults. Durations are in seconds; what each setting means stands at its field below.
LANGUAGE: Language = "fr"
# The name a node announces by mDNS
TCP_HOST = "meshtastic.local"
# The firmware's own
TCP_PORT = 4403
TCP_CONNECT_TIMEOUT = 10  # name resolution included
# An ESP32 can stall about 10 s in one write
TCP_CONFIG_SILENCE = 20
# For the whole configuration: 250 nodes at 3 kbit/s take 2 min
TCP_CONFIG_TIMEOUT = 300
# After READY; 10 fast ESP32, 15 standard, 20 loaded, 30 very slow
TCP_PUBKEY_SYNC_DELAY = 15
TCP_PROBE_AFTER = 5  # without a byte from the node
# Twice that is more than the 10 s that an ESP32 can stall
TCP_PROBE_TIMEOUT = 6
# Waits; one answer can go astray to another client
TCP_PROBE_MISSES = 2
# Without a byte, on a node that does not answer heartbeats (before 2.7.6)
TCP_SILENT_TIMEOUT = 120
# Unacknowledged by the node's kernel; 0 leaves the system's (about 15 min)
TCP_USER_TIMEOUT = 30
TCP_SEND_TIMEOUT = 10
TCP_CLOSE_TIMEOUT = 5
# Before a new interface; 15 gives a node the slow timeline
TCP_INTERFACE_CLEANUP_DELAY = 1
TCP_STABLE_AFTER = 10  # READY for so long, a link was good
# Of outage; a reboot takes a node 10 to 20 s
TCP_ALERT_AFTER = 60
# Under systemd: its STATE_DIRECTORY, /var/lib/meshbot
DATA_DIR = Path("data")
# None: the file meshbot.db in data_dir
DATABASE_URL = SecretStr("")
PACKET_RETENTION_DAYS = 7
# A file of 77 MB has a week's packets of 5,000 nodes
DATABASE_BACKUPS = 7
# 1.5 GB of a card of 32 GB
DISK_ALERT_PERCENT = 5
NODE_NAMES_FILE = Path("node_names.json")
ANSWER_ON_CHANNELS: tuple[int, ...] = ()  # none: direct messages only
# Of UTF-8 a packet; a PKI message with reply_id holds 215
ANSWER_MAX_BYTES = 200
# The firmware drops a text that follows another within 2 s, in silence
SEND_INTERVAL = 2.2
ANSWER_TTL = 120
MAIL_TTL = 30 * 86400
# 100 messages are up to eleven minutes of air, after the link is back
BRIDGE_TTL = 3600
ALERT_TTL = 3600
# Percent of an hour; most of Europe allows no more
AIR_TIME_LIMIT = 10
# Percent; the firmware's own limit for what can wait
CHANNEL_UTILIZATION_LIMIT = 25
COMMAND_MAX_AGE = 300
ADMIN_NODES: tuple[str, ...] = ()
KNOWN_NODES: tuple[str, ...] = ()  # none: every node that has told its name
RATE_LIMIT_COMMANDS = 5
RATE_LIMIT_SECONDS = 300
REFUSE_MQTT = False
ECHO_CHANNEL = 0  # the primary one
COMMAND_TIMEOUT = 30
COMMAND_WORKERS = 2  # threads
# Threads, which only wait for other computers
COMMAND_SLOW_WORKERS = 4
WEATHER_URL = "https://api.open-meteo.com/v1"
GEOCODING_URL = "https://geocoding-api.open-meteo.com/v1"
WEATHER_PLACE = ""  # the asker has to name one
BOT_URL = ""  # no assistant
BOT_MODEL = ""  # the server's own
BOT_API_KEY = SecretStr("")
BOT_SYSTEM_PROMPT = (
    "You answer people over a slow radio mesh. Answer in the language of the question, in one to three short plain "
    "sentences, without markup, lists or emoji. Say so when you do not know."
)
# Thoughts count too
BOT_MAX_TOKENS = 400
# Four packets, 9 s of pacing
BOT_MAX_BYTES = 600
BOT_TIMEOUT = 60
BOT_HOURLY_LIMIT = 60
WEB_TRUST_ENVIRONMENT = False
TELEGRAM_TOKEN = SecretStr("")  # without Telegram
TELEGRAM_BASE_URL = "https://api.telegram.org"
TELEGRAM_USERS: tuple[str, ...] = ()
TELEGRAM_GROUPS: tuple[int, ...] = ()
TELEGRAM_BRIDGES: tuple[str, ...] = ()
TELEGRAM_ALERT_CHATS: tuple[int, ...] = ()  # none: the admins' private chats
TELEGRAM_COMMAND_MAX_AGE = 300
# No air is spent
TELEGRAM_COMMANDS = 30
TELEGRAM_SECONDS = 60
# Two packets, 2.2 s of pacing
TELEGRAM_MAX_BYTES = 400
RADIO_BACKUP_PASSPHRASE = SecretStr("")  # no nightly backup
STATUS_PORT = 0  # no page
STATUS_HOST = "127.0.0.1"
LOG_LEVEL: LogLevel = "INFO"


# What SIGHUP and `systemctl reload` change while the bot runs; all others need a restart
LIVE: Final = frozenset(
    {
        "packet_retention_days",
        "answer_on_channels",
        "answer_max_bytes",
        "send_interval",
        "answer_ttl",
        "mail_ttl",
        "bridge_ttl",
        "alert_ttl",
        "air_time_limit",
        "channel_utilization_limit",
        "command_max_age",
        "admin_nodes",
        "known_nodes",
        "rate_limit_commands",
        "rate_limit_seconds",
        "refuse_mqtt",
        "echo_channel",
        "command_timeout",
        "telegram_users",
        "telegram_groups",
        "telegram_bridges",
        "telegram_alert_chats",
        "telegram_command_max_age",
        "telegram_commands",
        "telegram_seconds",
        "telegram_max_bytes",
        "log_level",
    }
)
NOT_BELOW: Final = {"tcp_config_timeout": "tcp_config_silence", "answer_ttl": "send_interval"}


class Settings(SourcedSettings):
    """The settings in force. Made directly it takes its arguments and defaults alone; `load` asks the sources."""

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
    tcp_config_timeout: Seconds = Field(TCP_CONFIG_TIMEOUT, ge=0.1, le=3600)
    """Longest wait for the node's whole configuration; after two incomplete ones it comes without the other nodes."""
    tcp_pubkey_sync_delay: Seconds = Field(TCP_PUBKEY_SYNC_DELAY, ge=0, le=600)
    """From READY to the synchronisation of public keys: 10 for a fast ESP32, 20 loaded, 30 very slow."""
    tcp_probe_after: Seconds = Field(TCP_PROBE_AFTER, ge=0, le=3600)
    """Silence after which a heartbeat asks whether the node lives; 0: never, tcp_silent_timeout alone decides."""
    tcp_probe_timeout: Seconds = Field(TCP_PROBE_TIMEOUT, ge=0.1, le=300)
    """Shortest wait for the answer to a heartbeat; by the measured round trips it is longer, and then stays so."""
    tcp_probe_misses: Count = Field(TCP_PROBE_MISSES, ge=1, le=20)
    """Waits without an answer after which the link is dead."""
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
    """How long a link must last to count as good: earlier losses are then forgotten."""
    tcp_alert_after: Seconds = Field(TCP_ALERT_AFTER, ge=0, le=86400)
    """Outage after which failed attempts raise the alert."""
    data_dir: Location = Field(DATA_DIR)
    """Where the database lives; unset, STATE_DIRECTORY under systemd (/var/lib/meshbot)."""
    database_url: DatabaseUrl = Field(DATABASE_URL)
    """A PostgreSQL database instead of the file in data_dir; its password is a secret: better a credential."""
    packet_retention_days: Count = Field(PACKET_RETENTION_DAYS, ge=1, le=365)
    """How many days the packets heard and the figures made of them are kept."""
    database_backups: Count = Field(DATABASE_BACKUPS, ge=0, le=100)
    """How many daily copies of the database's file are kept in data_dir; 0: none are made."""
    disk_alert_percent: Percent = Field(DISK_ALERT_PERCENT, ge=0, le=50)
    """Free share of the disk with data_dir below which an alert goes out; 0: never."""
    node_names_file: Location = Field(NODE_NAMES_FILE)
    """An older bot's node names and keys, imported once if the file exists."""
    answer_on_channels: Channels = Field(ANSWER_ON_CHANNELS)
    """Channels on which commands are answered; none: direct messages only."""
    answer_max_bytes: Bytes = Field(ANSWER_MAX_BYTES, ge=40, le=200)
    """Longest text of one packet, in UTF-8; on channels less if firmware 2.8 would not sign it (161 or 166)."""
    send_interval: Seconds = Field(SEND_INTERVAL, ge=2.2, le=60)
    """Between two texts; the node drops what follows within 2 s, in silence."""
    answer_ttl: Seconds = Field(ANSWER_TTL, ge=2.2, le=3600)
    """How long an answer waits for the link before it is given up; at least send_interval."""
    mail_ttl: Seconds = Field(MAIL_TTL, ge=60, le=366 * 86400)
    """How long a letter of /mail is kept for its recipient."""
    bridge_ttl: Seconds = Field(BRIDGE_TTL, ge=2.2, le=86400)
    """How long a message from elsewhere waits to go on air."""
    alert_ttl: Seconds = Field(ALERT_TTL, ge=2.2, le=86400)
    """How long an alert waits to go on air."""
    air_time_limit: Percent = Field(AIR_TIME_LIMIT, ge=1, le=100)
    """Of an hour, for all that the bot sends; where the node's region allows less, that counts."""
    channel_utilization_limit: Percent = Field(CHANNEL_UTILIZATION_LIMIT, ge=0, le=100)
    """Channel utilisation by the node's telemetry above which only /mail and direct answers to proven nodes go."""
    command_max_age: Seconds = Field(COMMAND_MAX_AGE, ge=1, le=86400)
    """A question older than this when it arrives is not answered."""
    admin_nodes: Nodes = Field(ADMIN_NODES)
    """Operators' nodes: their direct messages, encrypted with their keys, may reconnect and reboot."""
    known_nodes: Nodes = Field(KNOWN_NODES)
    """Nodes that may use what is for known nodes; none: every node that has told its name (NodeInfo)."""
    rate_limit_commands: Count = Field(RATE_LIMIT_COMMANDS, ge=0, le=1000)
    """Commands of one user within rate_limit_seconds; 0: no limit. Admins have none."""
    rate_limit_seconds: Seconds = Field(RATE_LIMIT_SECONDS, ge=1, le=86400)
    """See rate_limit_commands."""
    refuse_mqtt: Switch = Field(REFUSE_MQTT)
    """Whether commands that came by MQTT are ignored."""
    echo_channel: Count = Field(ECHO_CHANNEL, ge=0, le=7)
    """Channel on which /echo speaks when it is asked by direct message."""
    command_timeout: Seconds = Field(COMMAND_TIMEOUT, ge=0.1, le=600)
    """Longest time for one command's work."""
    command_workers: Count = Field(COMMAND_WORKERS, ge=1, le=16)
    """Commands worked on at the same time."""
    command_slow_workers: Count = Field(COMMAND_SLOW_WORKERS, ge=1, le=16)
    """Beside those, commands that wait for other computers: weather, assistant."""
    weather_url: Address = Field(WEATHER_URL)
    """Open-Meteo's forecasts, for /weather and /rain; nothing: without these commands."""
    geocoding_url: Address = Field(GEOCODING_URL)
    """Open-Meteo's place names; nothing: without /weather and /rain."""
    weather_place: Text = Field(WEATHER_PLACE)
    """Place that is meant where the asker names none: a name, or latitude,longitude."""
    bot_url: Address = Field(BOT_URL)
    """An OpenAI-compatible server for /bot, such as http://127.0.0.1:8080/v1; nothing: without this command."""
    bot_model: Text = Field(BOT_MODEL)
    """The model's name on that server; nothing where it has only one."""
    bot_api_key: Key = Field(BOT_API_KEY)
    """The server's key, if it wants one; better in the variable than in a file that others can read."""
    bot_system_prompt: Text = Field(BOT_SYSTEM_PROMPT)
    """What the model is told before each conversation."""
    bot_max_tokens: Count = Field(BOT_MAX_TOKENS, ge=16, le=16384)
    """Longest answer the model may write, its thoughts included, in tokens of about 3 letters."""
    bot_max_bytes: Bytes = Field(BOT_MAX_BYTES, ge=40, le=2000)
    """Longest answer that is sent, in UTF-8; it goes out in packets of answer_max_bytes."""
    bot_timeout: Seconds = Field(BOT_TIMEOUT, ge=5, le=600)
    """Longest time for the model's answer."""
    bot_hourly_limit: Count = Field(BOT_HOURLY_LIMIT, ge=1, le=1000)
    """Questions of all users together within an hour; senders who may be forged have half of them."""
    web_trust_environment: Switch = Field(WEB_TRUST_ENVIRONMENT)
    """Use the proxies and certificates that HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE name."""
    telegram_token: Token = Field(TELEGRAM_TOKEN)
    """The Telegram bot's token; nothing: no Telegram. Better a credential than in a file that others can read."""
    telegram_base_url: ServerAddress = Field(TELEGRAM_BASE_URL)
    """The Bot API server: Telegram's, or one of your own."""
    telegram_users: TelegramUsers = Field(TELEGRAM_USERS)
    """Who may use the bot on Telegram, in which role, and as which node of the mesh; /id tells everybody their id."""
    telegram_groups: TelegramGroups = Field(TELEGRAM_GROUPS)
    """Telegram groups in which those users are answered."""
    telegram_bridges: TelegramBridges = Field(TELEGRAM_BRIDGES)
    """Channels of the mesh joined to Telegram groups, or to topics of them; such a group counts as listed."""
    telegram_alert_chats: TelegramChats = Field(TELEGRAM_ALERT_CHATS)
    """Telegram chats that are told of incidents; none: the private chats of the admins in telegram_users."""
    telegram_command_max_age: Seconds = Field(TELEGRAM_COMMAND_MAX_AGE, ge=10, le=86400)
    """A Telegram message older than this when it arrives is not acted upon; its author is told how many there were."""
    telegram_commands: Count = Field(TELEGRAM_COMMANDS, ge=0, le=1000)
    """Commands of one user on Telegram within telegram_seconds; 0: no limit. Admins have none."""
    telegram_seconds: Seconds = Field(TELEGRAM_SECONDS, ge=1, le=86400)
    """See telegram_commands."""
    telegram_max_bytes: Bytes = Field(TELEGRAM_MAX_BYTES, ge=40, le=2000)
    """Longest text from Telegram that goes on air, name included, in UTF-8; in packets of answer_max_bytes."""
    radio_backup_passphrase: Passphrase = Field(RADIO_BACKUP_PASSPHRASE)
    """Encrypts the nightly backups of the node's configuration in data_dir; nothing: none are made."""
    status_port: Count = Field(STATUS_PORT, ge=0, le=65535)
    """TCP port of the status page and of the metrics for Prometheus; 0: there are none."""
    status_host: Host = Field(STATUS_HOST)
    """Address that they are served on; 0.0.0.0 or :: shows them, without a password, to the whole network."""
    log_level: LogLevel = Field(LOG_LEVEL)
    """Least level that is logged; DEBUG also lets the libraries speak, save what they would say of keys."""

    def secrets(self) -> tuple[str, ...]:
        """See SourcedSettings; of the Telegram token also what makes it secret, and as a quoted URL has it."""
        token = self.telegram_token.get_secret_value()
        return (*super().secrets(), *((quote(token, safe=""), token.partition(":")[2]) if token else ()))

    @field_validator(*NOT_BELOW)
    @classmethod
    def _not_below(cls, value: float, info: ValidationInfo) -> float:
        """Compare with the other setting, unless that one was refused itself and so is missing from `info.data`."""
        other = NOT_BELOW[info.field_name or ""]
        if value < info.data.get(other, value):
            least = toml(info.data[other])
            raise PydanticCustomError(ORDER, "must be at least {other} ({least})", {"other": other, "least": least})
        return value


def load(
    config_file: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    model: type[Settings] = Settings,
    language: str | None = None,
) -> Settings:
    """Read the file (`config_file`, else the first of DEFAULT_FILES) under credentials and MESHBOT_ variables.

    Raises ConfigError with every problem of all, in `language`, else in that of the settings. A model beside Settings
    is for those who add settings of their own.
    """
    return sources.load(model, config_file, DEFAULT_FILES, environ, language)
