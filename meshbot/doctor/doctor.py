"""The examination as a whole: which step comes when, by the running bot's word or by a visit of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import eq
from pathlib import Path
from typing import Any, Final

from meshbot.commands import mark as _
from meshbot.control import ControlClient, NoBotError, NotAllowedError, Verb, node_figures
from meshbot.doctor import host, network, node, telegram, visit
from meshbot.doctor.findings import Finding, Result, Step, bad, examine, good, unknown
from meshbot.mesh_link import LinkTarget, Visit
from meshbot.mesh_link import visit as visit_node
from meshbot.runtime import Clock, is_same_host

# Seconds for the node's whole configuration: a healthy node takes three at most
PATIENCE: Final = 20.0
# What a bot beside us would have another value of, and fight for the same node
COMPARED: Final = ("host", "port")


@dataclass(frozen=True, slots=True)
class Patient:
    """What the doctor is to examine: the settings, and what belongs to the installation."""

    version: str
    pins: Mapping[str, str]  # library: version
    unit: tuple[Path, list[str]] | None  # the installed unit, and what differs from this version's; None: no unit
    target: LinkTarget
    data_dir: Path
    has_file: bool  # the database is the file in data_dir
    disk_least: float  # share that must be free, 0 to 1
    origins: tuple[str, ...]  # where the settings come from
    sockets: tuple[Path, ...]  # where a bot may answer
    telegram: tuple[str, str, bool] | None  # server, token, trust_environment
    groups: tuple[int, ...] = ()
    bridged: tuple[int, ...] = ()
    root: Path = Path("/")


def _agree(name: str, theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> bool:
    is_same = is_same_host if name == "host" else eq
    return is_same(theirs[name], mine[name])


class Doctor:
    """One examination; every wait in it is bounded."""

    def __init__(self, patient: Patient, clock: Clock) -> None:
        self._patient = patient
        self._clock = clock
        self._addresses: list[str] = []
        self._status: Mapping[str, Any] | None = None
        self._is_left_alone = False
        self._seen = Visit()

    def examine(self) -> Iterator[Finding]:
        """Yield each finding as it comes."""
        monotonic = self._clock.monotonic
        yield from examine(self._machine(), monotonic)
        yield from examine(self._way(), monotonic)
        yield from examine(self._node(), monotonic)
        yield from examine([(_("Telegram"), self._telegram)], monotonic)

    def _machine(self) -> list[Step]:
        patient = self._patient
        path, differences = patient.unit or (None, None)
        return [
            (_("program"), lambda: host.program(patient.version, patient.pins)),
            (_("running bot"), self._ask_bot),
            (_("settings"), self._settings),
            (_("secrets"), lambda: host.secrets_file(patient.root)),
            (_("unit"), lambda: host.unit(differences, path)),
            (_("data_dir"), lambda: host.data_folder(self._folder)),
            (_("database"), self._database),
            (_("disk"), lambda: host.disk(self._folder, patient.disk_least, patient.root)),
            (_("clock"), lambda: host.clock(self._clock.now().timestamp(), patient.root)),
        ]

    @property
    def _folder(self) -> Path:
        """The data folder: the running bot's, else the settings'."""
        return self._patient.data_dir if self._status is None else Path(self._status["data_dir"])

    def _ask_bot(self) -> Result:
        where: Path | None = None
        try:
            with ControlClient(self._patient.sockets) as client:
                where = client.path
                status = client.last(Verb.STATUS)
        except NotAllowedError as exc:
            self._is_left_alone = True
            text = _("a bot runs here, and {path} is not for you: the node is left to it")
            return unknown(text, _("sudo meshbot doctor"), path=exc)
        except TimeoutError:
            # its link may be good all the same
            self._is_left_alone = True
            text = _("a bot runs here and does not answer at {path}: it hangs; the node is left to it")
            return bad(text, _("sudo systemctl restart meshbot"), path=where)
        except NoBotError:
            return unknown(_("none answers: the doctor connects to the node itself, which throws out any other client"))
        if not status.get("ok"):
            # too many ask, for example
            self._is_left_alone = True
            text = _("the bot at {path} refuses: {reason}")
            return bad(text, _("Try again in a minute."), path=where, reason=status.get("text", status))
        values = {"pid": status["pid"], "version": status["version"], "path": where}
        self._status = status
        return good(_("process {pid}, MeshBot {version}, asked at {path}"), **values)

    def _settings(self) -> Iterable[Result]:
        ours = self._patient
        mine: Mapping[str, Any] = {"host": ours.target.host, "port": ours.target.port}
        theirs = self._status or mine
        others = [f"{name} = {theirs[name]}" for name in COMPARED if not _agree(name, theirs, mine)]
        return host.settings([], list(ours.origins), others)

    def _database(self) -> Result:
        if self._patient.has_file:
            return host.database(self._folder)
        if self._status is None:
            return unknown(_("on a server: the bot's log tells how it is"))
        if self._status["database"]["works"]:
            return good(_("on a server, which the bot reaches"))
        return bad(_("on a server, which the bot does not reach"), _("Look at database_url and the server."))

    def _way(self) -> list[Step]:
        target = self._patient.target
        return [
            (_("name"), lambda: network.name(target.host, self._addresses.extend)),
            (_("route"), lambda: self._if_known(lambda first: network.route(first, target.port))),
            (_("TCP"), self._tcp),
            (_("other programs"), lambda: self._if_known(self._others)),
        ]

    def _if_known(self, step: Callable[[str], Result]) -> Result:
        return step(self._addresses[0]) if self._addresses else unknown(_("not without an address"))

    @property
    def _link(self) -> str:
        """Return the state of the running bot's link; empty without a bot."""
        return "" if self._status is None else str(self._status["link"]["state"])

    def _tcp(self) -> Result:
        if self._is_left_alone or self._link in {"ready", "locked"}:
            return unknown(_("left to the running bot"))
        return self._if_known(lambda first: network.tcp(first, self._patient.target.port))

    def _others(self, _first: str) -> Result:
        count = network.others_from_here(self._addresses, self._patient.target.port, self._patient.root)
        return network.others(count, is_bot_connected=self._is_left_alone or self._link in {"ready", "locked"})

    def _node(self) -> Iterator[Step]:
        now = self._clock.now().timestamp()
        if self._is_left_alone:
            return
        if self._status is not None:
            figures, found = self._status["link"], self._status["node"]
            yield _("link"), lambda: node.link(figures)
            if found is not None:
                yield from node.steps(found, now)
            return
        if not self._addresses:
            yield _("link"), lambda: unknown(_("not without an address"))
            return
        yield _("link"), self._visit
        seen = self._seen
        if seen.first_byte is None:
            return
        yield _("configuration"), lambda: visit.configuration(seen)
        if seen.report is not None:
            yield _("heartbeat"), lambda: visit.heartbeat(seen)
            yield _("other clients"), lambda: visit.taken(seen)
            yield from node.steps(node_figures(seen.report), now)

    def _visit(self) -> Iterable[Result]:
        self._seen = visit_node(self._patient.target, self._clock, PATIENCE)
        return visit.connection(self._seen)

    def _telegram(self) -> Sequence[Result] | Result:
        if self._patient.telegram is None:
            return telegram.without_token()
        server, token, trust_environment = self._patient.telegram
        api = telegram.BotApi(server, token, self._clock, trust_environment=trust_environment)
        return list(telegram.examine_telegram(api, self._patient.groups, self._patient.bridged))
