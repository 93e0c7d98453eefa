"""Clients that leave while they are answered from another language, or while
what they asked is still on its way."""

import contextlib
import json
import os
import socket
import ssl
import threading
import time

import httpx
import pytest
from ask import chat, dial, hang_up
from canned import HOLD, Canned, stop
from certs import Authority
from h2client import Connection
from ports import free_port
from tongues import CLIENTS, UPSTREAMS, WORDS, chunked, head

# More than the system keeps for both ends of a connection.
LARGE = 8_000_000
# What the endpoint would allow, and what is much sooner on a busy machine.
LONG = 60
SOON = 15


class Deaf:
    """Takes connections, says what belongs to TLS, and reads no more."""

    def __init__(self, pem=None):
        self.context = None
        if pem:
            self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.context.load_cert_chain(pem)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.port = self.listener.getsockname()[1]
        self.socks = []
        self.come = threading.Semaphore(0)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                if self.context:
                    sock = self.context.wrap_socket(sock, server_side=True)
                self.socks.append(sock)
                self.come.release()

    def filled(self):
        """The next connection, when nothing more goes into it."""
        assert self.come.acquire(timeout=SOON)
        sock = self.socks[-1]
        before = None
        while before != self.waiting(sock):
            before = self.waiting(sock)
            time.sleep(0.1)
        return sock

    @staticmethod
    def waiting(sock):
        """What lies in the gateway's buffer for it and in its own."""
        port = sock.getpeername()[1]
        for line in open("/proc/net/tcp"):
            fields = line.split()
            if fields[1].endswith(f":{port:04X}"):
                return fields[4]
        return None

    @staticmethod
    def rest(sock):
        """All that still comes, until the other side has ended it."""
        sock = socket.socket(fileno=os.dup(sock.fileno()))
        sock.settimeout(SOON)
        number = 0
        with sock, contextlib.suppress(ConnectionResetError):
            while more := sock.recv(1 << 20):
                number += len(more)
        return number

    def close(self):
        stop(self.listener)
        for sock in self.socks:
            sock.close()


@pytest.fixture(scope="module")
def servers(env):
    ours = Authority(env.root / "leaving")

    class Servers:
        canned = Canned()
        deaf = Deaf()
        safe = Deaf(ours.leaf())
        ca = ours.ca
        pem = ours.leaf("gateway.test")

    yield Servers
    for server in (Servers.canned, Servers.deaf, Servers.safe):
        server.close()


@pytest.fixture(scope="module")
def gateway(env, simulator, servers):
    env.tls_port = free_port()
    conf = env.conf().add("Protocols h2c http/1.1", "AzureLITCooldown off",
                          "AzureLITRetry 0", "AzureLITMaxBody 64M")
    for name, up in UPSTREAMS.items():
        conf.endpoint(name, servers.canned.url, up.options)
        conf.model(name, f"{name}/up-{name}", up.model)
    long = f"timeout={LONG}s"
    conf.endpoint("deaf", f"http://127.0.0.1:{servers.deaf.port}", long)
    conf.model("deaf", "deaf/up-deaf", long)
    conf.endpoint("safe", f"https://localhost:{servers.safe.port}", long,
                  f"tls-ca={servers.ca}")
    conf.model("safe", "safe/up-safe", long)
    conf.endpoint("other", f"http://127.0.0.1:{servers.deaf.port}", long,
                  "dialect=anthropic")
    conf.model("other", "other/up-other", long)
    env.start(conf.tls(env.tls_port, servers.pem))
    yield env
    env.stop()


@pytest.fixture
def canned(servers):
    servers.canned.reset()
    return servers.canned


def in_flight(gateway):
    found = httpx.get(
        f"{gateway.url}/health",
        headers={"Authorization": f"Bearer {gateway.master}"},
        timeout=30,
    ).json()
    items = found["healthy_endpoints"] + found["unhealthy_endpoints"]
    return sum(item["in_flight"] for item in items)


def all_gone(gateway, number):
    found = gateway.records(number, SOON)
    for one in found:
        assert (one["status"], one["error"]) == (499, "ClientClosed")
        assert one["attempts"] == 1
    gateway.until(lambda: in_flight(gateway) == 0)
    return found


# ------------------------------------------------------- while it is answered


PLACES = {
    "head": lambda up: [HOLD],
    "start": lambda up: [
        head(up.kind, "Transfer-Encoding: chunked")
        + chunked(b"".join(up.begin()) or b"\n"), HOLD,
    ],
    "middle": lambda up: [
        head(up.kind, "Transfer-Encoding: chunked")
        + chunked(b"".join([*up.begin(), up.text(WORDS[0])])), HOLD,
    ],
    "whole": lambda up: [head("application/json", length=1000) + b"{", HOLD],
}


@pytest.mark.parametrize("leave", [socket.socket.close, hang_up],
                         ids=["end", "reset"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", UPSTREAMS)
def test_leaves(gateway, canned, name, place, leave):
    up = UPSTREAMS[name]
    canned.answer(PLACES[place](up))
    socks = []
    for client in CLIENTS.values():
        body = client.ask(name, place != "whole")
        sock = dial(gateway, body, client.path)
        got = b""
        while place == "middle" and WORDS[0].encode() not in got:
            got += sock.recv(65536)
            assert got
        socks.append(sock)
    gateway.until(lambda: len(canned.requests) == len(socks))
    assert in_flight(gateway) == len(socks)
    for sock in socks:
        leave(sock)
    gateway.until(lambda: len(canned.left) == len(socks))
    for one in all_gone(gateway, len(socks)):
        # Gemini says with each event what has been used
        assert one["estimated"] is (place == "middle" and name != "gemini")


# ----------------------------------------------------- while it is being sent


def ask_much(model, path="/v1/chat/completions"):
    body = chat(model, stream=True)
    if path == "/v1/messages":
        body["max_tokens"] = 10
    body["messages"].insert(0, {"role": "user", "content": "x" * LARGE})
    return body


class Plain:
    def __init__(self, gateway, servers, body, path):
        self.sock = dial(gateway, body, path)

    def leave(self):
        self.sock.close()


class Reset(Plain):
    def leave(self):
        hang_up(self.sock)


class Tls:
    def __init__(self, gateway, servers, body, path):
        context = ssl.create_default_context(cafile=str(servers.ca))
        sock = socket.create_connection(("127.0.0.1", gateway.tls_port), 30)
        self.sock = context.wrap_socket(sock, server_hostname="gateway.test")
        body = json.dumps(body).encode()
        self.sock.sendall(
            (
                f"POST {path} HTTP/1.1\r\nHost: gateway.test\r\n"
                f"Authorization: Bearer {gateway.key}\r\n"
                "Content-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            ).encode()
            + body
        )

    def leave(self):
        self.sock.close()


class Stream:
    """HTTP/2, with as much of the body as the window has room for."""

    def __init__(self, gateway, servers, body, path):
        self.connection = wire = Connection(gateway.port, gateway.key)
        data = json.dumps(body).encode()
        self.stream = wire.post(body, path, sent=0)
        at = 0
        while at < len(data):
            room = min(wire.h2.local_flow_control_window(self.stream),
                       wire.h2.max_outbound_frame_size, len(data) - at)
            if not room:
                for event in wire.h2.receive_data(wire.sock.recv(65536)):
                    wire.take(event)
                continue
            wire.h2.send_data(self.stream, data[at : at + room],
                              end_stream=at + room == len(data))
            at += room
            wire.flush()

    def leave(self):
        self.connection.reset(self.stream)


SENDERS = [Plain, Reset, Tls, Stream]


@pytest.mark.parametrize("sender", SENDERS,
                         ids=lambda one: one.__name__.lower())
@pytest.mark.parametrize("model, path", [
    ("deaf", "/v1/chat/completions"),
    ("safe", "/v1/chat/completions"),
    ("deaf", "/v1/messages"),
    ("other", "/v1/chat/completions"),
], ids=["plain", "tls", "messages", "anthropic"])
def test_leaves_while_it_is_sent(gateway, servers, log, model, path, sender):
    """The upstream takes no more of it. The other side's connection ends, and
    not all of the request has gone there."""
    server = servers.safe if model == "safe" else servers.deaf
    one = sender(gateway, servers, ask_much(model, path), path)
    sock = server.filled()
    start = time.monotonic()
    one.leave()
    all_gone(gateway, 1)
    assert time.monotonic() - start < SOON < LONG
    assert server.rest(sock) < LARGE


@pytest.mark.parametrize("model", ["deaf", "safe"])
def test_slowly_taken(gateway, servers, log, model):
    """A client that stays is not given up, however long it takes, and every
    byte arrives."""
    log.expect(r"\[proxy")
    server = servers.safe if model == "safe" else servers.deaf
    body = ask_much(model)
    client = dial(gateway, body)
    sock = server.filled()
    file = sock.makefile("rb")
    while (line := file.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    document = json.loads(file.read(length))
    assert document["messages"] == body["messages"]
    client.close()
    file.close()
    sock.close()
    all_gone(gateway, 1)
