"""What a setting may be: the checks, and what each kind is called in messages (French) and in the example (English)."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from meshbot.settings.sources import Kind

BROADCAST_NUM: Final = 0xFFFFFFFF  # no node has this number
PASSPHRASE_LENGTH: Final = 12  # characters at least
# Of a public key: base64 without its padding, and its fingerprint (meshbot/nodes/fingerprint.py)
KEY_CHARACTERS: Final = 43
FINGERPRINT_DIGITS: Final = 24


def _whole(value: float) -> float:
    """Give 15 for 15.0, so that a log line says `15s`."""
    return int(value) if value.is_integer() else value


def _items(value: object) -> object:
    """Split a variable's text, JSON or comma separated, into a list."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        # a JSONDecodeError is a ValueError, so it is reported like any other
        return json.loads(value)
    return [item.strip() for item in value.split(",") if item.strip()]


def _location(value: object) -> object:
    """Refuse an empty path, which would mean the current directory, and `~`, which nobody would expand."""
    if isinstance(value, str) and (not value.strip() or value.startswith("~") or not value.isprintable()):
        raise ValueError
    return value


def _host(value: object) -> object:
    """Take an IPv6 address out of the brackets that it stands in before a port."""
    bracketed = re.fullmatch(r"\[(.*:.*)\]", value) if isinstance(value, str) else None
    return bracketed[1] if bracketed else value


def _address(value: str) -> str:
    """Cut what would double the slash before the endpoint's name."""
    return value.rstrip("/")


def _passphrase(value: SecretStr) -> SecretStr:
    if 0 < len(value.get_secret_value()) < PASSPHRASE_LENGTH:
        raise ValueError
    return value


def _key(value: SecretStr) -> SecretStr:
    """Refuse what cannot stand in a header; the message must not show it."""
    if not all("!" <= char <= "~" for char in value.get_secret_value()):
        raise ValueError
    return value


def _database_url(value: SecretStr) -> SecretStr:
    """Refuse what the database could not be reached by; whether it can is seen when it is opened."""
    if value.get_secret_value() and not re.fullmatch(r"postgresql(\+psycopg)?://\S*[^\s/]", value.get_secret_value()):
        raise ValueError
    return value


def _node_id(value: object) -> object:
    """Give `!a1b2c3d4` for that, `0xa1b2c3d4`, or the number."""
    if isinstance(value, str):
        # the end of an id would be another node
        hexadecimal = re.fullmatch(r"(?:!|0x)([0-9a-fA-F]{8})", value.strip())
        value = int(hexadecimal[1], 16) if hexadecimal else int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < BROADCAST_NUM:
        raise ValueError
    return f"!{value:08x}"


def _node(value: object) -> object:
    """Give a node as an id, as its public key in base64, or as that key's fingerprint: `1234-1234-…`."""
    if not isinstance(value, str):
        return _node_id(value)
    digits = re.sub(r"[\s.:_-]", "", value)
    if len(digits) == FINGERPRINT_DIGITS and digits.isascii() and digits.isdecimal():
        return "-".join(digits[start : start + 4] for start in range(0, FINGERPRINT_DIGITS, 4))
    text = value.strip().removeprefix("base64:").rstrip("=").translate(str.maketrans("-_", "+/"))
    if len(text) != KEY_CHARACTERS:
        return _node_id(value)
    key = base64.b64decode(f"{text}=", validate=True)
    if not any(key):
        raise ValueError
    return base64.b64encode(key).decode()


def _telegram_user(value: object) -> object:
    """Give `123 admin !a1b2c3d4`, the node as `_node` does."""
    found = re.fullmatch(r"([0-9]{1,15})\s+(everyone|known|admin)(?:\s+(\S.*))?", str(value).strip(), re.IGNORECASE)
    if found is None or int(found[1]) == 0:
        raise ValueError
    node = f" {_node(found[3])}" if found[3] else ""
    return f"{int(found[1])} {found[2].lower()}{node}"


def _telegram_bridge(value: object) -> object:
    """Give `1 -100123/5`: a channel's index, a group, a topic of the group."""
    found = re.fullmatch(r"([0-7])\s+(-[0-9]{1,15})(?:/([0-9]{1,10}))?", str(value).strip())
    if found is None:
        raise ValueError
    return f"{found[1]} {int(found[2])}" + (f"/{int(found[3])}" if found[3] else "")


def _no_user_twice(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse two roles for one person: nobody could tell which holds."""
    if len({user.split()[0] for user in value}) < len(value):
        raise ValueError
    return value


def _token(value: SecretStr) -> SecretStr:
    """Refuse what cannot be a bot's token; the message must not show it."""
    if value.get_secret_value() and not re.fullmatch(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}", value.get_secret_value()):
        raise ValueError
    return value


# No colon at all, or two and more as in IPv6: "192.168.1.5:4403" is a common slip
Host = Annotated[
    str,
    Field(pattern=r"^([^\s/:\[\]]+|[^\s/:\[\]]*:[^\s/:\[\]]*:[^\s/\[\]]*)$"),
    BeforeValidator(_host),
    Kind("un nom d'hôte ou une adresse IP, sans port", "a host name or an IP address, without port"),
]
Seconds = Annotated[float, AfterValidator(_whole), Kind("un nombre de secondes", "seconds")]
Percent = Annotated[float, AfterValidator(_whole), Kind("un pourcentage", "percent")]
Count = Annotated[int, Kind("un nombre entier", "a whole number")]
Bytes = Annotated[int, Kind("un nombre d'octets", "bytes")]
Location = Annotated[Path, BeforeValidator(_location), Kind("un chemin, sans ~", "a path, without ~")]
Text = Annotated[str, Kind("un texte d'une page au plus", "a text of a page at most"), Field(max_length=2000)]
Switch = Annotated[bool, Kind("true ou false", "true or false")]
# Without user, question mark or fragment: a key has a setting of its own, which no output shows
Address = Annotated[
    str,
    Field(pattern=r"^(https?://[^\s/@?#]+(/[^\s@?#]*)?)?$"),
    AfterValidator(_address),
    Kind("une adresse http:// ou https://, ou rien", "an address with http:// or https://, or nothing"),
]
Key = Annotated[SecretStr, AfterValidator(_key), Kind("une clé sans espace ni accent, ou rien", "a key, or nothing")]
Passphrase = Annotated[
    SecretStr,
    AfterValidator(_passphrase),
    Kind(f"au moins {PASSPHRASE_LENGTH} caractères, ou rien", f"at least {PASSPHRASE_LENGTH} characters, or nothing"),
]
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
Nodes = Annotated[
    tuple[Annotated[str, BeforeValidator(_node)], ...],
    BeforeValidator(_items),
    Kind(
        'une liste de nœuds, comme ["!a1b2c3d4"], par numéro, clé publique en base64 ou empreinte',
        'a list of nodes, such as ["!a1b2c3d4"], by number, public key in base64 or fingerprint',
    ),
]
ServerAddress = Annotated[
    str,
    Field(pattern=r"^https?://[^\s/@?#]+(/[^\s@?#]*)?$"),
    AfterValidator(_address),
    Kind("une adresse http:// ou https://", "an address with http:// or https://"),
]
Token = Annotated[
    SecretStr,
    AfterValidator(_token),
    Kind(
        "vide, ou le jeton que donne @BotFather, comme 123456:ABC", "empty, or @BotFather's token, such as 123456:ABC"
    ),
]
TelegramUsers = Annotated[
    tuple[Annotated[str, BeforeValidator(_telegram_user)], ...],
    AfterValidator(_no_user_twice),
    BeforeValidator(_items),
    Kind(
        'une liste de "<numéro> <everyone|known|admin> [!nœud]", chacun une fois, comme ["123456 admin !a1b2c3d4"]',
        'a list of "<id> <everyone|known|admin> [!node]", each id once, such as ["123456 admin !a1b2c3d4"]',
    ),
]
TelegramBridges = Annotated[
    tuple[Annotated[str, BeforeValidator(_telegram_bridge)], ...],
    BeforeValidator(_items),
    Kind(
        'une liste de "<canal de 0 à 7> <groupe>[/<sujet>]", comme ["1 -1001234567890/5"]',
        'a list of "<channel from 0 to 7> <group>[/<topic>]", such as ["1 -1001234567890/5"]',
    ),
]
TelegramGroups = Annotated[
    tuple[Annotated[int, Field(lt=0)], ...],
    BeforeValidator(_items),
    Kind(
        "une liste de groupes, dont les numéros sont négatifs, comme [-1001234567890]",
        "a list of groups, whose ids are negative, such as [-1001234567890]",
    ),
]
TelegramChats = Annotated[
    tuple[int, ...],
    BeforeValidator(_items),
    Kind(
        "une liste de discussions, comme [123456, -1001234567890]", "a list of chats, such as [123456, -1001234567890]"
    ),
]
