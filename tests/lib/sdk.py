"""What a client of the official Python SDK does, against any server."""

import base64
import hashlib
import io
import json
import struct

import openai
import pydantic

MARK = "PROMPT-MARK-sdk"
WORDS = f"You said: {MARK} tell me"
MESSAGES = [{"role": "user", "content": f"{MARK} tell me"}]


def tool(name, member):
    return {
        "type": "function",
        "function": {
            "name": name,
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": {member: {"type": "string"}},
                "required": [member],
                "additionalProperties": False,
            },
        },
    }


TOOLS = [tool("weather", "city"), tool("clock", "zone")]
FLAT_TOOLS = [{"type": "function", **one["function"]} for one in TOOLS]


class Capital(pydantic.BaseModel):
    city: str
    inhabitants: int


def chat(client, model):
    answer = client.chat.completions.create(model=model, messages=MESSAGES)
    assert answer.choices[0].message.content == WORDS
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == 5
    total = answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.total_tokens == total
    assert answer._request_id


def stream(client, model):
    plain = client.chat.completions.create(model=model, messages=MESSAGES)
    chunks = list(
        client.chat.completions.create(
            model=model,
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    parts = [
        chunk.choices[0].delta.content or ""
        for chunk in chunks
        if chunk.choices and chunk.choices[0].delta
    ]
    assert "".join(parts) == WORDS
    usage = [chunk.usage for chunk in chunks if chunk.usage]
    assert len(usage) == 1
    assert usage[0].total_tokens == plain.usage.total_tokens


def stream_helper(client, model):
    with client.chat.completions.stream(
        model=model, messages=MESSAGES, tools=TOOLS
    ) as events:
        kinds = [event.type for event in events]
        final = events.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["weather", "clock"]
    assert json.loads(calls[0].function.arguments) == {"city": "Paris"}
    assert kinds.count("tool_calls.function.arguments.done") == 2
    assert final.choices[0].finish_reason == "tool_calls"
    assert final.choices[0].message.role == "assistant"


def stream_helper_many(client, model):
    with client.chat.completions.stream(
        model=model, messages=MESSAGES, n=2, logprobs=True, top_logprobs=2
    ) as events:
        for _ in events:
            pass
        final = events.get_final_completion()
    texts = [choice.message.content for choice in final.choices]
    assert texts == [WORDS, f"{WORDS} (choice 1)"]
    tokens = [one.token for one in final.choices[0].logprobs.content]
    assert "".join(tokens) == WORDS


def tools(client, model):
    answer = client.chat.completions.create(
        model=model, messages=MESSAGES, tools=TOOLS
    )
    calls = answer.choices[0].message.tool_calls
    assert len(calls) == 2
    more = [*MESSAGES, answer.choices[0].message.to_dict()]
    for call in calls:
        more.append(
            {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
        )
    answer = client.chat.completions.create(
        model=model, messages=more, tools=TOOLS
    )
    assert answer.choices[0].message.content == WORDS


def many(client, model):
    answer = client.chat.completions.create(
        model=model, messages=MESSAGES, n=2, logprobs=True, top_logprobs=1
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    first = answer.choices[0].logprobs.content[0]
    assert first.token == "You" and len(first.top_logprobs) == 1


def structured(client, model):
    answer = client.chat.completions.parse(
        model=model, messages=MESSAGES, response_format=Capital
    )
    assert answer.choices[0].message.parsed == Capital(
        city="Paris", inhabitants=7
    )


def embeddings(client, model):
    given = ["one", "two three"]
    default = client.embeddings.create(model=model, input=given)
    floats = client.embeddings.create(
        model=model, input=given, encoding_format="float"
    )
    packed = client.embeddings.create(
        model=model, input=given, encoding_format="base64"
    )
    want = [item.embedding for item in floats.data]
    assert [item.embedding for item in default.data] == want
    for item, values in zip(packed.data, want):
        raw = base64.b64decode(item.embedding)
        assert list(struct.unpack(f"<{len(values)}f", raw)) == values
    assert floats.usage.prompt_tokens == 3


def responses(client, model):
    first = client.responses.create(model=model, input=f"{MARK} first")
    assert first.output_text == f"You said: {MARK} first"
    second = client.responses.create(
        model=model, input="second", previous_response_id=first.id
    )
    assert second.output_text == f"You said: {MARK} first / second"
    assert second.previous_response_id == first.id
    again = client.responses.retrieve(first.id)
    assert again.id == first.id and again.output_text == first.output_text
    items = client.responses.input_items.list(first.id)
    assert items.data[0].content[0].text == f"{MARK} first"
    background = client.responses.create(
        model=model, input="wait", background=True
    )
    assert client.responses.cancel(background.id).status == "cancelled"
    client.responses.delete(first.id)
    try:
        client.responses.retrieve(first.id)
    except openai.NotFoundError:
        return
    raise AssertionError("a deleted response is still there")


def responses_stream(client, model):
    with client.responses.stream(model=model, input=f"{MARK} hi") as events:
        kinds = [event.type for event in events]
        final = events.get_final_response()
    assert final.output_text == f"You said: {MARK} hi"
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.usage.output_tokens == 4
    assert client.responses.retrieve(final.id).id == final.id


def responses_tools(client, model):
    with client.responses.stream(
        model=model, input=f"{MARK} hi", tools=FLAT_TOOLS
    ) as events:
        for _ in events:
            pass
        final = events.get_final_response()
    assert [item.name for item in final.output] == ["weather", "clock"]
    assert json.loads(final.output[1].arguments) == {"zone": "Paris"}
    parsed = client.responses.parse(
        model=model, input="x", text_format=Capital
    )
    assert parsed.output_parsed.city == "Paris"


def audio(client, model):
    sound = bytes(range(256)) * 300
    answer = client.audio.transcriptions.create(
        model=model, file=("a.wav", io.BytesIO(sound))
    )
    assert answer.text == "sha256 " + hashlib.sha256(sound).hexdigest()
    plain = client.audio.translations.create(
        model=model, file=("a.wav", sound), response_format="text"
    )
    assert plain == answer.text
    speech = client.audio.speech.create(
        model=model, voice="alloy", input=f"{MARK} say"
    )
    assert hashlib.sha256(f"{MARK} say".encode()).digest() in speech.content


def images(client, model):
    made = client.images.generate(model=model, prompt=MARK, n=2)
    assert len(made.data) == 2
    png = base64.b64decode(made.data[0].b64_json)
    assert png.startswith(b"\x89PNG")
    edited = client.images.edit(
        model=model, prompt=MARK, image=("a.png", png, "image/png")
    )
    digests = [part["sha256"] for part in edited.model_extra["received"]]
    assert hashlib.sha256(png).hexdigest() in digests


def completions(client, model):
    answer = client.completions.create(model=model, prompt=MARK)
    assert answer.choices[0].text == f"You said: {MARK}"
    chunks = client.completions.create(model=model, prompt=MARK, stream=True)
    text = "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
    assert text == f"You said: {MARK}"


def moderations(client, model):
    answer = client.moderations.create(model=model, input=["a", "b"])
    assert [result.flagged for result in answer.results] == [False, False]


ALL = [
    chat,
    stream,
    stream_helper,
    stream_helper_many,
    tools,
    many,
    structured,
    embeddings,
    responses,
    responses_stream,
    responses_tools,
    audio,
    images,
    completions,
    moderations,
]
# The classic surface has no responses and no moderations.
DEPLOYMENT_ONLY = [
    check
    for check in ALL
    if not check.__name__.startswith(("responses", "moderations"))
]
