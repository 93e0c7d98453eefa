"""Attempts: what moves on to the next candidate, and what is told at last."""

import pytest
from ask import PROMPT, WORDS, chat, error_of, events, said


def configure(env, sim):
    conf = env.conf().endpoint("a", sim.url)
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


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("behaviour", MOVES, ids=str)
def test_moves_on(client, sim, log, behaviour, stream):
    log.expect(r"\[proxy")
    sim.script(behaviour, deployment="d1")
    answer = post(client, stream=stream)
    assert answer.status_code == 200
    said_text = (
        said(events(answer))
        if stream
        else answer.json()["choices"][0]["message"]["content"]
    )
    assert said_text == WORDS
    assert served(sim)[-1] == "d2"
    assert answer.headers["x-litellm-attempted-retries"] == "1"
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


@pytest.mark.parametrize("name", ["filtered", "too_long", "unsupported"])
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
    sim.script({"error": "rate_ms"}, deployment="d1")
    sim.script({"error": "front_door"}, deployment="d2")
    answer = post(client)
    assert answer.status_code == 429
    assert answer.headers["retry-after-ms"] == "350"
    assert "retry after 7 seconds" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["bad_key", "no_role", "firewall"])
def test_our_credential(client, sim, log, name):
    log.expect("AZL0031")
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
    # One in 100 000 by chance, with one degree of freedom.
    assert chi < 19.5


def test_second_request_of_a_connection(client, sim, log):
    """What an attempt left behind does not end the connection."""
    log.expect(r"\[proxy")
    for _ in range(3):
        sim.script({"fault": "reset"}, deployment="d1")
        assert post(client).status_code == 200
        assert post(client).json()["choices"][0]["message"]["content"] == WORDS
