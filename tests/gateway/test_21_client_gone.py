"""A client that leaves: its upstream is closed at once, wherever the answer
is, and what was generated is recorded.

How soon is told by the simulator: when it saw the end of its connection, on
its own clock, which is this machine's."""

import contextlib
import json
import os
import socket
import ssl
import threading
import time
from pathlib import Path

import h2.exceptions
import pytest
from ask import WORDS, chat, dial, hang_up
from canned import stop
from certs import Authority
from h2client import Connection
from ports import free_port
from processes import tree
from simulator import Simulator

# The promise is 0.1 s; what is more is for a machine that has other work, which
# may be late all the same, but not so many times.
CLOSED_WITHIN = 1
TRIES = 4
PATH = "/v1/chat/completions"


@pytest.fixture(scope="module")
def safe(env):
    """An upstream behind TLS, and a certificate for the gateway itself."""
    ours = Authority(env.root / "gone")

    class Safe:
        sim = Simulator(env.root / "gone" / "sim", ["d1"], env.sim_key,
                        tls=ours.leaf())
        ca = ours.ca
        pem = ours.leaf("gateway.test")

    yield Safe
    Safe.sim.stop()


class Endless:
    """An upstream whose documents are as long as its connection, and larger
    than what is held."""

    # what is behind the middle may wait for more of it
    document = (b'{"object":"list","data":["' + b"x" * 1200000
                + b"THE MIDDLE" + b"x" * 100000)

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ended = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                self.answer(self.listener.accept()[0])

    def answer(self, sock):
        # who leaves early is no reason to leave the others alone
        with contextlib.suppress(OSError), sock:
            come = b""
            while b"PROMPT-MARK" not in come:
                more = sock.recv(65536)
                if not more:
                    return
                come += more
            sock.sendall(
                b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
                + self.document
            )
            self.ended.wait(60)
            self.ended.clear()


@pytest.fixture(scope="module")
def endless():
    server = Endless()
    yield server
    stop(server.listener)


def configuration(env, sim, safe, endless):
    env.tls_port = free_port()
    conf = env.conf().add("Protocols h2c http/1.1", "AzureLITCooldown off")
    conf.endpoint("a", sim.url).model("plain", "a/d1")
    conf.model("two", "a/d1").model("two", "a/d2", "order=2")
    conf.endpoint("s", safe.sim.url, f"tls-ca={safe.ca}")
    conf.model("safe", "s/d1")
    conf.endpoint("e", f"http://127.0.0.1:{endless.port}")
    conf.model("endless", "e/d1")
    return conf.tls(env.tls_port, safe.pem)


@pytest.fixture(scope="module")
def gateway(env, simulator, safe, endless):
    env.start(configuration(env, simulator, safe, endless))
    yield env
    env.stop()


@pytest.fixture
def upstream(sim, safe, model):
    safe.sim.reset()
    return safe.sim if model == "safe" else sim


# ------------------------------------------------- clients, and how they leave


def encrypted(gateway, sock, safe, protocol="http/1.1", newest=True):
    context = ssl.create_default_context(cafile=str(safe.ca))
    context.set_alpn_protocols([protocol])
    if not newest:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context.wrap_socket(sock, server_hostname="gateway.test")


class Plain:
    """HTTP/1.1, as bytes."""

    def __init__(self, gateway, safe):
        self.gateway = gateway
        self.come = b""
        self.sock = socket.create_connection(
            ("127.0.0.1", self.port(gateway)), 30
        )

    @staticmethod
    def port(gateway):
        return gateway.port

    def ask(self, document):
        body = json.dumps(document).encode()
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: gateway.test\r\n"
            f"Authorization: Bearer {self.gateway.key}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.sock.sendall(head.encode() + body)

    def read_until(self, mark):
        """What came up to the mark; the rest is for the next time."""
        while mark not in self.come:
            more = self.sock.recv(65536)
            assert more, self.come
            self.come += more
        got, _, self.come = self.come.partition(mark)
        return got + mark

    def leave(self):
        self.sock.close()


class Reset(Plain):
    def leave(self):
        hang_up(self.sock)


class Half(Plain):
    """Says that it has no more to send; nobody who waits for an answer
    does."""

    def leave(self):
        self.sock.shutdown(socket.SHUT_WR)


class Tls(Plain):
    newest = True

    def __init__(self, gateway, safe):
        super().__init__(gateway, safe)
        self.sock = encrypted(gateway, self.sock, safe, newest=self.newest)

    @staticmethod
    def port(gateway):
        return gateway.tls_port


class Tls12(Tls):
    newest = False


class Goodbye(Tls):
    """Takes its leave in TLS and waits for ours before it closes."""

    def leave(self):
        self.sock.setblocking(False)
        with contextlib.suppress(OSError):
            self.sock.unwrap()


class Goodbye12(Goodbye):
    newest = False


class Stream:
    """HTTP/2: one stream is cancelled, the connection stays. If it has ended
    by itself meanwhile there is nothing to leave."""

    def __init__(self, gateway, safe):
        self.connection = self.connect(gateway, safe)

    def connect(self, gateway, safe):
        return Connection(gateway.port, gateway.key)

    def ask(self, document):
        self.stream = self.connection.post(document)

    def read_until(self, mark):
        return self.connection.until(
            self.stream, lambda state: mark in state["data"]
        )["data"]

    def leave(self):
        with contextlib.suppress(h2.exceptions.StreamClosedError):
            self.connection.reset(self.stream)


class Close(Stream):
    """... or all of the connection ends."""

    def leave(self):
        self.connection.sock.close()


class CloseTls(Close):
    def connect(self, gateway, safe):
        sock = socket.create_connection(("127.0.0.1", gateway.tls_port), 20)
        return Connection(
            None, gateway.key, encrypted(gateway, sock, safe, "h2")
        )


CLIENTS = [Plain, Reset, Half, Tls, Tls12, Goodbye, Goodbye12, Stream, Close,
           CloseTls]


@pytest.fixture(params=CLIENTS, ids=lambda one: one.__name__.lower())
def make(gateway, safe, request):
    return lambda: request.param(gateway, safe)


@pytest.fixture
def leaver(make):
    return make()


def leaves(gateway, upstream, make, behaviour, document, mark=None):
    """The upstream sees at once that a client of its own leaves, when the
    mark has come, or when the upstream has been asked."""
    for _ in range(TRIES):
        upstream.reset()
        gateway.forget_records()
        upstream.script(behaviour)
        leaver = make()
        leaver.ask(document)
        if mark:
            leaver.read_until(mark)
        else:
            gateway.until(upstream.journal)
        moment = time.time()
        leaver.leave()
        took = closed_after(gateway, upstream, moment)
        found = gateway.records(1)[0]
        # or it had been waited for to the end before
        if took < CLOSED_WITHIN and found["error"]:
            break
    assert took < CLOSED_WITHIN
    return gone(gateway)


def closed_after(gateway, upstream, moment):
    """How long it took until the upstream saw the end."""
    gateway.until(lambda: upstream.last()["closed"])
    took = upstream.last()["closed"] - moment
    measured = os.environ.get("AZURELIT_MEASURED")
    if measured:
        name = os.environ["PYTEST_CURRENT_TEST"].split("::")[1].split()[0]
        with open(measured, "a") as file:
            file.write(f"{took * 1000:.1f} {name}\n")
    return took


def gone(gateway):
    found = gateway.records(1)[0]
    assert (found["status"], found["error"]) == (499, "ClientClosed")
    assert found["attempts"] == 1
    return found


# ------------------------------------------------------------ wherever it is


@pytest.mark.parametrize("model", ["plain", "safe"])
@pytest.mark.parametrize("behaviour,stream", [
    ({"hold": "head"}, False),
    ({"hold": "head"}, True),
    ({"hold": 1}, True),
], ids=["answer", "head", "preamble"])
def test_before_the_first_byte(gateway, upstream, make, model, behaviour,
                               stream):
    found = leaves(gateway, upstream, make, behaviour,
                   chat(model, stream=stream))
    assert found["prompt_tokens"] is None and found["estimated"] is False
    assert len(upstream.journal()) == 1


@pytest.mark.parametrize("model", ["plain", "safe"])
def test_between_two_tokens(gateway, upstream, make, model):
    found = leaves(gateway, upstream, make, {"hold": 6},
                   chat(model, stream=True), b"said")
    assert found["estimated"] is True
    assert found["prompt_tokens"] > 0
    assert 0 < found["completion_tokens"] <= len(WORDS)
    assert len(upstream.journal()) == 1


@pytest.mark.parametrize("model", ["plain"])
def test_between_many_tokens(gateway, upstream, make, model):
    """While they come, and writing to the client may be what fails."""
    behaviour = {"chunk_delay": 0.02, "content": "word " * 2000}
    found = leaves(gateway, upstream, make, behaviour,
                   chat(model, stream=True), b"word")
    assert found["estimated"] is True


@pytest.mark.parametrize("model", ["plain"])
def test_nobody_else_is_asked(gateway, sim, upstream, leaver, model):
    sim.script({"hold": "head"}, deployment="d1")
    leaver.ask(chat("two"))
    gateway.until(sim.journal)
    leaver.leave()
    gone(gateway)
    assert [entry["deployment"] for entry in sim.journal()] == ["d1"]


@pytest.mark.parametrize("model", ["plain"])
def test_while_it_waits_to_ask_again(gateway, upstream, leaver, model):
    # the longest that is waited for
    upstream.script(
        {"status": 429, "headers": {"Retry-After": "5"}, "body": ""}
    )
    leaver.ask(chat(model))
    gateway.until(upstream.journal)
    leaver.leave()
    found = gateway.records(1)[0]
    assert (found["status"], found["error"]) == (499, "ClientClosed")
    assert len(upstream.journal()) == 1


# ---------------------------------------------------------- what it had cost


@pytest.mark.parametrize("model", ["plain", "safe"])
def test_behind_the_last_word(gateway, upstream, make, number, model):
    """The usage would have come next, and is waited for no longer than the
    upstream may stay open."""
    found = leaves(gateway, upstream, make, {"hold": number - 2},
                   chat(model, stream=True), b'"finish_reason":"stop"')
    assert found["estimated"] is True


@pytest.mark.parametrize("model", ["plain", "safe"])
@pytest.mark.parametrize("client", CLIENTS,
                         ids=lambda one: one.__name__.lower())
def test_the_usage_still_comes(gateway, safe, upstream, client, number, model):
    """A moment after the client has left. It may be missed by a machine that
    has other work, but not always."""
    for _ in range(10):
        upstream.reset()
        gateway.forget_records()
        upstream.script({"hold": number - 2})
        leaver = client(gateway, safe)
        leaver.ask(chat(model, stream=True))
        leaver.read_until(b'"finish_reason":"stop"')
        leaver.leave()
        upstream.release()
        found = gateway.records(1)[0]
        if found["completion_tokens"] and not found["estimated"]:
            break
    assert found["estimated"] is False
    assert found["completion_tokens"] > 0


@pytest.mark.parametrize("model", ["plain"])
def test_behind_the_end(gateway, upstream, leaver, number, model):
    """Who has [DONE] has everything, though the transfer goes on."""
    upstream.script({"hold": number})
    leaver.ask(chat(model, stream=True))
    leaver.read_until(b"[DONE]")
    leaver.leave()
    found = gateway.records(1)[0]
    assert (found["status"], found["error"]) == (200, None)
    assert found["estimated"] is False and found["completion_tokens"] > 0


@pytest.mark.parametrize("model", ["plain"])
@pytest.mark.parametrize("client", [Plain, Reset, Tls, Stream],
                         ids=lambda one: one.__name__.lower())
def test_within_a_document(gateway, safe, upstream, client, model):
    """It is on its way, all of it generated: the rest is read, because it says
    what it cost."""
    for _ in range(10):
        upstream.reset()
        gateway.forget_records()
        upstream.script({"split": 400, "trickle": 0.03})
        leaver = client(gateway, safe)
        leaver.ask(chat(model))
        gateway.until(upstream.journal)
        leaver.leave()
        found = gateway.records(1)[0]
        if found["error"] and found["completion_tokens"]:
            break
    assert found["error"] == "ClientClosed" and found["status"] == 499
    assert found["completion_tokens"] > 0 and found["estimated"] is False


@pytest.mark.parametrize(
    "client", [one for one in CLIENTS if not issubclass(one, Stream)],
    ids=lambda one: one.__name__.lower(),
)
def test_within_a_document_that_is_cut(gateway, safe, endless, log, client):
    """Of a client that has left, what ends early is no failure of the
    upstream, and is not passed off as a whole answer. The gateway may see the
    upstream's end first, but not always."""
    log.expect("AZL0030")
    for _ in range(10):
        gateway.forget_records()
        leaver = client(gateway, safe)
        leaver.ask(chat("endless"))
        leaver.read_until(b"THE MIDDLE")
        leaver.leave()
        time.sleep(0.03)
        endless.ended.set()
        found = gateway.records(1)[0]
        if found["error"] != "Truncated":
            break
    assert (found["status"], found["error"]) == (499, "ClientClosed")
    if client is Half:
        while more := leaver.sock.recv(65536):
            leaver.come += more
        assert not leaver.come.endswith(b"0\r\n\r\n")  # the last chunk


# -------------------------------------------------------- who has not left


def processor_seconds(pid):
    ticks = 0
    for one in tree(pid):
        stat = (Path("/proc") / str(one) / "stat").read_text()
        ticks += sum(map(int, stat.rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("model", ["plain"])
@pytest.mark.parametrize("client", [Plain, Tls, Tls12],
                         ids=lambda one: one.__name__.lower())
def test_what_was_sent_ahead(gateway, safe, upstream, client, model):
    """A second request while the first is answered ends nothing, is answered
    in its turn, and makes nobody spin."""
    upstream.script({"hold": 6}, {})
    leaver = client(gateway, safe)
    leaver.ask(chat(model, stream=True))
    leaver.read_until(b"said")
    before = processor_seconds(gateway.process.pid)
    for _ in range(3):
        leaver.ask(chat(model))
        time.sleep(0.3)
    assert upstream.last()["closed"] is None
    # waiting costs nothing
    assert processor_seconds(gateway.process.pid) - before < 0.5
    upstream.release()
    assert b"[DONE]" in leaver.read_until(b"0\r\n\r\n")
    for _ in range(3):
        leaver.read_until(b'"usage":')
    found = gateway.records(4)
    assert {one["error"] for one in found} == {None}
    leaver.leave()


@pytest.mark.parametrize("model", ["plain"])
def test_its_neighbours(gateway, upstream, model):
    """One stream of a connection is cancelled, the others end well."""
    upstream.script({"hold": 6, "times": 5})
    with Connection(gateway.port, gateway.key) as connection:
        streams = [connection.post(chat(model, stream=True)) for _ in range(5)]
        for stream in streams:
            connection.until(stream, lambda state: b"said" in state["data"])
        connection.reset(streams[2])
        gateway.until(
            lambda: [one["closed"] for one in upstream.journal()].count(None)
            == 4
        )
        upstream.release()
        for stream in streams[:2] + streams[3:]:
            state = connection.answer(stream)
            assert state["data"].endswith(b"data: [DONE]\n\n")
    errors = [one["error"] for one in gateway.records(5)]
    assert sorted(errors, key=str) == ["ClientClosed"] + [None] * 4


def test_a_slow_reader_is_there(gateway, sim):
    """It takes what it is given, late."""
    sim.script({"content": "word " * 50000})
    sock = dial(gateway, chat("plain", stream=True))
    time.sleep(0.5)
    got = b""
    while b"[DONE]" not in got[-100:]:
        more = sock.recv(65536)
        assert more
        got += more
    sock.close()
    assert gateway.records(1)[0]["error"] is None
