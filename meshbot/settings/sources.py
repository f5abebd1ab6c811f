"""Where settings come from and how they are spoken of: files, variables, every problem at once, secrets masked.

Knows no setting: `config.py` has them.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args, get_origin
from urllib.parse import unquote

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, PrivateAttr, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from meshbot.runtime import MeshBotError

ENV_PREFIX: Final = "MESHBOT_"
MASK: Final = "***"
# User and password in an address, which no line shows
USER_INFO: Final = re.compile(r"//[^/\s]*@")
# Our own type among pydantic's errors: the message says the rule
ORDER: Final = "meshbot_order"


@dataclass(frozen=True)
class Kind:
    """What a setting's type is called in messages (French) and in the example (English)."""

    fr: str
    en: str


class SourcedSettings(BaseModel):
    """Settings that know where each came from. Made directly they take their arguments and defaults alone."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        # a default is checked too: it may be out of order with another setting's value
        validate_default=True,
    )

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    @field_validator("*", mode="before")
    @classmethod
    def _no_bool(cls, value: object, info: ValidationInfo) -> object:
        """Refuse true where a number is meant: pydantic would read it as 1."""
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError
        return value

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each value came from: a file, a variable; a default has no entry."""
        return self._origins

    def note_origins(self, origins: Mapping[str, str]) -> None:
        """Take where the values came from, once they are known to be good."""
        self._origins.update(origins)

    def secrets(self) -> tuple[str, ...]:
        """Return the values that no output may contain; of a URL also the password alone, as errors may quote it."""
        values = (getattr(self, name) for name in type(self).model_fields)
        texts = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        passwords = [found[1] for text in texts if (found := re.match(r"[\w+]+://[^/@]*?:([^/]*)@", text))]
        return tuple(text for text in (*texts, *passwords, *map(unquote, passwords)) if text)


S = TypeVar("S", bound=SourcedSettings)


class ConfigError(MeshBotError):
    """What is wrong with the configuration: `problems` has one line each, without secrets."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(
    model: type[S],
    config_file: Path | None,
    default_files: Sequence[Path],
    environ: Mapping[str, str],
) -> S:
    """Read the file (`config_file`, else the first default that exists) under the MESHBOT_ variables.

    Raises ConfigError with every problem of both.
    """
    problems: list[str] = []
    found = _from_systemd(environ)
    files = default_files if config_file is None else (config_file,)
    must_exist = config_file is not None
    for source in (_from_file(files, problems, must_exist=must_exist), _from_environ(environ)):
        problems += [_unknown(name, value.origin, model) for name, value in source.items() if _is_unknown(name, model)]
        found |= {name: value for name, value in source.items() if not _is_unknown(name, model)}
    try:
        settings = model(**{name: value.raw for name, value in found.items()})
    except ValidationError as error:
        problems += _refused(error, found, model)
    if problems:
        raise ConfigError(tuple(_one_line(problem) for problem in problems))
    settings.note_origins({name: value.origin for name, value in found.items()})
    return settings


def effective(settings: SourcedSettings) -> str:
    """Return the settings as TOML that `load` reads back, secrets masked, each with its origin if not the default."""
    lines = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        origin = settings.origins.get(name, "" if value == field.default else "fixé par le programme")
        lines.append(f"{name} = {toml(value)}" + (f"  # {_one_line(origin)}" if origin else ""))
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


def _from_file(files: Sequence[Path], problems: list[str], *, must_exist: bool) -> dict[str, _Value]:
    """Read the first of the files that is there; what is wrong with it goes to `problems`."""
    for path in files:
        try:
            return {name: _Value(raw, str(path)) for name, raw in tomllib.loads(_text(path)).items()}
        except FileNotFoundError:
            if must_exist:
                problems.append(f"{path} : fichier introuvable")
        except OSError as error:
            problems.append(f"{path} : fichier illisible ({error.strerror})")
        # TOML's own errors, and numbers of thousands of digits
        except ValueError as error:
            problems.append(f"{path} : {_in_french(str(error))}")
    return {}


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        # some editors put a byte order mark first
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"ligne {line} : n'est pas en UTF-8 ; enregistrez le fichier en UTF-8") from None


def _in_french(toml_error: str) -> str:
    """Put `Expected '=' … (at line 3, column 5)` the way the other problems are put."""
    place = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", toml_error, re.DOTALL)
    return f"ligne {place[2]}, colonne {place[3]} : TOML incorrect ({place[1]})" if place else toml_error


def _is_unknown(name: str, model: type[SourcedSettings]) -> bool:
    return name not in model.model_fields


def _unknown(name: str, origin: str, model: type[SourcedSettings]) -> str:
    nearest = get_close_matches(name.removeprefix(ENV_PREFIX).lower(), model.model_fields, n=1)
    is_variable = origin.startswith(ENV_PREFIX)
    what = f"{origin} : variable inconnue" if is_variable else f"{name} ({origin}) : réglage inconnu"
    if not nearest:
        return f"{what} ; les réglages sont dans meshbot.toml.example"
    return f"{what} ; vouliez-vous dire {ENV_PREFIX + nearest[0].upper() if is_variable else nearest[0]} ?"


def _refused(error: ValidationError, found: Mapping[str, _Value], model: type[SourcedSettings]) -> list[str]:
    """Say one line for each setting that was refused."""
    lines: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0])
        field = model.model_fields[name]
        value = found.get(name, _Value(field.default, "défaut"))
        shown = MASK if field.annotation is SecretStr else _shortened(USER_INFO.sub(f"//{MASK}@", repr(value.raw)))
        rule = detail["msg"] if detail["type"] == ORDER else f"permis : {allowed(field)}"
        lines.setdefault(name, f"{name} ({value.origin}) : {shown} refusé ; {rule}")
    return list(lines.values())


def _shortened(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _one_line(text: str) -> str:
    """Escape what could break the line or the terminal: names and paths are whatever somebody typed."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def toml(value: object) -> str:
    """Write a setting's value as TOML, a secret masked."""
    match value:
        case SecretStr():
            return f'"{MASK}"' if value.get_secret_value() else '""'
        case bool():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(map(toml, value))}]"
        case int() | float():
            return str(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
