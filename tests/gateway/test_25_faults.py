"""Faults: what the client sees, what goes over the wire, what is recorded.

The whole list, and who tests what (07 is test_07_failover.py, and so on):

  refused                    25 test_refused; 07 and 08 test_refused_connection
  reset before the headers   25 test_moves_on, test_alone; 07 test_moves_on
  reset after the headers    25 test_moves_on, test_alone
  slow headers               25 test_slow_head; 08 test_slow
  slow first token           20 test_another_answers; 08 test_slow_moves_on
  stall mid-stream           20 test_silence; 08 test_silent_in_the_middle
  cut mid-stream             08 test_cut_in_the_middle, test_reset_in_the_middle
  garbage status line        25 test_moves_on, test_alone
  garbage chunk              25 test_bad_chunk...; 04 test_malformed_event
  HTML 502                   25 test_moves_on, test_alone
  429 in all three ways      25 test_rate_limit_moves_on; 29 test_short_wait,
                             test_long_wait_is_told, test_providers_own_time
  429 inside a 200 stream    25 test_rate_limit_in_a_stream...
  5xx once                   25 test_server_error_once; 07 test_moves_on
  5xx forever                25 test_alone, test_everybody_is_down
  flapping                   29 test_flapping
  wrong CA                   14 test_wrong_server...
  DNS failure                25 test_refused, test_refused_moves_on
  address change             25 test_address_changes
  oversized answer           30 test_endless...; 08 test_large_answer
  endless headers            30 test_endless...
  HTTP/1.0 upstream          25 test_old_server...
  keep-alive race            25 test_reused_connection...
  HTTP/2, 10 of 100 reset    25 test_some_of_many_streams_are_reset
  kill -9, 50 streams        25 test_kill_and_counts; 08 test_child_is_killed
  graceful restart, 500      25 test_restart_under_many_streams
  full disk                  25 test_full_disk; 08 test_full_disk
  clock step                 25 test_clock_steps
"""

import collections
import contextlib
import os
import re
import resource
import select
import signal
import subprocess
import time

import httpx
import pytest
from ask import WORDS, chat, dial, error_of, events, said
from certs import Authority
from h2client import Connection
from processes import owners, tree
from simulator import Simulator

FOREVER = 10**6
# More than any answer here takes, far less than a time limit by default.
SOON = 30


@pytest.fixture(scope="module", autouse=True)
def tls(env):
    """The simulator behind TLS."""
    authority = Authority(env.root / "faults-certs")
    sim = Simulator(env.root / "faults-tls", ["d3"], env.sim_key,
                    tls=authority.leaf())
    env.faults_tls = (sim.url, f"tls-ca={authority.ca}")
    yield sim
    sim.stop()


def configure(env, sim):
    conf = base(env, sim)
    conf.endpoint("nowhere", "http://127.0.0.1:1", "connect-timeout=1s")
    conf.endpoint("unknown", "http://no-such-host.invalid")
    conf.endpoint("reused", sim.url)
    conf.endpoint("reused-tls", *env.faults_tls)
    conf.model("reused-tls", "reused-tls/d3")
    for name in ("nowhere", "unknown"):
        conf.model(name, f"{name}/d1")
        conf.model(f"{name}-two", f"{name}/d1")
        conf.model(f"{name}-two", "y/d2", "order=2")
    conf.model("reused", "reused/d3")
    conf.model("slow-head", "x/d1", "timeout=500ms")
    conf.model("slow-head-two", "x/d1", "timeout=500ms")
    return conf.model("slow-head-two", "y/d2", "order=2")


def base(env, sim):
    """x only ever sees connections that end, so that none of its requests
    goes out on one that was used before."""
    conf = env.conf().add("AzureLITCooldown off", "Protocols h2c http/1.1")
    conf.endpoint("x", sim.url).endpoint("y", sim.url)
    conf.model("one", "x/d1").model("two", "x/d1")
    return conf.model("two", "y/d2", "order=2")


def post(client, model="one", **more):
    return client.post("/v1/chat/completions", json=chat(model, **more))


def text_of(answer, stream):
    assert answer.status_code == 200, answer.text
    if stream:
        data = events(answer)
        assert data[-1] == "[DONE]"
        return said(data)
    assert int(answer.headers["content-length"]) == len(answer.content)
    return answer.json()["choices"][0]["message"]["content"]


def served(sim):
    return [entry["deployment"] for entry in sim.journal()]


def check_record(gateway, **wanted):
    found = gateway.records(1)[0]
    assert {name: found[name] for name in wanted} == wanted


UNREACHABLE = (502, "upstream_unreachable", "Unknown")
# Before any content: (behaviour, what the client is told when nobody else can
# be asked: status, code, class of the record).
BEFORE = {
    "closed": ({"fault": "close"}, UNREACHABLE),
    "reset": ({"fault": "reset"}, UNREACHABLE),
    "closed after the head": (
        {"cut_bytes": 0, "cut_after": 0}, UNREACHABLE,
    ),
    "reset after the head": (
        {"cut_bytes": 0, "cut_after": 0, "cut": "reset"}, UNREACHABLE,
    ),
    "garbage": ({"fault": "garbage"}, UNREACHABLE),
    "status line": ({"fault": "status_line"}, UNREACHABLE),
    "html 502": ({"error": "bad_gateway"}, (502, None, "Unknown")),
    "html 503": ({"error": "front_door"}, (503, None, "Unknown")),
    "server error": ({"error": "server"}, (500, None, "Unknown")),
    "overloaded": ({"error": "overloaded"}, (503, None, "Unknown")),
    "old and cut": (
        {"protocol": "1.0", "cut_bytes": 30, "cut_after": 2}, UNREACHABLE,
    ),
}
# The service said that it did not do it: the same may be asked again.
NOT_DONE = {"html 502", "html 503", "server error", "overloaded"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", BEFORE)
def test_moves_on(client, gateway, sim, log, name, stream):
    log.expect(r"\[proxy")
    sim.script({**BEFORE[name][0], "close": True, "times": FOREVER},
               deployment="d1")
    start = time.monotonic()
    answer = post(client, "two", stream=stream)
    assert time.monotonic() - start < SOON
    assert text_of(answer, stream) == WORDS
    assert answer.headers["x-litellm-attempted-retries"] == "1"
    assert served(sim) == ["d1", "d2"]
    check_record(gateway, status=200, error=None, attempts=2,
                 deployment="y/d2", endpoint="y", model="two")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", BEFORE)
def test_alone(client, gateway, sim, log, name, stream):
    log.expect(r"\[proxy")
    behaviour, (status, code, kind) = BEFORE[name]
    sim.script({**behaviour, "close": True, "times": FOREVER},
               deployment="d1")
    answer = post(client, stream=stream)
    error_of(answer, status, code or answer.json()["error"]["code"])
    asked = served(sim)
    assert set(asked) == {"d1"}
    # What may have been done is not asked for again.
    assert len(asked) <= (3 if name in NOT_DONE else 1)
    check_record(gateway, status=status, error=kind, attempts=len(asked),
                 deployment="x/d1", prompt_tokens=None, cost_usd=None)


def test_everybody_is_down(client, gateway, sim, log):
    log.expect(r"\[proxy")
    sim.script({"error": "server", "close": True, "times": FOREVER})
    answer = post(client, "two")
    error_of(answer, 500, answer.json()["error"]["code"])
    assert set(served(sim)) == {"d1", "d2"}
    assert len(served(sim)) <= 4
    check_record(gateway, status=500, error="Unknown",
                 attempts=len(served(sim)))


@pytest.mark.parametrize("stream", [False, True])
def test_server_error_once(client, gateway, sim, stream):
    sim.script({"error": "server", "close": True}, deployment="d1")
    assert text_of(post(client, "two", stream=stream), stream) == WORDS
    assert served(sim) == ["d1", "d2"]
    sim.script({"close": True, "times": 9}, deployment="d1")
    assert text_of(post(client, "two", stream=stream), stream) == WORDS
    assert served(sim) == ["d1", "d2", "d1"]
    first, second = gateway.records(2)
    assert (first["status"], first["attempts"]) == (200, 2)
    assert (second["status"], second["attempts"]) == (200, 1)


# ------------------------------------------------- never connected


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["nowhere", "unknown"])
def test_refused(client, gateway, sim, log, name, stream):
    """Nobody listens, or nobody has the name."""
    log.expect(r"\[proxy", r"\[core:error\].*no-such-host")
    start = time.monotonic()
    error_of(post(client, name, stream=stream), 502, "upstream_unreachable")
    assert time.monotonic() - start < SOON
    assert served(sim) == []
    check_record(gateway, status=502, error="Unknown",
                 deployment=f"{name}/d1")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["nowhere", "unknown"])
def test_refused_moves_on(client, gateway, sim, log, name, stream):
    log.expect(r"\[proxy", r"\[core:error\].*no-such-host")
    answer = post(client, f"{name}-two", stream=stream)
    assert text_of(answer, stream) == WORDS
    assert served(sim) == ["d2"]
    check_record(gateway, status=200, error=None, deployment="y/d2",
                 attempts=2)


# ------------------------------------------------- too slow, too often


@pytest.mark.parametrize("stream", [False, True])
def test_slow_head(client, gateway, sim, log, stream):
    """A line now and then keeps the connection busy, and no time limit of a
    socket would ever end it."""
    log.expect(r"\[proxy", "AZL")
    sim.script({"slow_head": 0.15, "close": True, "times": 9},
               deployment="d1")
    answer = post(client, "slow-head-two", stream=stream)
    assert text_of(answer, stream) == WORDS
    error_of(post(client, "slow-head", stream=stream), 504,
             "upstream_timeout")
    assert served(sim) == ["d1", "d2", "d1"]
    well, late = gateway.records(2)
    assert (well["status"], well["attempts"]) == (200, 2)
    assert (late["status"], late["error"]) == (504, "Timeout")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["rate_seconds", "rate_ms", "rate_text"])
def test_rate_limit_moves_on(client, gateway, sim, name, stream):
    """Told in a header, in another, and in the message: nobody waits while
    somebody else can answer."""
    for _ in range(5):
        sim.reset()
        gateway.forget_records()
        sim.script({"error": name, "close": True, "times": FOREVER},
                   deployment="d1")
        answer = post(client, "two", stream=stream)
        assert text_of(answer, stream) == WORDS
        for header in ("retry-after", "retry-after-ms"):
            assert header not in answer.headers
        assert served(sim) == ["d1", "d2"]
        check_record(gateway, status=200, error=None, attempts=2)
        first, second = sim.journal()
        # The smallest of the three times is 350 ms; the machine may have been
        # late, but not always.
        if second["time"] - first["time"] < 0.35:
            break
    assert second["time"] - first["time"] < 0.35


def test_rate_limit_in_a_stream_moves_on(client, gateway, sim):
    """200, the preamble, the role, then the error: nothing was shown yet."""
    sim.script({"error_event": 2, "event_error": "rate_text", "close": True,
                "times": FOREVER}, deployment="d1")
    assert text_of(post(client, "two", stream=True), True) == WORDS
    assert served(sim) == ["d1", "d2"]
    check_record(gateway, status=200, error=None, attempts=2)


def test_rate_limit_in_a_stream_alone(client, gateway, sim):
    """It is told as what it is, with the time to wait."""
    sim.script({"error_event": 2, "event_error": "rate_text", "close": True,
                "times": FOREVER}, deployment="d1")
    answer = post(client, stream=True)
    error_of(answer, 429, answer.json()["error"]["code"])
    assert answer.headers["retry-after"] == "7"
    assert len(served(sim)) <= 3
    check_record(gateway, status=429, error="RateLimit",
                 attempts=len(served(sim)))


def test_rate_limit_after_content(client, gateway, sim, log):
    log.expect("AZL0030")
    sim.script({"error_event": 4, "event_error": "rate_text", "close": True},
               deployment="d1")
    answer = post(client, "two", stream=True)
    data = events(answer)
    assert answer.text.count('data: {"error":') == 1
    assert "[DONE]" not in data
    assert "retry after 7 seconds" in data[-1]["error"]["message"]
    assert WORDS.startswith(said(data[:-1])) and said(data[:-1])
    assert served(sim) == ["d1"]
    check_record(gateway, status=200, error="Truncated", attempts=1)


# ------------------------------------------------- what is no HTTP/1.1


@pytest.mark.parametrize("after", [0, 2])
def test_bad_chunk_moves_on(client, gateway, sim, log, after):
    log.expect(r"\[proxy", r"\[http:")
    sim.script({"bad_chunk": after, "times": FOREVER}, deployment="d1")
    assert text_of(post(client, "two", stream=True), True) == WORDS
    assert served(sim) == ["d1", "d2"]
    check_record(gateway, status=200, error=None, attempts=2)


@pytest.mark.parametrize("after", [4, 6])
def test_bad_chunk_after_content(client, gateway, sim, log, after):
    log.expect(r"\[proxy", r"\[http:", "AZL0030")
    sim.script({"bad_chunk": after}, deployment="d1")
    answer = post(client, "two", stream=True)
    data = events(answer)
    assert answer.text.count('data: {"error":') == 1
    assert "zebra" not in answer.text and "[DONE]" not in data
    assert WORDS.startswith(said(data[:-1])) and said(data[:-1])
    assert served(sim) == ["d1"]
    check_record(gateway, status=200, error="Truncated")


@pytest.mark.parametrize("stream", [False, True])
def test_old_server(client, gateway, sim, stream):
    """HTTP/1.0, no length, no chunks: the body ends with the connection."""
    sim.script({"protocol": "1.0", "times": 3}, deployment="d1")
    for _ in range(3):
        answer = post(client, stream=stream)
        assert text_of(answer, stream) == WORDS
        assert answer.http_version == "HTTP/1.1"
    assert served(sim) == ["d1"] * 3
    assert len({entry["connection"] for entry in sim.journal()}) == 3
    assert [one["error"] for one in gateway.records(3)] == [None] * 3


def test_old_server_cut(client, gateway, sim, log):
    """Its end looks like any other, but the answer is not whole."""
    log.expect("AZL0030")
    sim.script({"protocol": "1.0", "cut_after": 5}, deployment="d1")
    data = events(post(client, "two", stream=True))
    assert set(data[-1]) == {"error"} and "[DONE]" not in data
    assert served(sim) == ["d1"]
    check_record(gateway, status=200, error="Truncated")


# ------------------------------------------------- connections used again


@pytest.fixture(params=["reused", "reused-tls"])
def reused(request, sim, tls):
    """(a model that is asked on kept connections, its upstream)"""
    tls.reset()
    return request.param, tls if request.param == "reused-tls" else sim


@pytest.fixture(params=[False, True], ids=["http/1.1", "http/2"])
def either(request, gateway):
    options = {"http1": False, "http2": True} if request.param else {}
    with gateway.client(**options) as client:
        yield client


def with_one_kept(client, model, upstream, behaviour):
    """One connection is in the pool of this process, and this is what becomes
    of it."""
    upstream.script({"close": True})
    post(client, model)
    upstream.script(behaviour)
    assert post(client, model).status_code == 200
    return upstream.last()["connection"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_reused_connection_ends_at_the_request(either, gateway, log, reused,
                                               how, stream):
    """The upstream had given up the connection just when the request came:
    once more, on a new one, at the same deployment."""
    log.expect(r"\[proxy")
    model, upstream = reused
    kept = with_one_kept(either, model, upstream, {"next": how})
    upstream.control("DELETE", "journal")
    answer = post(either, model, stream=stream)
    assert text_of(answer, stream) == WORDS
    first, second = upstream.journal()
    assert first["deployment"] == second["deployment"] == "d3"
    assert first["connection"] == kept != second["connection"]
    assert first["json"] == second["json"]
    found = gateway.records(3)[-1]
    assert (found["status"], found["error"]) == (200, None)


def test_reused_connection_was_ended_while_idle(either, gateway, log, reused):
    """It is known before the request goes out: nobody sees anything."""
    model, upstream = reused
    kept = with_one_kept(either, model, upstream, {"idle": 0.05})
    gateway.until(lambda: kept not in upstream.open())
    upstream.control("DELETE", "journal")
    assert text_of(post(either, model), False) == WORDS
    (entry,) = upstream.journal()
    assert entry["connection"] != kept
    assert [one["attempts"] for one in gateway.records(3)] == [1, 1, 1]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_reused_connection_ends_after_a_while(client, gateway, sim, log, how):
    """That was no idle connection any more: it may have been done, and is not
    asked for again at the same deployment."""
    log.expect(r"\[proxy")
    assert post(client, "reused").status_code == 200
    sim.script({"fault": how, "delay": 1.5, "times": 2}, {})
    sim.control("DELETE", "journal")
    error_of(post(client, "reused"), 502, "upstream_unreachable")
    assert served(sim) == ["d3"]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_new_connection_ends_at_the_request(client, gateway, sim, log, how):
    """It may have been done: not again at the same deployment."""
    log.expect(r"\[proxy")
    sim.script({"fault": how, "times": FOREVER}, deployment="d1")
    error_of(post(client), 502, "upstream_unreachable")
    assert served(sim) == ["d1"]


# ------------------------------------------------- many at once


@pytest.fixture
def wide(gateway, sim, restart):
    """A server for some hundred streams."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 4096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    conf = base(gateway, sim)
    conf.add(
        "ThreadLimit 128",
        "ServerLimit 12",
        "StartServers 5",
        "ThreadsPerChild 128",
        "MaxRequestWorkers 640",
        "MinSpareThreads 16",
        "MaxSpareThreads 640",
        "H2MaxWorkers 160",
        "H2MaxSessionStreams 128",
        # A slow machine may take its time between two requests.
        "KeepAliveTimeout 60",
    )
    restart(conf)
    return gateway


def trusted(wire):
    """mod_http2 serves 6 streams of a connection at a time and doubles that
    every tenth of a second while all goes well."""
    for _ in range(8):
        streams = [wire.post(chat("one")) for _ in range(20)]
        for stream in streams:
            assert wire.answer(stream)["headers"][":status"] == "200"
        time.sleep(0.1)


def test_some_of_many_streams_are_reset(wide, sim):
    """Ten of a hundred are given up by the client in the middle; nobody else
    notices."""
    number = 100
    with Connection(wide.port, wide.key) as wire:
        trusted(wire)
        # mod_http2 may keep one open until its connection has something to
        # do: a record that comes late does not count.
        wide.forget_records()
        sim.control("DELETE", "journal")
        sim.script({"hold": 5, "content": "word " * 20, "times": number})
        streams = [
            wire.post(chat("one", stream=True)) for _ in range(number)
        ]
        for stream in streams:
            wire.until(stream, lambda state: b"word" in state["data"])
        assert max(entry["busy"] for entry in sim.journal()) == number
        given_up = streams[5::10]
        for stream in given_up:
            wire.reset(stream)
        wide.until(lambda: len(closed(sim)) == len(given_up))
        sim.release()
        for stream in streams:
            if stream in given_up:
                continue
            state = wire.answer(stream)
            assert state["end"] == "StreamEnded"
            assert state["headers"][":status"] == "200"
            assert state["data"].endswith(b"data: [DONE]\n\n")
            assert state["data"].count(b'"content":"') >= 20
    assert served(sim) == ["d1"] * number
    found = [(one["status"], one["error"]) for one in wide.records(number)]
    assert found.count((200, None)) == number - len(given_up)
    assert found.count((499, "ClientClosed")) == len(given_up)


def closed(sim):
    """The requests whose connections have been ended."""
    return [entry for entry in sim.journal() if entry["closed"]]


class Streams:
    """Held by the upstream in the middle, each on a connection of its own."""

    def __init__(self, gateway, sim, number, model="one"):
        self.sim = sim
        sim.script({"hold": 5, "content": "word " * 20, "times": number})
        self.data = {
            dial(gateway, chat(model, stream=True)): b""
            for _ in range(number)
        }
        self.read(lambda got: b"data: " in got)

    def read(self, enough):
        """Until each has enough, or has ended."""
        open_ones = {
            sock for sock, got in self.data.items() if not enough(got)
        }
        end = time.monotonic() + SOON
        while open_ones:
            assert time.monotonic() < end, f"{len(open_ones)} are silent"
            for sock in select.select(list(open_ones), [], [], 1)[0]:
                more = b""
                with contextlib.suppress(ConnectionResetError):
                    more = sock.recv(65536)
                self.data[sock] += more
                if not more or enough(self.data[sock]):
                    open_ones.discard(sock)

    def finish(self):
        """Let them go on; what each got in the end."""
        self.sim.release()
        self.read(lambda got: got.endswith(b"0\r\n\r\n"))
        for sock in self.data:
            sock.close()
        return list(self.data.values())


def whole(got):
    return (
        got.startswith(b"HTTP/1.1 200 ")
        and b"data: [DONE]" in got
        and got.endswith(b"0\r\n\r\n")
        and got.count(b'"content":"word') + got.count(b'"content":" word')
        == 20
    )


def test_restart_under_many_streams(wide, sim):
    """Nobody's answer breaks, and new requests are served meanwhile."""
    number = 500
    streams = Streams(wide, sim, number)
    before = set(tree(wide.process.pid)[1:])
    wide.graceful()
    wide.until(lambda: set(tree(wide.process.pid)[1:]) - before)
    with wide.client() as client:
        assert post(client, "two").status_code == 200
    finished = streams.finish()
    assert sum(map(whole, finished)) == number
    records = wide.records(number + 1)
    assert {(one["status"], one["error"]) for one in records} == {(200, None)}
    assert served(sim) == ["d1"] * (number + 1)


def in_flight(gateway, deployment):
    """As everybody is told by /health."""
    answer = httpx.get(
        f"{gateway.url}/health",
        headers={"Authorization": f"Bearer {gateway.master}"},
        timeout=SOON,
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    items = found["healthy_endpoints"] + found["unhealthy_endpoints"]
    return {item["deployment"]: item["in_flight"] for item in items}[deployment]


def test_kill_and_counts(gateway, sim, log, restart):
    """Fifty streams, and one of the processes that hold them is killed: the
    others' go on, and what was in flight there is counted no more."""
    log.expect("AH00052")
    number = 50
    conf = base(gateway, sim).add(
        f"AzureLITMaxInFlight {number}",
        "StartServers 3",
        "MinSpareThreads 64",
        "MaxSpareThreads 128",
    )
    restart(conf)
    streams = Streams(gateway, sim, number)
    assert in_flight(gateway, "x/d1") == number
    with gateway.client() as client:
        error_of(post(client), 503, "server_overloaded")
        # Any process that has some, and not all of them.
        held = owners(gateway.process.pid, gateway.port, streams.data)
        counts = collections.Counter(held.values())
        victim, lost = counts.most_common()[-1]
        assert 0 < lost < number
        os.kill(victim, signal.SIGKILL)
        gateway.until(lambda: in_flight(gateway, "x/d1") == number - lost)
        # Their places are free.
        assert post(client).status_code == 200
        streams.finish()
        for sock, got in streams.data.items():
            assert whole(got) == (held[sock] != victim)
        gateway.until(lambda: in_flight(gateway, "x/d1") == 0)
        assert post(client).status_code == 200
    records = gateway.records(number - lost + 3)
    assert sorted({(one["status"], one["error"]) for one in records},
                  key=str) == [(200, None), (503, "RateLimit")]


# ------------------------------------------------- the machine


def test_full_disk(gateway, sim, log, restart):
    """Whatever becomes of a request, its answer does not depend on the
    record; each one that is lost is told, and nothing else happens."""
    log.expect("AZL004[23]", "AZL0030", r"\[proxy")
    conf = base(gateway, sim)
    conf.lines = [
        line for line in conf.lines if not line.startswith("AzureLITUsageLog")
    ]
    restart(conf.add("AzureLITUsageLog /dev/full"))
    sim.script({"close": True, "error": "server", "times": 10},
               {"close": True, "cut_after": 5, "times": 10},
               {"close": True, "times": FOREVER}, deployment="d1")
    answers = []
    with gateway.client() as client:
        for _ in range(10):
            answers.append(text_of(post(client, "two"), False))
        for _ in range(10):
            cut = events(post(client, "two", stream=True))
            assert set(cut[-1]) == {"error"}
        for _ in range(10):
            answers.append(text_of(post(client, "two", stream=True), True))
        error_of(post(client, "unknown-model"), 404, "model_not_found")
    assert answers == [WORDS] * 20
    gateway.until(lambda: len(lost_records(log)) >= 31)
    lost = lost_records(log)
    assert len(lost) == len(set(lost)) == 31


def lost_records(log):
    """The ids of requests whose record is said to be lost: written alone, or
    with others."""
    return re.findall(r"AZL004[23]: (req_\w+)", log.text())


def httpd_version(gateway):
    text = subprocess.run(
        [gateway.httpd, "-v"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    found = re.search(r"Apache/(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups()))


def test_address_changes(gateway, sim, pretence, restart):
    """A front end moves: its name is looked up again, also for connections
    that are kept."""
    if httpd_version(gateway) < (2, 4, 59):
        pytest.skip("mod_proxy keeps an address until it fails")
    other = Simulator(gateway.root / "moved", ["d1"], gateway.sim_key,
                      address="127.0.0.2", port=sim.port)
    pretence.point("moving.test", "127.0.0.1")
    conf = gateway.conf()
    conf.endpoint("moving", f"http://moving.test:{sim.port}")
    restart(conf.model("one", "moving/d1"))
    try:
        with gateway.fresh_client() as client:
            for _ in range(3):
                assert text_of(post(client), False) == WORDS
            assert (len(sim.journal()), len(other.journal())) == (3, 0)
            # Two minutes later; the old one is still there.
            pretence.point("moving.test", "127.0.0.2")
            pretence.advance(120)
            for _ in range(3):
                assert text_of(post(client), False) == WORDS
            assert (len(sim.journal()), len(other.journal())) == (3, 3)
    finally:
        other.stop()


@pytest.mark.parametrize("step", [3600, -3600], ids=["ahead", "back"])
def test_clock_steps(gateway, sim, pretence, restart, log, step):
    """Somebody sets the clock by an hour: cool-downs end, time limits hold,
    and what is under way goes on."""
    log.expect("AZL0030")
    conf = base(gateway, sim)
    conf.lines.remove("AzureLITCooldown off")
    conf.add("AzureLITCooldown time=5s", "AzureLITTimeout timeout=7200s")
    conf.model("silent", "y/d3", "idle-timeout=1s", "timeout=20s")
    restart(conf)
    gateway.since = ""  # their times are not ours
    with gateway.client() as client:
        assert post(client, "two").status_code == 200
    sim.script({"error": "capacity", "close": True}, deployment="d1")
    with gateway.client() as client:
        for _ in range(2):
            assert post(client, "two").status_code == 200
    assert served(sim) == ["d1", "d1", "d2", "d2"]
    streams = Streams(gateway, sim, 5)
    sim.script({"hold": 5}, deployment="d3")
    silent = dial(gateway, chat("silent", stream=True))
    gateway.until(lambda: "d3" in served(sim))
    pretence.advance(step)
    start = time.monotonic()
    with silent:
        got = b""
        while not got.endswith(b"0\r\n\r\n"):
            got += silent.recv(65536)
    assert b'data: {"error":' in got and b"[DONE]" not in got
    with gateway.client() as client:
        while served(sim)[-1] != "d1":
            assert post(client, "two").status_code == 200
            assert time.monotonic() - start < SOON
    assert sum(map(whole, streams.finish())) == 5
    with gateway.client() as client:
        assert text_of(post(client, stream=True), True) == WORDS
    assert gateway.error_log.text().count("AZL0033") == 1
