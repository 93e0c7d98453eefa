"""Chats at serving endpoints of Databricks, by the official OpenAI SDK. The
simulator refuses every member that it does not know."""

import json

import pytest
import sdk
from ask import PROMPT, WORDS, chat, error_of, events, said
from simulator import Simulator

MODELS = {
    "claude": "databricks-claude-sonnet-4-5",
    "newest": "databricks-claude-opus-5",
    "gemini": "databricks-gemini-3-pro",
    "oss": "databricks-gpt-oss-120b",
    "gpt": "databricks-gpt-5",
    "vectors": "databricks-gte-large-en",
}
CHATS = ["claude", "newest", "gemini", "oss"]
CLAUDES = ["claude", "newest"]
DROPPED = "x-azurelit-dropped-params"
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0l"
    "EQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)
TOOL = sdk.tool("weather", "city")
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "place",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


@pytest.fixture(scope="module", autouse=True)
def service(env):
    sim = Simulator(
        env.root / "databricks",
        list(MODELS.values()),
        env.sim_key,
        provider="databricks",
    )
    env.databricks = sim
    env.simulators.append(sim)
    yield sim
    env.simulators.remove(sim)
    sim.stop()


@pytest.fixture(autouse=True)
def fresh(service):
    service.reset()


def configure(env, sim):
    url = env.databricks.url
    conf = (
        env.conf()
        .add("AzureLITCooldown off", "AzureLITRetry 0")
        .endpoint("work", url, "dialect=databricks")
        .endpoint("long", f"{url}/serving-endpoints", "dialect=databricks")
        .endpoint(
            "gateway", f"{url}/ai-gateway/mlflow/v1", "dialect=databricks"
        )
        .endpoint(
            "bad", url, "dialect=databricks", credential="env:WRONG_KEY"
        )
        .endpoint("azure", sim.url)
        .model("long", f"long/{MODELS['oss']}")
        .model("gateway", f"gateway/{MODELS['oss']}")
        .model("bad", f"bad/{MODELS['oss']}")
        .model("unknown", "work/nobody")
        .model(
            "responses", f"work/{MODELS['gpt']}",
            "base-model=gpt-5 surface=responses",
        )
    )
    env.environment["WRONG_KEY"] = "dapi-of-somebody-else"
    for alias, name in MODELS.items():
        conf.model(alias, f"work/{name}", f"base-model={name}")
    return conf


@pytest.fixture
def ask(client):
    return lambda *model, **more: client.post(
        "/v1/chat/completions", json=chat(*model, **more)
    )


def named(check):
    return check.__name__


CHECKS = [sdk.chat, sdk.stream, sdk.stream_helper, sdk.tools, sdk.structured]


@pytest.mark.parametrize("check", CHECKS, ids=named)
@pytest.mark.parametrize("model", [*CHATS, "long", "gateway"])
def test_sdk(sdk_client, service, model, check):
    service.script({"reasoning": False, "times": 9})
    check(sdk_client, model)


def test_what_goes_up(ask, service):
    answer = ask(
        "oss", max_completion_tokens=50, temperature=0.2, seed=1, user="u",
        reasoning_effort="low",
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers[DROPPED] == "seed,user"
    entry = service.last()
    assert entry["path"] == "/serving-endpoints/chat/completions"
    assert entry["json"] == {
        "model": MODELS["oss"],
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": 50,
        "temperature": 0.2,
        "reasoning_effort": "low",
    }


@pytest.mark.parametrize("model", CHATS)
def test_every_member(ask, model):
    """What is unknown there is a 400 there."""
    answer = ask(
        model, seed=1, user="u", metadata={"a": "b"}, store=False,
        service_tier="flex", parallel_tool_calls=False, verbosity="low",
        prompt_cache_key="k", safety_identifier="s", logit_bias={"1": 1},
        presence_penalty=0.5, temperature=0.5, max_tokens=2000, stop=["zzz"],
    )
    assert answer.status_code == 200, answer.text
    names = answer.headers[DROPPED].split(",")
    assert len(names) == len(set(names))
    assert {"seed", "user", "metadata", "parallel_tool_calls"} <= set(names)


@pytest.mark.parametrize("model", CHATS)
@pytest.mark.parametrize("member", ["logprobs", "web_search_options"])
def test_what_matters_is_refused(ask, model, member):
    value = True if member == "logprobs" else {}
    error = error_of(ask(model, **{member: value}), 400,
                     "unsupported_parameter")
    assert error["param"] == member


def test_several_answers(ask, sdk_client):
    answer = ask("oss", n=2)
    assert len(answer.json()["choices"]) == 2
    with sdk_client.chat.completions.stream(**chat("oss", n=2)) as all_:
        for _ in all_:
            pass
        final = all_.get_final_completion()
    texts = [choice.message.content for choice in final.choices]
    assert texts == [WORDS, f"{WORDS} (choice 1)"]
    error_of(ask("claude", n=2), 400, "unsupported_parameter")


@pytest.mark.parametrize("model", CHATS)
def test_conversation(sdk_client, service, model):
    """Roles, names, images, calls and their results arrive."""
    service.script({"reasoning": False})
    answer = sdk_client.chat.completions.create(
        model=model,
        tools=[TOOL],
        tool_choice="none",
        messages=[
            {"role": "system", "content": "Be brief.", "name": "boss"},
            {"role": "developer", "content": [
                {"type": "text", "text": "Really."},
                {"type": "text", "text": " "},
            ]},
            {"role": "user", "name": "me", "content": [
                {"type": "text", "text": "PROMPT-MARK SIM-REPORT"},
                {"type": "image_url", "image_url": {"url": PNG}},
            ]},
            {"role": "assistant", "content": "", "refusal": None,
             "tool_calls": [
                 {"id": "c1", "type": "function", "function": {
                     "name": "weather", "arguments": '{"city":"Paris"}'}},
                 {"id": "c2", "type": "function", "function": {
                     "name": "weather", "arguments": ""}},
             ]},
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
            {"role": "tool", "tool_call_id": "c2", "content": ""},
        ],
    )
    lines = answer.choices[0].message.content.split("\n")
    assert [line.strip() for line in lines[:2]] == [
        "system: Be brief.", "system: Really.",
    ]
    assert "user: image image/png 68" in lines
    assert 'assistant: call weather {"city":"Paris"}' in lines
    assert "assistant: call weather {}" in lines
    assert "tool weather: sunny" in lines
    user = service.last()["json"]["messages"][2]
    assert user["name"] == "me"


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "robot", "content": "x"}, "messages[1].role"),
        ({"role": "user", "content": 7}, "messages[1].content"),
        ({"role": "user"}, "messages[1].content"),
        ({"role": "user", "content": [{"type": "input_audio"}]},
         "messages[1].content[0]"),
        ({"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]},
         "messages[1].content[0]"),
        ({"role": "tool", "content": "x", "tool_call_id": "c"},
         "messages[1].tool_call_id"),
        ({"role": "assistant", "tool_calls": [
            {"id": "c", "type": "function", "function": {
                "name": "f", "arguments": "no"}}]},
         "messages[1].tool_calls[0].function.arguments"),
    ],
)
def test_bad_messages(client, service, message, param):
    body = chat("claude")
    body["messages"].append(message)
    answer = client.post("/v1/chat/completions", json=body)
    assert error_of(answer, 400, "invalid_value")["param"] == param
    assert service.journal() == []


def test_images_are_fetched_for_others(ask, client, service):
    body = chat("oss")
    body["messages"][0]["content"] = [
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
    ]
    assert client.post("/v1/chat/completions", json=body).status_code == 200


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model", CHATS)
def test_reasoning(ask, service, model, streamed):
    """Lists of parts become texts."""
    answer = ask(
        model, reasoning_effort="low", max_tokens=3000, stream=streamed
    )
    assert answer.status_code == 200, answer.text
    sent = service.last()["json"]
    if model in CLAUDES:
        assert "reasoning_effort" not in sent
        assert sent["thinking"]["type"] == (
            "enabled" if model == "claude" else "adaptive"
        )
    else:
        assert sent["reasoning_effort"] == "low"
    if streamed:
        chunks = events(answer)
        assert chunks[-1] == "[DONE]"
        assert said(chunks) == WORDS
        thought = "".join(
            choice["delta"].get("reasoning_content") or ""
            for chunk in chunks[:-1]
            for choice in chunk["choices"]
        )
    else:
        message = answer.json()["choices"][0]["message"]
        assert message["content"] == WORDS
        thought = message["reasoning_content"]
    assert thought == "Thinking it over."


def test_parts_in_a_stream(ask, service):
    service.script({"parts": True})
    assert said(events(ask("oss", stream=True))) == WORDS


def test_budget_leaves_room(ask, service):
    ask("claude", reasoning_effort="high", max_tokens=2000)
    sent = service.last()["json"]
    assert 1024 <= sent["thinking"]["budget_tokens"] < sent["max_tokens"]
    answer = ask("claude", reasoning_effort="high", max_tokens=100)
    assert answer.headers[DROPPED] == "reasoning_effort"


@pytest.mark.parametrize("streamed", [False, True])
def test_thoughts_go_back(sdk_client, service, streamed):
    """The signature that a client could not hold is in the next request."""
    service.script({"calls": [{"name": "weather", "arguments": {}}],
                    "reasoning": True})
    ask = {"model": "claude", "reasoning_effort": "low", "max_tokens": 5000,
           "tools": [TOOL]}
    talk = [{"role": "user", "content": PROMPT}]
    if streamed:
        with sdk_client.chat.completions.stream(messages=talk, **ask) as all_:
            for _ in all_:
                pass
            message = all_.get_final_completion().choices[0].message
    else:
        message = sdk_client.chat.completions.create(
            messages=talk, **ask
        ).choices[0].message
    (call,) = message.tool_calls
    assert call.function.arguments == "{}"
    talk += [
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": call.id, "type": "function", "function": {
                "name": "weather", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    answer = sdk_client.chat.completions.create(messages=talk, **ask)
    assert answer.choices[0].message.content
    sent = service.last()["json"]
    assert sent["thinking"]["type"] == "enabled"
    (part,) = sent["messages"][1]["content"]
    assert part["type"] == "reasoning"
    assert part["summary"][0]["text"] == "Thinking it over."
    # a call of somebody else's: nobody knows its thoughts
    talk[1]["tool_calls"][0]["id"] = talk[2]["tool_call_id"] = "other"
    sdk_client.chat.completions.create(messages=talk, **ask)
    assert "thinking" not in service.last()["json"]


@pytest.mark.parametrize("streamed", [False, True])
def test_arguments_begin_empty(sdk_client, service, streamed):
    service.script({"calls": [
        {"name": "weather", "arguments": {"city": "Paris"}},
        {"name": "weather", "arguments": {}},
    ]})
    talk = {"model": "oss", "tools": [TOOL],
            "messages": [{"role": "user", "content": PROMPT}]}
    if streamed:
        with sdk_client.chat.completions.stream(**talk) as all_:
            for _ in all_:
                pass
            answer = all_.get_final_completion()
    else:
        answer = sdk_client.chat.completions.create(**talk)
    calls = answer.choices[0].message.tool_calls
    assert [json.loads(one.function.arguments) for one in calls] == [
        {"city": "Paris"}, {},
    ]
    assert answer.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("streamed", [False, True])
def test_schema_by_a_tool(ask, service, streamed):
    """A Claude has no response_format there."""
    answer = ask("claude", response_format=SCHEMA, stream=streamed)
    assert answer.status_code == 200, answer.text
    if streamed:
        chunks = events(answer)[:-1]
        text = said(chunks)
        ends = [
            choice["finish_reason"]
            for chunk in chunks
            for choice in chunk["choices"]
        ]
        assert [end for end in ends if end] == ["stop"]
    else:
        choice = answer.json()["choices"][0]
        text = choice["message"]["content"]
        assert choice["finish_reason"] == "stop"
        assert "tool_calls" not in choice["message"]
    assert json.loads(text) == {"city": "Paris"}
    sent = service.last()["json"]
    assert sent["tool_choice"]["function"]["name"] == "json_tool_call"
    assert "response_format" not in sent


def test_choices(ask, service):
    two = [TOOL, sdk.tool("clock", "zone")]
    ask("claude", tools=two, tool_choice={
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [
            {"type": "function", "function": {"name": "clock"}}]},
    })
    sent = service.last()["json"]
    assert [one["function"]["name"] for one in sent["tools"]] == ["clock"]
    assert sent["tool_choice"] == "required"
    error_of(ask("claude", tools=two, tool_choice="maybe"), 400,
             "invalid_value")


def test_usage(ask, service, gateway):
    service.script({"cached": 5, "cache_written": 2, "times": 2})
    usage = ask("claude").json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 5
    assert usage["prompt_tokens_details"]["cache_write_tokens"] == 2
    chunks = events(ask("claude", stream=True,
                        stream_options={"include_usage": True}))
    assert chunks[-2]["choices"] == []
    assert chunks[-2]["usage"] == usage


def test_gemini_is_not_asked_for_usage(ask, service):
    ask("gemini", stream=True)
    assert "stream_options" not in service.last()["json"]
    ask("oss", stream=True)
    assert service.last()["json"]["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("bad_request", 400, "bad_request"),
        ("too_long", 400, "context_length_exceeded"),
        ("no_model", 404, "model_not_found"),
        ("rate", 429, "rate_limit_exceeded"),
        ("rate_bare", 429, "rate_limit_exceeded"),
        ("rate_400", 429, "rate_limit_exceeded"),
        ("no_permission", 502, "upstream_authentication_error"),
    ],
)
def test_errors(ask, service, name, status, code, log):
    if status == 502:
        log.expect("AZL0034")
    service.script({"error": name})
    answer = ask("oss")
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code
    assert "{" not in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["server", "overloaded", "timeout",
                                  "bad_gateway"])
def test_faults(ask, service, name):
    service.script({"error": name})
    assert ask("oss").status_code in (500, 502, 503, 504)


def test_wrong_key(ask, log):
    log.expect("AZL0034")
    error_of(ask("bad"), 502, "upstream_authentication_error")


def test_no_such_endpoint(ask):
    error_of(ask("unknown"), 404, "model_not_found")


@pytest.mark.parametrize("name", ["server", "rate"])
def test_error_in_a_stream(ask, service, name, log):
    log.expect("AZL0030")
    service.script({"error_event": 2, "event_error": name})
    chunks = events(ask("oss", stream=True))
    assert chunks[-1]["error"]["message"]
    assert "[DONE]" not in chunks


def test_stream_that_is_cut(ask, service, log):
    log.expect("AH01110", "AZL0030")
    service.script({"cut_after": 2})
    chunks = events(ask("oss", stream=True))
    assert chunks[-1]["error"]["message"]


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings(sdk_client, service, encoding):
    answer = sdk_client.embeddings.create(
        model="vectors", input=["one", "two"], encoding_format=encoding,
    )
    assert len(answer.data) == 2
    assert isinstance(answer.data[0].embedding, str) == (encoding == "base64")
    assert answer.usage.prompt_tokens > 0
    assert service.last()["path"] == "/serving-endpoints/embeddings"


def test_instruction(client, service):
    """A member of its own for embeddings goes on."""
    answer = client.post("/v1/embeddings", json={
        "model": "vectors", "input": "one", "instruction": "Find it.",
    })
    assert answer.status_code == 200, answer.text
    assert service.last()["json"]["instruction"] == "Find it."


def test_responses(sdk_client, service):
    """Made a chat, or where the model has them passed."""
    answer = sdk_client.responses.create(
        model="oss", input=PROMPT, store=False
    )
    assert answer.output_text == WORDS
    assert service.last()["path"] == "/serving-endpoints/chat/completions"
    answer = sdk_client.responses.create(
        model="responses", input=PROMPT, store=False
    )
    assert answer.output_text == WORDS
    assert service.last()["path"] == "/serving-endpoints/responses"
    sdk.chat(sdk_client, "responses")


def test_rejected(restart, gateway, ask):
    restart(configure(gateway, gateway.databricks).add(
        "AzureLITParams reject"
    ))
    assert error_of(
        ask("oss", seed=1), 400, "unsupported_parameter"
    )["param"] == "seed"
