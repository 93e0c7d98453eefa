"""The Bedrock simulator by itself: AWS's SDK accepts it as the service."""

import base64
import http.client
import json
import os
import random
from pathlib import Path

import boto3
import openai
import pytest
from bedrock_sim import shapes
from bedrock_sim.rules import Rules
from botocore.config import Config
from botocore.eventstream import (
    ChecksumMismatch,
    EventStreamBuffer,
)
from botocore.exceptions import ClientError, EventStreamError
from simulator import Simulator

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "us.amazon.nova-micro-v1:0"
LLAMA = "us.meta.llama4-maverick-17b-instruct-v1:0"
MISTRAL = "mistral.mistral-large-2407-v1:0"
DEEPSEEK = "us.deepseek.r1-v1:0"
GPT = "openai.gpt-oss-120b-1:0"
PROFILE = (
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/"
    "sim0123456789"
)
TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-multilingual-v3"
RERANK = "cohere.rerank-v3-5:0"
MODELS = [
    CLAUDE, NOVA, LLAMA, MISTRAL, DEEPSEEK, GPT, PROFILE, TITAN, COHERE, RERANK
]
KEY = "bedrock-api-key-sim"
KEY_ID = "AKIASIMULATOR0000001"
SECRET = "simulated/secret+key"
REGION = "us-east-1"
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
    sim = Simulator(
        tmp_path_factory.mktemp("bedrock"),
        MODELS,
        KEY,
        "--access-key",
        f"{KEY_ID}:{SECRET}",
        provider="bedrock",
    )
    yield sim
    sim.stop()


@pytest.fixture(autouse=True)
def clean(sim):
    sim.reset()


@pytest.fixture(scope="module", autouse=True)
def environment():
    """Nothing of this machine's own AWS."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("AWS_"):
                patch.delenv(name)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


def connect(sim, service="bedrock-runtime", region=REGION, **more):
    given = {
        "aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET, **more
    }
    return boto3.client(
        service,
        endpoint_url=sim.url,
        region_name=region,
        config=Config(retries={"max_attempts": 0}),
        **given,
    )


@pytest.fixture
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
    path = f"/model/{NOVA.replace(':', '%3A')}/converse-stream"
    return raw(sim, path, {"messages": HELLO})


def raw(sim, path, body, headers=None, method="POST"):
    connection = http.client.HTTPConnection(sim.host, sim.port)
    if not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    connection.request(
        method, path, body, headers or {"Authorization": "Bearer " + KEY}
    )
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer, data


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


# ------------------------------------------------------------------ invoke


def invoke(client, model, body):
    answer = client.invoke_model(modelId=model, body=json.dumps(body))
    return json.load(answer["body"])


def anthropic(**more):
    return {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "hello"}],
        **more,
    }


def test_invoke_claude(client):
    answer = invoke(client, CLAUDE, anthropic())
    assert answer["content"][0]["text"] == "You said: hello"
    stream = client.invoke_model_with_response_stream(
        modelId=CLAUDE, body=json.dumps(anthropic())
    )
    told = [json.loads(event["chunk"]["bytes"]) for event in stream["body"]]
    assert told[0]["type"] == "message_start"
    assert told[-1]["type"] == "message_stop"


@pytest.mark.parametrize(
    "body, why",
    [
        (anthropic(model=CLAUDE), "extraneous key"),
        (anthropic(stream=True), "extraneous key"),
        (anthropic(anthropic_version="2023-06-01"), "not known"),
        ({"messages": []}, "anthropic_version"),
        (anthropic(messages=[]), "at least one message"),
    ],
)
def test_invoke_rules(client, body, why):
    with pytest.raises(ClientError, match=why):
        invoke(client, CLAUDE, body)


def test_titan(client):
    body = {"inputText": "two words", "dimensions": 256}
    answer = invoke(client, TITAN, body)
    assert len(answer["embedding"]) == 256
    assert answer["inputTextTokenCount"] == 2
    assert answer["embeddingsByType"]["float"] == answer["embedding"]


def test_cohere(client):
    body = {"texts": ["a", "b"], "input_type": "search_document"}
    vectors = invoke(client, COHERE, body)["embeddings"]
    assert len(vectors) == 2 and vectors[0] != vectors[1]
    body["embedding_types"] = ["float"]
    assert invoke(client, COHERE, body)["embeddings"] == {"float": vectors}


@pytest.mark.parametrize(
    "model, body, why",
    [
        (TITAN, {"inputText": "a", "input": "a"}, "extraneous key"),
        (TITAN, {}, "required key"),
        (TITAN, {"inputText": ["a"]}, "expected type"),
        (TITAN, {"inputText": "a", "dimensions": 7}, "enum"),
        (COHERE, {"texts": ["a"]}, "required key"),
        (COHERE, {"texts": ["a"], "input_type": "x"}, "enum"),
        (COHERE, {"texts": ["a"] * 97, "input_type": "search_query"}, "96"),
        (COHERE, {"texts": [], "input_type": "search_query"}, "96"),
        (RERANK, {"query": "a", "documents": ["b"]}, "required key"),
        (NOVA, {}, "not simulated"),
    ],
)
def test_rules_of_invoke(client, model, body, why):
    with pytest.raises(ClientError, match=why):
        invoke(client, model, body)


DOCUMENTS = ["a red car", "the blue whale is big", "blue"]
RANKS = [(1, 1.0), (2, 0.5), (0, 0.0)]


def test_rerank(sim, client):
    answer = connect(sim, "bedrock-agent-runtime").rerank(
        queries=[{"type": "TEXT", "textQuery": {"text": "blue whale"}}],
        sources=[
            {"type": "INLINE", "inlineDocumentSource": {
                "type": "TEXT", "textDocument": {"text": words}
            }}
            for words in DOCUMENTS
        ],
        rerankingConfiguration={
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {
                "numberOfResults": 2,
                "modelConfiguration": {
                    "modelArn": f"arn:aws:bedrock:{REGION}::foundation-model/"
                    + RERANK
                },
            },
        },
    )
    assert [
        (one["index"], one["relevanceScore"]) for one in answer["results"]
    ] == RANKS[:2]
    answer = invoke(client, RERANK, {
        "query": "blue whale", "documents": DOCUMENTS, "api_version": 2
    })
    assert [
        (one["index"], one["relevance_score"]) for one in answer["results"]
    ] == RANKS


def test_openai_compatible(sim):
    client = openai.OpenAI(
        base_url=sim.url + "/openai/v1", api_key=KEY, max_retries=0
    )
    asked = {"model": GPT, "messages": [{"role": "user", "content": "hello"}]}
    answer = client.chat.completions.create(**asked)
    assert answer.choices[0].message.content == "You said: hello"
    chunks = list(client.chat.completions.create(**asked, stream=True))
    assert "".join(
        choice.delta.content or "" for c in chunks for choice in c.choices
    ) == "You said: hello"
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(**{**asked, "model": "none"})
    sim.script({"error": "rate"})
    with pytest.raises(openai.RateLimitError, match="Too many requests"):
        client.chat.completions.create(**asked)


# -------------------------------------------------------------- the requests


def ask(sim, body, model=CLAUDE):
    """What is wrong with this body, or None."""
    path = f"/model/{model.replace(':', '%3A')}/converse"
    answer, data = raw(sim, path, body)
    if answer.status == 200:
        return None
    assert answer.status == 400
    kind = answer.getheader("x-amzn-errortype")
    assert kind.startswith(("Validation", "Serialization"))
    return json.loads(data)["message"]


def user(*content):
    return {"role": "user", "content": list(content)}


def assistant(*content):
    return {"role": "assistant", "content": list(content)}


def said(*messages, **more):
    return {"messages": list(messages), **more}


def use(number="t1", name="weather", given=None):
    given = {} if given is None else given
    return {"toolUse": {"toolUseId": number, "name": name, "input": given}}


def result(number="t1", *content):
    content = list(content) or [{"text": "sunny"}]
    return {"toolResult": {"toolUseId": number, "content": content}}


def document(name="a", **more):
    return {"document": {
        "format": "txt", "name": name, "source": {"bytes": "YWJj"}, **more
    }}


def image(data, kind="png"):
    return {"image": {"format": kind, "source": {"bytes": data}}}


TEXT = {"text": "hi"}
TOOLS = {"toolConfig": {"tools": [WEATHER]}}


def spec(**more):
    return {"toolConfig": {"tools": [
        {"toolSpec": {**CLOCK["toolSpec"], **more}}
    ]}}


@pytest.mark.parametrize(
    "body, why",
    [
        ("[]", "no JSON object"),
        ("{", "no JSON object"),
        ({}, "at least one message"),
        (said(), "at least one message"),
        (said(user(TEXT), user(TEXT)), "alternate"),
        (said(user()), "is empty"),
        (said(user({"text": " \n"})), "blank"),
        (said(user({"text": None})), "not be null"),
        (said(user(TEXT), system=None), "not be null"),
        (said(user(TEXT), system=[{"text": ""}]), "length greater than"),
        (said(user(TEXT), system=[{"text": " "}]), "blank"),
        (said(user({"type": "text", **TEXT})), "extraneous key"),
        (said(user(TEXT), temperature=1), "extraneous key"),
        (said(user(TEXT), modelId=CLAUDE), "extraneous key"),
        (said({"role": "tool", "content": [TEXT]}), "enum value set"),
        (said({"role": "system", "content": [TEXT]}), "user or assistant"),
        (said({"role": "user", "content": "hi"}), "be a list"),
        (said({"content": [TEXT]}), "'messages.1.member.role'"),
        (
            said(user(TEXT), inferenceConfig={"temperature": 1.5}),
            "less than or equal to 1",
        ),
        (
            said(user(TEXT), inferenceConfig={"maxTokens": 0}),
            "greater than or equal to 1",
        ),
        (
            said(user(TEXT), inferenceConfig={"topP": "1"}),
            "be a float",
        ),
        (said(user(TEXT, use())), "not an assistant's"),
        (said(user(TEXT), assistant(result())), "not a user's"),
        (said(user(TEXT), assistant(use()), user(result())), "toolConfig"),
        (said(user(TEXT), assistant(use()), **TOOLS), "not end with"),
        (
            said(user(TEXT), assistant(use()), user(TEXT), **TOOLS),
            "Expected toolResult blocks",
        ),
        (
            said(user(TEXT), assistant(use()), user(result("t2")), **TOOLS),
            "Expected toolResult blocks",
        ),
        (said(user(result()), **TOOLS), "exceeds the number"),
        (
            said(
                user(TEXT), assistant(use(), use()),
                user(result(), result()), **TOOLS
            ),
            "Expected toolResult|Duplicate",
        ),
        (
            said(
                user(TEXT), assistant(use("a/b")), user(result("a/b")), **TOOLS
            ),
            "regular expression",
        ),
        (
            said(
                user(TEXT), assistant(use("x" * 65)), user(result("x" * 65)),
                **TOOLS
            ),
            "length less than",
        ),
        (
            said(user(TEXT), assistant(use(given=[])), user(result()), **TOOLS),
            "json object",
        ),
        (
            said(
                user(TEXT), assistant(use()), user(result("t1", {"text": ""})),
                **TOOLS
            ),
            "blank",
        ),
        (
            said(
                user(TEXT), assistant(use()), user(result("t1", {"json": []})),
                **TOOLS
            ),
            "json object",
        ),
        (said(user(TEXT), toolConfig={"tools": []}), "length greater than"),
        (said(user(TEXT), **spec(name="a.b")), "regular expression"),
        (said(user(TEXT), **spec(name="x" * 65)), "length less than"),
        (said(user(TEXT), **spec(description="")), "length greater than"),
        (said(user(TEXT), **spec(inputSchema={})), "exactly one member"),
        (said(user(TEXT), **spec(inputSchema={"json": {}})), "object."),
        (
            said(user(TEXT), toolConfig={"tools": [
                {"toolSpec": {"name": "a"}}
            ]}),
            "toolSpec.inputSchema",
        ),
        (
            said(user(TEXT), toolConfig={"tools": [WEATHER, WEATHER]}),
            "Duplicate tool name",
        ),
        (
            said(user(TEXT), toolConfig={
                "tools": [WEATHER], "toolChoice": {"tool": {"name": "x"}}
            }),
            "no tool x",
        ),
        (
            said(user(TEXT), toolConfig={
                "tools": [WEATHER], "toolChoice": {"none": {}}
            }),
            "extraneous key",
        ),
        (said(user(document())), "a text block"),
        (said(user(TEXT, document("a.txt"))), "document file name"),
        (said(user(TEXT, document("a  b"))), "document file name"),
        (said(user(TEXT, document(""))), "length greater than"),
        (said(user(TEXT, document(), document())), "Duplicate document"),
        (
            said(user(TEXT, *(document(str(at)) for at in range(6)))),
            "more than 5",
        ),
        (said(user(TEXT), assistant(document(), TEXT)), "not a user's"),
        (said(user(TEXT, document(format="exe"))), "enum value set"),
        (said(user(image("!"))), "be base64"),
        (said(user(image("YWJj"))), "Could not process image"),
        (said(user(image("YWJj", "jpg"))), "enum value set"),
        (
            said(user({"image": {"format": "png", "source": {"url": "x"}}})),
            "extraneous key",
        ),
        (
            said(user(TEXT), outputConfig={"textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": {"type": "object"}}},
            }}),
            "be a string",
        ),
        (
            said(user(TEXT), outputConfig={"textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": "{"}},
            }}),
            "no JSON schema",
        ),
        (said(user(TEXT), requestMetadata={}), "length greater than"),
        (said(user(TEXT), serviceTier={"type": "best"}), "enum value set"),
        (said(user(TEXT), additionalModelRequestFields=[]), "an object"),
        # Claude's own rules.
        (
            said(user(TEXT), additionalModelRequestFields={"top_p": "x"}),
            "The model returned",
        ),
        (
            said(user(TEXT), additionalModelRequestFields={"seed": 1}),
            "The model returned",
        ),
    ],
)
def test_rules(sim, body, why):
    message = ask(sim, body)
    assert message and any(one in message for one in why.split("|")), message


def test_rules_of_models(sim):
    forced = said(user(TEXT), toolConfig={
        "tools": [WEATHER], "toolChoice": {"any": {}}
    })
    assert ask(sim, forced, NOVA) is None
    assert ask(sim, forced, MISTRAL) is None
    assert "toolChoice.any" in ask(sim, forced, LLAMA)
    named = said(user(TEXT), toolConfig={
        "tools": [WEATHER], "toolChoice": {"tool": {"name": "weather"}}
    })
    assert ask(sim, named, NOVA) is None
    assert "toolChoice.tool" in ask(sim, named, MISTRAL)

    def called(number):
        return said(
            user(TEXT), assistant(use(number)), user(result(number)), **TOOLS
        )

    assert ask(sim, called("abcdeFG12"), MISTRAL) is None
    assert "length of 9" in ask(sim, called("tooluse_1"), MISTRAL)
    assert ask(sim, called("tooluse_1.a:b"), CLAUDE) is None
    assert "identifier is invalid" in ask(sim, said(user(TEXT)), "none")


RECORDINGS = os.environ.get("AZURELIT_RECORDINGS")


@pytest.mark.skipif(not RECORDINGS, reason="AZURELIT_RECORDINGS is not set")
def test_what_the_service_took_is_taken():
    folder = Path(RECORDINGS)
    taken = 0
    for entry in json.loads((folder / "manifest.json").read_text()):
        if not entry["kind"].startswith("bedrock-converse"):
            continue
        body = json.loads((folder / entry["dir"] / "request.json").read_text())
        shapes.check("bedrock-runtime", "ConverseRequest", body)
        Rules(body, entry["uri"])
        taken += 1
    assert taken > 30


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
