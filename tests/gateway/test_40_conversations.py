"""One conversation suite, by the official OpenAI SDKs, against every kind of
upstream; the table in docs/providers.md is what this run found.

Each check is done whole and streamed, streamed through the SDK's helper, which
forgives nothing. The simulators all decide alike (tests/sim/README.md), so that
what comes back shows what has arrived."""

import json

import openai
import pytest
import sdk_node
from conversations import (
    ASK,
    CHECKS,
    FOREVER,
    MORE_CHECKS,
    PNG,
    SAID,
    Capital,
    Table,
    Words,
    alias_of,
    configuration,
    schema,
    started,
)


def tool(name, member):
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": "Looks it up",
            "parameters": schema(member),
            "strict": True,
        },
    }


TOOLS = [tool("weather", "city"), tool("clock", "zone")]

# alias -> endpoint option, simulator's provider, its model, options of the
# model, arguments of the simulator
PROVIDERS = {
    "azure": ("dialect=azure", "azure", "gpt-4.1", "", []),
    "azure, reasoning": ("dialect=azure", "azure", "gpt-5-mini", "", []),
    "azure, /responses only": (
        "dialect=azure", "azure", "gpt-5.1-codex", "surface=responses", [],
    ),
    "openai": (
        "dialect=openai", "azure", "gpt-4.1", "", ["--mode", "openai"],
    ),
    "anthropic": (
        "dialect=anthropic", "anthropic", "claude-sonnet-4-5", "", [],
    ),
    "anthropic, newest": (
        "dialect=anthropic", "anthropic", "claude-opus-5", "", [],
    ),
    "gemini": ("dialect=gemini", "gemini", "gemini-2.5-flash", "", []),
    "gemini 3": ("dialect=gemini", "gemini", "gemini-3-pro-preview", "", []),
    "bedrock, Claude": (
        "dialect=bedrock", "bedrock",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "", [],
    ),
    "databricks, Claude": (
        "dialect=databricks", "databricks", "databricks-claude-sonnet-4-5",
        "", [],
    ),
}


ALL_CHECKS = [
    *CHECKS,
    ("reasoning", "reasoning"),
    ("reasoning_and_tools", "reasoning and tools"),
    *MORE_CHECKS,
]
TABLE = Table("found", PROVIDERS, ALL_CHECKS)


@pytest.fixture(scope="module", autouse=True)
def services(env):
    with started(env, PROVIDERS, list) as sims:
        yield sims


def configure(env, sim):
    return configuration(env, PROVIDERS)


@pytest.fixture(params=PROVIDERS)
def name(request, services):
    services[request.param].reset()
    return request.param


@pytest.fixture
def service(services, name):
    return services[name]


@pytest.fixture(params=["whole", "stream"])
def talk(request, gateway, name):
    """Ask, and get the whole answer: a ChatCompletion either way."""
    client = openai.OpenAI(
        base_url=gateway.url + "/v1", api_key=gateway.key, max_retries=0
    )

    def whole(**more):
        return client.chat.completions.create(model=alias_of(name), **more)

    def stream(**more):
        with client.chat.completions.stream(
            model=alias_of(name),
            stream_options={"include_usage": True},
            **more,
        ) as events:
            for _ in events:
                pass
            return events.get_final_completion()

    yield whole if request.param == "whole" else stream
    client.close()


@pytest.fixture(autouse=True)
def note(request):
    """What has passed, for the table."""
    yield
    TABLE.note(request.node)


def the(answer):
    (choice,) = answer.choices
    assert choice.message.role == "assistant"
    return choice


def report(answer):
    return the(answer).message.content.split("\n")


def test_plain(talk):
    answer = talk(messages=ASK)
    assert the(answer).message.content == SAID
    assert the(answer).finish_reason == "stop"
    usage = answer.usage
    assert usage.completion_tokens >= 4
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_system_and_turns(talk):
    answer = talk(messages=[
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": "SIM-REPORT"},
    ])
    assert report(answer) == [
        "system: Be brief.", "user: One", "assistant: Two",
        "user: SIM-REPORT",
    ]


def test_image(talk):
    answer = talk(messages=[{"role": "user", "content": [
        {"type": "text", "text": "SIM-REPORT"},
        {"type": "image_url", "image_url": {
            "url": f"data:image/png;base64,{PNG}",
        }},
    ]}])
    assert report(answer) == [
        "user: SIM-REPORT", "user: image image/png 68"
    ]


def results(answer, *texts):
    """The turns that follow tool calls."""
    message = the(answer).message
    turns = [{
        "role": "assistant",
        "content": message.content,
        "tool_calls": [call.to_dict() for call in message.tool_calls],
    }]
    for call, text in zip(message.tool_calls, texts, strict=True):
        turns.append({
            "role": "tool", "tool_call_id": call.id, "content": text,
        })
    return turns


def calls_of(answer):
    assert the(answer).finish_reason == "tool_calls"
    return [
        (call.function.name, json.loads(call.function.arguments))
        for call in the(answer).message.tool_calls
    ]


WORDS = Words(TOOLS, calls_of, results, report)


def test_one_tool(talk):
    WORDS.check_one_tool(talk)


def test_parallel_tools(talk):
    WORDS.check_parallel_tools(talk)


def test_forced_tool(talk):
    answer = talk(
        messages=ASK, tools=TOOLS,
        tool_choice={"type": "function", "function": {"name": "clock"}},
    )
    calls = [
        (call.function.name, json.loads(call.function.arguments))
        for call in the(answer).message.tool_calls
    ]
    assert calls == [("clock", {"zone": "Paris"})]


def test_structured_output(talk):
    answer = talk(messages=ASK, response_format={
        "type": "json_schema",
        "json_schema": {
            "name": "capital", "strict": True,
            "schema": {
                **Capital.model_json_schema(), "additionalProperties": False,
            },
        },
    })
    given = Capital.model_validate_json(the(answer).message.content)
    assert given == Capital(city="Paris", inhabitants=7)
    assert the(answer).finish_reason == "stop"
    assert not the(answer).message.tool_calls


# What shows no reasoning in chats.
SILENT = {"azure", "azure, reasoning", "openai"}


def test_reasoning(talk, name):
    if name == "openai" or name == "azure":
        effort = {}  # this model has none to give
    else:
        effort = {"reasoning_effort": "high"}
    answer = talk(messages=ASK, max_completion_tokens=20000, **effort)
    assert the(answer).message.content == SAID
    if name not in SILENT:
        extra = the(answer).message.model_extra
        assert extra["reasoning_content"] == "Thinking it over."
    if effort:
        assert answer.usage.completion_tokens >= 64


def test_reasoning_and_tools(talk, name):
    effort = {} if name in SILENT else {"reasoning_effort": "high"}
    WORDS.check_thoughtful_tool(
        talk, max_completion_tokens=20000, **effort
    )


def test_stop_at_length(talk, name, service):
    service.script({"reasoning": False})
    many = "one " * 40
    if name == "azure, /responses only":
        limit = 16  # it takes no less
    else:
        limit = 10
    try:
        answer = talk(
            messages=[{"role": "user", "content": many}],
            max_completion_tokens=limit,
        )
    except openai.LengthFinishReasonError as cut:  # the helper's way
        answer = cut.completion
    assert the(answer).finish_reason == "length"
    assert len(the(answer).message.content.split()) == limit


def test_refusal(talk, service):
    service.script({"finish": "content_filter"})
    try:
        answer = talk(messages=ASK)
    except openai.ContentFilterFinishReasonError:
        return  # the helper's way
    assert the(answer).finish_reason == "content_filter"
    assert not the(answer).message.content


@pytest.mark.parametrize("error, status, code", [
    ("bad_request", 400, None),
    ("too_long", 400, "context_length_exceeded"),
    ("bad_key", 502, "upstream_authentication_error"),
    ("rate", 429, None),
    ("server", 500, None),
    ("overloaded", 503, None),
])
def test_errors(talk, service, log, error, status, code):
    log.expect("AZL0034")
    service.script({"error": error, "times": FOREVER})
    with pytest.raises(openai.APIStatusError) as caught:
        talk(messages=ASK)
    assert caught.value.status_code == status
    assert isinstance(caught.value.code, str)
    if code:
        assert caught.value.code == code
    if status == 429:
        assert caught.value.response.headers["retry-after"]


def test_error_in_the_middle(gateway, name, service, log):
    log.expect("AZL0030")
    service.script({
        "content": "word " * 20, "error_event": 9, "event_error": "server",
        "times": FOREVER,
    })
    client = openai.OpenAI(
        base_url=gateway.url + "/v1", api_key=gateway.key, max_retries=0
    )
    text = ""
    with pytest.raises(openai.APIError), client:
        for chunk in client.chat.completions.create(
            model=alias_of(name), messages=ASK, stream=True
        ):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                assert choice.finish_reason is None
    assert text.startswith("word ")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_node(gateway, services, provider):
    """The same by the official Node SDK and its helpers."""
    services[provider].reset()
    services[provider].script({"reasoning": False, "times": FOREVER})
    results = sdk_node.run(
        kind="openai",
        baseURL=gateway.url + "/v1",
        key=gateway.key,
        model=alias_of(provider),
        strict=True,
        checks=["chat", "stream", "stream_helper", "run_tools", "structured"],
    )
    assert {k: v for k, v in results.items() if v != "ok"} == {}


def test_table_in_docs(gateway):
    TABLE.check()
