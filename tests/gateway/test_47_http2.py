"""Clients of HTTP/2 over TLS that are answered from another language: whole,
streamed, cancelled, and read slowly. And servers that restart or lose a
process meanwhile."""

import contextlib
import os
import signal
import socket
import ssl

import h2.events
import httpx
import pytest
from ask import dial
from canned import END, HOLD, Canned
from certs import Authority
from h2client import Connection
from ports import free_port
from processes import owners, tree
from tongues import CLIENTS, TEXT, UPSTREAMS, WORDS, chunked, dump, head

CHUNKED = "Transfer-Encoding: chunked"
CLOSE = "Connection: close"
LARGE = 500_000


@pytest.fixture(scope="module")
def canned(env):
    canned = Canned()
    yield canned
    canned.close()


@pytest.fixture(scope="module")
def ours(env):
    return Authority(env.root / "http2")


@pytest.fixture(scope="module")
def gateway(env, simulator, canned, ours):
    env.tls_port = free_port()
    conf = env.conf().add("AzureLITCooldown off", "AzureLITRetry 0",
                          "ServerLimit 8", "StartServers 3",
                          "MinSpareThreads 64", "MaxSpareThreads 128")
    for name, up in UPSTREAMS.items():
        conf.endpoint(name, canned.url, up.options)
        conf.model(name, f"{name}/up-{name}", up.model)
    env.start(conf.tls(env.tls_port, ours.leaf("gateway.test")))
    yield env
    env.stop()


class Slow(Connection):
    """Gives no more room than there is at the start until it is told to."""

    unread = None

    def take(self, event):
        if self.unread is None or not isinstance(
            event, h2.events.DataReceived
        ):
            super().take(event)
            return
        self.streams[event.stream_id]["data"] += event.data
        self.unread.append((event.flow_controlled_length, event.stream_id))

    def go_on(self):
        for length, stream in self.unread:
            self.h2.acknowledge_received_data(length, stream)
        self.unread = None
        self.flush()


@pytest.fixture
def wire(gateway, ours):
    context = ssl.create_default_context(cafile=str(ours.ca))
    context.set_alpn_protocols(["h2"])
    sock = socket.create_connection(("127.0.0.1", gateway.tls_port), 20)
    sock = context.wrap_socket(sock, server_hostname="gateway.test")
    assert sock.selected_alpn_protocol() == "h2"
    with Slow(None, gateway.key, sock) as wire:
        yield wire


def ask(wire, client, model, stream=True):
    how = CLIENTS[client]
    return wire.post(how.ask(model, stream), how.path)


def told(wire, client, stream):
    state = wire.answer(stream)
    assert state["end"] == "StreamEnded"
    headers = state["headers"]
    return CLIENTS[client].read(
        int(headers[":status"]), headers["content-type"], state["data"]
    )


def streamed(up, events):
    return head(up.kind, CHUNKED, CLOSE) + chunked(b"".join(events))


def begun(up):
    return streamed(up, [*up.begin(), up.text(WORDS[0])])


def rest(up):
    events = [*map(up.text, WORDS[1:]), *up.end()]
    return chunked(b"".join(events)) + b"0\r\n\r\n"


@pytest.mark.parametrize("name", UPSTREAMS)
def test_streamed_and_whole(gateway, canned, wire, name):
    up = UPSTREAMS[name]
    for client in CLIENTS:
        canned.answer([begun(up), HOLD, rest(up), END])
        stream = ask(wire, client, name)
        wire.until(stream, lambda state: WORDS[0].encode() in state["data"])
        canned.release()
        out = told(wire, client, stream)
        assert out.whole and out.text == TEXT and out.tokens == up.tokens
        body = dump(up.whole())
        canned.answer([
            head("application/json", CLOSE, length=len(body)) + body, END
        ])
        out = told(wire, client, ask(wire, client, name, False))
        assert out.whole and out.text == TEXT and out.tokens == up.tokens
    for one in gateway.records(6):
        assert (one["status"], one["error"]) == (200, None)


@pytest.mark.parametrize("name", UPSTREAMS)
def test_cut(gateway, canned, wire, log, name):
    """The stream ends well, what is in it does not."""
    log.expect(r"\[proxy", "AZL0030")
    up = UPSTREAMS[name]
    for client in CLIENTS:
        canned.answer([begun(up), HOLD, END])
        stream = ask(wire, client, name)
        wire.until(stream, lambda state: WORDS[0].encode() in state["data"])
        canned.release()
        out = told(wire, client, stream)
        assert out.error and out.text == WORDS[0]
    for one in gateway.records(3):
        assert (one["status"], one["error"]) == (200, "Truncated")


@pytest.mark.parametrize("name", UPSTREAMS)
def test_cancelled(gateway, canned, wire, name):
    """Each of three at once, and the connection is still good."""
    up = UPSTREAMS[name]
    canned.answer([begun(up), HOLD])
    streams = [ask(wire, client, name) for client in CLIENTS]
    for stream in streams:
        wire.until(stream, lambda state: WORDS[0].encode() in state["data"])
    for stream in streams:
        wire.reset(stream)
    gateway.until(lambda: len(canned.left) == len(streams))
    for one in gateway.records(len(streams)):
        assert (one["status"], one["error"]) == (499, "ClientClosed")
    canned.answer([begun(up), rest(up), END])
    out = told(wire, "chat", ask(wire, "chat", name))
    assert out.whole and out.text == TEXT


@pytest.mark.parametrize("name", UPSTREAMS)
def test_slow_reader(gateway, canned, wire, name):
    """It gets everything in the end."""
    up = UPSTREAMS[name]
    for client in CLIENTS:
        words = [WORDS[0], "x" * LARGE, *WORDS[1:]]
        canned.answer([streamed(up, up.stream(words)) + b"0\r\n\r\n", END])
        wire.unread = []
        stream = ask(wire, client, name)
        wire.until(stream, lambda state: len(state["data"]) > 30000)
        assert wire.streams[stream]["end"] is None
        wire.go_on()
        out = told(wire, client, stream)
        assert out.whole and out.text == "".join(words)
        assert out.tokens == up.tokens
    for one in gateway.records(3):
        assert (one["status"], one["error"]) == (200, None)


# --------------------------------------------------- processes come and go


class Held:
    """A stream of each upstream to each client, in the middle."""

    def __init__(self, gateway, canned):
        self.come = {}
        for name, up in UPSTREAMS.items():
            for client, how in CLIENTS.items():
                canned.answers = [[begun(up), HOLD, rest(up), END]]
                sock = dial(gateway, how.ask(name), how.path)
                self.come[sock] = client, self.read(sock, WORDS[0].encode())

    @staticmethod
    def read(sock, mark=None):
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while mark is None or mark not in data:
                more = sock.recv(65536)
                if not more:
                    break
                data += more
                if mark is None and data.endswith(b"0\r\n\r\n"):
                    break
        return data

    def finish(self, sock):
        """Does it end well?"""
        client, data = self.come[sock]
        data += self.read(sock)
        sock.close()
        header, _, data = data.partition(b"\r\n\r\n")
        body = b""
        while data:
            size, _, data = data.partition(b"\r\n")
            if not size or not int(size, 16) or len(data) < int(size, 16):
                break
            body += data[: int(size, 16)]
            data = data[int(size, 16) + 2 :]
        if not body.endswith(b"\n\n"):
            return False
        kind = "text/event-stream"
        try:
            out = CLIENTS[client].read(200, kind, body)
        except AssertionError:
            return False
        return out.whole and out.text == TEXT


def in_flight(gateway):
    found = httpx.get(
        f"{gateway.url}/health",
        headers={"Authorization": f"Bearer {gateway.master}"},
        timeout=30,
    ).json()
    items = found["healthy_endpoints"] + found["unhealthy_endpoints"]
    return sum(item["in_flight"] for item in items)


def test_restart(gateway, canned):
    canned.reset()
    held = Held(gateway, canned)
    assert in_flight(gateway) == len(held.come)
    before = set(tree(gateway.process.pid)[1:])
    gateway.graceful()
    gateway.until(lambda: set(tree(gateway.process.pid)[1:]) - before)
    canned.release()
    assert all([held.finish(sock) for sock in held.come])
    gateway.until(lambda: in_flight(gateway) == 0)
    for one in gateway.records(len(held.come)):
        assert (one["status"], one["error"]) == (200, None)


def test_killed(gateway, canned, log):
    log.expect("AH00052")
    canned.reset()
    held = Held(gateway, canned)
    number = len(held.come)
    assert in_flight(gateway) == number
    where = owners(gateway.process.pid, gateway.port, held.come)
    victim = min(set(where.values()), key=list(where.values()).count)
    lost = list(where.values()).count(victim)
    os.kill(victim, signal.SIGKILL)
    gateway.until(lambda: in_flight(gateway) == number - lost)
    canned.release()
    for sock in held.come:
        assert held.finish(sock) == (where[sock] != victim)
    gateway.until(lambda: in_flight(gateway) == 0)
    for one in gateway.records(number - lost):
        assert (one["status"], one["error"]) == (200, None)
