"""Health, models, routes: what the gateway answers by itself."""

import httpx
import pytest
from ask import chat, error_of
from conf import Conf


def configure(env, sim):
    return (
        env.conf()
        .endpoint("a", sim.url)
        .model("m1", "a/d1")
        .model("vendor/m2", "a/d2")
    )


@pytest.mark.parametrize("name", ["liveliness", "liveness", "readiness"])
@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_health_needs_no_key(client, sim, name, prefix):
    answer = client.get(
        f"{prefix}/health/{name}", headers={"Authorization": ""}
    )
    assert answer.status_code == 200
    assert sim.journal() == []


@pytest.mark.parametrize(
    "reason, lines",
    [
        ("no models", ["AzureLITMasterKey env:MASTER_KEY"]),
        (
            "no keys",
            [
                "AzureLITEndpoint a http://127.0.0.1:1 credential=none",
                "AzureLITModel m1 a/d1",
            ],
        ),
    ],
)
def test_not_ready(restart, gateway, log, reason, lines):
    restart(Conf().on().add(*lines))
    answer = httpx.get(f"{gateway.url}/health/readiness", timeout=30)
    assert answer.status_code == 503
    assert answer.json()["status"] == "unhealthy"
    assert answer.json()["reason"] == reason
    alive = httpx.get(f"{gateway.url}/health/liveliness", timeout=30)
    assert (alive.status_code, alive.json()) == (200, "I'm alive!")
    log.expect("AZL000[34]")


@pytest.mark.parametrize("path", ["/models", "/v1/models", "/openai/v1/models"])
def test_models(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    document = answer.json()
    assert document["object"] == "list"
    assert [item["id"] for item in document["data"]] == ["m1", "vendor/m2"]
    assert all(item["object"] == "model" for item in document["data"])


@pytest.mark.parametrize("name", ["m1", "vendor/m2", "vendor%2Fm2"])
def test_model(client, name):
    answer = client.get(f"/v1/models/{name}")
    assert answer.status_code == 200
    assert answer.json()["id"] == name.replace("%2F", "/")


def test_unknown_model(client):
    error_of(client.get("/v1/models/other"), 404, "model_not_found")


@pytest.mark.parametrize(
    "method, path, allow",
    [
        ("GET", "/v1/chat/completions", {"POST"}),
        ("PUT", "/v1/embeddings", {"POST"}),
        ("POST", "/v1/models", {"GET", "HEAD"}),
        ("DELETE", "/health/readiness", {"GET", "HEAD"}),
    ],
)
def test_wrong_method(client, method, path, allow):
    answer = client.request(method, path)
    error_of(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].replace(" ", "").split(",")) == allow


def test_no_such_path(client):
    error_of(client.get("/v1/no/such/path"), 404, "not_found")
    error_of(client.post("/v1/chat/other", json={}), 404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/chat/completions",
        "/v1/chat/completions",
        "/openai/v1/chat/completions",
        "/openai/deployments/m1/chat/completions?api-version=2024-10-21",
    ],
)
def test_routes(client, sim, path):
    answer = client.post(path, json=chat())
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == "m1"
    assert sim.last()["path"] == "/openai/v1/chat/completions"
