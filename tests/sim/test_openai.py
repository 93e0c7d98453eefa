"""The OpenAI and Azure simulator decides as all do, and knows families of
models."""

import json

import openai
import pytest
import sdk
from simulator import Simulator

KEY = "sim-key-0123456789"
OLD = "gpt-4.1"
CODEX = "gpt-5.1-codex"
MODELS = [OLD, CODEX, "gpt-5", "gpt-5.1", "gpt-5.4", "gpt-5.6", "o3",
          "gpt-5-chat"]
PNG = "data:image/png;base64,iVBORw0KGgo="
HELLO = [{"role": "user", "content": "Hello there"}]


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    sim = Simulator(
        tmp_path_factory.mktemp("openai"), MODELS, KEY, "--mode", "openai"
    )
    yield sim
    sim.stop()


@pytest.fixture(autouse=True)
def clean(sim):
    sim.reset()


@pytest.fixture(scope="module")
def client(sim):
    with openai.OpenAI(
        base_url=sim.url + "/v1", api_key=KEY, max_retries=0
    ) as client:
        yield client


def chat(client, messages=None, model=OLD, **more):
    answer = client.chat.completions.create(
        model=model, messages=messages or HELLO, **more
    )
    return answer.choices[0]


CALLS = [
    {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
    }
]
TALK = [
    {"role": "system", "content": "Be\nbrief."},
    {"role": "user", "content": [
        {"type": "text", "text": "SIM-REPORT"},
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
        {"type": "file", "file": {
            "filename": "a.pdf",
            "file_data": "data:application/pdf;base64,AAAA",
        }},
    ]},
    {"role": "assistant", "content": "Wait.", "tool_calls": CALLS},
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
]
REPORT = [
    "system: Be",
    "system: brief.",
    "user: SIM-REPORT",
    "user: image image/png 8",
    "user: image https://x.test/a.png",
    "user: file application/pdf 3",
    "assistant: Wait.",
    'assistant: call weather {"city":"Paris"}',
    "tool weather: sunny",
]
ITEMS = [
    {"type": "message", "role": "system", "content": "Be\nbrief."},
    {"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "SIM-REPORT"},
        {"type": "input_image", "image_url": PNG, "detail": "auto"},
        {"type": "input_image", "image_url": "https://x.test/a.png",
         "detail": "auto"},
        {"type": "input_file", "filename": "a.pdf",
         "file_data": "data:application/pdf;base64,AAAA"},
    ]},
    {"type": "message", "role": "assistant", "content": [
        {"type": "output_text", "text": "Wait.", "annotations": []}
    ]},
    {"type": "function_call", "call_id": "call_1", "name": "weather",
     "arguments": '{"city": "Paris"}'},
    {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
]


def test_report(client):
    answer = chat(client, TALK, tools=sdk.TOOLS)
    assert answer.message.content.split("\n") == REPORT
    answer = client.responses.create(model=CODEX, input=ITEMS)
    assert answer.output_text.split("\n") == REPORT


NAMED = {"type": "function", "function": {"name": "clock"}}
ALLOWED = {
    "type": "allowed_tools",
    "allowed_tools": {"mode": "required", "tools": [NAMED]},
}


@pytest.mark.parametrize(
    "more, names",
    [
        ({}, ["weather", "clock"]),
        ({"tool_choice": "required"}, ["weather", "clock"]),
        ({"tool_choice": "none"}, []),
        ({"tool_choice": NAMED}, ["clock"]),
        ({"tool_choice": ALLOWED}, ["clock"]),
        ({"parallel_tool_calls": False}, ["weather"]),
    ],
    ids=str,
)
def test_tool_choice(client, more, names):
    answer = chat(client, tools=sdk.TOOLS, **more)
    calls = answer.message.tool_calls or []
    assert [call.function.name for call in calls] == names


def test_response_tool_choice(client):
    answer = client.responses.create(
        model=CODEX,
        input="x",
        tools=sdk.FLAT_TOOLS,
        tool_choice={"type": "function", "name": "clock"},
    )
    assert [item.name for item in answer.output] == ["clock"]


def test_scripted_calls(sim, client):
    calls = [{"name": "run", "arguments": {"a": ["b"]}}]
    sim.script({"calls": calls, "content": "Wait.", "times": 2})
    message = chat(client).message
    assert message.content == "Wait."
    assert json.loads(message.tool_calls[0].function.arguments) == {"a": ["b"]}
    answer = client.responses.create(model=CODEX, input="x")
    kinds = [item.type for item in answer.output]
    assert kinds == ["message", "function_call"]


def test_limit_and_stop(client):
    answer = chat(client, max_completion_tokens=2)
    assert answer.message.content == "You said:"
    assert answer.finish_reason == "length"
    answer = chat(client, stop="Hello")
    assert answer.message.content == "You said: "
    assert answer.finish_reason == "stop"
    words = " ".join(["word"] * 40)
    answer = client.responses.create(
        model=CODEX, input=words, max_output_tokens=16
    )
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"
    events = list(client.responses.create(
        model=CODEX, input=words, max_output_tokens=16, stream=True
    ))
    assert events[-1].type == "response.incomplete"


def test_filter(sim, client):
    sim.script({"finish": "content_filter", "times": 2})
    answer = chat(client)
    assert answer.finish_reason == "content_filter"
    assert answer.message.content is None
    answer = client.responses.create(model=CODEX, input="x")
    assert answer.incomplete_details.reason == "content_filter"


def test_json(client):
    answer = chat(client, response_format={"type": "json_object"})
    said = json.loads(answer.message.content)
    assert said == {"answer": "You said: Hello there"}


def test_usage(sim, client):
    sim.script({"cached": 100, "cache_written": 20, "times": 2})
    usage = client.chat.completions.create(model=OLD, messages=HELLO).usage
    assert usage.prompt_tokens == 129
    assert usage.prompt_tokens_details.cached_tokens == 100
    assert usage.prompt_tokens_details.cache_write_tokens == 20
    usage = client.responses.create(model=CODEX, input="Hello there").usage
    assert usage.input_tokens == 129
    assert usage.input_tokens_details.cached_tokens == 100


def test_reasoning(client):
    usage = client.chat.completions.create(
        model="gpt-5", messages=HELLO, reasoning_effort="low"
    ).usage
    assert usage.completion_tokens_details.reasoning_tokens == 64
    assert usage.completion_tokens == 64 + 4
    answer = client.responses.create(
        model=CODEX,
        input="x",
        reasoning={"effort": "low", "summary": "auto"},
        include=["reasoning.encrypted_content"],
        store=False,
    )
    thought = answer.output[0]
    assert thought.summary[0].text == "Thinking it over."
    given = thought.to_dict()
    again = [
        {"role": "user", "content": "x"}, given,
        {"role": "user", "content": "y"},
    ]
    client.responses.create(model=CODEX, input=again)
    given["encrypted_content"] = "AAAA"
    with pytest.raises(openai.BadRequestError, match="could not be verified"):
        client.responses.create(model=CODEX, input=again)
    answer = client.responses.create(
        model=CODEX, input="x", reasoning={"effort": "low"}
    )
    assert answer.output[0].summary == []


def test_response_error_event_of_a_name(sim, client):
    sim.script({"error_event": 3, "event_error": "rate"})
    with pytest.raises(openai.APIError, match="rate limit"):
        list(client.responses.create(model=CODEX, input="x", stream=True))


FLAT = sdk.FLAT_TOOLS
CHAT_REFUSED = [
    ("gpt-5", {"max_tokens": 5}, "max_completion_tokens"),
    ("gpt-5", {"temperature": 0.5}, "'temperature'"),
    ("o3", {"stop": "x"}, "'stop'"),
    ("gpt-5.1", {"temperature": 0.5, "reasoning_effort": "low"},
     "'temperature'"),
    ("gpt-5.4", {"tools": sdk.TOOLS, "reasoning_effort": "low"},
     "use /v1/responses"),
    ("gpt-5.6", {"tools": sdk.TOOLS}, "use /v1/responses"),
    ("gpt-5.6", {"temperature": 0.5}, "'temperature'"),
    (OLD, {"messages": TALK[2:3]}, "must be followed by tool messages"),
    (OLD, {"messages": TALK[2:3] + HELLO}, "must be followed by tool"),
    (OLD, {"messages": TALK[3:]}, "must be a response to"),
    (OLD, {"messages": [{"role": "user", "content": [7]}]}, "Invalid req"),
]


@pytest.mark.parametrize("model, more, match", CHAT_REFUSED)
def test_chat_refuses(client, model, more, match):
    more = dict(more)
    with pytest.raises(openai.BadRequestError, match=match):
        chat(client, more.pop("messages", None), model, **more)


def test_responses_only(client, tmp_path):
    with pytest.raises(openai.NotFoundError, match="only supported in v1/re"):
        chat(client, model=CODEX)
    sim = Simulator(tmp_path, [f"mine={CODEX}"], KEY)
    try:
        azure = openai.OpenAI(
            base_url=sim.url + "/openai/v1", api_key=KEY, max_retries=0
        )
        with pytest.raises(openai.BadRequestError) as caught:
            chat(azure, model="mine")
        assert caught.value.code == "OperationNotSupported"
        answer = azure.responses.create(model="mine", input="x")
        assert answer.output_text == "You said: x"
    finally:
        sim.stop()


@pytest.mark.parametrize(
    "model, more",
    [
        ("gpt-5.1", {"temperature": 0.5}),
        ("gpt-5.4", {"tools": sdk.TOOLS}),
        ("gpt-5.6", {"tools": sdk.TOOLS, "reasoning_effort": "none"}),
        ("gpt-5-chat", {"temperature": 0.5, "max_tokens": 9}),
        ("o3", {"temperature": 1}),
    ],
)
def test_chat_takes(client, model, more):
    chat(client, None, model, **more)


def item(**more):
    return {"type": "message", "role": "user", **more}


RESPONSES_REFUSED = [
    ({"stop": "x"}, "Unknown parameter: 'stop'"),
    ({"max_output_tokens": 15}, ">= 16"),
    ({"tools": sdk.TOOLS}, r"tools\[0\].name"),
    ({"tools": FLAT, "tool_choice": NAMED}, "tool_choice.name"),
    ({"text": {"format": {"type": "json_schema", "json_schema": {}}}},
     "text.format.name"),
    ({"input": [item(content=[{"type": "text", "text": "x"}])]},
     "Invalid value: 'text'"),
    ({"input": [item(content=[
        {"type": "input_image", "image_url": {"url": PNG}}])]},
     "expected an image URL"),
    ({"input": [{**ITEMS[2], "content": [
        {"type": "input_text", "text": "x"}]}]}, "Invalid value"),
    ({"input": ITEMS[3:4]}, "No tool output found"),
    ({"input": ITEMS[4:]}, "No tool call found"),
    ({"input": [{**one, "call_id": "c" * 65} for one in ITEMS[3:]]},
     "maximum length 64"),
]


@pytest.mark.parametrize("more, match", RESPONSES_REFUSED, ids=str)
def test_responses_refuse(client, more, match):
    body = {"model": CODEX, "input": "x", **more}
    with pytest.raises(openai.BadRequestError, match=match):
        client.responses.create(
            model=CODEX, input=body["input"], extra_body=body
        )
