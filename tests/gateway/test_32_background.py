"""Responses made in the background: what they used is counted once, when it is
told."""

import pytest


def configure(env, sim):
    conf = env.conf().endpoint("a", sim.url).model(
        "m1", "a/d1", "input-price=1", "output-price=2"
    )
    return conf.key("other", "sk-other-0123456789abcdef0123456789")


def make(client, **more):
    answer = client.post(
        "/v1/responses",
        json={"model": "m1", "input": "PROMPT-MARK", "background": True,
              **more},
    )
    assert answer.status_code == 200
    return answer.json()


def tokens(record):
    return record["prompt_tokens"], record["completion_tokens"]


def test_told_by_a_get(client, gateway, sim, log):
    made = make(client)
    assert made["status"] == "queued" and made["usage"] is None
    path = "/v1/responses/" + made["id"]
    assert client.get(path).json()["status"] == "in_progress"
    first = gateway.records(1)[0]
    assert tokens(first) == (None, None) and first["cost_usd"] is None
    assert len(first["response"]) == 16
    done = client.get(path).json()
    assert done["status"] == "completed"
    usage = done["usage"]
    told = gateway.records(2)[1]
    assert tokens(told) == (usage["input_tokens"], usage["output_tokens"])
    assert told["cost_usd"] > 0
    assert told["surface"] == "responses.get"
    assert (told["model"], told["deployment"]) == ("m1", "a/d1")
    assert told["key_name"] == "tester"
    assert told["response"] == first["response"]
    assert made["id"] not in gateway.usage_log.read_text()
    # Who asks again learns it again; it is not counted again.
    for _ in range(3):
        assert client.get(path).json()["usage"] == usage
    before = log.text().count("AH00489")
    gateway.graceful()
    gateway.until(lambda: log.text().count("AH00489") > before)
    for _ in range(3):
        # The restart closes connections that are kept.
        with gateway.client() as other:
            assert other.get(path).json()["usage"] == usage
    with gateway.client() as other:
        other.post("/v1/chat/completions", json={"model": "m9"})
    assert len(gateway.records(3)) == 3


def test_told_by_a_cancel(client, gateway, sim):
    made = make(client)
    path = "/v1/responses/" + made["id"]
    for _ in range(2):
        client.get(path)
    assert len(gateway.records(2)) == 2
    answer = client.post(path + "/cancel", json={})
    assert answer.json()["status"] == "cancelled"
    client.post("/v1/chat/completions", json={"model": "m9"})
    assert len(gateway.records(3)) == 3


@pytest.mark.parametrize("background", [False, None])
def test_others_are_told_at_once(client, gateway, sim, background):
    made = make(client, background=background)
    assert made["status"] == "completed"
    client.get("/v1/responses/" + made["id"])
    client.post("/v1/chat/completions", json={"model": "m9"})
    first = gateway.records(2)[0]
    assert first["prompt_tokens"] > 0 and first["response"] is None


def test_not_repeated_elsewhere(client, gateway, sim, log):
    """What may have been begun is not begun again."""
    log.expect(r"\[proxy")
    sim.script({"fault": "garbage"})
    answer = client.post(
        "/v1/responses",
        json={"model": "m1", "input": "x", "background": True},
    )
    assert answer.status_code == 502
    assert len(sim.journal()) == 1
    sim.heal()
