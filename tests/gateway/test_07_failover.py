"""Attempts: what moves on to the next candidate, and what is told at last."""

import http.client
import json

import pytest
from ask import PROMPT, WORDS, chat, error_of, events, said


# What an attempt that failed leaves in a request's tables.
TRACES = {
    "Content-Type": "text/html; charset=trap",
    "Content-Language": "trap",
    "Content-Encoding": "identity",
    "Content-Disposition": "attachment; filename=trap",
    "Set-Cookie": ["trap=1", "trap=2"],
    "WWW-Authenticate": "Basic realm=trap",
    "Location": "http://trap.example/",
    "ETag": '"trap"',
    "Cache-Control": "max-age=77",
    "Retry-After": "77",
    "x-ratelimit-remaining-tokens": "77",
    "apim-request-id": "trap",
    "openai-processing-ms": "77",
}


def configure(env, sim):
    # What fails in one test is whole again in the next.
    conf = env.conf().add("AzureLITCooldown off").endpoint("a", sim.url)
    conf.endpoint("dead", "http://127.0.0.1:1", "connect-timeout=1s")
    conf.model("m1", "a/d1").model("m1", "a/d2", "order=2")
    conf.model("down", "dead/d1").model("down", "a/d2", "order=2")
    conf.model("w", "a/d1", "weight=3").model("w", "a/d2", "weight=1")
    for order, name in enumerate(("dead/x", "dead/y", "dead/z", "a/d1"), 1):
        conf.model("far", name, f"order={order}")
    return conf


def post(client, model="m1", **more):
    return client.post("/v1/chat/completions", json=chat(model, **more))


def served(sim):
    return [entry["deployment"] for entry in sim.journal()]


MOVES = [
    {"error": name}
    for name in ("rate_ms", "rate_text", "capacity", "timeout", "server",
                 "bad_gateway", "front_door", "overloaded")
] + [{"status": 504, "body": ""}, {"fault": "close"}, {"fault": "reset"},
     {"fault": "garbage"}]


@pytest.mark.parametrize("model, behaviour, cause", [
    ("m1", {"error": "server"}, "500 internal_error, that was its answer"),
    ("m1", {"fault": "close"}, "502 upstream_unreachable, nothing came back"),
    ("down", None, "502 upstream_unreachable, the request could not be sent"),
])
def test_the_log_says_why(client, sim, log, model, behaviour, cause):
    log.expect(r"\[proxy")
    if behaviour:
        sim.script({**behaviour, "times": 2}, deployment="d1")
    assert post(client, model).status_code == 200
    assert f"failed: {cause}" in log.text()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("behaviour", MOVES, ids=str)
def test_moves_on(client, sim, log, behaviour, stream):
    log.expect(r"\[proxy")
    # Twice: a connection that was kept and is closed without a word may have
    # been dead before, so the same is asked once more on a new one.
    sim.script({**behaviour, "times": 2}, deployment="d1")
    answer = post(client, stream=stream)
    assert answer.status_code == 200
    said_text = (
        said(events(answer))
        if stream
        else answer.json()["choices"][0]["message"]["content"]
    )
    assert said_text == WORDS
    assert served(sim)[-1] == "d2"
    assert answer.headers["x-litellm-attempted-retries"] == str(
        len(served(sim)) - 1 if "fault" in behaviour else 1
    )
    assert "retry-after" not in answer.headers
    assert len(answer.headers.get_list("content-type")) == 1
    # The second candidate got the whole body, with its own name.
    assert sim.last()["json"]["model"] == "d2"
    assert sim.last()["json"]["messages"][0]["content"] == PROMPT


def test_preamble_then_cut_moves_on(client, sim, log):
    """The prompt filter's preamble and the role are no content yet."""
    log.expect(r"\[proxy")
    sim.script({"cut_after": 2}, deployment="d1")
    assert said(events(post(client, stream=True))) == WORDS
    assert served(sim) == ["d1", "d2"]


@pytest.mark.parametrize("name", ["filtered", "too_long", "bad_request"])
def test_stays(client, sim, name):
    sim.script({"error": name}, deployment="d1")
    assert post(client).status_code == 400
    assert served(sim) == ["d1"]


def test_refused_connection(client, sim, log):
    log.expect(r"\[proxy")
    assert post(client, "down").status_code == 200
    assert served(sim) == ["d2"]


def test_at_most_two_more(client, sim, log):
    log.expect(r"\[proxy")
    error_of(post(client, "far"), 502, "upstream_unreachable")
    assert served(sim) == []


def test_most_useful_error(client, sim):
    sim.script({"error": "rate_ms", "times": 9}, deployment="d1")
    sim.script({"error": "front_door", "times": 9}, deployment="d2")
    answer = post(client)
    assert answer.status_code == 429
    assert answer.headers["retry-after-ms"] == "350"
    assert "retry after 7 seconds" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["bad_key", "no_role", "firewall"])
def test_our_credential(client, sim, log, name):
    log.expect("AZL0034")
    sim.script({"error": name, "times": 2})
    error_of(post(client), 502, "upstream_authentication_error")


def test_weights(client, sim):
    number = 200
    for _ in range(number):
        assert post(client, "w").status_code == 200
    first = served(sim).count("d1")
    want = number * 3 / 4
    chi = (first - want) ** 2 / want
    chi += (number - first - number / 4) ** 2 / (number / 4)
    # One in two million by chance, with one degree of freedom.
    assert chi < 27


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_no_trace_of_a_failed_attempt(client, sim, stream, status):
    """Not one of its headers is in the answer of the next."""
    sim.script(
        {"status": status, "body": "trap", "headers": TRACES}, deployment="d1"
    )
    answer = post(client, stream=stream)
    assert answer.status_code == 200
    assert served(sim) == ["d1", "d2"]
    for name, value in answer.headers.multi_items():
        assert value != "77" and "trap" not in value, name
    kind = "text/event-stream" if stream else "application/json"
    (given,) = answer.headers.get_list("content-type")
    assert given.startswith(kind)
    assert answer.headers["x-ratelimit-remaining-tokens"] == "99800"
    for name in ("set-cookie", "location", "etag", "www-authenticate"):
        assert name not in answer.headers


@pytest.mark.parametrize("status", [429, 503])
def test_no_trace_when_all_failed(client, sim, status):
    """What the error tells is the time to wait, and nothing else."""
    traces = {"status": status, "body": "trap", "headers": TRACES}
    sim.script({**traces, "times": 2})
    answer = post(client)
    error_of(answer, status, answer.json()["error"]["code"])
    left = dict(answer.headers)
    assert left.pop("retry-after") == "77"
    assert "trap" not in str(left)
    for name in ("set-cookie", "location", "etag", "www-authenticate"):
        assert name not in answer.headers


@pytest.mark.parametrize("behaviour", [
    {"error": "rate_ms", "split": 10, "trickle": 0.005},
    {"error": "front_door", "split": 40, "trickle": 0.005},
], ids=str)
def test_failure_in_pieces(client, sim, behaviour):
    """mod_proxy flushes before the body is there: that decides nothing."""
    sim.script(behaviour, deployment="d1")
    answer = post(client)
    assert answer.json()["choices"][0]["message"]["content"] == WORDS
    assert served(sim) == ["d1", "d2"]


def test_answer_in_pieces(client, sim):
    sim.script({"split": 20, "trickle": 0.005})
    answer = post(client)
    assert answer.json()["choices"][0]["message"]["content"] == WORDS
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("number, attempts", [
    (None, 3), (0, 1), (1, 2), (4, 5), (6, 7),
])
def test_retry(gateway, sim, restart, number, attempts):
    """AzureLITRetry: so many beyond the first, if there are so many."""
    conf = gateway.conf().endpoint("a", sim.url).endpoint("b", sim.url)
    for order in range(6):
        target = f"{'ab'[order // 3]}/d{order % 3 + 1}"
        conf.model("m1", target, f"order={order + 1}")
    if number is not None:
        conf.add(f"AzureLITRetry {number}")
    restart(conf)
    sim.script({"error": "server", "times": 20})
    with gateway.client() as client:
        answer = post(client)
    assert answer.status_code == 500
    assert answer.headers["x-litellm-attempted-retries"] == str(attempts - 1)
    assert served(sim) == (["d1", "d2", "d3"] * 3)[:attempts]
    assert gateway.records(1)[0]["attempts"] == attempts


@pytest.mark.parametrize("fault", ["close", "reset", "garbage"])
@pytest.mark.parametrize("stream", [False, True])
def test_kept_connection(gateway, sim, log, fault, stream):
    """On a client connection that is kept alive mod_proxy would cut it when
    the upstream ends without a word; ours moves on, on the same one."""
    log.expect(r"\[proxy")
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port)

    def ask():
        connection.request(
            "POST",
            "/v1/chat/completions",
            json.dumps(chat("m1", stream=stream)),
            {
                "Authorization": f"Bearer {gateway.key}",
                "Content-Type": "application/json",
            },
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), connection.sock

    first = ask()
    for _ in range(3):
        sim.script({"fault": fault, "times": 2}, deployment="d1")
        again = ask()
        sim.heal()
        assert again[0] == 200 and "said" in again[1]
        assert again[2] is first[2] is not None
    # Whoever says nothing on a kept connection is asked again on a new one.
    turns = ["d1", "d2"] if fault == "garbage" else ["d1", "d1", "d2"]
    assert served(sim) == ["d1"] + turns * 3
    connection.close()


def test_second_request_of_a_connection(client, sim, log):
    """What an attempt left behind does not end the connection."""
    log.expect(r"\[proxy")
    for _ in range(3):
        sim.script({"fault": "reset"}, deployment="d1")
        assert post(client).status_code == 200
        assert post(client).json()["choices"][0]["message"]["content"] == WORDS
