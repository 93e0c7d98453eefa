"""The Anthropic simulator by itself: the official SDK accepts it."""

import base64
import json

import anthropic
import httpx
import pydantic
import pytest
from simulator import Simulator

OLD = "claude-sonnet-4-5"
MIDDLE = "claude-opus-4-6"
NEW = "claude-opus-5"
PLAIN = "claude-opus-4-8"
FORCELESS = "claude-fable-5"
ANCIENT = "claude-sonnet-4-0"
MODELS = [OLD, MIDDLE, NEW, PLAIN, FORCELESS, ANCIENT]
KEY = "sim-key-0123456789"
TOKEN = "google-token"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()
PDF = base64.b64encode(b"%PDF-1.7" + bytes(92)).decode()
HELLO = [{"role": "user", "content": "Hello there"}]
SAID = "You said: Hello there"
WEATHER = {
    "name": "weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
CLOCK = {"name": "clock", "input_schema": {"type": "object"}}
TOOLS = [WEATHER, CLOCK]
# The SDK has an opinion on the age of models.
pytestmark = pytest.mark.filterwarnings("ignore:The model")
THINK = {"type": "enabled", "budget_tokens": 1024}
ADAPTIVE = {"type": "adaptive", "display": "summarized"}


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    sim = Simulator(
        tmp_path_factory.mktemp("anthropic"), MODELS, KEY, "--token", TOKEN,
        provider="anthropic",
    )
    yield sim
    sim.stop()


@pytest.fixture(autouse=True)
def clean(sim):
    sim.reset()


@pytest.fixture(scope="module")
def client(sim):
    with anthropic.Anthropic(
        base_url=sim.url, api_key=KEY, max_retries=0
    ) as client:
        yield client


def ask(client, messages=None, stream=False, model=OLD, **more):
    """The message, of the SDK's own accumulation if it is streamed."""
    body = {
        "model": model,
        "max_tokens": 2048,
        "messages": messages or HELLO,
        **more,
    }
    if not stream:
        return client.messages.create(**body)
    with client.messages.stream(**body) as events:
        return events.get_final_message()


both = pytest.mark.parametrize("stream", [False, True])


@both
def test_plain(client, stream):
    message = ask(client, stream=stream, system="Be brief.")
    assert [block.text for block in message.content] == [SAID]
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens == 4
    assert message.usage.input_tokens == 3 + 2 + 4 + 2


@both
def test_tools(client, stream):
    message = ask(client, stream=stream, tools=TOOLS)
    assert message.stop_reason == "tool_use"
    calls = [(block.name, block.input) for block in message.content]
    assert calls == [("weather", {"city": "Paris"}), ("clock", {})]
    history = [
        *HELLO,
        {"role": "assistant", "content": [
            {"type": "text", "text": "Let me look."},
            *[
                {
                    "type": "tool_use",
                    "id": block.id,
                    "name": block.name,
                    "input": block.input,
                }
                for block in message.content
            ],
        ]},
        {"role": "user", "content": [
            {
                "type": "tool_result",
                "tool_use_id": block.id,
                "content": f"result of {block.name}",
            }
            for block in message.content
        ]},
    ]
    message = ask(client, history, stream=stream, tools=TOOLS)
    assert message.content[0].text == SAID
    history[0] = {"role": "user", "content": "SIM-REPORT"}
    message = ask(client, history, stream=stream, system="a\nb")
    assert message.content[0].text.split("\n") == [
        "system: a",
        "system: b",
        "user: SIM-REPORT",
        "assistant: Let me look.",
        'assistant: call weather {"city":"Paris"}',
        "assistant: call clock {}",
        "tool weather: result of weather",
        "tool clock: result of clock",
    ]


@pytest.mark.parametrize(
    "choice, names",
    [
        ({"type": "none"}, []),
        ({"type": "any"}, ["weather", "clock"]),
        ({"type": "tool", "name": "clock"}, ["clock"]),
        ({"type": "auto", "disable_parallel_tool_use": True}, ["weather"]),
    ],
)
@both
def test_tool_choice(client, stream, choice, names):
    message = ask(client, stream=stream, tools=TOOLS, tool_choice=choice)
    calls = [one.name for one in message.content if one.type == "tool_use"]
    assert calls == names


@pytest.mark.parametrize("content", [None, "Looking."])
@both
def test_scripted_calls(sim, client, stream, content):
    script = {"calls": [{"name": "run", "arguments": {"a": ["ä"]}}]}
    if content:
        script["content"] = content
    sim.script(script)
    message = ask(client, stream=stream, tools=TOOLS)
    kinds = [block.type for block in message.content]
    assert kinds == (["text"] if content else []) + ["tool_use"]
    assert message.content[-1].input == {"a": ["ä"]}


def image(source):
    return [
        {"role": "user", "content": [
            {"type": "text", "text": "SIM-REPORT"},
            {"type": "image", "source": source},
        ]}
    ]


@pytest.mark.parametrize(
    "source, line",
    [
        (
            {"type": "base64", "media_type": "image/png", "data": PNG},
            "user: image image/png 68",
        ),
        (
            {"type": "url", "url": "https://x.test/a.png"},
            "user: image https://x.test/a.png",
        ),
    ],
)
def test_image(client, source, line):
    message = ask(client, image(source))
    assert message.content[0].text.split("\n") == ["user: SIM-REPORT", line]


def test_document(client):
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    message = ask(client, [
        {"role": "user", "content": [
            {"type": "document", "source": source},
            {"type": "text", "text": "SIM-REPORT"},
        ]}
    ])
    assert "user: file application/pdf 100" in message.content[0].text


class Capital(pydantic.BaseModel):
    city: str
    inhabitants: int


@both
def test_structured(client, stream):
    body = {
        "model": OLD,
        "max_tokens": 100,
        "messages": HELLO,
        "output_format": Capital,
    }
    if stream:
        with client.messages.stream(**body) as events:
            message = events.get_final_message()
    else:
        message = client.messages.parse(**body)
    assert message.parsed_output == Capital(city="Paris", inhabitants=7)


@both
def test_length(client, stream):
    message = ask(client, stream=stream, max_tokens=2)
    assert message.content[0].text == "You said:"
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 2


def test_length_in_a_call(sim, client):
    sim.script({"finish": "length", "times": 2})
    events = raw_events(client, tools=[WEATHER])
    parts = [
        event["delta"]["partial_json"]
        for event in events
        if event["type"] == "content_block_delta"
    ]
    assert "".join(parts) == '{"city":'
    ends = [one for one in events if one["type"] == "message_delta"]
    assert ends[0]["delta"]["stop_reason"] == "max_tokens"
    message = ask(client, tools=[WEATHER])
    assert message.content[0].input == {}
    assert message.stop_reason == "max_tokens"


def raw_events(client, **more):
    """The data of the events, as they come."""
    response = httpx.post(
        str(client.base_url).rstrip("/") + "/v1/messages",
        headers={"x-api-key": KEY, "anthropic-version": "2023-06-01"},
        json={
            "model": OLD,
            "max_tokens": 2048,
            "messages": HELLO,
            "stream": True,
            **more,
        },
    )
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    events = []
    for one in response.text.strip().split("\n\n"):
        name, data = one.split("\n")
        assert data.startswith("data: ")
        events.append(json.loads(data[6:]))
        assert name == "event: " + events[-1]["type"]
    return events


def kinds(events):
    found = []
    for event in events:
        if not found or found[-1] != event["type"]:
            found.append(event["type"])
    return found


def test_event_order(client):
    assert kinds(raw_events(client)) == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


@both
def test_stop_sequence(client, stream):
    message = ask(client, stream=stream, stop_sequences=["Hello"])
    assert message.content[0].text == "You said: "
    assert message.stop_reason == "stop_sequence"
    assert message.stop_sequence == "Hello"


@both
def test_refusal(sim, client, stream):
    sim.script({"finish": "content_filter"})
    message = ask(client, stream=stream)
    assert message.content == [] and message.stop_reason == "refusal"
    assert message.stop_details.category == "cyber"
    sim.script({"finish": "content_filter", "content": "I began"})
    message = ask(client, stream=stream)
    assert message.content[0].text == "I began"
    assert message.stop_reason == "refusal"


def test_refusal_without_a_block(sim, client):
    sim.script({"finish": "content_filter"})
    assert kinds(raw_events(client)) == [
        "message_start", "ping", "message_delta", "message_stop",
    ]


@both
def test_unknown_stop_reason(sim, client, stream):
    sim.script({"finish": "compaction"})
    assert ask(client, stream=stream).stop_reason == "compaction"


@pytest.mark.parametrize(
    "model, thinking, shown",
    [
        (OLD, THINK, True),
        (MIDDLE, {"type": "adaptive"}, True),
        (NEW, ADAPTIVE, True),
        (NEW, {"type": "adaptive"}, False),
    ],
)
@both
def test_thinking(client, stream, model, thinking, shown):
    message = ask(client, stream=stream, model=model, thinking=thinking)
    first, second = message.content
    assert first.type == "thinking" and first.signature
    assert first.thinking == ("Thinking it over." if shown else "")
    assert second.text == SAID
    assert message.usage.output_tokens == 64 + 4
    assert message.usage.output_tokens_details.thinking_tokens == 64
    again = [
        *HELLO,
        {"role": "assistant", "content": [
            first.to_dict(), {"type": "text", "text": SAID}
        ]},
        {"role": "user", "content": "more"},
    ]
    ask(client, again, stream=stream, model=model, thinking=thinking)
    again[1]["content"][0]["thinking"] = "Something else."
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
        ask(client, again, model=model, thinking=thinking)


def test_thinks_by_default(client):
    assert ask(client, model=NEW).content[0].type == "thinking"
    silent = {"type": "disabled"}
    assert ask(client, model=NEW, thinking=silent).content[0].type == "text"


@both
def test_redacted_thinking(sim, client, stream):
    sim.script({"redacted": True})
    message = ask(client, stream=stream)
    assert message.content[0].type == "redacted_thinking"
    again = [
        *HELLO,
        {"role": "assistant", "content": [
            message.content[0].to_dict(), {"type": "text", "text": SAID}
        ]},
        {"role": "user", "content": "more"},
    ]
    ask(client, again, stream=stream)
    again[1]["content"][0]["data"] = "AAAA"
    with pytest.raises(anthropic.BadRequestError, match="Invalid `data`"):
        ask(client, again)


@both
def test_usage(sim, client, stream):
    sim.script({"cached": 100, "cache_written": 20})
    usage = ask(client, stream=stream).usage
    assert usage.input_tokens == 9
    assert usage.cache_read_input_tokens == 100
    assert usage.cache_creation_input_tokens == 20
    assert sim.usage() == {"prompt_tokens": 129, "completion_tokens": 4}


def test_late_input_and_many_deltas(sim, client):
    sim.script({"input_late": True, "message_deltas": 3, "cached": 5})
    events = raw_events(client)
    start = events[0]["message"]["usage"]
    assert (start["input_tokens"], start["cache_read_input_tokens"]) == (0, 0)
    deltas = [one for one in events if one["type"] == "message_delta"]
    assert [one["usage"]["output_tokens"] for one in deltas] == [1, 2, 4]
    assert deltas[-1]["usage"]["input_tokens"] == 9
    assert deltas[-1]["usage"]["cache_read_input_tokens"] == 5


def test_whole_input_at_the_start(sim, client):
    sim.script({"input": "start", "pings": True})
    events = raw_events(client, tools=TOOLS)
    begun = [one for one in events if one["type"] == "content_block_start"]
    assert begun[0]["content_block"]["input"] == {"city": "Paris"}
    assert "content_block_delta" not in kinds(events)


def test_unknown_things(sim, client):
    sim.script({"unknown": True, "pings": True, "times": 2})
    events = raw_events(client)
    assert events[1]["content_block"]["type"] == "glimmer"
    assert "glimmer" in kinds(events)
    message = ask(client)
    assert [one.type for one in message.content] == ["glimmer", "text"]


def test_count_tokens(client):
    counted = client.messages.count_tokens(
        model=OLD, messages=HELLO, system="Be brief."
    )
    assert counted.input_tokens == ask(
        client, system="Be brief."
    ).usage.input_tokens


def test_models(client):
    assert [model.id for model in client.models.list()] == MODELS
    assert client.models.retrieve(OLD).max_tokens == 64000
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("none")


# ------------------------------------------------------------------- hosts


@both
def test_foundry(sim, stream):
    for more in ({"api_key": KEY}, {"azure_ad_token_provider": lambda: TOKEN}):
        with anthropic.AnthropicFoundry(
            base_url=sim.url + "/anthropic", max_retries=0, **more
        ) as client:
            assert ask(client, stream=stream).content[0].text == SAID


VERTEX = (
    "/v1/projects/p/locations/global/publishers/anthropic/models/"
)


def post(sim, path, body, **headers):
    return httpx.post(
        sim.url + path,
        json=body,
        headers={name.replace("_", "-"): value
                 for name, value in headers.items()},
    )


VERTEX_BODY = {
    "anthropic_version": "vertex-2023-10-16",
    "max_tokens": 10,
    "messages": HELLO,
}
BEARER = {"authorization": "Bearer " + TOKEN}


def test_vertex(sim):
    path = VERTEX + OLD
    answer = post(sim, path + ":rawPredict", VERTEX_BODY, **BEARER)
    assert answer.json()["content"][0]["text"] == SAID
    answer = post(
        sim, path + ":streamRawPredict", {**VERTEX_BODY, "stream": True},
        **BEARER,
    )
    assert "event: message_stop" in answer.text
    answer = post(
        sim,
        VERTEX + "count-tokens:rawPredict",
        {**VERTEX_BODY, "model": OLD, "max_tokens": None},
        **BEARER,
    )
    assert "max_tokens" in answer.json()["error"]["message"]
    assert sim.last()["deployment"] == OLD


@pytest.mark.parametrize(
    "change, status, match",
    [
        ({"model": OLD}, 400, "model: Extra inputs"),
        ({"anthropic_version": None}, 400, "anthropic_version"),
        ({"anthropic_version": "2023-06-01"}, 400, "anthropic_version"),
    ],
)
def test_vertex_refuses(sim, change, status, match):
    body = {**VERTEX_BODY, **change}
    if body["anthropic_version"] is None:
        del body["anthropic_version"]
    answer = post(sim, VERTEX + OLD + ":rawPredict", body, **BEARER)
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert match in answer.json()["error"]["message"]


def test_vertex_refuses_itself(sim):
    answer = post(sim, VERTEX + OLD + ":rawPredict", VERTEX_BODY)
    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
    answer = post(sim, VERTEX + "no:rawPredict", VERTEX_BODY, **BEARER)
    assert answer.json()["error"]["status"] == "NOT_FOUND"


V1 = "/v1/messages"
BODY = {"model": OLD, "max_tokens": 10, "messages": HELLO}
GOOD = {"x_api_key": KEY, "anthropic_version": "2023-06-01"}


@pytest.mark.parametrize(
    "path, headers, status, kind",
    [
        (V1, {**GOOD, "x_api_key": "no"}, 401, "authentication_error"),
        (V1, {"anthropic_version": "2023-06-01"}, 401,
         "authentication_error"),
        (V1, {"authorization": "Bearer no", "anthropic_version": "2023-06-01"},
         401, "authentication_error"),
        (V1, {"x_api_key": KEY}, 400, "invalid_request_error"),
        (V1, {**GOOD, "anthropic_version": "1999-01-01"}, 400,
         "invalid_request_error"),
        ("/v1/nothing", GOOD, 404, "not_found_error"),
        ("/anthropic/v1/models", GOOD, 404, "not_found_error"),
    ],
)
def test_refusals(sim, path, headers, status, kind):
    answer = post(sim, path, BODY, **headers)
    assert answer.status_code == status
    assert answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == kind
    assert answer.json()["request_id"] == answer.headers["request-id"]


def test_method_and_body(sim):
    answer = httpx.put(sim.url + V1, headers={"x-api-key": KEY,
                       "anthropic-version": "2023-06-01"})
    assert answer.status_code == 405
    assert post(sim, V1, [], **GOOD).status_code == 400
    answer = post(sim, V1, {**BODY, "model": "none"}, **GOOD)
    assert answer.json()["error"]["message"] == "model: none"
    assert answer.status_code == 404


def test_bearer(sim):
    answer = post(sim, V1, BODY, anthropic_version="2023-06-01", **BEARER)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "name, error",
    [
        ("bad_request", anthropic.BadRequestError),
        ("bad_key", anthropic.AuthenticationError),
        ("no_permission", anthropic.PermissionDeniedError),
        ("no_model", anthropic.NotFoundError),
        ("too_large", anthropic.ContentTooLargeError),
        ("too_long", anthropic.BadRequestError),
        ("rate", anthropic.RateLimitError),
        ("server", anthropic.InternalServerError),
        ("timeout", anthropic.GatewayTimeoutError),
        ("overloaded", anthropic.OverloadedError),
        ("bad_gateway", anthropic.InternalServerError),
    ],
)
@both
def test_errors(sim, client, stream, name, error):
    sim.script({"error": name})
    with pytest.raises(error):
        ask(client, stream=stream)


@pytest.mark.parametrize("number", [0, 1, 4])
def test_error_event(sim, client, number):
    sim.script({"error_event": number, "event_error": "rate"})
    with pytest.raises(anthropic.APIStatusError, match="rate limit"):
        ask(client, stream=True)
    sim.script({"error_event": number})
    events = raw_events(client)
    assert len(events) == number + 1
    assert events[-1]["error"]["type"] == "overloaded_error"


# ------------------------------------------------------------------- checks


def user(*content):
    return [{"role": "user", "content": list(content)}]


def text(words):
    return {"type": "text", "text": words}


def use(number="toolu_1", **more):
    return {
        "type": "tool_use", "id": number, "name": "weather",
        "input": {"city": "Paris"}, **more,
    }


def result(number="toolu_1"):
    return {"type": "tool_result", "tool_use_id": number, "content": "ok"}


def turns(assistant, *results):
    return [
        *HELLO,
        {"role": "assistant", "content": assistant},
        {"role": "user", "content": list(results)},
    ]


def form(**more):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", **more}},
        "additionalProperties": False,
    }
    return {"output_config": {
        "format": {"type": "json_schema", "schema": schema}
    }}


def png(media_type="image/png", data=PNG):
    return {"messages": image(
        {"type": "base64", "media_type": media_type, "data": data}
    )}


CACHED = {**text("x"), "cache_control": {"type": "ephemeral"}}
FORCED = {"tools": TOOLS, "tool_choice": {"type": "any"}}
REFUSED = [
    ({"max_tokens": None}, "max_tokens: Field required"),
    ({"messages": None}, "messages: Field required"),
    ({"model": None}, "model: Field required"),
    ({"model": 7}, "model: Input should be a valid string"),
    ({"n": 1}, "n: Extra inputs are not permitted"),
    ({"max_tokens": "7"}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": 0}, "greater than or equal to 1"),
    ({"max_tokens": 99999}, "99999 > 64000"),
    ({"messages": []}, "at least one message"),
    ({"messages": [7]}, "messages.0: Input should be a valid dictionary"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": "system", "content": "x"}]}, "Unexpected role"),
    ({"messages": [{**HELLO[0], "name": "me"}]}, "messages.0.name: Extra"),
    ({"messages": [{"role": "user", "content": ""}]}, "non-empty content"),
    ({"messages": [{"role": "user", "content": 7}]}, "valid list"),
    ({"messages": user(7)}, "messages.0.content.0: Input should be a valid"),
    ({"messages": user()}, "non-empty content"),
    ({"messages": user(text(""))}, "must be non-empty"),
    ({"messages": user(text(" \n"))}, "non-whitespace text"),
    ({"messages": user({**text("x"), "a": 1})},
     "messages.0.content.0.text.a: Extra inputs"),
    ({"messages": user({"type": "image_url"})}, "Input tag 'image_url'"),
    ({"messages": user(use())}, "Input tag 'tool_use'"),
    ({"messages": [*HELLO, {"role": "assistant", "content": "so "}]},
     "trailing whitespace"),
    ({"messages": [*HELLO, {"role": "assistant", "content": "so"}],
      "model": MIDDLE}, "prefill"),
    ({"system": [text("")]}, "system: text content blocks"),
    ({"system": 7}, "system: Input should be a valid list"),
    ({"system": [CACHED] * 5}, "A maximum of 4 blocks"),
    ({"system": [{**CACHED, "cache_control": {"type": "x"}}]},
     "Input should be 'ephemeral'"),
    ({"messages": turns([use()], text("x"))}, "without `tool_result`"),
    ({"messages": turns([use()], text("x"), result())},
     "without `tool_result`"),
    ({"messages": turns([use(), use("toolu_2")], result())}, "toolu_2"),
    ({"messages": turns([use()])[:2] + HELLO}, "without `tool_result`"),
    ({"messages": turns([text("x")], result())}, "unexpected `tool_use_id`"),
    ({"messages": user(result())}, "unexpected `tool_use_id`"),
    ({"messages": turns([use()], result(), result())}, "a single result"),
    ({"messages": turns([use(), use()], result())}, "ids must be unique"),
    ({"messages": turns([use(input="{}")], result())}, "valid dictionary"),
    ({"messages": turns([use(input=[])], result())}, "valid dictionary"),
    ({"messages": turns([use("a b")], result("a b"))}, "match pattern"),
    ({"messages": turns([use()], {**result(), "content": 7})}, "valid list"),
    ({"messages": turns([use()], {**result(), "content": [text("")]})},
     "must be non-empty"),
    ({"messages": turns(
        [{"type": "thinking", "thinking": "x", "signature": ""}], text("x"))},
     "Invalid `signature`"),
    ({"messages": turns(
        [{"type": "thinking", "thinking": "x"}], text("x"))},
     "signature: Field required"),
    ({"messages": turns([use()], result()), "thinking": THINK,
      "tools": TOOLS}, "Expected `thinking`"),
    ({"temperature": 1.5}, "temperature: range: 0..1"),
    ({"temperature": 0.5, "top_p": 0.9}, "cannot both"),
    ({"temperature": 0.5, "model": NEW}, "`temperature` is deprecated"),
    ({"top_k": 5, "model": PLAIN}, "`top_k` is deprecated"),
    ({"stop_sequences": [" "]}, "non-whitespace"),
    ({"stop_sequences": [7]}, "stop_sequences.0"),
    ({"service_tier": "default"}, "Input should be 'auto'"),
    ({"metadata": {"a": "b"}}, "metadata.a: Extra inputs"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1023}}, "1024"),
    ({"thinking": {"type": "enabled", "budget_tokens": 4096}},
     "`max_tokens` must be greater"),
    ({"thinking": {"type": "enabled"}}, "budget_tokens: Field required"),
    ({"thinking": {"type": "on"}}, "Input tag 'on'"),
    ({"thinking": {"type": "adaptive"}}, "adaptive thinking is not"),
    ({"thinking": THINK, "model": NEW}, "is not supported for this model"),
    ({"thinking": {**ADAPTIVE, "display": "all"}, "model": NEW},
     "Input should be 'summarized'"),
    ({"thinking": THINK, "temperature": 0.5}, "may only be set to 1"),
    ({"thinking": THINK, "top_k": 5}, "`top_k` must be unset"),
    ({"thinking": THINK, "top_p": 0.5}, "`top_p` must be"),
    ({"thinking": THINK, **FORCED}, "forces tool use"),
    ({"model": FORCELESS, **FORCED}, "not supported for this model"),
    ({"tool_choice": {"type": "auto"}}, "while providing tools"),
    ({"tools": TOOLS, "tool_choice": {"type": "required"}}, "'required'"),
    ({"tools": TOOLS, "tool_choice": {"type": "tool", "name": "x"}},
     "Tool 'x' not found"),
    ({"tools": TOOLS, "tool_choice": {
        "type": "none", "disable_parallel_tool_use": True}}, "Extra inputs"),
    ({"tools": [{**WEATHER, "parameters": {}}]},
     "tools.0.custom.parameters: Extra inputs"),
    ({"tools": [{"name": "x"}]}, "input_schema: Field required"),
    ({"tools": [{"name": "x", "input_schema": {}}]}, "type: Field required"),
    ({"tools": [{"name": "x", "input_schema": {
        "type": "object", "anyOf": []}}]}, "at the top level"),
    ({"tools": [{**WEATHER, "name": "a b"}]}, "match pattern"),
    ({"tools": [WEATHER, WEATHER]}, "must be unique"),
    ({"tools": [{**WEATHER, "strict": True}]}, "additionalProperties"),
    ({"tools": [7]}, "tools.0: Input should be a valid dictionary"),
    ({"tools": [{**WEATHER, "strict": True, "input_schema": {
        "type": "object", "additionalProperties": False,
        "properties": []}}]}, "Invalid request"),
    ({"output_config": {"effort": "low"}}, "the effort parameter"),
    ({"output_config": {"effort": "xhigh"}, "model": MIDDLE},
     "Supported levels: high, low, max, medium."),
    ({"output_config": {"effort": "max"}, "model": NEW,
      "thinking": {"type": "disabled"}}, "requires thinking"),
    ({"model": ANCIENT, **form()}, "does not support structured outputs"),
    (form(minLength=3), "property 'minLength' is not supported"),
    (form(format="regex"), "format 'regex' is not supported"),
    (png("image/bmp"), "'image/gif' or 'image/webp'"),
    (png("image/jpeg"), "appears to be a image/png"),
    (png(data="%%%"), "Invalid base64"),
    (png(data="AAAA"), "Could not process image"),
    ({"messages": image({"type": "url", "url": "http://x.test/a.png"})},
     "Only HTTPS"),
]


@pytest.mark.parametrize(
    "change, match", REFUSED, ids=[match for _, match in REFUSED]
)
def test_checks(sim, change, match):
    body = {"model": OLD, "max_tokens": 2048, "messages": HELLO, **change}
    for name, value in change.items():
        if value is None:
            del body[name]
    answer = post(sim, V1, body, **GOOD)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert match in answer.json()["error"]["message"]


TAKEN = [
    {"messages": [*HELLO, *HELLO]},
    {"messages": [{"role": "assistant", "content": "x"}, *HELLO]},
    {"messages": [*HELLO, {"role": "assistant", "content": "so"}]},
    {"messages": turns([use()], result(), text("and"))},
    {"messages": [*turns([use(), use("b")], result())[:-1],
                  *user(result()), *user(result("b"))]},
    {"messages": [*HELLO, {"role": "system", "content": "x"}],
     "model": PLAIN},
    {"system": [CACHED] * 4},
    {"temperature": 0.5},
    {"top_p": 0.9},
    {"thinking": THINK, "temperature": 1},
    {"thinking": THINK, "temperature": None, "top_p": None},
    {"thinking": THINK, "model": MIDDLE},
    {"thinking": ADAPTIVE, "model": MIDDLE},
    {"output_config": {"effort": "max"}, "model": NEW},
    {"metadata": {"user_id": "u"}, "service_tier": "auto"},
    {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    form(format="date"),
]


@pytest.mark.parametrize("change", TAKEN, ids=str)
def test_taken(sim, change):
    body = {"model": OLD, "max_tokens": 2048, "messages": HELLO, **change}
    answer = post(sim, V1, body, **GOOD)
    assert answer.status_code == 200, answer.text
