"""Fallbacks: which model answers when one cannot, and what is told of it."""

import pytest
from ask import PROMPT, WORDS, chat, error_of, events, said

FOREVER = 10**6
# Dollars for a million tokens, so that a record tells who was paid.
PRICES = {"big": 100, "small": 1, "long": 7, "safe": 13}


def configure(env, sim):
    env.only_big = "sk-only-big-" + env.key[-16:]
    env.secrets.append(env.only_big)
    conf = env.conf().add("AzureLITCooldown off", "AzureLITRetry 1")
    conf.key("only-big", env.only_big, "models=big")
    conf.endpoint("a", sim.url)
    sim.control("POST", "config", {
        "deployments": {
            name: name for name in [
                "d1", "d2", "d3", "emb", "big1", "big2", "small", "long",
                "safe", "one", "two", "three", "plain", "star", "other",
            ]
        }
    })

    def model(alias, *names):
        price = PRICES.get(alias, 1)
        for order, name in enumerate(names, 1):
            conf.model(alias, f"a/{name}", f"order={order}",
                       f"input-price={price}", f"output-price={2 * price}")

    model("big", "big1", "big2")
    for alias in ("small", "long", "safe", "one", "two", "three", "plain",
                  "other"):
        model(alias, alias)
    return conf.add(
        "AzureLITFallback big small",
        "AzureLITFallback big long on=context-window",
        "AzureLITFallback big safe on=content-filter",
        # A chain, and one with several at once.
        "AzureLITFallback one two",
        "AzureLITFallback two three",
        "AzureLITFallback plain small other",
    )


def post(client, model="big", **more):
    return client.post("/v1/chat/completions", json=chat(model, **more))


def served(sim):
    return [entry["deployment"] for entry in sim.journal()]


def fails(sim, *names, error="server"):
    for name in names:
        sim.script({"error": error, "times": FOREVER}, deployment=name)


def check(answer, alias, fallbacks, stream=False):
    """It is an answer, by this model, and says so."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-litellm-model-group"] == alias
    asked = answer.headers.get("x-litellm-attempted-fallbacks", "0")
    assert asked == str(fallbacks)
    if stream:
        data = events(answer)
        assert said(data) == WORDS and data[-1] == "[DONE]"
        assert {chunk["model"] for chunk in data[:-1]} == {alias}
    else:
        document = answer.json()
        assert document["choices"][0]["message"]["content"] == WORDS
        assert document["model"] == alias


def cost(sim_usage, alias):
    price = PRICES[alias]
    return (
        sim_usage["prompt_tokens"] * price
        + sim_usage["completion_tokens"] * 2 * price
    ) / 1e6


@pytest.mark.parametrize("stream", [False, True])
def test_no_need(client, gateway, sim, stream):
    check(post(client, stream=stream), "big", 0, stream)
    assert served(sim) == ["big1"]
    fails(sim, "big1")
    check(post(client, stream=stream), "big", 0, stream)
    assert served(sim) == ["big1", "big1", "big2"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "error", ["server", "front_door", "rate_text", "no_deployment"]
)
def test_all_failed(client, gateway, sim, log, error, stream):
    fails(sim, "big1", "big2", error=error)
    check(post(client, stream=stream), "small", 1, stream)
    assert served(sim) == ["big1", "big2", "small"]
    assert sim.last()["json"]["model"] == "small"
    assert sim.last()["json"]["messages"][0]["content"] == PROMPT
    (record,) = gateway.records(1)
    assert (record["model"], record["deployment"]) == ("big", "a/small")
    assert (record["status"], record["error"]) == (200, None)
    assert record["attempts"] == 3
    assert record["cost_usd"] == pytest.approx(cost(sim.usage(), "small"))
    (line,) = [
        line for line in log.text().splitlines() if "AZL0036" in line
    ]
    assert ":notice]" in line and "big" in line and "small" in line


@pytest.mark.parametrize("stream", [False, True])
def test_price_of_who_served(client, gateway, sim, stream):
    check(post(client, stream=stream), "big", 0, stream)
    (record,) = gateway.records(1)
    assert record["cost_usd"] == pytest.approx(cost(sim.usage(), "big"))


def test_before_content_only(client, sim, log):
    """A stream that has begun is nobody else's."""
    log.expect("AZL0030", r"\[proxy")
    sim.script({"cut_after": 5, "times": 2}, {"cut_after": 2, "times": 9},
               deployment="big1")
    sim.script({"cut_after": 2, "times": 9}, deployment="big2")
    for _ in range(2):
        data = events(post(client, stream=True))
        assert set(data[-1]) == {"error"}
    assert served(sim) == ["big1", "big1"]
    check(post(client, stream=True), "small", 1, True)
    assert served(sim)[2:] == ["big1", "big2", "small"]


@pytest.mark.parametrize("stream", [False, True])
def test_context_window(client, gateway, sim, stream):
    """The same model again would refuse it again: nobody of its group is
    asked."""
    fails(sim, "big1", error="too_long")
    check(post(client, stream=stream), "long", 1, stream)
    assert served(sim) == ["big1", "long"]
    (record,) = gateway.records(1)
    assert (record["model"], record["deployment"]) == ("big", "a/long")
    assert record["attempts"] == 2
    assert record["cost_usd"] == pytest.approx(cost(sim.usage(), "long"))


@pytest.mark.parametrize("stream", [False, True])
def test_content_filter_when_asked(client, gateway, sim, stream):
    fails(sim, "big1", error="filtered")
    check(post(client, stream=stream), "safe", 1, stream)
    assert served(sim) == ["big1", "safe"]
    (record,) = gateway.records(1)
    assert record["deployment"] == "a/safe"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("error, code", [
    ("filtered", "content_filter"),
    ("too_long", "context_length_exceeded"),
])
def test_only_errors_by_default(client, gateway, sim, log, error, code,
                                stream):
    """A refusal by the filter goes nowhere unless somebody asked for it."""
    fails(sim, "plain", error=error)
    answer = post(client, "plain", stream=stream)
    error_of(answer, 400, code)
    assert served(sim) == ["plain"]
    assert "AZL0036" not in log.text()
    (record,) = gateway.records(1)
    assert (record["status"], record["error"]) == (400, "ValidationError")
    assert (record["attempts"], record["deployment"]) == (1, "a/plain")


def test_client_mistakes_stay(client, sim):
    fails(sim, "big1", error="bad_request")
    assert post(client).status_code == 400
    assert served(sim) == ["big1"]


@pytest.mark.parametrize("stream", [False, True])
def test_chain(client, gateway, sim, log, stream):
    """A fallback's own fallbacks come after it."""
    fails(sim, "one")
    check(post(client, "one", stream=stream), "two", 1, stream)
    fails(sim, "two")
    check(post(client, "one", stream=stream), "three", 2, stream)
    second, third = gateway.records(2)
    assert second["deployment"] == "a/two"
    assert third["deployment"] == "a/three"
    assert log.text().count("AZL0036") == 3


def test_several_in_order(client, sim):
    fails(sim, "plain", "small")
    check(post(client, "plain"), "other", 2)
    assert list(dict.fromkeys(served(sim))) == ["plain", "small", "other"]


@pytest.mark.parametrize("stream", [False, True])
def test_all_of_them_failed(client, gateway, sim, stream):
    """The first group's error is told, whatever came later."""
    fails(sim, "one", error="front_door")
    fails(sim, "two", error="rate_text")
    fails(sim, "three", error="bad_gateway")
    answer = post(client, "one", stream=stream)
    error_of(answer, 503, answer.json()["error"]["code"])
    assert "retry-after" not in answer.headers
    names = list(dict.fromkeys(served(sim)))
    assert names == ["one", "two", "three"]
    (record,) = gateway.records(1)
    assert (record["status"], record["error"]) == (503, "Unknown")
    assert (record["model"], record["cost_usd"]) == ("one", None)
    assert record["attempts"] == len(served(sim))


def test_reason_changes_on_the_way(client, gateway, sim):
    """What the fallback says decides whether its own are asked."""
    fails(sim, "one")
    fails(sim, "two", error="too_long")
    answer = post(client, "one")
    error_of(answer, 500, answer.json()["error"]["code"])
    assert "three" not in served(sim)


def test_rights_are_the_operators(gateway, sim):
    """A key for the one model gets the other only this way."""
    fails(sim, "big1", "big2")
    headers = {"Authorization": f"Bearer {gateway.only_big}"}
    with gateway.client(headers=headers) as client:
        error_of(post(client, "small"), 404, "model_not_found")
        check(post(client), "small", 1)


def test_for_everybody(gateway, sim, restart):
    """`*`: whoever has no line of its own for that reason."""
    conf = configure(gateway, sim)
    conf.lines = [
        line for line in conf.lines
        if not line.startswith(("AzureLITFallback plain",
                                "AzureLITFallback big long"))
    ]
    restart(conf.add("AzureLITFallback * other",
                     "AzureLITFallback * safe on=context-window"))
    fails(sim, "plain", "big1", "big2")
    with gateway.client() as client:
        check(post(client, "plain"), "other", 1)
        check(post(client), "small", 1)
        sim.heal()
        fails(sim, "big1", error="too_long")
        check(post(client), "safe", 1)


def test_responses_have_fallbacks_too(client, sim):
    fails(sim, "big1", "big2")
    answer = client.post("/v1/responses",
                         json={"model": "big", "input": PROMPT})
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-litellm-model-group"] == "small"
    assert answer.json()["model"] == "small"


def test_stored_response_stays_where_it_is(client, sim):
    """Nobody else has it."""
    first = client.post("/v1/responses",
                        json={"model": "big", "input": PROMPT}).json()
    fails(sim, "big1", "big2")
    answer = client.post("/v1/responses", json={
        "model": "big", "input": "and?",
        "previous_response_id": first["id"],
    })
    assert answer.status_code == 500
    assert set(served(sim)) == {"big1"}


def test_cooled_group_goes_to_its_fallback(gateway, sim, restart):
    """All of the first group but its last one cool down; that one is still
    asked before another model is."""
    conf = configure(gateway, sim)
    conf.lines.remove("AzureLITCooldown off")
    restart(conf.add("AzureLITCooldown time=60s"))
    fails(sim, "big1", "big2", error="capacity")
    with gateway.client() as client:
        for _ in range(3):
            check(post(client), "small", 1)
        asked = served(sim)
        assert asked[:3] == ["big1", "big2", "small"]
        assert asked.count("big1") == 1
        assert asked.count("small") == 3
        sim.heal()
        check(post(client), "big", 0)
