"""Bodies that are refused, and those that have to pass."""

import gzip
import json
import socket

import pytest
from ask import PROMPT, chat, error_of

LIMIT = 200000


def configure(env, sim):
    return (
        env.conf()
        .add(f"AzureLITMaxBody {LIMIT}")
        .endpoint("a", sim.url)
        .model("m1", "a/d1")
    )


def post(client, content, **headers):
    headers.setdefault("Content-Type", "application/json")
    return client.post(
        "/v1/chat/completions", content=content, headers=headers
    )


@pytest.mark.parametrize(
    "body, code",
    [
        ('{"model":"m1","model":"m2","messages":[]}', "duplicate_parameter"),
        ('{"mod\\u0065l":"m1","messages":[]}', "ambiguous_parameter"),
        ('{"model":"m1","api_base":"http://x"}', "forbidden_parameter"),
        ('{"model":"m1","base_url":"http://x"}', "forbidden_parameter"),
        ('{"model":1,"messages":[]}', "invalid_type"),
        ('{"messages":[]}', "missing_required_parameter"),
        ("[]", "invalid_json"),
        ("", "invalid_json"),
    ],
)
def test_refused(client, sim, body, code):
    error_of(post(client, body), 400, code)
    assert sim.journal() == []


def test_broken_json_says_where(client):
    error = error_of(
        post(client, '{"model":"m1",\n  "messages": [,]}'), 400, "invalid_json"
    )
    assert "line 2" in error["message"] and "column" in error["message"]
    assert "messages" not in error["message"]


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large(client, sim, chunked):
    body = json.dumps(chat(user="x" * LIMIT)).encode()
    content = iter([body[:1000], body[1000:]]) if chunked else body
    error_of(post(client, content), 413, "request_too_large")
    assert sim.journal() == []


def test_compressed(client, sim):
    body = gzip.compress(json.dumps(chat()).encode())
    answer = post(client, body, **{"Content-Encoding": "gzip"})
    error_of(answer, 415, "unsupported_content_encoding")


def test_chunked_request(client, sim):
    body = json.dumps(chat()).encode()
    pieces = iter([body[at : at + 3] for at in range(0, len(body), 3)])
    assert post(client, pieces).status_code == 200
    assert sim.last()["json"] == chat("d1")


def test_large_body_arrives_whole(client, sim):
    """100 KB; the check after each test looks for it in the temp folder."""
    body = chat(user=PROMPT + "y" * 100000)
    assert client.post("/v1/chat/completions", json=body).status_code == 200
    assert sim.last()["json"] == {**body, "model": "d1"}


def test_broken_chunks(gateway, sim):
    """The client gets 400, and the record says so: it had not gone."""
    gateway.forget_records()
    with socket.create_connection(("127.0.0.1", gateway.port), 30) as sock:
        sock.sendall(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {gateway.key}\r\n"
            "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n".encode()
        )
        assert sock.recv(4096).startswith(b"HTTP/1.1 400 ")
    record = gateway.records(1)[0]
    assert (record["status"], record["error"]) == (400, "ValidationError")
    assert sim.journal() == []
