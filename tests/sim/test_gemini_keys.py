"""The Gemini simulator: who may ask, and who gets a token."""

import base64
import json
import time

import pytest
from gemini_service import (
    FLASH,
    KEY,
    PROJECT,
    assertion,
    bearer,
    credentials,
    exchange,
    hello,
    post,
    start,
    token,
    vertex_path,
)
from google import genai
from google.auth import exceptions
from google.genai import types
from service_account import ServiceAccount
from wire import send


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    return ServiceAccount(tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="module")
def sim(tmp_path_factory, account):
    sim = start(tmp_path_factory.mktemp("gemini"), account)
    yield sim
    sim.stop()


@pytest.fixture(autouse=True)
def clean(sim):
    sim.reset()


@pytest.mark.parametrize(
    "headers, status, word",
    [
        ({}, 403, "PERMISSION_DENIED"),
        ({"x-goog-api-key": "wrong"}, 400, "INVALID_ARGUMENT"),
        ({"Authorization": "Bearer wrong"}, 401, "UNAUTHENTICATED"),
        ({"Authorization": "Basic " + KEY}, 401, "UNAUTHENTICATED"),
    ],
)
def test_keys(sim, headers, status, word):
    path = f"/v1beta/models/{FLASH}:generateContent"
    got, document = post(sim, path, hello(), headers)
    assert (got, document["error"]["status"]) == (status, word)


def test_vertex_wants_a_token(sim, account):
    status, document = post(
        sim, vertex_path(), hello(), {"x-goog-api-key": KEY}
    )
    assert (status, document["error"]["status"]) == (401, "UNAUTHENTICATED")
    good = bearer(sim, account)
    assert post(sim, vertex_path(), hello(), good)[0] == 200
    other = vertex_path(project="other")
    assert post(sim, other, hello(), good)[0] == 403
    path = f"/v1beta/models/{FLASH}:generateContent"
    assert post(sim, path, hello(), good)[0] == 200


def test_token_expires(sim, account):
    sim.script({"expires_in": 0}, deployment="token")
    given = token(sim, account)
    assert given["expires_in"] == 0
    headers = {"Authorization": "Bearer " + given["access_token"]}
    assert post(sim, vertex_path(), hello(), headers)[0] == 401


METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"
FLAVOR = {"Metadata-Flavor": "Google"}


def test_metadata(sim):
    assert send(sim, METADATA, method="GET")[0] == 403
    assert send(sim, METADATA, headers=FLAVOR)[0] == 405
    status, _, data = send(sim, METADATA, headers=FLAVOR, method="GET")
    given = json.loads(data)
    assert status == 200 and given["token_type"] == "Bearer"
    headers = {"Authorization": "Bearer " + given["access_token"]}
    assert post(sim, vertex_path(), hello(), headers)[0] == 200


def test_tokens_are_taken_back(sim, account):
    good = bearer(sim, account)
    assert post(sim, vertex_path(), hello(), good)[0] == 200
    sim.control("POST", "config", {"given": {}})
    assert post(sim, vertex_path(), hello(), good)[0] == 401
    assert post(sim, vertex_path(), hello(), bearer(sim, account))[0] == 200


@pytest.mark.parametrize(
    "claims, why",
    [
        ({"aud": "https://example.com/token"}, "audience"),
        ({"exp": 1_700_003_600, "iat": 1_700_000_000}, "reasonable timeframe"),
        ({"exp": int(time.time()) + 9999}, "reasonable timeframe"),
        ({"iss": "other@example.com"}, "account not found"),
        ({"scope": ""}, "scope"),
    ],
)
def test_refused_assertions(sim, account, claims, why):
    status, document = exchange(sim, assertion(sim, account, **claims))
    assert status == 400
    assert why in document["error_description"]


def test_forged_assertions(sim, account, tmp_path):
    other = ServiceAccount(tmp_path)
    status, document = exchange(
        sim, assertion(sim, account, other.document)
    )
    assert (status, document["error"]) == (400, "invalid_grant")
    good = assertion(sim, account)
    head, claims, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    for bad in ("", "a.b", f"{none}.{claims}.", f"{head}.!.{signature}"):
        assert exchange(sim, bad)[0] == 400
    assert exchange(sim, good, "password")[1]["error"] == (
        "unsupported_grant_type"
    )
    with pytest.raises(exceptions.RefreshError):
        genai.Client(
            vertexai=True,
            project=PROJECT,
            location="global",
            credentials=credentials(
                sim, account, private_key=other.document["private_key"]
            ),
            http_options=types.HttpOptions(base_url=sim.url),
        ).models.generate_content(model=FLASH, contents="x")
