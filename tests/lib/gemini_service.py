"""The Gemini simulator and how to talk to it."""

import json
import time
from urllib.parse import urlencode

from google.auth import crypt, jwt
from google.oauth2 import service_account
from simulator import Simulator
from wire import send

OLD = "gemini-2.0-flash"
FLASH = "gemini-2.5-flash"
PRO = "gemini-2.5-pro"
THIRD = "gemini-3-pro-preview"
EMBEDDING = "gemini-embedding-001"
MANY = "text-embedding-005"
MODELS = [OLD, FLASH, PRO, THIRD, EMBEDDING, MANY]
KEY = "sim-key-0123456789"
PROJECT = "sim-project"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def start(where, account):
    return Simulator(
        where,
        MODELS,
        KEY,
        "--project",
        PROJECT,
        "--service-account",
        account.path,
        provider="gemini",
    )


def post(sim, path, body, headers):
    """(status, document)"""
    status, _, data = send(sim, path, body, headers)
    return status, json.loads(data)


def ask(sim, body, model=FLASH, method="generateContent"):
    path = f"/v1beta/models/{model}:{method}"
    return post(sim, path, body, {"x-goog-api-key": KEY})


def refused(sim, body, model=FLASH, method="generateContent"):
    """What is wrong with it."""
    status, document = ask(sim, body, model, method)
    assert status == 400, document
    assert document["error"]["code"] == 400
    assert document["error"]["status"] == "INVALID_ARGUMENT"
    return document["error"]["message"]


def said(*turns):
    """Contents: user and model in turns."""
    return [
        {"role": "model" if at % 2 else "user", "parts": parts}
        for at, parts in enumerate(turns)
    ]


def hello(**more):
    return {"contents": said([{"text": "hello there"}]), **more}


# ------------------------------------------------------------------- Vertex


def vertex_path(model=FLASH, method="generateContent", project=PROJECT):
    return (
        f"/v1/projects/{project}/locations/global/publishers/google/models/"
        f"{model}:{method}"
    )


def credentials(sim, account, **more):
    """For Google's own clients."""
    info = {**account.document, "token_uri": sim.url + "/token", **more}
    return service_account.Credentials.from_service_account_info(
        info, scopes=[SCOPE]
    )


def assertion(sim, account, key=None, **claims):
    now = int(time.time())
    payload = {
        "iss": account.document["client_email"],
        "scope": SCOPE,
        "aud": sim.url + "/token",
        "iat": now,
        "exp": now + 3600,
        **claims,
    }
    signer = crypt.RSASigner.from_service_account_info(
        key or account.document
    )
    return jwt.encode(signer, payload).decode()


def exchange(sim, given, grant=GRANT):
    return post(
        sim,
        "/token",
        urlencode({"grant_type": grant, "assertion": given}),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )


def token(sim, account):
    status, document = exchange(sim, assertion(sim, account))
    assert status == 200
    assert document["token_type"] == "Bearer"
    return document


def bearer(sim, account):
    return {"Authorization": "Bearer " + token(sim, account)["access_token"]}
