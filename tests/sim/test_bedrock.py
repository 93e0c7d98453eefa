"""The Bedrock simulator by itself: AWS's SDK accepts it as the service."""

import base64
import json
import random

import pytest
from bedrock_service import (
    CLAUDE,
    DEEPSEEK,
    GPT,
    LLAMA,
    MISTRAL,
    NOVA,
    PROFILE,
    ask,
    connect,
    path_of,
    start,
)
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from botocore.exceptions import ClientError, EventStreamError

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD"
    "hgGAWjR9awAAAABJRU5ErkJggg=="
)
HELLO = [{"role": "user", "content": [{"text": "hello there"}]}]
WEATHER = {
    "toolSpec": {
        "name": "weather",
        "description": "The weather of a city.",
        "inputSchema": {"json": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
        }},
    }
}
CLOCK = {
    "toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object"}}}
}


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    sim = start(tmp_path_factory.mktemp("bedrock"))
    yield sim
    sim.stop()


@pytest.fixture(autouse=True)
def clean(sim):
    sim.reset()


@pytest.fixture(scope="module")
def client(sim):
    return connect(sim)


def events(answer):
    return list(answer["stream"])


def content(answer):
    return answer["output"]["message"]["content"]


def gathered(answer):
    """(content as of a whole answer, stop reason, usage) of a stream."""
    blocks, reason, usage = [], None, None
    for event in events(answer):
        name, given = next(iter(event.items()))
        if name == "contentBlockStart":
            start = given["start"]["toolUse"]
            blocks.append({"toolUse": {**start, "input": ""}})
        elif name == "contentBlockDelta":
            add(blocks, given)
        elif name == "messageStop":
            reason = given["stopReason"]
        elif name == "metadata":
            usage = given["usage"]
    for block in blocks:
        if "toolUse" in block:
            use = block["toolUse"]
            use["input"] = json.loads(use["input"] or "{}")
    return blocks, reason, usage


def add(blocks, given):
    delta = given["delta"]
    if given["contentBlockIndex"] == len(blocks):
        blocks.append(
            {"text": ""}
            if "text" in delta
            else {"reasoningContent": {"reasoningText": {"text": ""}}}
        )
    block = blocks[given["contentBlockIndex"]]
    if "text" in delta:
        block["text"] += delta["text"]
    elif "toolUse" in delta:
        block["toolUse"]["input"] += delta["toolUse"]["input"]
    else:
        words = block["reasoningContent"]["reasoningText"]
        for name, value in delta["reasoningContent"].items():
            words[name] = words.get(name, "") + value


def converse(client, stream, **request):
    """(content, stop reason, usage)"""
    request.setdefault("modelId", CLAUDE)
    request.setdefault("messages", HELLO)
    if stream:
        return gathered(client.converse_stream(**request))
    answer = client.converse(**request)
    return content(answer), answer["stopReason"], answer["usage"]


either = pytest.mark.parametrize("stream", [False, True])


# ----------------------------------------------------------------- Converse


@pytest.mark.parametrize("model", [CLAUDE, NOVA, PROFILE])
@either
def test_text(client, model, stream):
    blocks, reason, usage = converse(client, stream, modelId=model)
    assert blocks == [{"text": "You said: hello there"}]
    assert reason == "end_turn"
    assert usage["inputTokens"] == 9
    assert usage["outputTokens"] == 4
    assert usage["totalTokens"] == 13


def test_order_of_the_events(client):
    names = [
        next(iter(event))
        for event in events(client.converse_stream(
            modelId=CLAUDE,
            messages=HELLO,
            toolConfig={"tools": [WEATHER, CLOCK]},
            additionalModelRequestFields={
                "thinking": {"type": "enabled", "budget_tokens": 1024}
            },
        ))
    ]
    short = []
    for name in names:
        if short[-1:] != [name]:
            short.append(name)
    assert short == [
        "messageStart",
        # of the reasoning, which has no start
        "contentBlockDelta", "contentBlockStop",
        "contentBlockStart", "contentBlockDelta", "contentBlockStop",
        # without arguments
        "contentBlockStart", "contentBlockStop",
        "messageStop", "metadata",
    ]


def test_what_arrives(client):
    messages = [
        {"role": "user", "content": [
            {"text": "look"},
            {"image": {"format": "png", "source": {"bytes": PNG}}},
            {"document": {
                "format": "pdf",
                "name": "a (1)",
                "source": {"bytes": b"%PDF-1.7"},
            }},
        ]},
        {"role": "assistant", "content": [{"text": "seen"}]},
        {"role": "user", "content": [{"text": "SIM-REPORT"}]},
    ]
    answer = client.converse(
        modelId=CLAUDE, messages=messages, system=[{"text": "Be brief."}]
    )
    assert content(answer)[0]["text"].split("\n") == [
        "system: Be brief.",
        "user: look",
        f"user: image image/png {len(PNG)}",
        "user: file application/pdf 8",
        "assistant: seen",
        "user: SIM-REPORT",
    ]


@pytest.mark.parametrize("model", [CLAUDE, NOVA, MISTRAL])
@either
def test_calls_and_their_results(client, model, stream):
    config = {"tools": [WEATHER, CLOCK]}
    blocks, reason, _ = converse(
        client, stream, modelId=model, toolConfig=config
    )
    assert reason == "tool_use"
    uses = [block["toolUse"] for block in blocks]
    assert [(use["name"], use["input"]) for use in uses] == [
        ("weather", {"city": "Paris"}), ("clock", {})
    ]
    messages = HELLO + [
        {"role": "assistant", "content": blocks},
        {"role": "user", "content": [
            {"toolResult": {
                "toolUseId": uses[0]["toolUseId"],
                "content": [{"text": "sunny"}],
            }},
            {"toolResult": {
                "toolUseId": uses[1]["toolUseId"],
                "content": [{"json": {"hour": 12}}],
                "status": "error",
            }},
        ]},
    ]
    given = converse(
        client, stream, modelId=model, toolConfig=config, messages=messages
    )
    assert given[:2] == ([{"text": "You said: hello there"}], "end_turn")


def test_report_of_results(sim, client):
    messages = HELLO + [
        {"role": "assistant", "content": [
            {"toolUse": {"toolUseId": "a.b:1", "name": "weather",
                         "input": {"city": "Oslo"}}},
        ]},
        {"role": "user", "content": [
            {"toolResult": {"toolUseId": "a.b:1",
                            "content": [{"json": {"hour": 12}}]}},
            {"text": "SIM-REPORT"},
        ]},
    ]
    sim.script({"tools": 0})
    answer = client.converse(
        modelId=LLAMA, messages=messages, toolConfig={"tools": [CLOCK]}
    )
    assert content(answer)[0]["text"].split("\n") == [
        "user: hello there",
        'assistant: call weather {"city":"Oslo"}',
        'tool weather: {"hour":12}',
        "user: SIM-REPORT",
    ]


@pytest.mark.parametrize(
    "choice, names",
    [
        ({"auto": {}}, ["weather", "clock"]),
        ({"any": {}}, ["weather", "clock"]),
        ({"tool": {"name": "clock"}}, ["clock"]),
    ],
    ids=["auto", "any", "tool"],
)
def test_choice(client, choice, names):
    answer = client.converse(
        modelId=NOVA,
        messages=HELLO,
        toolConfig={"tools": [WEATHER, CLOCK], "toolChoice": choice},
    )
    assert [one["toolUse"]["name"] for one in content(answer)] == names


def test_structured(client):
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"}, "day": {"type": "integer"}
        },
        "required": ["city", "day"],
        "additionalProperties": False,
    }
    answer = client.converse(
        modelId=CLAUDE,
        messages=HELLO,
        outputConfig={"textFormat": {
            "type": "json_schema",
            "structure": {"jsonSchema": {
                "name": "place", "schema": json.dumps(schema)
            }},
        }},
    )
    assert json.loads(content(answer)[0]["text"]) == {
        "city": "Paris", "day": 7
    }


@pytest.mark.parametrize(
    "model, fields, signed",
    [
        (
            CLAUDE,
            {"thinking": {"type": "enabled", "budget_tokens": 1024}},
            True,
        ),
        (GPT, {"reasoning_effort": "high"}, False),
        (DEEPSEEK, {}, False),
        (
            NOVA,
            {"reasoningConfig": {
                "type": "enabled", "maxReasoningEffort": "low"
            }},
            False,
        ),
    ],
)
@either
def test_reasoning(client, model, fields, signed, stream):
    blocks, _, usage = converse(
        client, stream, modelId=model, additionalModelRequestFields=fields
    )
    words = blocks[0]["reasoningContent"]["reasoningText"]
    assert words["text"] == "Thinking it over."
    assert ("signature" in words) == signed
    assert blocks[1] == {"text": "You said: hello there"}
    assert usage["outputTokens"] == 68


def test_reasoning_comes_back(client):
    """With its signature, as Claude wants it in a loop of tools."""
    fields = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    config = {"tools": [WEATHER]}
    answer = client.converse(
        modelId=CLAUDE,
        messages=HELLO,
        toolConfig=config,
        additionalModelRequestFields=fields,
    )
    history = HELLO + [
        answer["output"]["message"],
        {"role": "user", "content": [{"toolResult": {
            "toolUseId": content(answer)[1]["toolUse"]["toolUseId"],
            "content": [{"text": "sunny"}],
        }}]},
    ]

    def again():
        return client.converse(
            modelId=CLAUDE,
            messages=history,
            toolConfig=config,
            additionalModelRequestFields=fields,
        )

    assert again()["stopReason"] == "end_turn"
    words = content(answer)[0]["reasoningContent"]["reasoningText"]
    words["text"] = "I thought of something else."
    with pytest.raises(ClientError, match="signature"):
        again()


def test_redacted(sim, client):
    sim.script({"redacted": True, "times": 2})
    block = content(client.converse(modelId=CLAUDE, messages=HELLO))[0]
    secret = block["reasoningContent"]["redactedContent"]
    assert isinstance(secret, bytes) and secret
    got = [
        event["contentBlockDelta"]["delta"]
        for event in events(
            client.converse_stream(modelId=CLAUDE, messages=HELLO)
        )
        if "contentBlockDelta" in event
    ]
    assert got[0]["reasoningContent"]["redactedContent"]


@either
def test_ends(sim, client, stream):
    blocks, reason, _ = converse(
        client, stream, inferenceConfig={"maxTokens": 3}
    )
    assert (blocks, reason) == ([{"text": "You said: hello"}], "max_tokens")
    blocks, reason, _ = converse(
        client, stream, inferenceConfig={"stopSequences": [" there"]}
    )
    assert (blocks, reason) == ([{"text": "You said: hello"}], "stop_sequence")
    sim.script({"finish": "content_filter"}, {"finish": "malformed_tool_use"})
    blocks, reason, _ = converse(client, stream)
    assert (blocks, reason) == ([], "content_filtered")
    assert converse(client, stream)[1] == "malformed_tool_use"


def test_call_that_is_broken_off(sim, client):
    sim.script({"finish": "length"})
    parts = [
        event["contentBlockDelta"]["delta"]["toolUse"]["input"]
        for event in events(client.converse_stream(
            modelId=NOVA, messages=HELLO, toolConfig={"tools": [WEATHER]}
        ))
        if "contentBlockDelta" in event
    ]
    assert "".join(parts) == '{"city":'


def test_cached_tokens(sim, client):
    sim.script({"cached": 100, "cache_written": 20})
    usage = client.converse(modelId=CLAUDE, messages=HELLO)["usage"]
    assert usage["inputTokens"] == 9
    assert usage["cacheReadInputTokens"] == 100
    assert usage["cacheWriteInputTokens"] == 20
    assert usage["totalTokens"] == 133
    assert sim.usage()["prompt_tokens"] == 129


def test_count_tokens(client):
    assert client.count_tokens(
        modelId=CLAUDE, input={"converse": {"messages": HELLO}}
    )["inputTokens"] == 9


# ------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "name, status, kind",
    [
        ("bad_request", 400, "ValidationException"),
        ("too_long", 400, "ValidationException"),
        ("quota", 400, "ServiceQuotaExceededException"),
        ("no_permission", 403, "AccessDeniedException"),
        ("expired", 403, "ExpiredTokenException"),
        ("no_model", 404, "ResourceNotFoundException"),
        ("timeout", 408, "ModelTimeoutException"),
        ("model", 424, "ModelErrorException"),
        ("rate", 429, "ThrottlingException"),
        ("not_ready", 429, "ModelNotReadyException"),
        ("server", 500, "InternalServerException"),
        ("overloaded", 503, "ServiceUnavailableException"),
    ],
)
def test_errors(sim, client, name, status, kind):
    sim.script({"error": name, "times": 2})
    for call in (client.converse, client.converse_stream):
        with pytest.raises(ClientError) as caught:
            call(modelId=NOVA, messages=HELLO)
        answer = caught.value.response
        assert answer["Error"]["Code"] == kind
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
        assert answer["ResponseMetadata"]["RequestId"]
    client.converse(modelId=NOVA, messages=HELLO)


@pytest.mark.parametrize(
    "name, kind",
    [
        ("rate", "throttlingException"),
        ("server", "internalServerException"),
        ("overloaded", "serviceUnavailableException"),
        ("model", "modelStreamErrorException"),
        ("bad_request", "validationException"),
    ],
)
@pytest.mark.parametrize("at", [0, 3])
def test_exceptions_in_the_stream(sim, client, name, kind, at):
    sim.script({"error_event": at, "event_error": name})
    stream = client.converse_stream(modelId=NOVA, messages=HELLO)["stream"]
    got = []
    with pytest.raises(EventStreamError, match=kind):
        for event in stream:
            got.append(event)
    assert len(got) == at


def test_error_frame(sim, client):
    sim.script({"error_frame": 2})
    with pytest.raises(EventStreamError, match="InternalError"):
        events(client.converse_stream(modelId=NOVA, messages=HELLO))


@pytest.mark.parametrize(
    "behaviour", [{"split": 1}, {"split": 7}, {"rare_headers": True}], ids=str
)
def test_frames(sim, client, behaviour):
    sim.script(behaviour)
    assert converse(client, True)[0] == [{"text": "You said: hello there"}]


def stream_bytes(sim, *behaviours):
    sim.script(*behaviours)
    path = path_of(NOVA, "converse-stream")
    return ask(sim, path, {"messages": HELLO})[1:]


@pytest.mark.parametrize("fault", ["bad_crc", "bad_prelude", "bad_payload"])
def test_wrong_checksums(sim, fault):
    answer, data = stream_bytes(sim, {fault: 3})
    assert answer.getheader("content-type") == (
        "application/vnd.amazon.eventstream"
    )
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    read = []
    with pytest.raises(ChecksumMismatch):
        for event in buffer:
            read.append(event)
    assert len(read) == 3


def test_truncated_frame(sim):
    _, whole = stream_bytes(sim, {})
    answer, data = stream_bytes(sim, {"truncated": 3})
    assert answer.getheader("x-amzn-requestid")
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    assert len(list(buffer)) == 3
    assert whole.startswith(data) and data != whole


def test_padding_and_unknown_event(sim):
    _, data = stream_bytes(sim, {"unknown": True})
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    read = list(buffer)
    assert all("p" in json.loads(one.payload) for one in read)
    kinds = [one.headers[":event-type"] for one in read]
    assert kinds[-3:] == ["glimmer", "messageStop", "metadata"]


def test_malformed_payload(sim):
    _, data = stream_bytes(sim, {"malformed": 1})
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    with pytest.raises(ValueError):
        json.loads(list(buffer)[1].payload)


def test_split_anywhere(sim):
    """The frames mean the same however they are cut."""
    _, data = stream_bytes(sim, {})
    whole = EventStreamBuffer()
    whole.add_data(data)
    expected = [one.payload for one in whole]
    cut = random.Random(7)
    for _ in range(20):
        buffer, read, at = EventStreamBuffer(), [], 0
        while at < len(data):
            step = cut.randint(1, 40)
            buffer.add_data(data[at : at + step])
            read += [one.payload for one in buffer]
            at += step
        assert read == expected
