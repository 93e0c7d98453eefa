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
