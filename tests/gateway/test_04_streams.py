"""Streams, as bytes: what the SDKs would forgive is checked here."""

import pytest
from ask import WORDS, chat, events, said

BEHAVIOURS = [
    {},
    {"split": 1},
    {"split": 7, "eol": "\r\n"},
    {"eol": "\r"},
    {"comments": True},
    {"shape": "async"},
    {"shape": "openai"},
    {"shape": "deepseek", "reasoning": True},
    {"chunk_delay": 0.01},
]


def configure(env, sim):
    return (
        env.conf()
        .endpoint("a", sim.url)
        .endpoint("raw", sim.url, "annotations=keep")
        .model("m1", "a/d1")
        .model("kept", "raw/d2")
    )


def stream(client, **more):
    return client.post("/v1/chat/completions", json=chat(stream=True, **more))


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=str)
@pytest.mark.parametrize("usage", [False, True])
def test_every_shape(client, sim, behaviour, usage):
    sim.script(behaviour)
    more = {"stream_options": {"include_usage": True}} if usage else {}
    answer = stream(client, **more)
    assert answer.status_code == 200
    assert answer.text.count("data: [DONE]\n\n") == 1
    assert answer.text.endswith("data: [DONE]\n\n")
    assert "\r" not in answer.text
    chunks = events(answer)[:-1]
    assert said(chunks) == WORDS
    for word in ("content_filter", "obfuscation", "prompt_filter"):
        assert word not in answer.text
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert len({chunk["created"] for chunk in chunks}) == 1
    assert chunks[0]["id"] and chunks[0]["created"]
    for chunk in chunks:
        assert chunk["model"] == "m1"
        assert chunk["object"] == "chat.completion.chunk"
        for choice in chunk["choices"]:
            assert isinstance(choice["delta"], dict)
            assert choice["delta"].get("role", "assistant") == "assistant"
    roles = [
        1
        for chunk in chunks
        for choice in chunk["choices"]
        if "role" in choice["delta"]
    ]
    if behaviour.get("shape") != "deepseek":
        assert len(roles) == 1
    with_usage = [chunk for chunk in chunks if chunk.get("usage")]
    assert len(with_usage) == usage
    if usage:
        assert with_usage[0] is chunks[-1]
        assert with_usage[0]["choices"] == []
    else:
        assert all("usage" not in chunk for chunk in chunks)
        assert all(chunk["choices"] for chunk in chunks)
    assert sim.last()["json"]["stream_options"]["include_usage"] is True


def test_headers(client):
    headers = stream(client).headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-cache"
    assert headers["x-accel-buffering"] == "no"


def test_annotations_kept(client):
    answer = stream(client, model="kept")
    assert "content_filter_results" in answer.text
    assert said(events(answer)) == WORDS


@pytest.mark.parametrize("finish", ["content_filter", "length"])
@pytest.mark.parametrize("shape", ["azure", "async"])
def test_finish_reason(client, sim, finish, shape):
    sim.script({"finish": finish, "shape": shape})
    reasons = [
        choice["finish_reason"]
        for chunk in events(stream(client))[:-1]
        for choice in chunk["choices"]
    ]
    assert [reason for reason in reasons if reason] == [finish]


def test_long_line(client, sim):
    sim.script({"long": 1024 * 1024})
    assert said(events(stream(client))) == "x" * 1024 * 1024


def test_comes_as_it_is_made(client, sim):
    """The first event is here before the upstream has made the last: it is
    held back for ever, so that no clock is needed."""
    sim.script({"hold": 4})
    with client.stream(
        "POST", "/v1/chat/completions", json=chat(stream=True)
    ) as answer:
        first = next(answer.iter_bytes())
        assert b"[DONE]" not in first
        assert first.startswith(b"data: ")


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("split", [None, 3])
def test_malformed_event(client, sim, gateway, number, split):
    """What is no JSON is left out, wherever it stands; the rest is whole."""
    sim.script({"malformed": number, "split": split})
    answer = stream(client, stream_options={"include_usage": True})
    data = events(answer)
    assert data[-1] == "[DONE]"
    assert said(data) == WORDS
    assert "chatcmpl-1\"" not in answer.text
    assert data[-2]["usage"]["completion_tokens"] == 4
    record = gateway.records(1)[0]
    assert (record["error"], record["completion_tokens"]) == (None, 4)


@pytest.mark.parametrize("number", range(10))
def test_malformed_event_of_responses(client, sim, number):
    sim.script({"malformed": number})
    answer = client.post(
        "/v1/responses", json={"model": "m1", "input": "hi", "stream": True}
    )
    data = events(answer)
    assert data[-1]["type"] == "response.completed"
    assert "".join(
        one["delta"]
        for one in data
        if one["type"] == "response.output_text.delta"
    ) == "You said: hi"
