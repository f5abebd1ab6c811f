"""The nodes of a simulated mesh: names, hardware, places and keys, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Final
from unicodedata import normalize
from zlib import crc32

from meshtastic.protobuf import config_pb2, mesh_pb2, telemetry_pb2

from meshbot.virtual_node import x25519

KEY_BYTES: Final = 32  # an X25519 public key
# Below and above are reserved numbers and the broadcast
FIRST_NUM, LAST_NUM = 0x01000000, 0xFFFFFFFE
CITY: Final = (45.7640, 4.8357)  # degrees; the mesh lies around it
SPREAD: Final = 0.12  # degrees; standard deviation of a user's distance from the city
MAX_HOPS: Final = 3
SHORT_NAME_BYTES: Final = 4
KEYLESS_SHARE: Final = 10  # one user in so many has no key by default

FIRST_NAMES: Final = (
    "Amélie", "Bastien", "Camille", "Damien", "Élodie", "Fabien", "Gaëlle", "Hugo", "Inès", "Julien", "Karine",
    "Loïc", "Manon", "Nicolas", "Océane", "Pascal", "Quentin", "Romane", "Sylvain", "Théo", "Ulysse", "Valérie",
    "William", "Xavier", "Yann", "Zoé",
)  # fmt: skip
PLACES: Final = (
    "Ainay", "Bellecour", "Caluire", "Confluence", "Croix-Rousse", "Écully", "Fourvière", "Gerland", "Guillotière",
    "Monplaisir", "Oullins", "Perrache", "Saint-Just", "Tassin", "Vaise", "Vénissieux", "Villeurbanne",
)  # fmt: skip
HARDWARE: Final = (
    "HELTEC_V3",
    "TBEAM",
    "T_ECHO",
    "RAK4631",
    "TRACKER_T1000_E",
    "STATION_G2",
    "T_DECK",
    "XIAO_NRF52_KIT",
)
ROLES: Final = ("CLIENT",) * 6 + ("CLIENT_MUTE", "ROUTER", "TRACKER", "SENSOR")


@dataclass(frozen=True, slots=True)
class User:
    """One node of the mesh, as its owner set it up."""

    num: int
    long_name: str
    short_name: str  # at most 4 characters
    public_key: bytes  # KEY_BYTES long, or empty
    hw_model: str
    role: str
    latitude: float  # degrees
    longitude: float  # degrees
    altitude: int  # metres
    hops: int  # how many nodes relay between this one and the virtual node
    snr: float  # dB, as the virtual node hears it
    battery: int  # percent
    private_key: bytes = b""  # known of the own node alone

    @property
    def node_id(self) -> str:
        """Return the number as Meshtastic writes it."""
        return f"!{self.num:08x}"

    @property
    def macaddr(self) -> bytes:
        """Return a hardware address whose last four bytes are the number, as on real nodes."""
        return bytes((0x24, 0x6F)) + self.num.to_bytes(4, "big")


def make_users(count: int, keys: int | None, rng: Random, *, numbered_by_key: bool = False) -> tuple[User, ...]:
    """Return the own node first, then `count - 1` users, `keys` of whom have a public key (None: all but a few).

    `numbered_by_key`: as from firmware 2.8 on.
    """
    nums = _distinct_numbers(count, rng)
    others = count - 1
    wanted = others - -(-others // KEYLESS_SHARE) if keys is None else keys
    if not 0 <= wanted <= others:
        raise ValueError(f"keys={keys}: with nodes={count} it is a number from 0 to {others}")
    keyless = set(rng.sample(range(1, count), others - wanted)) if wanted != others else set()
    # Tests take the first user and want one that can be answered
    if wanted and 1 in keyless:
        keyless = keyless - {1} | {min(set(range(2, count)) - keyless)}
    users = [_make_user(num, place, rng, with_key=place not in keyless) for place, num in enumerate(nums)]
    if numbered_by_key:
        users = [replace(user, num=crc32(user.public_key)) if user.public_key else user for user in users]
    return tuple(users)


def _distinct_numbers(count: int, rng: Random) -> list[int]:
    nums: dict[int, None] = {}
    while len(nums) < count:
        nums[rng.randrange(FIRST_NUM, LAST_NUM)] = None
    return list(nums)


def _make_user(num: int, place: int, rng: Random, *, with_key: bool) -> User:
    first, district = rng.choice(FIRST_NAMES), rng.choice(PLACES)
    # Drawn in any case, so that the share of keys changes nothing else
    key = rng.randbytes(KEY_BYTES)
    own = place == 0
    private, key = (key, x25519.public_key(key)) if own else (b"", key)
    return User(
        num=num,
        long_name="Relais MeshBot" if own else f"{first} {district} {place}",
        short_name="MBOT" if own else _short_name(first, place),
        public_key=key if with_key or own else b"",
        hw_model="HELTEC_V3" if own else rng.choice(HARDWARE),
        role="CLIENT" if own else rng.choice(ROLES),
        latitude=CITY[0] + rng.gauss(0, SPREAD),
        longitude=CITY[1] + rng.gauss(0, SPREAD),
        altitude=rng.randrange(160, 420),
        hops=0 if own else rng.randrange(MAX_HOPS + 1),
        snr=round(rng.uniform(-14, 9) * 4) / 4,
        battery=rng.randrange(20, 101),
        private_key=private,
    )


def _short_name(first: str, place: int) -> str:
    """Return at most 4 ASCII letters and digits that differ for the first 36 ** 4 users."""
    digits = _base36(place)
    letters = normalize("NFD", first).encode("ascii", "ignore").decode()
    return letters[: max(0, SHORT_NAME_BYTES - len(digits))] + digits


def _base36(number: int) -> str:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return (_base36(number // 36) if number >= len(digits) else "") + digits[number % 36]


def user_message(user: User) -> mesh_pb2.User:
    """Return the content of the user's own NODEINFO."""
    return mesh_pb2.User(
        id=user.node_id,
        long_name=user.long_name,
        short_name=user.short_name,
        macaddr=user.macaddr,
        hw_model=mesh_pb2.HardwareModel.Value(user.hw_model),
        role=config_pb2.Config.DeviceConfig.Role.Value(user.role),
        public_key=user.public_key,
        is_unmessagable=False,
    )


def position_message(user: User, time: int) -> mesh_pb2.Position:
    """Return the user's position; `time` in seconds since 1970, 0 for unknown."""
    return mesh_pb2.Position(
        latitude_i=round(user.latitude * 1e7),
        longitude_i=round(user.longitude * 1e7),
        altitude=user.altitude,
        time=time,
        location_source=mesh_pb2.Position.LocSource.LOC_INTERNAL,
        precision_bits=32,
    )


def metrics_message(user: User) -> telemetry_pb2.DeviceMetrics:
    """Return the state of the user's battery and radio."""
    return telemetry_pb2.DeviceMetrics(
        battery_level=user.battery,
        voltage=round(3.2 + user.battery / 100, 3),
        channel_utilization=round(4 + user.battery % 7 / 3, 2),
        air_util_tx=round(0.3 + user.battery % 5 / 10, 2),
        uptime_seconds=3600 + user.num % 900_000,
    )
