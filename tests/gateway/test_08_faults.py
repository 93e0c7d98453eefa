"""Everything that can break: what the client sees, what went over the wire
and what the usage record says of it."""

import json
import os
import re
import signal

import httpx
import pytest
from ask import PROMPT, WORDS, chat, dial, error_of, events, hang_up, said
from processes import owners

BIG = 2 * 1024 * 1024
HTML = "<html><body>Welcome to the portal</body></html>"
JSON = {"Content-Type": "application/json"}

LARGE = json.dumps({
    "object": "list",
    "usage": {"prompt_tokens": 5, "total_tokens": 5},
    "data": ["x" * BIG],
})


def configure(env, sim):
    conf = env.conf().add("Protocols h2c http/1.1").endpoint("a", sim.url)
    # What fails in one test is whole again in the next.
    conf.add("AzureLITCooldown off")
    conf.endpoint("slow", sim.url, "timeout=1s")
    conf.endpoint("late", sim.url, "timeout=4s").model("late", "late/d1")
    conf.endpoint("dead", "http://127.0.0.1:1", "connect-timeout=1s")
    conf.model("one", "a/d1").model("two", "a/d1").model("two", "a/d2",
                                                          "order=2")
    conf.model("slow", "slow/d1").model("slow-two", "slow/d1")
    conf.model("slow-two", "a/d2", "order=2")
    return conf.model("dead", "dead/d1")


def post(client, model="one", **more):
    return client.post("/v1/chat/completions", json=chat(model, **more))


def served(sim):
    return [entry["deployment"] for entry in sim.journal()]


def record(gateway):
    return gateway.records(1)[0]


# Where nobody else is, these are asked again.
REPEATED = ("rate limit", "server", "front door", "its timeout")
# No answer that could be used: (behaviour, status, code, error class).
WITHOUT_ANSWER = {
    "reset": ({"fault": "reset"}, 502, "upstream_unreachable", "Unknown"),
    "no status line": (
        {"fault": "close"}, 502, "upstream_unreachable", "Unknown",
    ),
    "garbage": ({"fault": "garbage"}, 502, "upstream_unreachable", "Unknown"),
    "html": (
        {"status": 200, "body": HTML, "headers": {"Content-Type": "text/html"}},
        502, "upstream_unreachable", "Unknown",
    ),
    "no json": (
        {"status": 200, "body": '{"id":"x","choices":[', "headers": JSON},
        502, "upstream_unreachable", "Unknown",
    ),
    "empty": ({"status": 200, "body": ""}, 502, "upstream_unreachable",
              "Unknown"),
    "cut json": ({"cut_bytes": 30}, 502, "upstream_unreachable", "Unknown"),
    "cut and reset": (
        {"cut_bytes": 30, "cut": "reset"}, 502, "upstream_unreachable",
        "Unknown",
    ),
    "rate limit": ({"error": "rate_ms"}, 429, "429", "RateLimit"),
    "server": ({"error": "server"}, 500, None, "Unknown"),
    "front door": ({"error": "front_door"}, 503, None, "Unknown"),
    "its timeout": ({"error": "timeout"}, 408, None, "Timeout"),
    "too long": (
        {"error": "too_long"}, 400, "context_length_exceeded",
        "ValidationError",
    ),
    "our key": (
        {"error": "bad_key"}, 502, "upstream_authentication_error",
        "AuthenticationError",
    ),
}


@pytest.mark.parametrize("name", WITHOUT_ANSWER)
def test_no_answer(client, gateway, sim, log, name):
    behaviour, status, code, kind = WITHOUT_ANSWER[name]
    log.expect(r"\[proxy", "AZL0034")
    sim.script({**behaviour, "times": 3})
    answer = post(client)
    sim.heal()
    error_of(answer, status, code or answer.json()["error"]["code"])
    assert PROMPT not in answer.text and HTML not in answer.text
    attempts = 3 if name in REPEATED else 1
    found = record(gateway)
    assert (found["status"], found["error"]) == (status, kind)
    assert found["deployment"] == "a/d1"
    # Once more for a kept connection that may have been dead before.
    stale = len(served(sim)) - attempts
    assert stale in ((0, 1) if name in ("reset", "no status line") else (0,))
    assert found["attempts"] == attempts + stale
    assert found["prompt_tokens"] is found["cost_usd"] is None


@pytest.mark.parametrize(
    "name", ["html", "no json", "empty", "cut json", "cut and reset"]
)
def test_useless_answer_moves_on(client, gateway, sim, log, name):
    log.expect(r"\[proxy")
    sim.script(WITHOUT_ANSWER[name][0], deployment="d1")
    answer = post(client, "two")
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"] == WORDS
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert served(sim) == ["d1", "d2"]
    found = record(gateway)
    assert (found["status"], found["error"]) == (200, None)
    assert (found["attempts"], found["deployment"]) == (2, "a/d2")


def test_refused_connection(client, gateway, sim, log):
    log.expect(r"\[proxy")
    error_of(post(client, "dead"), 502, "upstream_unreachable")
    assert served(sim) == []
    found = record(gateway)
    assert (found["status"], found["error"]) == (502, "Unknown")
    assert found["attempts"] == 3


@pytest.mark.parametrize("stream", [False, True])
def test_slow(client, gateway, sim, log, stream):
    log.expect(r"\[proxy")
    sim.script({"hold": "head"})
    error_of(post(client, "slow", stream=stream), 504, "upstream_timeout")
    assert served(sim) == ["d1"]
    found = record(gateway)
    assert (found["status"], found["error"]) == (504, "Timeout")
    assert found["streamed"] is stream


@pytest.mark.parametrize("behaviour", [
    {"hold": "head"}, {"hold": 1},
], ids=["head", "preamble"])
def test_slow_moves_on(client, gateway, sim, log, behaviour):
    log.expect(r"\[proxy")
    sim.script(behaviour, deployment="d1")
    assert said(events(post(client, "slow-two", stream=True))) == WORDS
    assert served(sim) == ["d1", "d2"]
    assert record(gateway)["attempts"] == 2


def test_silent_in_the_middle(client, gateway, sim, log):
    log.expect(r"\[proxy", "AZL0030")
    sim.script({"hold": 5})
    data = events(post(client, "late", stream=True))
    assert set(data[-1]) == {"error"}
    assert "[DONE]" not in data
    assert said(data[:-1])
    found = record(gateway)
    assert (found["status"], found["error"]) == (200, "Truncated")


@pytest.mark.parametrize("after", range(4, 7))
def test_cut_in_the_middle(client, gateway, sim, log, after):
    """One error event and no [DONE]; nobody else is asked."""
    log.expect(r"\[proxy", "AZL0030")
    sim.script({"cut_after": after}, deployment="d1")
    answer = post(client, "two", stream=True)
    assert answer.status_code == 200
    assert answer.text.count('data: {"error":') == 1
    assert "[DONE]" not in answer.text
    data = events(answer)
    error = data[-1]["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    assert WORDS.startswith(said(data[:-1])) and said(data[:-1])
    assert served(sim) == ["d1"]
    found = record(gateway)
    assert (found["status"], found["error"]) == (200, "Truncated")
    assert found["first_token_ms"] is not None
    # of what came, an estimate
    assert found["estimated"] is True
    assert found["prompt_tokens"] > 0
    assert 0 < found["completion_tokens"] <= len(WORDS)


def test_reset_in_the_middle(client, gateway, sim, log):
    """What had come may be lost with the connection: it may end before its
    start, but it never ends well."""
    log.expect(r"\[proxy", "AZL0030")
    sim.script({"cut_after": 5, "cut": "reset", "chunk_delay": 0.1})
    answer = post(client, stream=True)
    if answer.status_code == 200:
        data = events(answer)
        assert set(data[-1]) == {"error"} and "[DONE]" not in data
        assert record(gateway)["error"] == "Truncated"
    else:
        error_of(answer, 502, "upstream_unreachable")
        assert record(gateway)["error"] == "Unknown"


def test_no_done_is_no_cut(client, gateway, sim):
    """Every choice has its finish_reason: the answer is whole."""
    sim.script({"done": False})
    data = events(post(client, stream=True))
    assert data[-1] == "[DONE]"
    assert said(data) == WORDS
    assert record(gateway)["error"] is None


def test_error_event_in_the_middle(client, gateway, sim, log):
    log.expect("AZL0030")
    sim.script({"error_event": 5})
    data = events(post(client, stream=True))
    assert data[-1]["error"]["message"] == "The server had an error"
    assert "[DONE]" not in data
    assert record(gateway)["error"] == "Truncated"


def test_error_event_first_moves_on(client, gateway, sim):
    sim.script({"error_event": 2}, deployment="d1")
    assert said(events(post(client, "two", stream=True))) == WORDS
    assert served(sim) == ["d1", "d2"]
    assert record(gateway)["error"] is None


@pytest.mark.parametrize("http2", [False, True])
def test_cut_large_answer(gateway, sim, log, http2):
    """Larger than what is held: the client has its beginning and must see
    that the end is missing."""
    log.expect(r"\[proxy", r"\[http2", "AZL0030")
    sim.script({"long": BIG, "cut_bytes": BIG - 1000})
    options = {"http1": False, "http2": True} if http2 else {}
    with gateway.client(**options) as client, client.stream(
        "POST", "/v1/chat/completions", json=chat("two")
    ) as answer:
        assert answer.status_code == 200
        assert "content-length" not in answer.headers
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    assert served(sim) == ["d1"]
    found = record(gateway)
    assert (found["status"], found["error"]) == (200, "Truncated")


def test_large_answer(client, gateway, sim):
    """The same without the cut: every byte, model and usage read."""
    sim.script({"long": BIG})
    answer = post(client)
    assert answer.json()["choices"][0]["message"]["content"] == "x" * BIG
    assert answer.json()["model"] == "one"
    assert record(gateway)["completion_tokens"] == 1


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("path, made", [
    ("chat/completions", {"long": BIG, "cut_bytes": BIG - 1000}),
    # all is there and counted, but for the last brace
    ("embeddings", {"headers": JSON, "body": LARGE[:-1]}),
])
def test_large_answer_ends_early(gateway, sim, log, http2, path, made):
    """Where the end of the connection is that of the body, a cut is no error
    of HTTP: only the document shows it."""
    log.expect(r"\[http2", "AZL0030")
    sim.script({"protocol": "1.0", **made})
    options = {"http1": False, "http2": True} if http2 else {}
    with gateway.client(**options) as client, client.stream(
        "POST", f"/v1/{path}", json={**chat("two"), "input": "x"}
    ) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    assert served(sim) == ["d1"]
    found = record(gateway)
    assert (found["status"], found["error"]) == (200, "Truncated")
    if path == "embeddings":
        assert found["prompt_tokens"] == 5
    assert post_again(gateway)


@pytest.mark.parametrize("tail", ["", " \r\n", "\n\0", "\n{}"])
def test_large_answer_ends_with_the_connection(client, gateway, sim, tail):
    """It is whole, whatever comes behind it."""
    sim.script({"protocol": "1.0", "headers": JSON, "body": LARGE + tail})
    answer = client.post("/v1/embeddings", json={"model": "two", "input": "x"})
    assert answer.text == LARGE + tail
    found = record(gateway)
    assert (found["error"], found["prompt_tokens"]) == (None, 5)


def test_client_goes_before_a_large_answer_ends_early(gateway, sim):
    """It did not see the cut: it had left."""
    sim.script({"protocol": "1.0", "long": BIG, "cut_bytes": BIG - 1000,
                "split": 65536, "trickle": 0.2})
    sock = dial(gateway, chat("one"))
    got = b""
    while b"xxxx" not in got:
        got += sock.recv(65536)
    hang_up(sock)
    found = record(gateway)
    assert (found["status"], found["error"]) == (499, "ClientClosed")
    assert post_again(gateway)


def test_client_goes_in_the_middle(gateway, sim):
    sim.script({"chunk_delay": 0.05, "content": "word " * 400})
    sock = dial(gateway, chat(stream=True, model="one"))
    got = b""
    while b"word" not in got:
        got += sock.recv(65536)
    hang_up(sock)
    found = record(gateway)
    assert (found["status"], found["error"]) == (499, "ClientClosed")
    assert (found["attempts"], found["streamed"]) == (1, True)
    assert served(sim) == ["d1"]
    assert post_again(gateway)


def test_client_goes_when_all_is_counted(gateway, sim):
    """What the upstream has already said it counted is billed."""
    body = {
        **chat("d1", stream=True),
        "stream_options": {"include_usage": True},
    }
    whole = httpx.post(
        sim.url + "/openai/v1/chat/completions",
        json=body,
        headers={"api-key": sim.key},
        timeout=30,
    ).text
    sim.reset()
    # before [DONE], behind the usage
    sim.script({"hold": whole.count("data:") - 1})
    sock = dial(gateway, chat(stream=True, model="one"))
    got = b""
    while b'"finish_reason":"stop"' not in got:
        got += sock.recv(65536)
    hang_up(sock)
    sim.release()
    found = record(gateway)
    assert (found["status"], found["error"]) == (499, "ClientClosed")
    assert found["completion_tokens"] > 0 and found["prompt_tokens"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_client_goes_before_the_first_byte(gateway, sim, stream):
    """No other candidate is asked for somebody who has gone."""
    sim.script({"hold": "head"}, deployment="d1")
    sock = dial(gateway, chat("two", stream=stream))
    gateway.until(lambda: served(sim))
    hang_up(sock)
    sim.release()
    found = record(gateway)
    assert (found["status"], found["error"]) == (499, "ClientClosed")
    assert served(sim) == ["d1"]
    assert post_again(gateway)


def test_client_goes_then_the_upstream_fails(gateway, sim):
    sim.script({"hold": "head", "error": "server"}, deployment="d1")
    sock = dial(gateway, chat("two"))
    gateway.until(lambda: served(sim))
    hang_up(sock)
    sim.release()
    # A socket that nobody has written to yet does not tell: the second
    # candidate may have been asked.
    assert record(gateway)["error"] == "ClientClosed"
    assert post_again(gateway)


def test_client_goes_within_its_request(gateway, sim):
    sock = dial(gateway, chat("one"), sent=40)
    sock.close()
    found = record(gateway)
    assert (found["status"], found["error"]) == (499, "ClientClosed")
    assert found["attempts"] == 0
    assert sim.journal() == []


def post_again(gateway):
    with gateway.client() as client:
        return post(client, "two").status_code == 200


# ------------------------------------------------------------- the machine


def test_full_disk(gateway, sim, log, restart):
    """Answers do not wait for the disk; each lost record is told."""
    log.expect("AZL004[23]")
    conf = env_without_log(gateway).add("AzureLITUsageLog /dev/full")
    restart(conf.endpoint("a", sim.url).model("one", "a/d1"))
    with gateway.client() as client:
        for stream in (False, True, False):
            assert post(client, stream=stream).status_code == 200
    gateway.until(lambda: len(lost(log)) >= 3)
    assert len(lost(log)) == len(set(lost(log))) == 3


def lost(log):
    """The requests whose record is said to be lost: written alone, or with
    others."""
    return re.findall(r"No space left.* AZL004[23]: (req_\w+)", log.text())


def env_without_log(gateway):
    conf = gateway.conf()
    conf.lines = [
        line for line in conf.lines if not line.startswith("AzureLITUsageLog")
    ]
    return conf


def test_child_is_killed(gateway, sim, log, restart):
    """Its streams break off visibly; the others' go on, new ones start."""
    log.expect("AH00052")
    conf = configure(gateway, sim)
    # Three children from the start, and none of them too many.
    conf.add("StartServers 3", "MinSpareThreads 64", "MaxSpareThreads 128")
    restart(conf)
    # More than the 32 threads of one child can hold.
    number = 40
    sim.script({"hold": 5, "content": "word " * 20, "times": number})
    socks, begun = [], []
    for _ in range(number):
        socks.append(dial(gateway, chat("one", stream=True)))
        begun.append(socks[-1].recv(4096))
    assert all(got.startswith(b"HTTP/1.1 200 ") for got in begun)
    held = owners(gateway.process.pid, gateway.port, socks)
    holders = [held[sock] for sock in socks]
    assert len(set(holders)) > 1
    victim = min(set(holders), key=holders.count)
    os.kill(victim, signal.SIGKILL)
    assert post_again(gateway)
    sim.release()
    for sock, begin, pid in zip(socks, begun, holders):
        whole = begin + rest(sock)
        assert (b"data: [DONE]" in whole) == (pid != victim)
        # The last chunk of the transfer: there, or visibly not.
        assert whole.endswith(b"0\r\n\r\n") == (pid != victim)
    records = gateway.records(number - holders.count(victim) + 1)
    assert {one["error"] for one in records} == {None}


def rest(sock):
    """What still comes, until the answer or the connection ends."""
    got = b""
    with sock:
        while not got.endswith(b"0\r\n\r\n"):
            try:
                more = sock.recv(65536)
            except ConnectionResetError:
                break
            if not more:
                break
            got += more
    return got
