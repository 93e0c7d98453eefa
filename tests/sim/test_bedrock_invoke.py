"""What the Bedrock simulator has beside Converse: InvokeModel, embeddings,
Rerank and the chat completions."""

import json

import openai
import pytest
from bedrock_service import (
    CLAUDE,
    COHERE,
    GPT,
    KEY,
    NOVA,
    REGION,
    RERANK,
    TITAN,
    connect,
    start,
)
from botocore.exceptions import ClientError


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
    sim.script({"error_event": 2, "event_error": "not_ready"})
    with pytest.raises(openai.APIError, match="not ready"):
        list(client.chat.completions.create(**asked, stream=True))
    orphan = {"role": "tool", "tool_call_id": "a", "content": "b"}
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=GPT, messages=[orphan])


def test_reasoning_of_chat(sim):
    client = openai.OpenAI(
        base_url=sim.url + "/openai/v1", api_key=KEY, max_retries=0
    )
    asked = {
        "model": GPT,
        "messages": [{"role": "user", "content": "hello"}],
        "reasoning_effort": "low",
    }
    message = client.chat.completions.create(**asked).choices[0].message
    assert message.reasoning == "Thinking it over."
    deltas = [
        chunk.choices[0].delta
        for chunk in client.chat.completions.create(**asked, stream=True)
    ]
    assert deltas[0].role == "assistant"
    words = [getattr(delta, "reasoning", None) or "" for delta in deltas]
    assert "".join(words) == "Thinking it over."
    assert words.index("Thinking") == 1
    assert "".join(one.content or "" for one in deltas) == "You said: hello"
