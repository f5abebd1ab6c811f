"""Where settings come from and how they are spoken of: files, variables, every problem at once, secrets masked.

Knows no setting: `config.py` has them.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
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

from meshbot.installation import LANGUAGES, translation
from meshbot.installation import mark as _
from meshbot.runtime import MeshBotError

ENV_PREFIX: Final = "MESHBOT_"
MASK: Final = "***"
# Of the files that systemd's LoadCredential=meshbot:FOLDER makes of those of a folder
CREDENTIAL_PREFIX: Final = "meshbot_"
DEFAULT_LANGUAGE: Final = "fr"
# User and password in an address, which no line shows
USER_INFO: Final = re.compile(r"//[^/\s]*@")
# Bytes of a file with settings: those of a long one are a hundredth
LONGEST_FILE: Final = 1_000_000
# Our own type among pydantic's errors: the message says the rule
ORDER: Final = "meshbot_order"
UNREADABLE: Final = _("{path}: the file cannot be read ({reason})")
NOT_UTF8: Final = _("{path}: line {line}: not in UTF-8; save the file in UTF-8")


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
    """What is wrong with the configuration: `problems` has one line each, without secrets, in a person's language."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(
    model: type[S],
    config_file: Path | None,
    default_files: Sequence[Path],
    environ: Mapping[str, str],
    language: str | None = None,
) -> S:
    """Read the file (`config_file`, else the first default that exists) under credentials and MESHBOT_ variables.

    Raises ConfigError with every problem of all, in that language, else in the one that the settings name.
    """
    problems: list[_Problem] = []
    found = _from_systemd(environ)
    files = default_files if config_file is None else (config_file,)
    must_exist = config_file is not None
    sources = (
        _from_file(files, problems, must_exist=must_exist),
        _from_credentials(environ, problems),
        _from_environ(environ),
    )
    for source in sources:
        problems += [_unknown(name, value.origin, model) for name, value in source.items() if _is_unknown(name, model)]
        found |= {name: value for name, value in source.items() if not _is_unknown(name, model)}
    spoken = language or _language_of(found)
    try:
        settings = model(**{name: value.raw for name, value in found.items()})
    except ValidationError as error:
        problems += _refused(error, found, model, spoken)
    if problems:
        tr = translation(spoken)
        raise ConfigError(tuple(_one_line(tr(each.text).format(**each.values)) for each in problems))
    settings.note_origins({name: value.origin for name, value in found.items()})
    return settings


def effective(settings: SourcedSettings, language: str = DEFAULT_LANGUAGE) -> str:
    """Return the settings as TOML that `load` reads back, secrets masked, each with its origin if not the default."""
    by_program = translation(language)(_("set by the program"))
    lines = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        origin = settings.origins.get(name, "" if value == field.default else by_program)
        lines.append(f"{name} = {toml(value)}" + (f"  # {_one_line(origin)}" if origin else ""))
    return "\n".join(lines) + "\n"


def allowed(field: FieldInfo, language: str = DEFAULT_LANGUAGE) -> str:
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


@dataclass(frozen=True)
class _Problem:
    """A marked text with its values."""

    text: str
    values: Mapping[str, object]


def _language_of(found: Mapping[str, _Value]) -> str:
    """Return the language of the settings, which themselves may be wrong."""
    raw = found["language"].raw if "language" in found else None
    return raw if isinstance(raw, str) and raw in LANGUAGES else DEFAULT_LANGUAGE


def _from_systemd(environ: Mapping[str, str]) -> dict[str, _Value]:
    """Take the unit's StateDirectory= (a colon separated list) for data_dir."""
    state = environ.get("STATE_DIRECTORY", "").split(":")[0]
    return {"data_dir": _Value(state, "STATE_DIRECTORY")} if state else {}


def _from_credentials(environ: Mapping[str, str], problems: list[_Problem]) -> dict[str, _Value]:
    """Take the service's credentials (systemd.exec(5), LoadCredential=), one setting a file."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    found = {}
    for path in sorted(Path(folder).glob(f"{CREDENTIAL_PREFIX}*")) if folder else ():
        name = path.name.removeprefix(CREDENTIAL_PREFIX)
        try:
            found[name] = _Value(_text(path).rstrip("\r\n"), f"credential {name}")
        except OSError as error:
            problems.append(_Problem(UNREADABLE, {"path": path, "reason": error.strerror}))
        except _NotTextError as error:
            problems.append(_Problem(NOT_UTF8, {"path": path, "line": error.line}))
    return found


def _from_environ(environ: Mapping[str, str]) -> dict[str, _Value]:
    """Take the MESHBOT_ variables; one that is not upper case keeps its whole name, and so is unknown."""
    names = (name for name in environ if name.startswith(ENV_PREFIX))
    return {
        name.removeprefix(ENV_PREFIX).lower() if name.isupper() else name: _Value(environ[name], name) for name in names
    }


def _from_file(files: Sequence[Path], problems: list[_Problem], *, must_exist: bool) -> dict[str, _Value]:
    """Read the first of the files that is there; what is wrong with it goes to `problems`."""
    for path in files:
        try:
            return {name: _Value(raw, str(path)) for name, raw in tomllib.loads(_text(path)).items()}
        except FileNotFoundError:
            if must_exist:
                problems.append(_Problem(_("{path}: no such file"), {"path": path}))
        except PermissionError as error:
            values = {"path": path, "reason": error.strerror, "cure": _cure(path)}
            problems.append(_Problem(_("{path}: the file cannot be read ({reason}); {cure}"), values))
        except OSError as error:
            problems.append(_Problem(UNREADABLE, {"path": path, "reason": error.strerror}))
        except _NotTextError as error:
            problems.append(_Problem(NOT_UTF8, {"path": path, "line": error.line}))
        # TOML's own errors, and numbers of thousands of digits
        except ValueError as error:
            problems.append(_toml_problem(path, str(error)))
        except RecursionError:
            problems.append(_toml_problem(path, "brackets in brackets"))
    return {}


def _cure(path: Path) -> str:
    """Return the command after which others than its owner can read a file: the first folder in the way counts."""
    for folder in reversed(path.absolute().parents):
        if not os.access(folder, os.X_OK):
            return f"sudo chmod a+x {folder}"
    return f"sudo chmod 644 {path}"


class _NotTextError(MeshBotError):
    """A file is not in UTF-8, first on that line."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def _content(path: Path) -> bytes:
    """Return what is in a file; OSError also for what is none, which could hold up its reader for ever."""
    # a pipe without a writer must not hold up this call either
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        if status.st_size > LONGEST_FILE:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(LONGEST_FILE)
    finally:
        os.close(descriptor)


def _text(path: Path) -> str:
    content = _content(path)
    try:
        # some editors put a byte order mark first
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _NotTextError(content.count(b"\n", 0, error.start) + 1) from None


def _toml_problem(path: Path, error: str) -> _Problem:
    """Put `Expected '=' … (at line 3, column 5)` the way the other problems are put."""
    place = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", error, re.DOTALL)
    if place is None:
        return _Problem(_("{path}: incorrect TOML ({error})"), {"path": path, "error": error})
    values = {"path": path, "line": place[2], "column": place[3], "error": place[1]}
    return _Problem(_("{path}: line {line}, column {column}: incorrect TOML ({error})"), values)


def _is_unknown(name: str, model: type[SourcedSettings]) -> bool:
    return name not in model.model_fields


def _unknown(name: str, origin: str, model: type[SourcedSettings]) -> _Problem:
    nearest = get_close_matches(name.removeprefix(ENV_PREFIX).lower(), model.model_fields, n=1)
    is_variable = origin.startswith(ENV_PREFIX)
    values = {"name": name, "origin": origin}
    if not nearest:
        if is_variable:
            return _Problem(_("{origin}: unknown variable; the settings are in meshbot.toml.example"), values)
        return _Problem(_("{name} ({origin}): unknown setting; the settings are in meshbot.toml.example"), values)
    if is_variable:
        meant = {"meant": ENV_PREFIX + nearest[0].upper()}
        return _Problem(_("{origin}: unknown variable; did you mean {meant}?"), values | meant)
    return _Problem(_("{name} ({origin}): unknown setting; did you mean {meant}?"), values | {"meant": nearest[0]})


def _refused(
    error: ValidationError, found: Mapping[str, _Value], model: type[SourcedSettings], language: str
) -> list[_Problem]:
    """Say one line for each setting that was refused."""
    problems: dict[str, _Problem] = {}
    tr = translation(language)
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0])
        field = model.model_fields[name]
        value = found.get(name, _Value(field.default, tr(_("default"))))
        shown = MASK if field.annotation is SecretStr else _shortened(USER_INFO.sub(f"//{MASK}@", repr(value.raw)))
        values = {"name": name, "origin": value.origin, "value": shown, "allowed": allowed(field, language)}
        problem = _Problem(_("{name} ({origin}): {value} refused; allowed: {allowed}"), values)
        if detail["type"] == ORDER:
            text = _("{name} ({origin}): {value} refused; must be at least {other} ({least})")
            problem = _Problem(text, values | detail["ctx"])
        problems.setdefault(name, problem)
    return list(problems.values())


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
