"""Turns of chats: of many kinds, and of calls of tools."""

import json

import sdk
from ask import chat, events

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB"
    "0C8AAAAASUVORK5CYII="
)
REPORT = "SIM-REPORT"

# Every kind of turn, and what a simulator reports of them.
TURNS = [
    {"role": "system", "content": "be brief"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": f"{REPORT} look"},
            {
                "type": "image_url",
                "image_url": {"url": f"data:image/png;base64,{PNG}"},
            },
            {
                "type": "file",
                "file": {
                    "filename": "a.pdf",
                    "file_data": "data:application/pdf;base64,JVBERi0x",
                },
            },
        ],
    },
    {"role": "assistant", "content": "yes"},
    {"role": "user", "content": f"{REPORT} go on"},
    {"role": "developer", "content": "be kind"},
]
REPORTED = [
    "system: be brief",
    "system: be kind",
    f"user: {REPORT} look",
    "user: image image/png 68",
    "user: file application/pdf 6",
    "assistant: yes",
    f"user: {REPORT} go on",
]


def put_together(answer):
    """The call of a tool that a stream is about."""
    call = {"type": "function", "function": {"arguments": ""}}
    for chunk in events(answer):
        for choice in chunk["choices"] if chunk != "[DONE]" else []:
            for part in choice["delta"].get("tool_calls", []):
                function = part["function"]
                call["id"] = part.get("id", call.get("id"))
                call["function"]["name"] = function.get(
                    "name", call["function"].get("name")
                )
                call["function"]["arguments"] += function["arguments"]
    return call


def answered(call):
    """The usual question, a call and its result."""
    return [
        *chat()["messages"],
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "sunny"},
    ]


# For whom nobody has kept anything: a call of another provider.
STRANGE = answered(
    {
        "id": "call of another",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Bern"}'},
    }
)


def tool_turn(client, model, streamed, name="weather", **more):
    """One call of a tool and the request that answers it."""
    body = chat(
        model, tools=[sdk.tool(name, "city")], stream=streamed, **more
    )
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    if streamed:
        call = put_together(answer)
    else:
        call = answer.json()["choices"][0]["message"]["tool_calls"][0]
    assert call["function"]["name"] == name
    assert json.loads(call["function"]["arguments"]) == {"city": "Paris"}
    return client.post(
        "/v1/chat/completions",
        json={**body, "messages": answered(call), "stream": False},
    )


# What a simulator fails with, and what its client is told.
ERRORS = [
    ("bad_request", 400, "bad_request"),
    ("too_long", 400, "context_length_exceeded"),
    ("rate", 429, "rate_limit_exceeded"),
    ("server", 500, "internal_error"),
    ("overloaded", 503, "service_unavailable"),
    ("bad_key", 502, "upstream_authentication_error"),
]


def check_cached_usage(gateway, client, service, model, streamed):
    """What was read from a cache, and written to it, is told and recorded."""
    service.script({"cached": 100, "cache_written": 10})
    gateway.forget_records()
    more = {"stream_options": {"include_usage": True}} if streamed else {}
    answer = client.post(
        "/v1/chat/completions", json=chat(model, stream=streamed, **more)
    )
    usage = (
        events(answer)[-2]["usage"] if streamed else answer.json()["usage"]
    )
    assert usage["prompt_tokens"] > 110
    assert usage["prompt_tokens_details"]["cached_tokens"] == 100
    assert usage["prompt_tokens_details"]["cache_write_tokens"] == 10
    record = gateway.records(1)[0]
    assert record["prompt_tokens"] == usage["prompt_tokens"]
    assert record["completion_tokens"] == usage["completion_tokens"]
