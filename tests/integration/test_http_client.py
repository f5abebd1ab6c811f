"""Requests over real HTTP: every failure is a WebError, in time, without a secret."""

import logging
import shutil
import socket
import subprocess
import threading
from contextlib import contextmanager
from queue import SimpleQueue

import pytest

from meshbot.runtime.clock import SystemClock
from meshbot.web.errors import Fault, WebError
from meshbot.web.http_client import HttpClient, HttpRequest, Limits
from tests.support.fake_clock import FakeClock
from tests.support.web_server import (
    PATIENCE,
    WebServer,
    cut_off,
    drips_body,
    drips_headers,
    endless,
    hangs_up,
    holds,
    says,
    status,
)

SECRET = "sk-very-secret"
QUICK = Limits(connect=PATIENCE, read=0.2, total=PATIENCE, size=1000)  # fails by the read's bound
MINUTE = Limits(connect=PATIENCE, read=PATIENCE, total=60.0, size=1000)
PATIENT = Limits(connect=PATIENCE, read=PATIENCE, total=PATIENCE, size=1000)


@pytest.fixture
def server():
    with WebServer() as web_server:
        yield web_server


@pytest.fixture
def client():
    return HttpClient(SystemClock(), trust_environment=False)


def fault(client, ask, bounds=PATIENT):
    with pytest.raises(WebError) as caught:
        client.fetch(ask, bounds)
    error = caught.value
    assert error.__cause__ is None  # a traceback must not show it
    assert SECRET not in str(error)
    assert "127.0.0.1" not in str(error)
    return error.fault, str(error)


def ask(server, path="/"):
    return HttpRequest(server.url + path, headers={"Authorization": f"Bearer {SECRET}"})


# -- when all is well


def test_an_answer_s_body_is_returned_unchanged(server, client):
    server.behaviours["/a"] = says(b"\x00anything")
    assert client.fetch(ask(server, "/a"), PATIENT) == b"\x00anything"


def test_parameters_and_headers_and_json_arrive(server, client):
    server.behaviours["/a"] = says({})
    client.fetch(HttpRequest(f"{server.url}/a", {"name": "Saint-Étienne & co", "count": 1}), PATIENT)
    client.fetch(HttpRequest(f"{server.url}/a", json={"é": [1]}, headers={"X-Own": "1"}), PATIENT)
    get, post = server.heard
    assert (get.method, get.parameters, get.headers["User-Agent"]) == (
        "GET",
        {"name": "Saint-Étienne & co", "count": "1"},
        "MeshBot",
    )
    assert (post.method, post.json, post.headers["X-Own"]) == ("POST", {"é": [1]}, "1")


def test_no_connection_is_kept(server, client):
    server.behaviours["/a"] = says({}, Connection="keep-alive")
    for _ in range(2):
        client.fetch(ask(server, "/a"), PATIENT)
    assert not client._client._transport._pool.connections


def test_a_request_runs_in_the_background(server, client):
    server.behaviours["/a"] = holds(says(b"at last"))
    call = client.start(ask(server, "/a"), PATIENT)
    assert not call.done_within(0.01)
    server.release.set()
    assert call.done_within(PATIENCE)
    assert call.result() == b"at last"
    assert call.result() == b"at last"


# -- when it is not


@pytest.mark.parametrize(
    ("behaviour", "bounds", "expected"),
    [
        (status(429), PATIENT, "débordé ou en panne (HTTP 429)"),
        (status(503), PATIENT, "débordé ou en panne (HTTP 503)"),
        (status(500), PATIENT, "débordé ou en panne (HTTP 500)"),
        (status(401), PATIENT, "refus (HTTP 401)"),
        # To itself, for ever
        (status(302, Location="/"), PATIENT, "refus (HTTP 302)"),
        (says(b"", 204), PATIENT, "refus (HTTP 204)"),
        (holds(says({})), QUICK, "sans réponse à temps (ReadTimeout)"),
        (endless, PATIENT, "réponse inexploitable (plus de 1000 octets)"),
        (says(b"x" * 1001), PATIENT, "réponse inexploitable (plus de 1000 octets)"),
        (says(b"x", Content_Encoding="gzip"), PATIENT, "réponse inexploitable (compressée sans qu'on l'ait demandé)"),
        (cut_off, PATIENT, "réponse inexploitable (RemoteProtocolError)"),
        (hangs_up, PATIENT, "réponse inexploitable (RemoteProtocolError)"),
        (says(b"", Content_Length="none"), PATIENT, "réponse inexploitable (RemoteProtocolError)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_misbehaviour_of_a_server_is_an_error_of_ours(server, client, behaviour, bounds, expected):
    server.behaviours["/"] = behaviour
    assert fault(client, ask(server), bounds)[1] == expected


def test_a_redirection_is_not_followed(server, client):
    server.behaviours["/"] = status(302, Location="/elsewhere")
    fault(client, ask(server))
    assert [heard.path for heard in server.heard] == ["/"]


class Asking(threading.Thread):
    """Asks on a clock that the test moves; the server has the request when this is made."""

    def __init__(self, server, *, trust_environment=False):
        super().__init__(name="Test-Asking")
        self.clock = FakeClock()
        self.call = HttpClient(self.clock, trust_environment=trust_environment).start(ask(server), MINUTE)
        self.result = SimpleQueue()
        server.next_arrival()
        self.start()
        self.clock.wait_parked(self.clock.monotonic() + MINUTE.total)

    def run(self):
        try:
            self.result.put(self.call.result())
        except WebError as error:
            self.result.put(str(error))


@pytest.mark.parametrize("behaviour", [holds(says({})), drips_headers, drips_body], ids=["silent", "headers", "body"])
def test_the_total_limit_ends_any_answer_and_its_thread(server, behaviour):
    server.behaviours["/"] = behaviour
    asking = Asking(server)
    asking.clock.advance(59.9)
    assert asking.result.empty()
    asking.clock.advance(0.1)
    assert asking.result.get(timeout=PATIENCE) == "sans réponse à temps (pas de réponse complète en 60 s)"
    for thread in (asking, asking.call):
        # The server holds on for longer
        thread.join(PATIENCE / 2)
        assert not thread.is_alive()


@contextmanager
def port(*, listen):
    """Give a closed port; with `listen` the system accepts, and no answer comes."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        if listen:
            sock.listen()
        yield sock.getsockname()[1]


def test_a_closed_port_is_unreachable(client):
    with port(listen=False) as number:
        assert fault(client, HttpRequest(f"http://127.0.0.1:{number}")) == (
            Fault.UNREACHABLE,
            "injoignable (Connection refused)",
        )


def test_a_server_that_never_answers_is_silent(client):
    with port(listen=True) as number:
        assert fault(client, HttpRequest(f"http://127.0.0.1:{number}"), QUICK)[0] is Fault.TIMEOUT


def test_a_server_that_never_shakes_hands_over_tls_is_not_reached(client):
    with port(listen=True) as number:
        bounds = Limits(connect=0.3, read=PATIENCE, total=PATIENCE)
        assert fault(client, HttpRequest(f"https://127.0.0.1:{number}"), bounds)[0] is Fault.UNREACHABLE


def test_a_server_without_tls_is_unreachable(server, client):
    kind, text = fault(client, HttpRequest(server.url.replace("http:", "https:")))
    assert kind is Fault.UNREACHABLE
    assert "SSL" in text


@pytest.fixture
def no_names(monkeypatch):
    """Let addresses alone be resolved."""
    resolve = socket.getaddrinfo

    def answer(host, *args, **kwargs):
        if host != "127.0.0.1":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.usefixtures("no_names")
def test_without_name_resolution_a_server_is_unreachable(client):
    assert fault(client, HttpRequest("http://meteo.example")) == (
        Fault.UNREACHABLE,
        "injoignable (Temporary failure in name resolution)",
    )


def test_a_name_that_takes_for_ever_to_resolve_is_unreachable_in_time(client, monkeypatch):
    answer = threading.Event()
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: (answer.wait(PATIENCE), resolve(*args, **more))[1])
    with port(listen=True) as number:
        call = client.start(HttpRequest(f"http://127.0.0.1:{number}"), Limits(PATIENCE, PATIENCE, total=0.3))
        with pytest.raises(WebError, match=r"^injoignable \(pas de connexion en 0\.3 s\)$"):
            call.result()
        answer.set()
        # The connection that comes too late is shut at once
        call.join(PATIENCE / 2)
        assert not call.is_alive()


@pytest.mark.parametrize("url", ["", "nothing", "http://", "ftp://127.0.0.1/x", "http://[", "http://127.0.0.1:99999"])
def test_an_address_that_is_none_is_an_error_of_ours(client, url):
    fault(client, HttpRequest(url))


@pytest.mark.parametrize("key", [f"{SECRET}\nX: 1", f"{SECRET}é", f"{SECRET}\x00", "\ud800"])
def test_a_header_that_cannot_be_sent_is_not_quoted(server, client, key):
    fault(client, HttpRequest(server.url, headers={"Authorization": key}))


def test_json_that_cannot_be_sent_is_an_error_of_ours(server, client):
    assert fault(client, HttpRequest(server.url, json={"text": "\ud800"}))[0] is Fault.INVALID


# -- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a self-signed certificate for 127.0.0.1, its key in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    made = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        *names,
        "-keyout",
        file,
        "-out",
        "-",
    ]
    certificate = subprocess.run(made, check=True, capture_output=True).stdout
    file.write_bytes(file.read_bytes() + certificate)
    return file


@pytest.fixture
def tls_server(certificate):
    with WebServer(certificate) as web_server:
        yield web_server


def test_an_untrusted_certificate_is_refused(tls_server, client):
    kind, text = fault(client, ask(tls_server))
    assert kind is Fault.UNREACHABLE
    assert "certificate verify failed" in text


def test_a_certificate_of_the_environment_needs_the_setting(tls_server, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls_server.behaviours["/"] = says(b"in secret")
    assert fault(HttpClient(SystemClock(), trust_environment=False), ask(tls_server))[0] is Fault.UNREACHABLE
    assert HttpClient(SystemClock(), trust_environment=True).fetch(ask(tls_server), PATIENT) == b"in secret"


def test_the_bound_of_the_whole_ends_an_encrypted_answer_too(tls_server, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls_server.behaviours["/"] = drips_headers
    asking = Asking(tls_server, trust_environment=True)
    asking.clock.advance(60.0)
    assert "sans réponse" in asking.result.get(timeout=PATIENCE)
    asking.call.join(PATIENCE / 2)
    assert not asking.call.is_alive()
    asking.join(PATIENCE)


# -- the environment and the log


@pytest.mark.usefixtures("no_names")
def test_a_proxy_of_the_environment_needs_the_setting(server, monkeypatch):
    server.behaviours["/a"] = says(b"by proxy")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, server.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    question = HttpRequest("http://example.invalid/a")
    assert fault(HttpClient(SystemClock(), trust_environment=False), question)[0] is Fault.UNREACHABLE
    assert HttpClient(SystemClock(), trust_environment=True).fetch(question, PATIENT) == b"by proxy"


def test_a_proxy_that_cannot_be_used_is_an_error_of_ours(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")  # needs a library that is not installed
    fault(HttpClient(SystemClock(), trust_environment=True), HttpRequest("http://example.invalid/a"))


def test_what_the_library_logs_holds_no_secret(server, client, caplog):
    caplog.set_level(logging.DEBUG)
    # a bot of another test has made it quieter
    caplog.set_level(logging.DEBUG, logger="httpx")
    server.behaviours["/"] = says({})
    client.fetch(ask(server), PATIENT)
    assert "httpx" in {record.name for record in caplog.records}
    assert SECRET not in caplog.text
