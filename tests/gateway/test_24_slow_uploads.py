"""A client that sends its request slowly holds no thread for ever.

How slow is too slow is a second here and 4 KB/s; what a test waits for is an
answer before its client is through, not a time.
"""

import contextlib
import json
import socket
import ssl
import time

import h2client
import pytest
from ask import PROMPT, chat, dial

RATE = 4096
LIMIT = f"AzureLITBodyTimeout 1s min-rate={RATE}"
# The time a drop takes, and how many there are: half a minute in all.
PAUSE, DROPS = 0.1, 300


def with_limit(env, sim, *lines):
    return (
        env.conf()
        .add(LIMIT, "Protocols h2c http/1.1", *lines)
        .endpoint("a", sim.url)
        .model("m1", "a/d1")
    )


def configure(env, sim):
    # mod_reqtimeout must not be what ends it.
    return with_limit(
        env, sim, "RequestReadTimeout handshake=0 header=0 body=0"
    )


def head(env, framing):
    return (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {env.key}\r\n"
        f"Content-Type: application/json\r\n{framing}\r\n\r\n"
    ).encode()


def arrived(sock):
    """What can be read at once."""
    sock.settimeout(0)
    try:
        return sock.recv(65536)
    except (BlockingIOError, ssl.SSLWantReadError):
        return b""
    finally:
        sock.settimeout(20)


def drip(sock, drops):
    """Send the drops one by one until something is answered. Gives how many
    went out, and the whole answer."""
    sent = 0
    answer = b""
    for drop in drops:
        sock.sendall(drop)
        sent += 1
        time.sleep(PAUSE)
        answer = arrived(sock)
        if answer:
            break
    while b"\r\n\r\n" not in answer or not answer.endswith((b"}", b"}\n")):
        more = sock.recv(65536)
        assert more, answer
        answer += more
    return sent, answer


def is_timeout(answer):
    header, _, body = answer.partition(b"\r\n\r\n")
    assert header.startswith(b"HTTP/1.1 408 "), answer
    assert b"application/json" in header
    assert b"\r\nconnection: close" in header.lower()
    error = json.loads(body)["error"]
    assert error["code"] == "request_timeout"
    return True


def connect(env):
    return socket.create_connection(("127.0.0.1", env.port), 20)


def test_body_in_drops(gateway, sim):
    with connect(gateway) as sock:
        sock.sendall(head(gateway, "Content-Length: 100000"))
        sent, answer = drip(sock, [b'{"a":     '] + (DROPS - 1) * [b" "])
    assert is_timeout(answer)
    assert sent < DROPS
    assert sim.journal() == []
    record = gateway.records(1)[0]
    assert (record["status"], record["error"]) == (408, "Timeout")
    assert record["total_ms"] >= 1000


def test_silence(gateway, sim):
    with dial(gateway, chat(), sent=10) as sock:
        _, answer = drip(sock, [])
    assert is_timeout(answer)
    assert sim.journal() == []


def test_silence_from_the_start(gateway):
    with dial(gateway, chat(), sent=0) as sock:
        _, answer = drip(sock, [])
    assert is_timeout(answer)


def test_chunks_in_drops(gateway, sim):
    with connect(gateway) as sock:
        sock.sendall(head(gateway, "Transfer-Encoding: chunked"))
        sent, answer = drip(sock, DROPS * [b"1\r\n \r\n"])
    assert is_timeout(answer)
    assert sent < DROPS
    assert sim.journal() == []
    assert gateway.records(1)[0]["total_ms"] >= 1000


def test_size_of_a_chunk_in_drops(gateway):
    """No byte of the body, but of what httpd reads around it."""
    with connect(gateway) as sock:
        sock.sendall(head(gateway, "Transfer-Encoding: chunked") + b"1;")
        sent, answer = drip(sock, DROPS * [b"x"])
    assert is_timeout(answer)
    assert sent < DROPS


def test_silence_between_chunks(gateway):
    with connect(gateway) as sock:
        sock.sendall(head(gateway, "Transfer-Encoding: chunked"))
        sock.sendall(b"1\r\n{\r\n")
        _, answer = drip(sock, [])
    assert is_timeout(answer)


@pytest.mark.parametrize("chunked", [False, True])
def test_slow_but_fast_enough(gateway, sim, chunked):
    """Longer than the limit in all, but every byte earns its time; the
    connection is as good as before. A machine that stands still for a moment
    may make it too slow, but not always."""
    for _ in range(4):
        with contextlib.suppress(TooSlow, ConnectionError):
            slowly(gateway, sim, chunked)
            return
    raise TooSlow


class TooSlow(Exception):
    """The server has lost its patience."""


def slowly(gateway, sim, chunked):
    sim.reset()
    document = chat(user="x" * 20000)
    body = json.dumps(document).encode()
    framing = f"Content-Length: {len(body)}"
    if chunked:
        framing = "Transfer-Encoding: chunked"
    with connect(gateway) as sock:
        started = time.monotonic()
        sock.sendall(head(gateway, framing))
        for at in range(0, len(body), 2000):
            piece = body[at : at + 2000]
            if chunked:
                piece = b"%x\r\n%b\r\n" % (len(piece), piece)
            sock.sendall(piece)
            time.sleep(0.2)
        assert time.monotonic() - started > 1
        if chunked:
            sock.sendall(b"0\r\n\r\n")
        sent, answer = drip(sock, [])
        if answer.startswith(b"HTTP/1.1 408 "):
            raise TooSlow
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert sim.last()["json"] == {**document, "model": "d1"}
        # An answer may take longer than that.
        sim.script({"delay": 1.5})
        small = json.dumps(chat()).encode()
        sock.sendall(
            head(gateway, f"Content-Length: {len(small)}") + small
        )
        sent, answer = drip(sock, [])
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_h2_body_in_drops(gateway, sim):
    with h2client.Connection(gateway.port, gateway.key) as connection:
        stream = connection.post(chat(user="x" * 1000), sent=10)
        sent = 0
        state = connection.streams[stream]
        while not state["headers"] and sent < DROPS:
            connection.h2.send_data(stream, b" ")
            connection.flush()
            sent += 1
            time.sleep(PAUSE)
            data = arrived(connection.sock)
            for event in connection.h2.receive_data(data) if data else []:
                connection.take(event)
            connection.flush()
        assert state["headers"][":status"] == "408"
        assert sent < DROPS
        # the other streams of the connection go on
        other = connection.answer(connection.post(chat()))
        assert other["headers"][":status"] == "200"


def test_tls(restart, gateway, sim, authority):
    restart(
        with_limit(
            gateway,
            sim,
            "RequestReadTimeout handshake=0 header=0 body=0",
            "SSLEngine on",
            f"SSLCertificateFile {authority.leaf('localhost')}",
        )
    )
    context = ssl.create_default_context(cafile=str(authority.ca))
    for framing, drops in (
        ("Content-Length: 100000", DROPS * [b" "]),
        ("Transfer-Encoding: chunked", DROPS * [b"1\r\n \r\n"]),
    ):
        with context.wrap_socket(
            connect(gateway), server_hostname="localhost"
        ) as sock:
            sock.sendall(head(gateway, framing))
            sent, answer = drip(sock, drops)
        assert is_timeout(answer)
        assert sent < DROPS


@pytest.mark.parametrize(
    "framing, drop",
    [
        ("Content-Length: 100000", b" "),
        ("Transfer-Encoding: chunked", b"1\r\n \r\n"),
    ],
)
def test_stricter_mod_reqtimeout(restart, gateway, sim, framing, drop):
    """Either may end it; the answer is ours."""
    restart(
        gateway.conf()
        .add("RequestReadTimeout body=1", "AzureLITBodyTimeout 600s")
        .endpoint("a", sim.url)
        .model("m1", "a/d1")
    )
    with connect(gateway) as sock:
        sock.sendall(head(gateway, framing))
        sent, answer = drip(sock, DROPS * [drop])
    assert is_timeout(answer)
    assert sent < DROPS


def test_off(restart, gateway, sim):
    restart(
        gateway.conf()
        .add("RequestReadTimeout body=0", "AzureLITBodyTimeout off")
        .endpoint("a", sim.url)
        .model("m1", "a/d1")
    )
    body = json.dumps(chat()).encode()
    for framing in (f"Content-Length: {len(body)}", None):
        with connect(gateway) as sock:
            if framing:
                sock.sendall(head(gateway, framing) + body[:10])
            else:
                sock.sendall(head(gateway, "Transfer-Encoding: chunked"))
                sock.sendall(b"a\r\n" + body[:10] + b"\r\n")
            time.sleep(1.5)
            assert arrived(sock) == b""
            if framing:
                sock.sendall(body[10:])
            else:
                rest = body[10:]
                sock.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(rest), rest))
            _, answer = drip(sock, [])
            assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("chunked", [False, True])
def test_timeout_of_httpd_holds_too(restart, gateway, sim, chunked):
    """A silence is no longer than httpd's own Timeout, whatever was earned."""
    restart(
        gateway.conf()
        .add("RequestReadTimeout body=0", "AzureLITBodyTimeout 600s")
        .add("Timeout 1")
        .endpoint("a", sim.url)
        .model("m1", "a/d1")
    )
    framing = "Content-Length: 1000"
    start = b"{"
    if chunked:
        framing, start = "Transfer-Encoding: chunked", b"1\r\n{\r\n"
    with connect(gateway) as sock:
        sock.sendall(head(gateway, framing) + start)
        _, answer = drip(sock, [])
    assert is_timeout(answer)


def test_timeout_of_httpd_holds_in_h2(restart, gateway, sim):
    restart(
        gateway.conf()
        .add("Protocols h2c http/1.1", "AzureLITBodyTimeout 600s")
        .add("RequestReadTimeout header=0 body=0", "H2StreamTimeout 1")
        .endpoint("a", sim.url)
        .model("m1", "a/d1")
    )
    with h2client.Connection(gateway.port, gateway.key) as connection:
        state = connection.answer(connection.post(chat(), sent=10))
    assert state["headers"][":status"] == "408"
    assert json.loads(state["data"])["error"]["code"] == "request_timeout"
