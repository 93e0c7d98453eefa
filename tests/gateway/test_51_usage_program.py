"""A program at the end of the usage log gets the records of answers that are
still running when httpd is told to restart or to end."""

import contextlib

import httpx
import pytest
from ask import chat
from processes import PROC, tree

BODY = chat("one", stream=True)


def configure(env, sim):
    conf = env.conf().endpoint("a", sim.url).model("one", "a/d1")
    conf.lines = [
        line for line in conf.lines if "AzureLITUsageLog" not in line
    ]
    file = env.logs / "usage.jsonl"
    return conf.add(f'AzureLITUsageLog "|/usr/bin/tee -a {file}"')


def field(pid, name):
    """Of /proc/PID/status; None if there is no such process any more."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith(name + ":"):
                return line.split()[1]
    return None


def programs(gateway):
    return {
        pid for pid in tree(gateway.process.pid)[1:]
        if field(pid, "Name") == "tee"
    }


def is_gone(pid):
    return field(pid, "State") in (None, "Z")


@contextlib.contextmanager
def running(gateway, sim, **how):
    """The lines of an answer that has begun."""
    sim.script(how, deployment="d1")
    with gateway.client() as client:
        with client.stream("POST", "/v1/chat/completions", json=BODY) as told:
            lines = told.iter_lines()
            next(lines)
            yield lines


@pytest.fixture(autouse=True)
def ended(log):
    """httpd's word for the end of a program of before a restart."""
    log.expect("AH00488")


def test_graceful(gateway, sim):
    with running(gateway, sim, hold=3) as lines:
        (program,) = programs(gateway)
        gateway.graceful()
        gateway.until(lambda: programs(gateway) - {program})
        sim.release()
        assert list(lines)[-2] == "data: [DONE]"
        (record,) = gateway.records(1)
    assert record["status"] == 200 and record["error"] is None
    gateway.until(lambda: is_gone(program))


def test_stop(gateway, sim):
    """What a stop cuts off has a record, too."""
    # longer than anything here takes
    many = {"content": "word " * 1000, "chunk_delay": 0.1}
    with running(gateway, sim, **many) as lines:
        (program,) = programs(gateway)
        gateway.process.terminate()
        with pytest.raises(httpx.TransportError):
            list(lines)
        gateway.process.wait(30)
        (record,) = gateway.records(1)
    assert record["status"] == 499
    gateway.until(lambda: is_gone(program))
