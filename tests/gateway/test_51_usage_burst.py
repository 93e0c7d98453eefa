"""Records of requests that follow each other closely are written several at a
time. None is lost over it, none comes twice, whatever becomes of the process
or the disk."""

import json
import os
import re
import signal
import socket
import subprocess

import pytest
from ask import chat
from processes import owners

NUMBER = 300


def configure(env, sim):
    # One child, so that all it has to write is gathered in one place.
    conf = env.conf().add("StartServers 1", "MinSpareThreads 1")
    conf.add("MaxKeepAliveRequests 0", "KeepAliveTimeout 60")
    return conf.endpoint("a", sim.url).model("one", "a/d1")


@pytest.fixture
def served(gateway, sim, restart):
    """The configuration; nothing has been recorded yet."""
    conf = configure(gateway, sim)
    restart(conf)
    gateway.forget_records()
    return conf


def dial(gateway):
    return socket.create_connection(("127.0.0.1", gateway.port), 30)


def burst(gateway, sock, number=NUMBER):
    """So many requests, one right behind the other, that are refused at once;
    returns when all their answers have come."""
    body = json.dumps(chat("unknown")).encode()
    request = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {gateway.key}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    sock.sendall(request * number)
    got = b""
    # The document may come behind its head.
    while got.count(b"model_not_found") < number:
        more = sock.recv(65536)
        assert more, got[-1000:]
        got += more
    assert got.count(b"HTTP/1.1 404 ") == number


def check(records):
    assert len({one["request_id"] for one in records}) == len(records)
    assert {one["status"] for one in records} == {404}


def test_burst(gateway, served):
    with dial(gateway) as sock:
        burst(gateway, sock)
        check(gateway.records(NUMBER))
        burst(gateway, sock)
        check(gateway.records(2 * NUMBER))


def test_program(gateway, served, restart):
    served.lines = [
        line for line in served.lines if "AzureLITUsageLog" not in line
    ]
    file = gateway.logs / "usage.jsonl"
    served.add(f'AzureLITUsageLog "|/usr/bin/tee -a {file}"')
    restart(served)
    with dial(gateway) as sock:
        burst(gateway, sock)
        check(gateway.records(NUMBER))


@pytest.mark.parametrize("how", ["stop", "graceful"])
def test_end(gateway, served, how):
    """What is gathered is written before the process ends."""
    with dial(gateway) as sock:
        burst(gateway, sock)
        if how == "stop":
            gateway.stop()
        else:
            gateway.graceful()
        check(gateway.records(NUMBER))


def test_killed(gateway, served, log):
    """What a child that was killed had gathered, the parent writes. Not each
    time is something left; three times in a row there was."""
    log.expect("AH00052")
    for _ in range(3):
        gateway.forget_records()
        with dial(gateway) as sock:
            burst(gateway, sock, 1)
            child = owners(gateway.process.pid, gateway.port, [sock])[sock]
            burst(gateway, sock)
            os.kill(child, signal.SIGKILL)
        # The last may have been at its last step when its answer was read.
        gateway.until(lambda: len(gateway.records()) >= NUMBER)
        check(gateway.records())
        assert len(gateway.records()) <= NUMBER + 1


def test_full_disk(gateway, served, log, restart):
    """Each record that is lost is told, alone or with others."""
    log.expect("AZL004[23]")
    served.lines = [
        line for line in served.lines if "AzureLITUsageLog" not in line
    ]
    restart(served.add("AzureLITUsageLog /dev/full"))
    with dial(gateway) as sock:
        burst(gateway, sock)
        gateway.until(lambda: len(lost(log)) >= NUMBER)
    assert len(lost(log)) == len(set(lost(log))) == NUMBER
    # If not, nothing here has shown anything.
    assert log.text().count("AZL0043") > 0


def limit_files(pid, size):
    """The process can make no file larger than that."""
    user = os.stat(f"/proc/{pid}")
    subprocess.run(
        ["prlimit", f"--fsize={size}:", "--pid", str(pid)],
        check=True, user=user.st_uid, group=user.st_gid,
    )


def test_torn_line(gateway, served, log):
    """A disk that takes the first bytes of a write and no more, and has room
    again: what comes then is not taken for the rest of that line."""
    log.expect("AZL004[23]")
    # The limit is for all files of the process: the error log is to be small.
    room = log.path.stat().st_size + (1 << 20)
    gateway.usage_log.write_text('{"time": ""' + " " * room + "}\n")
    with dial(gateway) as sock:
        burst(gateway, sock, 1)
        gateway.records(1)
        child = owners(gateway.process.pid, gateway.port, [sock])[sock]
        full = gateway.usage_log.stat().st_size + 100
        limit_files(child, full)
        burst(gateway, sock, NUMBER)
        gateway.until(lambda: len(lost(log)) == NUMBER)
        limit_files(child, "unlimited")
        burst(gateway, sock, NUMBER)
        gateway.until(
            lambda: gateway.usage_log.read_text().count("\n") >= NUMBER + 3
        )
    lines = gateway.usage_log.read_text().splitlines()
    assert len(lines) == NUMBER + 3
    check([json.loads(line) for line in [lines[1], *lines[3:]]])
    assert len(lines[2]) == 100 and lines[2][:8] == lines[3][:8]


def lost(log):
    return re.findall(
        r"(?:No space left|File too large).* AZL004[23]: (req_\w+)",
        log.text(),
    )
