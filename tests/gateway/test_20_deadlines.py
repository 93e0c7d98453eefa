"""How long a first token, a silence and a whole answer may take, and streams
that end without saying so.

No test here expects a word of mod_proxy in the error log: what we end
ourselves it need not explain."""

import time

import httpx
import pytest
from ask import WORDS, chat, error_of, events, said

BIG = 2 * 1024 * 1024
# Far less than any limit that is not set here.
SOON = 20


def configure(env, sim):
    conf = env.conf().add("Protocols h2c http/1.1")
    # What fails in one test is whole again in the next.
    conf.add("AzureLITCooldown off", "AzureLITRetry 1")
    conf.endpoint("a", sim.url)
    conf.model("first", "a/d1", "first-token-timeout=300ms")
    conf.model("first-two", "a/d1", "first-token-timeout=300ms")
    conf.model("first-two", "a/d2", "order=2")
    conf.model("idle", "a/d1", "idle-timeout=300ms")
    conf.model("total", "a/d1", "timeout=400ms")
    # Limits that a machine which stands still for a moment does not reach.
    conf.model("longer-first", "a/d1", "first-token-timeout=2s")
    conf.model("longer-idle", "a/d1", "idle-timeout=2s")
    conf.model("longer-total", "a/d1", "timeout=4s")
    return conf.model("plain", "a/d1")


def post(client, model, **more):
    begin = time.monotonic()
    answer = client.post("/v1/chat/completions", json=chat(model, **more))
    assert time.monotonic() - begin < SOON
    return answer


def served(sim):
    return [entry["deployment"] for entry in sim.journal()]


def record(gateway):
    return gateway.records(1)[0]


IDLE = "it was silent for longer than idle-timeout="
TOTAL = "it took longer than timeout="


def is_cut(gateway, answer, log, cause):
    """One error event, no [DONE], a record that says so, and a log that says
    why."""
    log.expect("AZL0030.*: " + cause)
    data = events(answer)
    assert answer.text.count('data: {"error":') == 1
    assert set(data[-1]) == {"error"} and "[DONE]" not in data
    found = record(gateway)
    assert (found["status"], found["error"]) == (200, "Truncated")
    assert found["estimated"] is True
    assert found["prompt_tokens"] > 0 and found["completion_tokens"] > 0
    return said(data[:-1])


# ---------------------------------------------------------------- first token

NOTHING_YET = [{"hold": "head"}, {"hold": 0}, {"hold": 1}, {"hold": 2}]
IDS = ["head", "no event", "preamble", "role"]


@pytest.mark.parametrize("behaviour", NOTHING_YET, ids=IDS)
def test_no_first_token(client, gateway, sim, log, behaviour):
    sim.script({**behaviour, "times": 9})
    answer = post(client, "first", stream=True)
    error_of(answer, 504, "upstream_timeout")
    found = record(gateway)
    assert (found["status"], found["error"]) == (504, "Timeout")
    assert found["completion_tokens"] is None
    assert found["total_ms"] >= 300
    cause = "its first token took longer than first-token-timeout="
    assert f"failed: 504 upstream_timeout, {cause}" in log.text()


@pytest.mark.parametrize("behaviour", NOTHING_YET, ids=IDS)
def test_another_answers(client, gateway, sim, behaviour):
    sim.script({**behaviour, "times": 9}, deployment="d1")
    answer = post(client, "first-two", stream=True)
    assert said(events(answer)) == WORDS
    assert served(sim)[-1] == "d2" and served(sim)[0] == "d1"
    assert record(gateway)["error"] is None


def test_signs_of_life_are_no_token(client, sim):
    """Bytes come all the time, but none of them says anything."""
    body = "".join(f": {number}\n\n" for number in range(1000))
    sim.script({
        "status": 200,
        "headers": {"Content-Type": "text/event-stream"},
        "body": body,
        "split": 10,
        "trickle": 0.05,
        "times": 9,
    })
    error_of(post(client, "first", stream=True), 504, "upstream_timeout")


def test_only_the_first_token(client, gateway, sim):
    """All of it takes longer, and without a stream there is none. A machine
    that stands still may be too late with it, but not always."""
    for _ in range(4):
        gateway.forget_records()
        sim.script({"chunk_delay": 0.35})
        answer = post(client, "longer-first", stream=True)
        found = record(gateway)
        if answer.status_code == 200:
            break
    assert said(events(answer)) == WORDS
    assert found["total_ms"] > 2000
    sim.script({"delay": 0.5})
    assert post(client, "first").status_code == 200


# ------------------------------------------------------------------- silence


@pytest.mark.parametrize("after", range(3, 7))
def test_silence(client, gateway, sim, log, after):
    sim.script({"hold": after})
    text = is_cut(gateway, post(client, "idle", stream=True), log, IDLE)
    assert WORDS.startswith(text) and text
    assert served(sim) == ["d1"]
    gateway.until(lambda: sim.last()["closed"])


def goes_well(client, gateway, sim, log, behaviour, longer=0):
    """A stream that is not cut, and takes longer than that behind its first
    token; but for a machine that stands still in the middle, and not
    always."""
    log.expect("AZL0030")
    for _ in range(4):
        gateway.forget_records()
        sim.script(behaviour)
        data = events(post(client, "longer-idle", stream=True))
        found = record(gateway)
        took = found["total_ms"] - found["first_token_ms"]
        if data[-1] == "[DONE]" and took > longer:
            break
    assert said(data) == WORDS and data[-1] == "[DONE]" and took > longer


def test_short_silences(client, gateway, sim, log):
    """Each is shorter than the limit, together they are longer; and before the
    first token another limit holds."""
    behaviour = {"delay": 2.1, "chunk_delay": 0.5}
    goes_well(client, gateway, sim, log, behaviour, longer=2000)


def test_signs_of_life(client, gateway, sim, log):
    """A comment is one."""
    behaviour = {"comments": True, "chunk_delay": 0.2}
    goes_well(client, gateway, sim, log, behaviour)


def test_silence_without_a_stream(client, sim):
    sim.script({"delay": 0.6})
    assert post(client, "idle").status_code == 200


# ----------------------------------------------------------------- altogether


@pytest.mark.parametrize("behaviour", [
    {"hold": "head"}, {"slow_head": 0.2}, {"split": 50, "trickle": 0.1},
], ids=["head", "slow head", "slow body"])
@pytest.mark.parametrize("stream", [False, True])
def test_too_long(client, gateway, sim, log, behaviour, stream):
    sim.script({**behaviour, "times": 9})
    answer = post(client, "total", stream=stream)
    if answer.status_code == 200:
        assert stream
        is_cut(gateway, answer, log, TOTAL)
    else:
        error_of(answer, 504, "upstream_timeout")
        assert record(gateway)["error"] == "Timeout"
    # The next one begins anew.
    sim.reset()
    gateway.until(
        lambda: post(client, "total", stream=stream).status_code == 200
    )


def test_too_long_a_stream(client, gateway, sim, log):
    sim.script({"chunk_delay": 0.1, "content": "word " * 200})
    answer = post(client, "longer-total", stream=True)
    text = is_cut(gateway, answer, log, TOTAL)
    assert text.startswith("word ")
    assert record(gateway)["completion_tokens"] >= text.count("word")


@pytest.mark.parametrize("http2", [False, True])
def test_too_long_a_document(gateway, sim, log, http2):
    """The client has its beginning; there is no form to say it in."""
    log.expect("AZL0030", r"\[http2")
    sim.script({"long": BIG, "split": 3 * BIG // 4, "trickle": 20})
    options = {"http1": False, "http2": True} if http2 else {}
    with gateway.client(**options) as client, client.stream(
        "POST", "/v1/chat/completions", json=chat("longer-total")
    ) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    assert record(gateway)["error"] == "Truncated"


# -------------------------------------------------------- an end that is missed


def ends_well_without(sim, gateway, number, missing, http2):
    """The record of a stream whose last events do not come."""
    sim.script({"hold": number - missing})
    options = {"http1": False, "http2": True} if http2 else {}
    with gateway.client(**options) as client:
        data = events(post(client, "plain", stream=True))
    assert data[-1] == "[DONE]" and said(data) == WORDS
    found = record(gateway)
    assert (found["status"], found["error"]) == (200, None)
    return found


@pytest.mark.parametrize("http2", [False, True])
def test_no_done(gateway, sim, number, http2):
    """The usage has come: nothing is missing, and nobody waits."""
    found = ends_well_without(sim, gateway, number, 1, http2)
    assert found["completion_tokens"] > 0 and found["estimated"] is False


@pytest.mark.parametrize("http2", [False, True])
def test_no_usage(gateway, sim, number, http2):
    """The finish_reason was the last word: it is waited a little."""
    found = ends_well_without(sim, gateway, number, 2, http2)
    assert found["completion_tokens"] is None


def test_one_choice_is_missed(client, gateway, sim, log, number):
    """Two were asked for: then one finish_reason is no end."""
    sim.script({"hold": number - 2, "finish": "stop"})
    answer = post(client, "idle", stream=True, n=2)
    is_cut(gateway, answer, log, IDLE)


@pytest.mark.parametrize("http2", [False, True])
def test_no_end_of_the_transfer(gateway, sim, number, http2):
    sim.script({"hold": number})
    options = {"http1": False, "http2": True} if http2 else {}
    with gateway.client(**options) as client:
        data = events(post(client, "plain", stream=True))
        assert data[-1] == "[DONE]" and said(data) == WORDS
        assert post(client, "plain").status_code == 200
    assert {one["error"] for one in gateway.records(2)} == {None}


def test_no_end_of_a_response(client, gateway, sim):
    """Its last event says that it is the last."""
    body = {"model": "plain", "input": "hello", "stream": True}
    whole = client.post("/v1/responses", json=body).text
    sim.script({"hold": whole.count("data: ")})
    begin = time.monotonic()
    answer = client.post("/v1/responses", json=body)
    assert time.monotonic() - begin < SOON
    assert "response.completed" in answer.text
    assert answer.text.count("data: ") == whole.count("data: ")
    assert {one["error"] for one in gateway.records(2)} == {None}
