"""AzureLITMidStream continue: another deployment goes on with a text that
broke off, and the client sees one stream."""

import pytest
from ask import PROMPT, chat, dial, events, said

REST = " and this is the rest"


def configure(env, sim, mode="continue"):
    conf = env.conf().add("AzureLITCooldown off").endpoint("a", sim.url)
    if mode:
        conf.add(f"AzureLITMidStream {mode}")
    for name in ("vllm", "prefix"):
        conf.endpoint(name, env.plain.url, "dialect=openai",
                      f"prefill={name}")
    conf.model("none", "a/d1").model("none", "a/d2", "order=2")
    for name in ("vllm", "prefix"):
        conf.model(name, "a/d1").model(name, f"{name}/d2", "order=2")
    conf.model("both", "a/d1").model("both", "vllm/d2", "order=2")
    conf.model("both", "prefix/d3", "order=3")
    conf.model("first", "a/d1").model("stand-in", "vllm/d2")
    return conf.add("AzureLITFallback first stand-in")


def post(client, model, **more):
    return client.post(
        "/v1/chat/completions", json=chat(model, stream=True, **more)
    )


def served(*simulators):
    return [
        entry["deployment"] or entry["json"]["model"]
        for one in simulators
        for entry in one.journal()
    ]


BREAKS = [
    {"cut_after": 5},
    {"cut_after": 5, "cut": "reset"},
    {"error_event": 5},
]


@pytest.mark.parametrize("name", ["vllm", "prefix"])
@pytest.mark.parametrize("behaviour", BREAKS, ids=str)
def test_goes_on(client, gateway, sim, plain, log, name, behaviour):
    log.expect(r"\[proxy")
    sim.script(behaviour, deployment="d1")
    plain.script({"content": REST})
    answer = post(client, name, stream_options={"include_usage": True})
    data = events(answer)
    assert data[-1] == "[DONE]" and data.count("[DONE]") == 1
    assert not [one for one in data[:-1] if "error" in one]
    text = said(data)
    assert text.endswith(REST) and text != REST
    start = text[: -len(REST)]
    assert served(sim, plain) == ["d1", "d2"]
    sent = plain.last()["json"]
    assert sent["messages"][0]["content"] == PROMPT
    last = sent["messages"][-1]
    assert (last["role"], last["content"]) == ("assistant", start)
    assert len(sent["messages"]) == 2
    if name == "vllm":
        assert sent["continue_final_message"] is True
        assert sent["add_generation_prompt"] is False
        assert "prefix" not in last
    else:
        assert last["prefix"] is True
        assert "continue_final_message" not in sent
    # One stream: one id, one role, one finish, the model asked for.
    chunks = data[:-1]
    assert len({one["id"] for one in chunks}) == 1
    assert len({one["created"] for one in chunks}) == 1
    assert {one["model"] for one in chunks} == {name}
    deltas = [c for one in chunks for c in one["choices"]]
    assert len([c for c in deltas if "role" in c["delta"]]) == 1
    assert [c["finish_reason"] for c in deltas if c["finish_reason"]] == [
        "stop"
    ]
    record = gateway.records(1)[0]
    assert (record["status"], record["error"]) == (200, None)
    assert record["attempts"] == 2
    assert record["deployment"] == f"{name}/d2"
    assert record["completion_tokens"] > 0


def test_goes_on_twice(client, gateway, sim, plain, log):
    log.expect(r"\[proxy")
    sim.script({"cut_after": 5}, deployment="d1")
    plain.script({"content": " then more words", "cut_after": 4},
                 {"content": REST})
    text = said(events(post(client, "both")))
    assert text.endswith(REST) and " then" in text
    assert served(sim, plain) == ["d1", "d2", "d3"]
    last = plain.last()["json"]["messages"][-1]["content"]
    assert text == last + REST
    assert gateway.records(1)[0]["attempts"] == 3


def test_a_fallback_goes_on(client, gateway, sim, plain, log):
    log.expect(r"\[proxy")
    sim.script({"cut_after": 5}, deployment="d1")
    plain.script({"content": REST})
    data = events(post(client, "first"))
    assert said(data).endswith(REST) and data[-1] == "[DONE]"
    assert served(sim, plain) == ["d1", "d2"]
    assert {one["model"] for one in data[:-1]} == {"first"}


def cut_off(answer, gateway):
    data = events(answer)
    assert "error" in data[-1] and "[DONE]" not in data
    assert len([one for one in data if "error" in one]) == 1
    record = gateway.records(1)[0]
    assert (record["status"], record["error"]) == (200, "Truncated")


def test_nobody_can(client, gateway, sim, plain, log):
    log.expect(r"\[proxy", "AZL0030")
    sim.script({"cut_after": 5}, deployment="d1")
    cut_off(post(client, "none"), gateway)
    assert served(sim, plain) == ["d1"]


NO_HELP = [
    {"error": "server"},
    {"error": "rate_ms"},
    {"status": 200, "body": "{}", "headers": {
        "Content-Type": "application/json"}},
    {"error": "bad_key"},
    {"cut_after": 1},
]


@pytest.mark.parametrize("behaviour", NO_HELP, ids=str)
def test_the_next_fails(client, gateway, sim, plain, log, behaviour):
    log.expect(r"\[proxy", "AZL0030", "AZL0034")
    sim.script({"cut_after": 5}, deployment="d1")
    plain.script({**behaviour, "times": 2})
    cut_off(post(client, "vllm"), gateway)
    assert served(sim, plain) == ["d1", "d2"]
    plain.heal()


@pytest.mark.parametrize("more", [{"n": 2}, {"tools": True}], ids=str)
def test_not_text_alone(client, gateway, sim, plain, log, more):
    """Two choices and tool calls cannot be gone on with."""
    log.expect(r"\[proxy", "AZL0030")
    if "tools" in more:
        function = {"name": "look", "parameters": {"type": "object"}}
        more = {"tools": [{"type": "function", "function": function}]}
        sim.script({"cut_after": 5, "tools": 1}, deployment="d1")
    else:
        sim.script({"cut_after": 7}, deployment="d1")
    cut_off(post(client, "vllm", **more), gateway)
    assert served(sim, plain) == ["d1"]


def test_client_leaves_meanwhile(gateway, sim, plain, log):
    log.expect(r"\[proxy", "AZL0030")
    sim.script({"cut_after": 5}, deployment="d1")
    plain.script({"hold": "head"})
    with dial(gateway, chat("vllm", stream=True)) as sock:
        while b"You" not in sock.recv(65536):
            pass
        gateway.until(lambda: len(plain.journal()) == 1)
    record = gateway.records(1)[0]
    assert (record["status"], record["error"]) == (499, "ClientClosed")
    plain.release()


@pytest.mark.parametrize("mode", [None, "error"])
def test_off(env, gateway, sim, plain, log, restart, mode):
    log.expect(r"\[proxy", "AZL0030")
    restart(configure(env, sim, mode))
    sim.script({"cut_after": 5}, deployment="d1")
    with env.client() as client:
        cut_off(post(client, "vllm"), env)
    assert served(sim, plain) == ["d1"]
