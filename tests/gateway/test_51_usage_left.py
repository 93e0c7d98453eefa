"""What a child has gathered and not yet written when it is killed, its parent
writes. Here that is not left to chance: nothing that is gathered is written as
long as the server sleeps."""

import contextlib
import os
import re
import signal
import socket

import pytest
from ask import chat, dial, request
from processes import PROC, owners, tree

NUMBER = 8
# Of them, some follow each other closely enough to be gathered.
MANY = 50
STREAM = chat("one", stream=True)


def configure(env, sim):
    conf = env.conf().endpoint("a", sim.url).model("one", "a/d1")
    conf.add("KeepAliveTimeout 60")
    return conf.add("StartServers 1", "MinSpareThreads 1")


@pytest.fixture(scope="module")
def gateway(env, simulator, pretence):
    env.start(configure(env, simulator))
    yield env
    env.stop()


def begin(gateway, sim):
    """Answers that have begun, and the children they come from."""
    sim.script({"hold": 3, "times": NUMBER}, deployment="d1")
    socks = [dial(gateway, STREAM) for _ in range(NUMBER)]
    for sock in socks:
        assert sock.recv(16)
    children = owners(gateway.process.pid, gateway.port, socks).values()
    return socks, set(children)


def is_other(gateway, children):
    """None of them takes connections any more."""
    # One that ends may close its connections.
    with contextlib.suppress(OSError, KeyError):
        with dial(gateway, {}, "/nowhere") as sock:
            sock.recv(16)
            owner = owners(gateway.process.pid, gateway.port, [sock])
            return owner[sock] not in children
    return False


def end(sim, socks):
    """Their records come before the end of their connections."""
    sim.release()
    for sock in socks:
        with sock:
            while sock.recv(65536):
                pass


@contextlib.contextmanager
def kill_former(gateway, sim, pretence, conf=None):
    """Those of before a graceful restart, when their answers have ended."""
    socks, children = begin(gateway, sim)
    gateway.graceful(conf)
    gateway.until(lambda: is_other(gateway, children))
    with pretence.sleep():
        end(sim, socks)
        for child in children:
            # gone already if it had gathered nothing
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        yield


def lost(log):
    return set(re.findall(r"AZL0043: (req_\w+)", log.text()))


def test_former_generation(gateway, sim, log, pretence):
    log.expect("AH00052")
    with kill_former(gateway, sim, pretence):
        records = gateway.records(NUMBER)
    assert {one["status"] for one in records} == {200}


def test_former_log(gateway, sim, log, pretence, restart):
    """There is nothing of that name any more where it could be written."""
    log.expect("AH00052", "AZL0043")
    other = configure(gateway, sim).add("AzureLITUsageLog logs/other.jsonl")
    with kill_former(gateway, sim, pretence, other):
        # Some are written at once: those that no other is close to.
        gateway.until(
            lambda: len(gateway.records()) + len(lost(log)) == NUMBER
        )
    written = {one["request_id"] for one in gateway.records()}
    assert not written & lost(log)


def burst(gateway, sock, number):
    """So many requests that are refused at once, one right behind the
    other."""
    sock.sendall(b"".join(request(gateway, chat("unknown"))) * number)
    got = b""
    while got.count(b"model_not_found") < number:
        more = sock.recv(65536)
        assert more, got
        got += more


class Deaf:
    """The program of the log, which reads nothing of what it is given for a
    while; what it was given is here."""

    def __init__(self, gateway):
        (self.pid,) = (
            pid for pid in tree(gateway.process.pid)
            if (PROC / str(pid) / "comm").read_text() == "tee\n"
        )
        os.kill(self.pid, signal.SIGSTOP)
        path = PROC / str(self.pid) / "fd" / "0"
        self.pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def read(self):
        data = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                data += os.read(self.pipe, 65536)
        return data

    def fill(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self.pipe, b"x" * 4096)

    def close(self):
        os.close(self.pipe)
        os.kill(self.pid, signal.SIGCONT)


@pytest.fixture
def deaf(gateway, restart, sim):
    conf = configure(gateway, sim)
    restart(conf.add('AzureLITUsageLog "|/usr/bin/tee /dev/null"'))
    deaf = Deaf(gateway)
    yield deaf
    deaf.close()


def test_deaf_program(gateway, deaf, log, pretence):
    """The parent does not wait for it for ever: it has a new child to
    start."""
    log.expect("AH00052", "AZL0043")
    with pretence.sleep():
        sock = socket.create_connection(("127.0.0.1", gateway.port), 30)
        with sock:
            sent, written = 0, 0
            # The last may be at its last step when its answer is read.
            while sent - written < 2:
                burst(gateway, sock, MANY)
                sent += MANY
                written += deaf.read().count(b"\n")
            owner = owners(gateway.process.pid, gateway.port, [sock])[sock]
            deaf.fill()
            os.kill(owner, signal.SIGKILL)
        gateway.until(lambda: lost(log))
    assert gateway.client().get("/health/liveness").status_code == 200
