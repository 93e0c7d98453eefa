"""Embeddings and rerank at upstreams of all kinds."""

import base64
import json
import struct

import bedrock_service
import httpx
import pytest
import sdk
import sdk_node
from ask import error_of
from simulator import Simulator

GEMINI = "gemini-embedding-001"
MANY = "text-embedding-005"
PROJECT = "/v1/projects/sim-project/locations/eu/publishers/google"
TEXTS = ["one", "two three"]
# What a document may be without being rewritten as a whole.
HELD = 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def services(env):
    google = Simulator(
        env.root / "google",
        [GEMINI, MANY],
        env.sim_key,
        "--token",
        env.sim_key,
        provider="gemini",
    )
    floats = Simulator(
        env.root / "ollama",
        ["emb"],
        env.sim_key,
        "--mode",
        "openai",
        "--quirk",
        "ollama",
    )
    bedrock = bedrock_service.start(env.root / "bedrock")
    env.google, env.floats, env.bedrock = google, floats, bedrock
    started = [google, floats, bedrock]
    env.simulators += started
    env.secrets.append(bedrock_service.KEY)
    yield
    for sim in started:
        env.simulators.remove(sim)
        sim.stop()


@pytest.fixture(autouse=True)
def fresh(env, services):
    for sim in (env.google, env.floats, env.bedrock):
        sim.reset()


def configure(env, sim):
    env.environment["BEDROCK_KEY"] = bedrock_service.KEY
    return (
        env.conf()
        .add("AzureLITCooldown off", "AzureLITRetry 0")
        .endpoint("gem", env.google.url, "dialect=gemini")
        .endpoint("ver", env.google.url + PROJECT, "dialect=gemini")
        .endpoint("oai", env.plain.url, "dialect=openai")
        .endpoint("oll", env.floats.url, "dialect=openai")
        .endpoint(
            "aws",
            env.bedrock.url,
            "dialect=bedrock",
            credential="env:BEDROCK_KEY",
        )
        .endpoint("az", sim.url)
        .model("gemini", "gem/" + GEMINI)
        .model("vertex", "ver/" + MANY)
        .model("openai", "oai/emb")
        .model("ollama", "oll/emb")
        .model("titan", "aws/" + bedrock_service.TITAN)
        .model("cohere", "aws/" + bedrock_service.COHERE)
        .model("azure", "az/emb")
        .model("rank", "oai/d1")
        .model("rank-aws", "aws/" + bedrock_service.RERANK)
    )


LISTS = ["gemini", "vertex", "openai", "ollama", "cohere", "azure"]


@pytest.mark.parametrize("alias", LISTS)
def test_python(sdk_client, alias):
    sdk.embeddings(sdk_client, alias)


@pytest.mark.parametrize("alias", LISTS)
def test_node(gateway, alias):
    results = sdk_node.run(
        kind="openai",
        baseURL=gateway.url + "/v1",
        key=gateway.key,
        model=alias,
        strict=True,
        checks=["embeddings"],
    )
    assert results == {"embeddings": "ok"}


def test_titan_takes_one_text(client, sdk_client):
    one = sdk_client.embeddings.create(model="titan", input="one two")
    assert len(one.data) == 1 and one.usage.prompt_tokens == 2
    plain = sdk_client.embeddings.create(
        model="titan", input=["one two"], encoding_format="float"
    )
    assert plain.data[0].embedding == one.data[0].embedding
    answer = client.post(
        "/v1/embeddings", json={"model": "titan", "input": TEXTS}
    )
    error = error_of(answer, 400, "invalid_value")
    assert error["param"] == "input" and "one text" in error["message"]


@pytest.mark.parametrize("alias", ["gemini", "vertex", "titan", "cohere"])
def test_tokens_are_refused(client, alias):
    for tokens in ([1, 2], [[1, 2]]):
        answer = client.post(
            "/v1/embeddings", json={"model": alias, "input": tokens}
        )
        error = error_of(answer, 400, "invalid_value")
        assert error["param"] == "input[0]" and "tokens" in error["message"]


def test_sizes_and_purposes(client, gateway):
    def ask(alias, **more):
        answer = client.post(
            "/v1/embeddings", json={"model": alias, "input": "one", **more}
        )
        assert answer.status_code == 200, answer.text
        return len(answer.json()["data"][0]["embedding"])

    assert ask("gemini", dimensions=16, input_type="search_query") == 16
    one = gateway.google.last()["json"]["requests"][0]
    assert one["taskType"] == "RETRIEVAL_QUERY"
    assert ask("vertex", dimensions=16) == 16
    assert ask("titan", dimensions=256) == 256
    ask("cohere", input_type="search_query")
    assert gateway.bedrock.last()["json"]["input_type"] == "search_query"
    answer = client.post(
        "/v1/embeddings",
        json={"model": "cohere", "input": "one", "dimensions": 256},
    )
    error = error_of(answer, 400, "unsupported_parameter")
    assert error["param"] == "dimensions"


def test_what_is_counted(client, gateway):
    for alias in LISTS:
        client.post("/v1/embeddings", json={"model": alias, "input": TEXTS})
    records = gateway.records(len(LISTS))
    assert [one["prompt_tokens"] for one in records] == [3] * len(LISTS)


@pytest.mark.parametrize("packed", [False, True], ids=["arrays", "base64"])
def test_answers_that_are_large(client, gateway, packed):
    """Larger than what is held: arrays are encoded all the same, and what is
    right passes as it is."""
    alias = "openai" if packed else "ollama"
    body = {
        "model": alias,
        "input": [f"text {number}" for number in range(200)],
        "dimensions": 1536,
    }
    plain = client.post(
        "/v1/embeddings", json={**body, "encoding_format": "float"}
    )
    assert len(plain.content) > HELD
    answer = client.post(
        "/v1/embeddings", json={**body, "encoding_format": "base64"}
    )
    assert answer.status_code == 200
    want = [one["embedding"] for one in plain.json()["data"]]
    for one, values in zip(answer.json()["data"], want):
        raw = base64.b64decode(one["embedding"])
        assert list(struct.unpack(f"<{len(values)}f", raw)) == values
    assert answer.json()["model"] == alias


def test_errors(client, gateway):
    gateway.google.script({"error": "rate"})
    answer = client.post(
        "/v1/embeddings", json={"model": "gemini", "input": "one"}
    )
    error_of(answer, 429, "rate_limit_exceeded")
    gateway.bedrock.script({"error": "bad_request"})
    answer = client.post(
        "/v1/embeddings", json={"model": "cohere", "input": "one"}
    )
    assert answer.status_code == 400


# -------------------------------------------------------------------- rerank

DOCUMENTS = ["nothing here", "red apples and pears", "apples"]
QUESTION = {"query": "red apples", "documents": DOCUMENTS}


def order(answer):
    assert answer.status_code == 200, answer.text
    return [one["index"] for one in answer.json()["results"]]


@pytest.mark.parametrize("alias", ["rank", "rank-aws"])
@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/v2/rerank"])
def test_rerank(client, alias, path):
    answer = client.post(path, json={"model": alias, **QUESTION})
    assert order(answer) == [1, 2, 0]
    scores = [one["relevance_score"] for one in answer.json()["results"]]
    assert scores == [1, 0.5, 0]
    answer = client.post(path, json={"model": alias, "top_n": 1, **QUESTION})
    assert order(answer) == [1]


@pytest.mark.parametrize("alias", ["rank", "rank-aws"])
def test_documents_come_back(client, alias):
    answer = client.post(
        "/v1/rerank",
        json={
            "model": alias,
            "query": "red apples",
            "documents": [{"text": text} for text in DOCUMENTS],
            "return_documents": True,
        },
    )
    assert order(answer) == [1, 2, 0]
    texts = [one["document"]["text"] for one in answer.json()["results"]]
    assert texts == [DOCUMENTS[index] for index in (1, 2, 0)]


def test_rerank_upstream(client, gateway):
    client.post("/v1/rerank", json={"model": "rank-aws", **QUESTION})
    entry = gateway.bedrock.last()
    assert entry["path"].endswith("/invoke")
    assert entry["json"] == {**QUESTION, "api_version": 2}


def test_rerank_of_agents(env, sim, pretence, restart):
    """Another service of Bedrock, known by its host's name."""
    name = f"bedrock-agent-runtime.{bedrock_service.REGION}.test"
    pretence.point(name, "127.0.0.1")
    url = env.bedrock.url.replace("127.0.0.1", name)
    restart(
        configure(env, sim)
        .endpoint(
            "agents", url, "dialect=bedrock", credential="env:BEDROCK_KEY"
        )
        .model("rank-agents", "agents/" + bedrock_service.RERANK)
    )
    question = {"model": "rank-agents", **QUESTION}
    with env.client() as client:
        answer = client.post("/v2/rerank", json=question)
        assert order(answer) == [1, 2, 0]
        scores = [one["relevance_score"] for one in answer.json()["results"]]
        assert scores == [1, 0.5, 0]
        answer = client.post("/v2/rerank", json={**question, "top_n": 2})
        assert order(answer) == [1, 2]
        # it has nothing else
        chat = {"messages": [{"role": "user", "content": "hi"}]}
        answer = client.post(
            "/v1/chat/completions", json={"model": "rank-agents", **chat}
        )
        error_of(answer, 400, "unsupported_operation")
        answer = client.post("/v2/rerank", json={**question, "query": " "})
        error_of(answer, 400, "bad_request")
    entry = env.bedrock.last()
    assert entry["path"] == "/rerank"
    config = entry["json"]["rerankingConfiguration"]
    model = config["bedrockRerankingConfiguration"]["modelConfiguration"]
    assert model["modelArn"] == (
        f"arn:aws:bedrock:{bedrock_service.REGION}::foundation-model/"
        + bedrock_service.RERANK
    )


def test_bad_reranks(client):
    for body, param in (
        ({"documents": DOCUMENTS}, "query"),
        ({"query": "q", "documents": []}, "documents"),
        ({"query": "q", "documents": ["a", 3]}, "documents[1]"),
        ({**QUESTION, "top_n": 0}, "top_n"),
    ):
        answer = client.post("/v1/rerank", json={"model": "rank-aws", **body})
        assert error_of(answer, 400, "invalid_value")["param"] == param


@pytest.mark.parametrize("alias", ["gemini", "azure", "titan"])
def test_who_cannot_rerank(client, alias):
    answer = client.post("/v1/rerank", json={"model": alias, **QUESTION})
    error_of(answer, 400, "unsupported_operation")


def test_what_is_no_json(client):
    answer = httpx.post(
        client.base_url.join("/v1/embeddings"),
        content=json.dumps({"model": "gemini"}).encode(),
        headers={**client.headers, "content-type": "application/json"},
        timeout=30,
    )
    assert error_of(answer, 400, "invalid_value")["param"] == "input"
