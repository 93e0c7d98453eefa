"""The conversation suite by Anthropic's official SDKs at /v1/messages, against
every kind of upstream; the second table in docs/providers.md is what this run
found. Each check is done whole and by the SDK's stream helper."""

import anthropic
import pytest
import sdk_node
from conversations import (
    ASK,
    CHECKS,
    FOREVER,
    MORE_CHECKS,
    PNG,
    REPORT,
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
        "name": name,
        "description": "Looks it up",
        "input_schema": schema(member),
    }


TOOLS = [tool("weather", "city"), tool("clock", "zone")]
BUDGET = {"thinking": {"type": "enabled", "budget_tokens": 10000}}
ADAPTIVE = {
    "thinking": {"type": "adaptive", "display": "summarized"},
    "output_config": {"effort": "high"},
}


# name -> endpoint option, simulator's provider, its model, options of the
# model, how it is asked to think
PROVIDERS = {
    "anthropic": (
        "dialect=anthropic", "anthropic", "claude-sonnet-4-5", "", BUDGET,
    ),
    "anthropic, newest": (
        "dialect=anthropic", "anthropic", "claude-opus-5", "", ADAPTIVE,
    ),
    "azure": ("dialect=azure", "azure", "gpt-4.1", "", {}),
    "azure, reasoning": (
        "dialect=azure", "azure", "gpt-5-mini", "", ADAPTIVE,
    ),
    "azure, /responses only": (
        "dialect=azure", "azure", "gpt-5.1-codex", "surface=responses",
        BUDGET,
    ),
    "gemini": ("dialect=gemini", "gemini", "gemini-2.5-flash", "", BUDGET),
    "gemini 3": (
        "dialect=gemini", "gemini", "gemini-3-pro-preview", "", ADAPTIVE,
    ),
    "bedrock, Claude": (
        "dialect=bedrock", "bedrock",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "", BUDGET,
    ),
}
# Their thoughts are not shown in chats.
SILENT = {"azure", "azure, reasoning"}


ALL_CHECKS = [
    *CHECKS,
    ("thinking", "thinking"),
    ("thinking_and_tools", "thinking and tools"),
    *MORE_CHECKS,
    ("count_tokens", "count of tokens"),
]
TABLE = Table("messages", PROVIDERS, ALL_CHECKS)


@pytest.fixture(scope="module", autouse=True)
def services(env):
    with started(env, PROVIDERS) as sims:
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


@pytest.fixture
def sdk(gateway):
    with anthropic.Anthropic(
        base_url=gateway.url, api_key=gateway.key, max_retries=0
    ) as client:
        yield client


@pytest.fixture(params=["whole", "stream"])
def talk(request, sdk, name):
    """Ask, and get the whole answer: a Message either way."""

    def whole(**asked):
        return sdk.messages.create(**asked)

    def stream(**asked):
        with sdk.messages.stream(**asked) as events:
            for _ in events:
                pass
            return events.get_final_message()

    how = whole if request.param == "whole" else stream
    return lambda **more: how(
        **{"model": alias_of(name), "max_tokens": 20000, **more}
    )


@pytest.fixture(autouse=True)
def note(request):
    """What has passed, for the table."""
    yield
    TABLE.note(request.node)


def said(answer):
    assert answer.type == "message" and answer.role == "assistant"
    (block,) = [one for one in answer.content if one.type != "thinking"]
    return block.text


def report(answer):
    return said(answer).split("\n")


def test_plain(talk, name):
    answer = talk(messages=ASK)
    assert said(answer) == SAID
    assert answer.stop_reason == "end_turn"
    assert answer.model == alias_of(name)
    assert answer.id.startswith("msg_")
    assert answer.usage.output_tokens >= 4
    assert answer.usage.input_tokens >= 2


def test_system_and_turns(talk):
    answer = talk(
        system=[
            {"type": "text", "text": "Be brief."},
            {
                "type": "text", "text": "Be kind.",
                "cache_control": {"type": "ephemeral"},
            },
        ],
        messages=[
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": "Two"},
            *REPORT,
        ],
    )
    # Two blocks are two texts, or two parts of one.
    lines = "\n".join(report(answer)).replace("\nsystem:", "").split("\n")
    assert lines == [
        "system: Be brief. Be kind.", "user: One", "assistant: Two",
        "user: SIM-REPORT",
    ]


def test_image(talk):
    answer = talk(messages=[{"role": "user", "content": [
        {"type": "text", "text": "SIM-REPORT"},
        {"type": "image", "source": {
            "type": "base64", "media_type": "image/png", "data": PNG,
        }},
    ]}])
    assert report(answer) == [
        "user: SIM-REPORT", "user: image image/png 68"
    ]


def calls_of(answer):
    assert answer.stop_reason == "tool_use"
    return [
        (block.name, block.input)
        for block in answer.content
        if block.type == "tool_use"
    ]


def results(answer, *texts):
    """The turns that follow tool calls."""
    calls = [block for block in answer.content if block.type == "tool_use"]
    return [
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": call.id, "content": text}
            for call, text in zip(calls, texts, strict=True)
        ]},
    ]


WORDS = Words(TOOLS, calls_of, results, report)


def test_one_tool(talk):
    WORDS.check_one_tool(talk)


def test_parallel_tools(talk):
    WORDS.check_parallel_tools(talk)


def test_forced_tool(talk, service):
    service.script({"reasoning": False})
    answer = talk(
        messages=ASK, tools=TOOLS,
        tool_choice={"type": "tool", "name": "clock"},
    )
    assert calls_of(answer) == [("clock", {"zone": "Paris"})]


def test_structured_output(talk):
    answer = talk(messages=ASK, output_config={"format": {
        "type": "json_schema", "schema": Capital.model_json_schema(),
    }})
    given = Capital.model_validate_json(said(answer))
    assert given == Capital(city="Paris", inhabitants=7)
    assert answer.stop_reason == "end_turn"


def test_thinking(talk, name):
    answer = talk(messages=ASK, **PROVIDERS[name][-1])
    assert said(answer) == SAID
    if name not in SILENT:
        first = answer.content[0]
        assert first.type == "thinking"
        assert first.thinking == "Thinking it over."
    if name != "azure":  # it cannot
        assert answer.usage.output_tokens >= 64


def test_thinking_and_tools(talk, name):
    WORDS.check_thoughtful_tool(talk, **PROVIDERS[name][-1])


def test_stop_at_length(talk, name, service):
    service.script({"reasoning": False})
    # /responses takes no less.
    limit = 16 if name == "azure, /responses only" else 10
    answer = talk(
        messages=[{"role": "user", "content": "one " * 40}],
        max_tokens=limit,
    )
    assert answer.stop_reason == "max_tokens"
    assert len(said(answer).split()) == limit


def test_refusal(talk, service):
    service.script({"finish": "content_filter", "reasoning": False})
    answer = talk(messages=ASK)
    assert answer.stop_reason == "refusal"
    assert [block for block in answer.content if block.type == "text"
            and block.text] == []


@pytest.mark.parametrize("error, status, kind", [
    ("bad_request", 400, "invalid_request_error"),
    ("too_long", 400, "invalid_request_error"),
    ("bad_key", 502, "api_error"),
    ("rate", 429, "rate_limit_error"),
    ("server", 500, "api_error"),
    ("overloaded", 503, "overloaded_error"),
])
def test_errors(talk, service, log, error, status, kind):
    log.expect("AZL0034")
    service.script({"error": error, "times": FOREVER})
    with pytest.raises(anthropic.APIStatusError) as caught:
        talk(messages=ASK)
    assert caught.value.status_code == status
    assert caught.value.body["type"] == "error"
    assert caught.value.body["error"]["type"] == kind
    assert caught.value.body["error"]["message"]
    if status == 429:
        assert caught.value.response.headers["retry-after"]


def test_error_in_the_middle(sdk, name, service, log):
    log.expect("AZL0030")
    service.script({
        "content": "word " * 20, "error_event": 9, "event_error": "server",
        "reasoning": False, "times": FOREVER,
    })
    text = ""
    with pytest.raises(anthropic.APIError) as caught:
        with sdk.messages.stream(
            model=alias_of(name), max_tokens=1000, messages=ASK
        ) as events:
            for event in events:
                assert event.type not in ("message_delta", "message_stop")
                if event.type == "text":
                    text += event.text
    assert text.startswith("word ")
    assert caught.value.body["error"]["type"] == "api_error"


def test_count_tokens(sdk, name, service):
    """Nothing is generated for it."""
    def count(**more):
        return sdk.messages.count_tokens(
            model=alias_of(name), messages=ASK, **more
        ).input_tokens

    assert 0 < count() < count(system="Be brief, please.")
    assert [
        entry["path"] for entry in service.journal()
        if not entry["path"].endswith("/count_tokens")
    ] == []


def test_beta(sdk, name, service):
    """The same address with a query, and a header that is Anthropic's."""
    answer = sdk.beta.messages.create(
        model=alias_of(name), max_tokens=1000, messages=ASK,
        betas=["context-management-2025-06-27"],
    )
    assert answer.content[-1].text == SAID
    betas = service.last()["fields"].get("anthropic-beta")
    assert betas == (
        "context-management-2025-06-27" if "anthropic" in name else None
    )


def test_models(sdk):
    assert {model.id for model in sdk.models.list()} == {
        alias_of(name) for name in PROVIDERS
    }


@pytest.mark.parametrize("provider", PROVIDERS)
def test_node(gateway, services, provider):
    """The same by the official Node SDK and its helpers."""
    services[provider].reset()
    services[provider].script({"reasoning": False, "times": FOREVER})
    results = sdk_node.run(
        "messages",
        baseURL=gateway.url,
        key=gateway.key,
        model=alias_of(provider),
    )
    assert {k: v for k, v in results.items() if v != "ok"} == {}


def test_table_in_docs(gateway):
    TABLE.check()
