"""A plain chat request: what goes up, what comes down."""

import pytest
from ask import PROMPT, WORDS, chat, error_of

PASSED = ("apim-request-id", "x-ratelimit-remaining-tokens")
NEVER = (
    "x-ms-region",
    "x-ms-deployment-name",
    "azureml-model-session",
    "set-cookie",
    "x-ms-rai-invoked",
    "strict-transport-security",
)


def configure(env, sim):
    return (
        env.conf()
        .endpoint("v1", sim.url)
        .endpoint("classic", sim.url, "api-version=2024-10-21")
        .model("m1", "v1/d1", "input-price=2", "output-price=8")
        .model("m2", "classic/d2")
    )


def test_answer(client):
    answer = client.post("/v1/chat/completions", json=chat())
    assert answer.status_code == 200
    document = answer.json()
    assert document["model"] == "m1"
    assert document["choices"][0]["message"]["content"] == WORDS
    assert document["usage"]["completion_tokens"] == 4


def test_headers_to_the_client(client):
    answer = client.post("/v1/chat/completions", json=chat())
    headers = answer.headers
    assert headers["x-request-id"]
    assert headers["x-litellm-call-id"]
    assert headers["x-litellm-model-group"] == "m1"
    assert headers["x-litellm-model-id"]
    assert headers["x-litellm-attempted-retries"] == "0"
    usage = answer.json()["usage"]
    cost = (usage["prompt_tokens"] * 2 + usage["completion_tokens"] * 8) / 1e6
    assert float(headers["x-litellm-response-cost"]) == pytest.approx(cost)
    for name in PASSED:
        assert name in headers
    for name in NEVER:
        assert name not in headers
    assert "127.0.0.1" not in str(headers)


def test_headers_to_the_upstream(client, gateway, sim):
    client.post(
        "/v1/chat/completions",
        json=chat(),
        headers={
            "Cookie": "session=1",
            "X-Forwarded-For": "10.0.0.1",
            "X-Api-Key": "sk-other",
            "X-Secret": "1",
        },
    )
    fields = sim.last()["fields"]
    assert fields["api-key"] == gateway.sim_key
    for name in ("authorization", "cookie", "x-api-key", "x-secret", "via"):
        assert name not in fields
    assert not [name for name in fields if name.startswith("x-forwarded")]
    assert fields["content-type"] == "application/json"


def test_body_is_the_clients(client, sim):
    """Byte for byte but for the model's name."""
    body = (
        '{ "messages" : [{"role":"user","content":"%s \\u00e9 \\n"}],\n'
        '  "temperature":0.70, "seed": 12345678901234567890, "model" : "m1" }'
        % PROMPT
    )
    answer = client.post(
        "/v1/chat/completions",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 200
    assert sim.last()["raw"].decode() == body.replace('"m1"', '"d1"')


def test_classic_path(client, sim):
    assert client.post(
        "/v1/chat/completions", json=chat("m2")
    ).json()["model"] == "m2"
    entry = sim.last()
    assert entry["path"] == "/openai/deployments/d2/chat/completions"
    assert entry["query"] == {"api-version": "2024-10-21"}


@pytest.mark.parametrize(
    "name, status, code",
    [
        ("filtered", 400, "content_filter"),
        ("too_long", 400, "context_length_exceeded"),
        ("bad_request", 400, "invalid_value"),
    ],
)
def test_errors_of_the_clients_making(client, sim, name, status, code):
    sim.script({"error": name})
    answer = client.post("/v1/chat/completions", json=chat())
    error = error_of(answer, status, code)
    if name == "filtered":
        details = error["innererror"]["content_filter_result"]
        assert details["hate"]["filtered"] is True
    assert len(sim.journal()) == 1


def test_connection_is_used_again(client, sim):
    for _ in range(10):
        client.post("/v1/chat/completions", json=chat())
    assert len({entry["connection"] for entry in sim.journal()}) < 10
