"""A connection's next request, however early it comes: each is answered, in
its turn, though a thread may look for the next one itself (the hold)."""

import http.client
import json
import socket
import time

import pytest
from ask import WORDS, chat, dial

# Far more than any of them takes, far less than a client would wait.
SOON = 10


def configure(env, sim):
    conf = env.conf().add("AzureLITKeepAliveHold 50ms", "KeepAliveTimeout 60")
    conf.add("StartServers 4")
    conf.endpoint("a", sim.url).model("m1", "a/d1")
    return conf


def request(env, words="", chunked=False):
    body = json.dumps(chat(user=words)).encode()
    if chunked:
        length = "Transfer-Encoding: chunked"
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    else:
        length = f"Content-Length: {len(body)}"
    return (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {env.key}\r\n"
        f"Content-Type: application/json\r\n{length}\r\n\r\n"
    ).encode() + body


class Answers:
    """All answers of a connection, of which http.client reads one each."""

    def __init__(self, sock):
        sock.settimeout(SOON)
        self.file = sock.makefile("rb")

    def makefile(self, _):
        return self

    def __getattr__(self, name):
        return getattr(self.file, name)

    def close(self):
        pass

    def flush(self):
        pass

    def expect(self, number=1):
        for _ in range(number):
            answer = http.client.HTTPResponse(self)
            answer.begin()
            assert answer.status == 200
            document = json.loads(answer.read())
            assert document["choices"][0]["message"]["content"] == WORDS


@pytest.fixture
def connection(gateway):
    """One that has had an answer."""
    sock = dial(gateway, chat())
    answers = Answers(sock)
    answers.expect()
    yield sock, answers
    sock.close()


@pytest.mark.parametrize("chunked", [False, True])
def test_one_after_the_other(gateway, connection, chunked):
    sock, answers = connection
    for _ in range(20):
        sock.sendall(request(gateway, chunked=chunked))
        answers.expect()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("between", [b"", b"\r\n", b"\n\r\n"])
def test_many_at_once(gateway, connection, chunked, between):
    """In one write: those that are behind the first are read with it."""
    sock, answers = connection
    sock.sendall(between.join([request(gateway, chunked=chunked)] * 5))
    answers.expect(5)


def test_more_than_one_read(gateway, connection):
    """What comes is read in pieces of 8 KB, so a request ends anywhere."""
    sock, answers = connection
    for size in (3000, 7900, 8100, 20000):
        sock.sendall(request(gateway, "x" * size) * 3)
        answers.expect(3)


@pytest.mark.parametrize("chunked", [False, True])
def test_while_the_first_is_under_way(gateway, sim, connection, chunked):
    sock, answers = connection
    sim.script({"hold": "head"}, deployment="d1")
    seen = len(sim.journal())
    sock.sendall(request(gateway, chunked=chunked))
    gateway.until(lambda: len(sim.journal()) > seen)
    sock.sendall(request(gateway, chunked=chunked))
    sim.heal()
    answers.expect(2)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("part", [1, 60, 200, -1])
def test_in_two_parts(gateway, connection, part, chunked):
    """The first part comes with the request before it, the second later, to a
    thread that waits or to one that does not any more."""
    sock, answers = connection
    text = request(gateway, chunked=chunked)
    for pause in (0, 0.02, 0.2):
        sock.sendall(text + text[:part])
        answers.expect()
        time.sleep(pause)
        sock.sendall(text[part:])
        answers.expect()


def test_no_next_request(gateway, connection):
    """The end of the connection is seen too."""
    sock, answers = connection
    sock.sendall(request(gateway))
    answers.expect()
    sock.shutdown(socket.SHUT_WR)
    assert answers.read() == b""


@pytest.mark.parametrize("number", [12, 40])
def test_a_crowd(gateway, log, number):
    """More connections than a process has threads for, or than go without
    each other's leave: all take their turn."""
    log.expect("AH10159")  # httpd has few threads left, and says so
    crowd = []
    for _ in range(number):
        sock = dial(gateway, chat())
        crowd.append((sock, Answers(sock)))
    for _ in range(3):
        for _, answers in crowd:
            answers.expect()
        for sock, _ in crowd:
            sock.sendall(request(gateway))
    for sock, answers in crowd:
        answers.expect()
        sock.close()
