"""Chats at Anthropic's API, by the official OpenAI SDK; what arrives there
is held against the types of the official Anthropic SDK."""

import json

import pydantic
import pytest
import sdk
from anthropic.types import MessageCreateParams
from ask import PROMPT, chat, error_of, events, said
from services import HOSTED, claudes
from turns import (
    ERRORS,
    REPORTED,
    STRANGE,
    TURNS,
    check_cached_usage,
    tool_turn,
)

# Thinks either way, thinks by itself, thinks by budget, is old.
MODELS = {
    "either": "claude-opus-4-6",
    "newest": "claude-opus-5",
    "budget": "claude-sonnet-4-5",
    "old": "claude-3-haiku-20240307",
}


@pytest.fixture(scope="module", autouse=True)
def service(env):
    with claudes(env, "anthropic", list(MODELS.values())) as sim:
        yield sim


@pytest.fixture(autouse=True)
def fresh(service):
    service.reset()


def configure(env, sim):
    url = env.anthropic.url
    conf = (
        env.conf()
        .add("AzureLITCooldown off")
        .endpoint("direct", url, "dialect=anthropic")
        .endpoint("foundry", f"{url}/anthropic", "dialect=anthropic")
        .endpoint(
            "vertex",
            f"{url}/v1/projects/p/locations/eu",
            "dialect=anthropic hosting=vertex",
        )
        .endpoint(
            "bedrock",
            env.bedrock.url,
            "dialect=anthropic hosting=bedrock",
        )
        .endpoint("azure", sim.url)
        .model("foundry", f"foundry/{MODELS['either']}", "base-model=opus-4-6")
        .model("vertex", f"vertex/{MODELS['either']}", "base-model=opus-4-6")
        .model("bedrock", f"bedrock/{HOSTED}", "base-model=sonnet-4-5")
        .model("both", "azure/d1", "order=1")
        .model(
            "both",
            f"direct/{MODELS['either']}",
            "order=2 base-model=claude-opus-4-6",
        )
    )
    for alias, name in MODELS.items():
        conf.model(alias, f"direct/{name}", f"base-model={name}")
    return conf


def exhaust(value):
    """What pydantic checks only when it is read."""
    if isinstance(value, dict):
        for member in value.values():
            exhaust(member)
    elif not isinstance(value, (str, bytes)) and hasattr(value, "__iter__"):
        for member in value:
            exhaust(member)


TYPES = pydantic.TypeAdapter(MessageCreateParams)


def check_sent(service):
    """Every body that arrived, against the official types."""
    bodies = [entry["json"] for entry in service.journal()]
    assert bodies
    for body in bodies:
        body = {"model": "in the path", **body}
        body.pop("anthropic_version", None)
        exhaust(TYPES.validate_python(body))


def named(check):
    return check.__name__


CHECKS = [sdk.chat, sdk.stream, sdk.stream_helper, sdk.tools, sdk.structured]


@pytest.mark.parametrize("check", CHECKS, ids=named)
@pytest.mark.parametrize("model", [*MODELS, "foundry", "vertex"])
def test_sdk(sdk_client, service, model, check):
    if model == "newest":
        service.script({"reasoning": False, "times": 9})
    check(sdk_client, model)
    check_sent(service)


@pytest.mark.parametrize("check", CHECKS, ids=named)
def test_sdk_at_bedrock(gateway, sdk_client, check):
    check(sdk_client, "bedrock")
    last = gateway.bedrock.last()
    assert "/invoke" in last["path"]
    assert "model" not in last["json"] and "stream" not in last["json"]


def test_credentials_and_versions(gateway, client, service):
    for model in ("either", "foundry", "vertex"):
        client.post("/v1/chat/completions", json=chat(model))
    direct, foundry, vertex = (
        entry["fields"] for entry in service.journal()
    )
    assert direct["x-api-key"] == gateway.sim_key
    assert direct["anthropic-version"] == "2023-06-01"
    assert foundry["x-api-key"] == gateway.sim_key
    assert vertex["authorization"] == f"Bearer {gateway.sim_key}"
    assert "anthropic-version" not in vertex
    for fields in (direct, foundry, vertex):
        assert gateway.key not in str(fields)


def test_conversation(client, service):
    answer = client.post(
        "/v1/chat/completions", json=chat("either", messages=TURNS)
    ).json()
    assert answer["choices"][0]["message"]["content"].split("\n") == REPORTED
    check_sent(service)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", ["either", "newest", "budget"])
def test_thinking_in_a_tool_loop(client, service, model, streamed):
    """The thoughts of the first turn come back with their signature."""
    answer = tool_turn(client, model, streamed, reasoning_effort="high")
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["reasoning_content"]
    first, second = (entry["json"] for entry in service.journal())
    assert first["thinking"]["type"] in ("adaptive", "enabled")
    assert second["thinking"] == first["thinking"]
    blocks = second["messages"][1]["content"]
    assert blocks[0]["type"] == "thinking" and blocks[0]["signature"]
    assert blocks[-1]["type"] == "tool_use"
    check_sent(service)


@pytest.mark.parametrize("model", ["either", "newest", "budget"])
def test_thinking_that_is_gone(client, service, model):
    """Nobody has kept anything for a call of another provider."""
    answer = client.post(
        "/v1/chat/completions",
        json=chat(model, messages=STRANGE, reasoning_effort="low"),
    )
    assert answer.status_code == 200, answer.text
    thinking = service.last()["json"].get("thinking", {"type": "disabled"})
    assert thinking == {"type": "disabled"}
    check_sent(service)


def test_forced_tool_and_one_at_a_time(client, service):
    tools = [sdk.tool("weather", "city"), sdk.tool("clock", "zone")]
    forced = {"type": "function", "function": {"name": "clock"}}
    for more, names in (
        ({"tool_choice": forced}, ["clock"]),
        ({"parallel_tool_calls": False}, ["weather"]),
        ({"tool_choice": "required"}, ["weather", "clock"]),
    ):
        answer = client.post(
            "/v1/chat/completions", json=chat("either", tools=tools, **more)
        ).json()
        calls = answer["choices"][0]["message"]["tool_calls"]
        assert [call["function"]["name"] for call in calls] == names
        assert answer["choices"][0]["finish_reason"] == "tool_calls"
    check_sent(service)


def test_json_object(client, service):
    for model in ("either", "old"):
        answer = client.post(
            "/v1/chat/completions",
            json=chat(model, response_format={"type": "json_object"}),
        ).json()
        choice = answer["choices"][0]
        assert isinstance(json.loads(choice["message"]["content"]), dict)
        assert choice["finish_reason"] == "stop"
        assert "tool_calls" not in choice["message"]
    check_sent(service)


def test_ends(client, service):
    for behaviour, finish in (
        ({}, "stop"),
        ({"finish": "length"}, "length"),
        ({"finish": "content_filter"}, "content_filter"),
        ({"finish": "a_reason_of_next_year"}, "stop"),
    ):
        for stream in (False, True):
            service.script(behaviour)
            answer = client.post(
                "/v1/chat/completions", json=chat("either", stream=stream)
            )
            if stream:
                got = [
                    choice["finish_reason"]
                    for chunk in events(answer)
                    if chunk != "[DONE]"
                    for choice in chunk["choices"]
                ]
                assert got[-1] == finish and got.count(None) == len(got) - 1
                assert events(answer)[-1] == "[DONE]"
            else:
                choice = answer.json()["choices"][0]
                assert choice["finish_reason"] == finish


@pytest.mark.parametrize("streamed", [False, True])
def test_usage_with_cache(gateway, client, service, streamed):
    check_cached_usage(gateway, client, service, "either", streamed)


@pytest.mark.parametrize("name, status, code", ERRORS)
def test_errors(client, service, log, name, status, code):
    log.expect("AZL0034")
    service.script({"error": name, "times": 9})
    answer = client.post("/v1/chat/completions", json=chat("either"))
    error_of(answer, status, code)


def test_errors_in_a_stream(client, service, log):
    log.expect("AZL0030")
    service.script({"error_event": 5, "event_error": "overloaded"})
    answer = client.post(
        "/v1/chat/completions", json=chat("either", stream=True)
    )
    assert "error" in events(answer)[-1]
    service.script({"error_event": 1, "event_error": "overloaded", "times": 9})
    answer = client.post(
        "/v1/chat/completions", json=chat("either", stream=True)
    )
    assert answer.status_code == 503


def test_cut_streams_are_told(client, service, log):
    log.expect("AH01110", "AZL0030")
    service.script({"cut_after": 6})
    answer = client.post(
        "/v1/chat/completions", json=chat("either", stream=True)
    )
    last = events(answer)[-1]
    assert last["error"]["code"] == "stream_truncated"


def test_azure_fails_over_to_anthropic(gateway, client, sim, log):
    """Cut before content: one stream, of the one that served."""
    log.expect("AH01110")
    for behaviour in ({"error": "server"}, {"cut_after": 1}):
        sim.reset()
        sim.script({**behaviour, "times": 9})
        gateway.forget_records()
        answer = client.post(
            "/v1/chat/completions", json=chat("both", stream=True)
        )
        chunks = events(answer)
        assert said(chunks) == f"You said: {PROMPT}"
        assert chunks[-1] == "[DONE]"
        assert gateway.records(1)[-1]["endpoint"] == "direct"


def test_left_out_members_are_named(client, service):
    answer = client.post(
        "/v1/chat/completions",
        json=chat("newest", seed=1, temperature=0.5, top_p=1),
    )
    assert answer.headers["x-azurelit-dropped-params"] == "seed,temperature"
    answer = client.post("/v1/chat/completions", json=chat("either", n=2))
    assert error_of(answer, 400, "unsupported_parameter")["param"] == "n"


@pytest.mark.parametrize(
    "messages, param",
    [
        ([{"role": "robot", "content": "x"}], "messages[0].role"),
        (
            [{"role": "tool", "tool_call_id": "c", "content": "x"}],
            "messages[0].tool_call_id",
        ),
        (
            [{"role": "user", "content": [{"type": "hologram"}]}],
            "messages[0].content[0]",
        ),
        (
            [
                {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "id": "c",
                            "type": "function",
                            "function": {"name": "f", "arguments": "no"},
                        }
                    ],
                }
            ],
            "messages[0].tool_calls[0].function.arguments",
        ),
    ],
)
def test_bad_input(client, service, messages, param):
    answer = client.post(
        "/v1/chat/completions", json=chat("either", messages=messages)
    )
    assert error_of(answer, 400, "invalid_value")["param"] == param
    assert service.journal() == []


def test_betas_go_on(client, service):
    client.post(
        "/v1/chat/completions",
        json=chat("either"),
        headers={"anthropic-beta": "one-2026,two-2026"},
    )
    fields = service.last()["fields"]
    assert fields["anthropic-beta"] == "one-2026,two-2026"


@pytest.mark.parametrize(
    "options, hint",
    [
        ("dialect=anthropic hosting=moon", "direct, foundry, vertex or"),
        ("dialect=openai hosting=vertex", "dialect=anthropic only"),
        ("dialect=anthropic prefill=vllm", "dialect=openai only"),
        ("dialect=anthropic api-version=2024-10-21", "dialect=azure only"),
    ],
)
def test_hosting_is_checked(env, options, hint):
    status, text = env.check(
        f"AzureLIT on\nAzureLITEndpoint a http://x credential=none {options}\n"
    )
    assert status != 0 and hint in text
