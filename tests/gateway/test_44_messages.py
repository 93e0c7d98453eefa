"""Clients of the Messages API: the official Anthropic SDK at Anthropic, where
everything passes, and at Azure, where it becomes a chat."""

import json

import anthropic
import pytest
from ask import PROMPT, WORDS
from services import HOSTED, claudes
from turns import PNG, REPORT

CLAUDE = "claude-opus-4-6"
TOOLS = [
    {
        "name": name,
        "description": f"tells the {name}",
        "input_schema": {
            "type": "object",
            "properties": {member: {"type": "string"}},
            "required": [member],
        },
    }
    for name, member in (("weather", "city"), ("clock", "zone"))
]


@pytest.fixture(scope="module", autouse=True)
def service(env):
    with claudes(env, "messages", [CLAUDE]) as sim:
        yield sim


@pytest.fixture(autouse=True)
def fresh(service, simulator):
    service.reset()
    simulator.reset()


def configure(env, sim):
    url = env.anthropic.url
    hosted = "base-model=sonnet-4-5"
    return (
        env.conf()
        .add("AzureLITCooldown off")
        .endpoint("direct", url, "dialect=anthropic")
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
        .endpoint("converse", env.bedrock.url, "dialect=bedrock")
        .endpoint("azure", sim.url)
        .model("claude", f"direct/{CLAUDE}", f"base-model={CLAUDE}")
        .model("vertex", f"vertex/{CLAUDE}", f"base-model={CLAUDE}")
        .model("bedrock", f"bedrock/{HOSTED}", hosted)
        .model("gpt", "azure/d1")
        .model("converse", f"converse/{HOSTED}", hosted)
        .model("both", "azure/d1", "order=1")
        .model("both", f"direct/{CLAUDE}", "order=2")
        .model("plain-first", "azure/d1", "order=1")
        .model("plain-first", f"converse/{HOSTED}", hosted, "order=2")
        .model("rich-first", f"converse/{HOSTED}", hosted, "order=1")
        .model("rich-first", "azure/d1", "order=2")
        .model("hosted-first", f"bedrock/{HOSTED}", "order=1")
        .model("hosted-first", f"converse/{HOSTED}", "order=2")
        .model("converse-first", f"converse/{HOSTED}", "order=1")
        .model("converse-first", f"bedrock/{HOSTED}", "order=2")
    )


@pytest.fixture
def messages(gateway):
    return anthropic.Anthropic(
        base_url=gateway.url, api_key=gateway.key, max_retries=0
    ).messages


ALL = ["claude", "vertex", "bedrock", "gpt"]


def ask(words=PROMPT, **more):
    return {
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": words}],
        **more,
    }


@pytest.mark.parametrize("model", ALL)
def test_text(messages, gateway, model):
    gateway.forget_records()
    answer = messages.create(model=model, **ask())
    assert answer.id.startswith("msg_")
    assert answer.model == model
    assert [block.text for block in answer.content] == [WORDS]
    assert answer.stop_reason == "end_turn"
    assert answer._request_id
    record = gateway.records(1)[0]
    assert record["surface"] == "messages"
    assert record["prompt_tokens"] == answer.usage.input_tokens
    assert record["completion_tokens"] == answer.usage.output_tokens


@pytest.mark.parametrize("size", [10, 1200000], ids=["held", "passed"])
def test_caches_of_a_whole_answer(messages, gateway, service, size):
    """Counted beside the input there, however large the answer is."""
    gateway.forget_records()
    service.script({
        "status": 200,
        "body": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": CLAUDE,
            "content": [{"type": "text", "text": "x" * size}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": 3,
                "cache_read_input_tokens": 20,
                "cache_creation_input_tokens": 10,
                "cache_creation": {"ephemeral_1h_input_tokens": 9},
                "output_tokens": 5,
            },
        },
    })
    answer = messages.create(model="claude", **ask())
    assert answer.model == "claude" and len(answer.content[0].text) == size
    record = gateway.records(1)[0]
    assert [
        record[f"{name}_tokens"]
        for name in (
            "prompt", "cached", "cache_write", "cache_write_1h", "completion"
        )
    ] == [33, 20, 10, 9, 5]


@pytest.mark.parametrize("model", ALL)
def test_stream(messages, gateway, model):
    plain = messages.create(model=model, **ask())
    gateway.forget_records()
    with messages.stream(model=model, **ask()) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == WORDS
    assert final.model == model
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == plain.usage.output_tokens
    assert final.usage.input_tokens == plain.usage.input_tokens
    record = gateway.records(1)[0]
    assert record["completion_tokens"] == plain.usage.output_tokens


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", ALL)
def test_tool_loop(messages, model, streamed):
    body = ask(f"{REPORT} go on", tools=TOOLS, system="be brief")
    if streamed:
        with messages.stream(model=model, **body) as stream:
            answer = stream.get_final_message()
    else:
        answer = messages.create(model=model, **body)
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert [call.name for call in calls] == ["weather", "clock"]
    assert calls[0].input == {"city": "Paris"}
    assert answer.stop_reason == "tool_use"
    body["messages"] += [
        {
            "role": "assistant",
            "content": [block.model_dump() for block in answer.content],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": call.id,
                    "content": "sunny",
                }
                for call in calls
            ],
        },
    ]
    answer = messages.create(model=model, **body)
    said = answer.content[0].text.split("\n")
    assert said[0] == "system: be brief"
    assert said[1:] == [
        f"user: {REPORT} go on",
        'assistant: call weather {"city":"Paris"}',
        'assistant: call clock {"zone":"Paris"}',
        "tool weather: sunny",
        "tool clock: sunny",
    ]


@pytest.mark.parametrize("model", ALL)
def test_image_and_structure(messages, model):
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    content = [
        {"type": "image", "source": source},
        {"type": "text", "text": f"{REPORT} look"},
    ]
    answer = messages.create(model=model, **ask(content))
    assert "user: image image/png 68" in answer.content[0].text
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    answer = messages.create(
        model=model,
        **ask(
            output_config={"format": {"type": "json_schema", "schema": schema}}
        ),
    )
    assert json.loads(answer.content[0].text) == {"city": "Paris"}


def test_what_passes_is_untouched(client, service):
    body = (
        b'{ "max_tokens":5,\t"model" : "claude", "top_k" : 7,'
        b'"messages":[{"role":"user","content":"a\\u0062c"}] }'
    )
    answer = client.post(
        "/v1/messages?beta=true",
        content=body,
        headers={
            "content-type": "application/json",
            "anthropic-version": "2023-06-01",
            "anthropic-beta": "some-2026",
        },
    )
    assert answer.status_code == 200
    sent = service.last()
    assert sent["raw"] == body.replace(b'"claude"', f'"{CLAUDE}"'.encode())
    assert sent["fields"]["anthropic-beta"] == "some-2026"
    assert sent["fields"]["anthropic-version"] == "2023-06-01"


def test_thinking_passes_and_comes_back(messages, service):
    """Where everything passes the client keeps the signatures itself."""
    body = ask(tools=TOOLS[:1], thinking={"type": "adaptive"})
    answer = messages.create(model="claude", **body)
    assert answer.content[0].type == "thinking" and answer.content[0].signature
    call = answer.content[-1]
    body["messages"] += [
        {
            "role": "assistant",
            "content": [block.model_dump() for block in answer.content],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": call.id,
                    "content": "sunny",
                }
            ],
        },
    ]
    assert messages.create(model="claude", **body).stop_reason == "end_turn"


def went_on(body, answer, *blocks):
    """The conversation goes on."""
    said = [block.model_dump() for block in answer.content]
    body["messages"] += [
        {"role": "assistant", "content": said},
        {"role": "user", "content": list(blocks)},
    ]
    return body


def result_of(call):
    return {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}


DROPPED = "x-azurelit-dropped-params"
BUDGET = {"type": "enabled", "budget_tokens": 1024}
OURS = "azurelitUnsigned"
FAMILY = ["claude", "vertex", "bedrock"]


def thought_elsewhere(messages, streamed, **more):
    """An answer that begins with thinking, which comes by a translation."""
    body = ask(max_tokens=3000, thinking=BUDGET, **more)
    if streamed:
        with messages.stream(model="converse", **body) as stream:
            answer = stream.get_final_message()
    else:
        answer = messages.create(model="converse", **body)
    assert answer.content[0].type == "thinking" and answer.content[0].thinking
    assert answer.content[0].signature == OURS
    return body, answer


def last_of(env, model):
    return (env.bedrock if model == "bedrock" else env.anthropic).last()


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", FAMILY)
def test_thinking_of_others(env, messages, model, streamed):
    """Anthropic takes back what it has signed, and nothing else."""
    body, answer = thought_elsewhere(messages, streamed)
    went_on(body, answer, {"type": "text", "text": PROMPT})
    raw = messages.with_raw_response.create(model=model, **body)
    assert DROPPED not in raw.headers
    sent = last_of(env, model)["json"]
    assert sent["thinking"] == BUDGET
    kinds = [block["type"] for block in sent["messages"][1]["content"]]
    assert kinds == ["text"]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", [*FAMILY, "converse"])
def test_tool_loop_thought_by_others(env, messages, model, streamed):
    """A loop that others have begun ends without thinking; who has begun it
    has kept the thoughts."""
    body, answer = thought_elsewhere(messages, streamed, tools=TOOLS[:1])
    call = answer.content[-1]
    assert call.type == "tool_use"
    went_on(body, answer, result_of(call))
    raw = messages.with_raw_response.create(model=model, **body)
    assert raw.parse().stop_reason == "end_turn"
    dropped = raw.headers.get(DROPPED)
    if model == "converse":
        assert not dropped
        assert raw.parse().content[0].type == "thinking"
    else:
        assert dropped == "thinking"
        sent = last_of(env, model)["json"]
        assert "thinking" not in sent
        assert OURS not in json.dumps(sent)


@pytest.mark.parametrize("model", ["converse", "gpt"])
def test_thinking_of_claude(env, messages, model):
    """A loop of tools goes on elsewhere, with what was signed if the model is
    one that signs."""
    body = ask(max_tokens=3000, thinking=BUDGET, tools=TOOLS[:1])
    answer = messages.create(model="claude", **body)
    thought, call = answer.content[0], answer.content[-1]
    assert thought.type == "thinking" and call.type == "tool_use"
    went_on(body, answer, result_of(call))
    raw = messages.with_raw_response.create(model=model, **body)
    assert raw.parse().stop_reason == "end_turn"
    if model == "gpt":
        assert raw.headers[DROPPED] == "thinking_blocks"
    else:
        assert DROPPED not in raw.headers
        said = env.bedrock.last()["json"]["messages"][1]["content"]
        assert said[0]["reasoningContent"]["reasoningText"] == {
            "text": thought.thinking,
            "signature": thought.signature,
        }


CACHE = {"type": "ephemeral"}
POINT = {"cachePoint": {"type": "default"}}


def extras(**more):
    """With what only some upstreams understand."""
    return ask(
        [{"type": "text", "text": PROMPT, "cache_control": CACHE}],
        system=[{"type": "text", "text": "s", "cache_control": CACHE}],
        tools=[{**TOOLS[0], "cache_control": CACHE}],
        tool_choice={"type": "none"},
        extra_body={"top_k": 5},
        **more,
    )


def check_rich(env, raw):
    assert DROPPED not in raw.headers
    sent = env.bedrock.last()["json"]
    assert sent["system"][1] == POINT
    assert sent["messages"][0]["content"][1] == POINT
    assert sent["additionalModelRequestFields"] == {"top_k": 5}


def check_plain(sim, raw):
    assert set(raw.headers[DROPPED].split(",")) == {"cache_control", "top_k"}
    sent = sim.last()["raw"].decode()
    assert "cache_control" not in sent and "top_k" not in sent


def test_extras(env, messages, sim):
    raw = messages.with_raw_response.create(model="converse", **extras())
    check_rich(env, raw)
    raw = messages.with_raw_response.create(model="gpt", **extras())
    check_plain(sim, raw)


def test_extras_go_with_the_attempt(env, messages, sim, log):
    """Each deployment gets what it understands, and what it does not is named
    if it is the one that answers."""
    log.expect("AH01110")
    sim.script({"error": "server", "times": 9})
    raw = messages.with_raw_response.create(model="plain-first", **extras())
    check_rich(env, raw)
    sim.heal()
    env.bedrock.reset()
    env.bedrock.script({"error": "server", "times": 9})
    raw = messages.with_raw_response.create(model="rich-first", **extras())
    check_plain(sim, raw)
    env.bedrock.reset()


def test_what_has_no_place(messages):
    """It is named; the ways it passes have it."""
    more = {"context_management": {"edits": []}}
    for model, dropped in (("gpt", "context_management"), ("claude", None)):
        raw = messages.with_raw_response.create(
            model=model, extra_body=more, **ask()
        )
        assert raw.headers.get(DROPPED) == dropped


def test_billing_header_does_not_go_on(messages, sim, service):
    billing = {
        "type": "text",
        "text": "x-anthropic-billing-header: cc_version=2.1; cch=12345;",
    }
    system = [billing, {"type": "text", "text": "be kind"}]
    messages.create(model="gpt", **ask(system=system))
    assert "billing" not in sim.last()["raw"].decode()
    messages.create(model="claude", **ask(system=system))
    assert service.last()["json"]["system"] == system


def test_azure_fails_over_to_anthropic(messages, gateway, sim, log):
    log.expect("AH01110")
    for behaviour in ({"error": "server"}, {"cut_after": 1}):
        sim.reset()
        sim.script({**behaviour, "times": 9})
        gateway.forget_records()
        with messages.stream(model="both", **ask()) as stream:
            assert "".join(stream.text_stream) == WORDS
        assert gateway.records(1)[0]["endpoint"] == "direct"


@pytest.mark.parametrize("model", ["hosted-first", "converse-first"])
def test_two_ways_to_one_model(env, messages, gateway, model):
    """Where it is hosted it takes the client's own document, by Converse what
    has been made of it: neither gets the other's."""
    env.bedrock.reset()
    env.bedrock.script({"error": "server", "times": 1})
    gateway.forget_records()
    answer = messages.create(
        model=model, **ask(f"{REPORT} look", system="be brief")
    )
    assert answer.content[0].text.split("\n") == [
        "system: be brief",
        f"user: {REPORT} look",
    ]
    assert gateway.records(1)[0]["attempts"] == 2


@pytest.mark.parametrize(
    "name, kind",
    [
        ("rate", anthropic.RateLimitError),
        ("server", anthropic.InternalServerError),
        ("bad_key", anthropic.InternalServerError),
        ("bad_request", anthropic.BadRequestError),
    ],
)
def test_errors(messages, service, sim, log, name, kind):
    log.expect("AZL0034")
    for model in ("claude", "gpt"):
        for upstream in (service, sim):
            upstream.script({"error": name, "times": 9})
        with pytest.raises(kind) as caught:
            messages.create(model=model, **ask())
        assert caught.value.body["type"] == "error"
        assert caught.value.body["error"]["message"]
        assert caught.value.request_id
        for upstream in (service, sim):
            upstream.heal()


def test_errors_of_our_own(gateway, messages, client):
    with pytest.raises(anthropic.NotFoundError) as caught:
        messages.create(model="nobody", **ask())
    assert caught.value.body["error"]["type"] == "not_found_error"
    other = anthropic.Anthropic(
        base_url=gateway.url, api_key="sk-wrong", max_retries=0
    )
    with pytest.raises(anthropic.AuthenticationError):
        other.messages.create(model="gpt", **ask())
    with pytest.raises(anthropic.BadRequestError) as caught:
        messages.create(
            model="gpt",
            **ask(
                [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t",
                        "content": "orphan",
                    }
                ]
            ),
        )
    assert caught.value.body["error"]["message"].startswith(
        "messages[0].content[0]: "
    )


@pytest.mark.parametrize("model", ["claude", "gpt"])
def test_cut_and_failed_streams(messages, service, sim, log, model):
    log.expect("AH01110", "AZL0030")
    for behaviour in (
        {"cut_after": 5},
        {"error_event": 5, "event_error": "overloaded"},
    ):
        for upstream in (service, sim):
            upstream.reset()
            upstream.script(behaviour)
        with pytest.raises(anthropic.APIError):
            with messages.stream(model=model, **ask("one two three four five")
                                 ) as stream:
                for _ in stream:
                    pass


@pytest.mark.parametrize("model", ALL)
def test_count_tokens(messages, model):
    short = messages.count_tokens(
        model=model, messages=[{"role": "user", "content": "hello"}]
    )
    long = messages.count_tokens(
        model=model,
        system="be brief",
        tools=TOOLS,
        messages=[{"role": "user", "content": "hello " * 100}],
    )
    assert 0 < short.input_tokens < long.input_tokens


def test_bearer_keys(gateway):
    client = anthropic.Anthropic(
        base_url=gateway.url, auth_token=gateway.key, max_retries=0
    )
    answer = client.messages.create(model="gpt", **ask())
    assert answer.content[0].text == WORDS
