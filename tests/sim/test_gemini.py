"""The Gemini simulator by itself: Google's SDK accepts it as the service."""

import base64
import http.client
import json

import pytest
from gemini_service import (
    EMBEDDING,
    FLASH,
    KEY,
    MANY,
    OLD,
    PRO,
    PROJECT,
    THIRD,
    ask,
    credentials,
    hello,
    start,
)
from google import genai
from google.genai import errors, types
from service_account import ServiceAccount
from wire import send

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD"
    "hgGAWjR9awAAAABJRU5ErkJggg=="
)
WEATHER = {
    "name": "weather",
    "description": "The weather of a city.",
    "parameters_json_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
CLOCK = {
    "name": "clock",
    "parameters": {
        "type": "OBJECT",
        "properties": {"zone": {"type": "STRING", "enum": ["Paris", "CET"]}},
    },
}


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


@pytest.fixture
def client(sim):
    return genai.Client(
        api_key=KEY,
        vertexai=False,
        http_options=types.HttpOptions(base_url=sim.url),
    )


@pytest.fixture
def vertex(sim, account):
    return genai.Client(
        vertexai=True,
        project=PROJECT,
        location="europe-west4",
        credentials=credentials(sim, account),
        http_options=types.HttpOptions(base_url=sim.url),
    )


# ------------------------------------------------------------------ the SDK


@pytest.fixture(params=["gemini", "vertex"])
def either(request, client, vertex):
    return client if request.param == "gemini" else vertex


def test_text(either):
    answer = either.models.generate_content(model=FLASH, contents="hello there")
    assert answer.text == "You said: hello there"
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert usage.prompt_token_count == 9
    assert usage.candidates_token_count == 4
    assert usage.total_token_count == 13
    assert answer.model_version == FLASH
    assert answer.response_id


def test_stream(either):
    chunks = list(
        either.models.generate_content_stream(
            model=FLASH, contents="one two three four"
        )
    )
    assert "".join(c.text or "" for c in chunks) == (
        "You said: one two three four"
    )
    counts = [c.usage_metadata.candidates_token_count for c in chunks]
    assert counts == sorted(counts) and counts[-1] == 6
    reasons = [c.candidates[0].finish_reason for c in chunks]
    assert reasons[:-1] == [None] * (len(chunks) - 1)
    assert reasons[-1] == types.FinishReason.STOP


def test_system_turns_and_images_arrive(either):
    contents = [
        types.Content(role="user", parts=[
            types.Part.from_text(text="what is this"),
            types.Part.from_bytes(data=PNG, mime_type="image/png"),
            types.Part.from_uri(
                file_uri="gs://bucket/a.png", mime_type="image/png"
            ),
            types.Part.from_bytes(data=b"%PDF", mime_type="application/pdf"),
        ]),
        types.Content(
            role="model", parts=[types.Part.from_text(text="a pixel")]
        ),
        types.Content(
            role="user", parts=[types.Part.from_text(text="SIM-REPORT")]
        ),
    ]
    answer = either.models.generate_content(
        model=FLASH,
        contents=contents,
        config=types.GenerateContentConfig(system_instruction="Be brief."),
    )
    assert answer.text.split("\n") == [
        "system: Be brief.",
        "user: what is this",
        f"user: image image/png {len(PNG)}",
        "user: image gs://bucket/a.png",
        "user: file application/pdf 4",
        "assistant: a pixel",
        "user: SIM-REPORT",
    ]


def tools(*declarations, **choice):
    config = {"tools": [{"function_declarations": list(declarations)}]}
    if choice:
        config["tool_config"] = {"function_calling_config": choice}
    # The SDK calls functions by itself only if they are Python's.
    return types.GenerateContentConfig(**config)


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_calls_and_their_results(client, stream):
    """With Gemini 3: only the first call of a turn is signed."""
    config = tools(WEATHER, CLOCK)
    history = [
        types.Content(role="user", parts=[types.Part.from_text(text="Go")])
    ]
    if stream:
        chunks = list(
            client.models.generate_content_stream(
                model=THIRD, contents=history, config=config
            )
        )
        parts = [
            part
            for chunk in chunks
            for part in chunk.candidates[0].content.parts
        ]
        assert [len(c.function_calls or []) for c in chunks] == [1, 1, 0]
        assert chunks[-1].candidates[0].finish_reason == "STOP"
        assert not chunks[1].candidates[0].finish_reason
        parts = [part for part in parts if part.function_call]
    else:
        answer = client.models.generate_content(
            model=THIRD, contents=history, config=config
        )
        parts = answer.candidates[0].content.parts
    calls = [part.function_call for part in parts]
    assert [(c.name, c.args) for c in calls] == [
        ("weather", {"city": "Paris"}),
        ("clock", {"zone": "Paris"}),
    ]
    assert all(call.id for call in calls)
    assert parts[0].thought_signature and not parts[1].thought_signature
    history.append(types.Content(role="model", parts=parts))
    history.append(
        types.Content(role="user", parts=[
            types.Part(function_response=types.FunctionResponse(
                id=call.id, name=call.name, response={"output": words}
            ))
            for call, words in zip(calls, ["sunny", "noon"])
        ])
    )
    answer = client.models.generate_content(
        model=THIRD, contents=history, config=config
    )
    assert answer.text == "You said: Go"
    history.append(answer.candidates[0].content)
    history.append(types.Content(role="user", parts=[
        types.Part.from_text(text="SIM-REPORT")
    ]))
    config.tool_config = types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(mode="NONE")
    )
    answer = client.models.generate_content(
        model=THIRD, contents=history, config=config
    )
    assert answer.text.split("\n") == [
        "user: Go",
        'assistant: call weather {"city":"Paris"}',
        'assistant: call clock {"zone":"Paris"}',
        "tool weather: sunny",
        "tool clock: noon",
        "assistant: You said: Go",
        "user: SIM-REPORT",
    ]


@pytest.mark.parametrize(
    "choice, names",
    [
        ({"mode": "AUTO"}, ["weather", "clock"]),
        ({"mode": "NONE"}, None),
        ({"mode": "ANY", "allowed_function_names": ["clock"]}, ["clock"]),
    ],
    ids=["auto", "none", "named"],
)
def test_choice(either, choice, names):
    answer = either.models.generate_content(
        model=FLASH, contents="Go", config=tools(WEATHER, CLOCK, **choice)
    )
    calls = answer.function_calls
    assert (calls and [call.name for call in calls]) == names


def test_one_call_of_a_behaviour(sim, client):
    sim.script({"calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]})
    answer = client.models.generate_content(
        model=FLASH, contents="Go", config=tools(WEATHER)
    )
    assert answer.function_calls[0].args == {"city": "Oslo"}


def test_calls_in_the_last_chunk(sim, client):
    """As the models before Gemini 3."""
    sim.script({"shape": "together"})
    chunks = list(client.models.generate_content_stream(
        model=FLASH, contents="Go", config=tools(WEATHER, CLOCK)
    ))
    assert [len(c.function_calls or []) for c in chunks] == [2]
    assert chunks[0].candidates[0].finish_reason == "STOP"


@pytest.mark.parametrize("member", ["response_json_schema", "response_schema"])
def test_structured(client, member):
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"}, "day": {"type": "integer"}
        },
    }
    answer = client.models.generate_content(
        model=FLASH,
        contents="Where and when?",
        config={"response_mime_type": "application/json", member: schema},
    )
    assert json.loads(answer.text) == {"city": "Paris", "day": 7}


@pytest.mark.parametrize(
    "model, thinking",
    [
        (FLASH, {"thinking_budget": 1024}),
        (THIRD, {"thinking_level": "LOW"}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_reasoning(client, model, thinking, stream):
    config = {"thinking_config": {"include_thoughts": True, **thinking}}
    if stream:
        answers = list(client.models.generate_content_stream(
            model=model, contents="hello", config=config
        ))
    else:
        answers = [client.models.generate_content(
            model=model, contents="hello", config=config
        )]
    parts = [p for a in answers for p in a.candidates[0].content.parts]
    thoughts = "".join(p.text for p in parts if p.thought)
    assert thoughts == "Thinking it over."
    assert "".join(p.text for p in parts if not p.thought) == "You said: hello"
    usage = answers[-1].usage_metadata
    assert usage.thoughts_token_count == 64
    assert usage.candidates_token_count == 3
    assert usage.total_token_count == usage.prompt_token_count + 67


def test_no_thoughts_unless_included(client):
    answer = client.models.generate_content(
        model=PRO,
        contents="hello",
        config={"thinking_config": {"thinking_budget": 1024}},
    )
    assert [p.text for p in answer.candidates[0].content.parts] == [
        "You said: hello"
    ]


def test_length_and_stop_sequence(either):
    answer = either.models.generate_content(
        model=OLD, contents="a b c d", config={"max_output_tokens": 3}
    )
    assert answer.text == "You said: a"
    assert answer.candidates[0].finish_reason == "MAX_TOKENS"
    answer = either.models.generate_content(
        model=OLD, contents="a b c d", config={"stop_sequences": ["c"]}
    )
    assert answer.text == "You said: a b "
    assert answer.candidates[0].finish_reason == "STOP"


@pytest.mark.parametrize("stream", [False, True])
def test_blocked(sim, client, stream):
    sim.script({"block": "PROHIBITED_CONTENT"}, {"finish": "content_filter"})
    for blocked in (True, False):
        if stream:
            answer = list(client.models.generate_content_stream(
                model=FLASH, contents="hello"
            ))[-1]
        else:
            answer = client.models.generate_content(
                model=FLASH, contents="hello"
            )
        if blocked:
            assert answer.candidates is None
            assert answer.prompt_feedback.block_reason == "PROHIBITED_CONTENT"
        else:
            assert answer.candidates[0].finish_reason == "SAFETY"
            assert answer.candidates[0].content is None
            assert answer.candidates[0].safety_ratings[0].blocked


def test_reason_nobody_knows(sim, client):
    sim.script({"finish": "MALFORMED_FUNCTION_CALL"}, {"finish": "LUNCH"})
    answer = client.models.generate_content(model=FLASH, contents="hello")
    assert answer.candidates[0].finish_reason == "MALFORMED_FUNCTION_CALL"
    document = ask(sim, hello())[1]
    assert document["candidates"][0]["finishReason"] == "LUNCH"


def test_candidates(client):
    answer = client.models.generate_content(
        model=FLASH, contents="hello", config={"candidate_count": 2}
    )
    assert [c.content.parts[0].text for c in answer.candidates] == [
        "You said: hello",
        "You said: hello (choice 1)",
    ]
    assert [c.index for c in answer.candidates] == [0, 1]


def test_logprobs(vertex):
    answer = vertex.models.generate_content(
        model=FLASH,
        contents="hello",
        config={"response_logprobs": True, "logprobs": 2},
    )
    result = answer.candidates[0].logprobs_result
    assert [one.token for one in result.chosen_candidates] == [
        "You", " said:", " hello"
    ]
    assert len(result.top_candidates[0].candidates) == 2


def test_picture_and_cached_tokens(sim, client):
    sim.script({"image": True, "cached": 100})
    answer = client.models.generate_content(model=FLASH, contents="hello")
    assert answer.candidates[0].content.parts[1].inline_data.data == PNG
    usage = answer.usage_metadata
    assert usage.cached_content_token_count == 100
    assert usage.prompt_token_count == 108
    assert sim.usage()["prompt_tokens"] == 108


@pytest.mark.parametrize(
    "name, status, word",
    [
        ("bad_key", 400, "INVALID_ARGUMENT"),
        ("no_permission", 403, "PERMISSION_DENIED"),
        ("no_model", 404, "NOT_FOUND"),
        ("rate", 429, "RESOURCE_EXHAUSTED"),
        ("server", 500, "INTERNAL"),
        ("overloaded", 503, "UNAVAILABLE"),
        ("timeout", 504, "DEADLINE_EXCEEDED"),
    ],
)
def test_errors(sim, client, name, status, word):
    sim.script({"error": name, "times": 2})
    with pytest.raises(errors.APIError) as caught:
        client.models.generate_content(model=FLASH, contents="hello")
    assert (caught.value.code, caught.value.status) == (status, word)
    with pytest.raises(errors.APIError) as caught:
        list(client.models.generate_content_stream(
            model=FLASH, contents="hello"
        ))
    assert (caught.value.code, caught.value.status) == (status, word)
    client.models.generate_content(model=FLASH, contents="hello")


def test_error_in_the_stream(sim, client):
    sim.script({"error_event": 2, "event_error": "overloaded"})
    got = []
    with pytest.raises(errors.APIError, match="overloaded"):
        for chunk in client.models.generate_content_stream(
            model=FLASH, contents="one two three"
        ):
            got.append(chunk.text)
    assert got == ["You said:", " one two"]


def test_count_tokens(either):
    counted = either.models.count_tokens(model=FLASH, contents="hello there")
    assert counted.total_tokens == 9


def test_embeddings(client, vertex):
    texts = ["one", "two words"]
    answer = client.models.embed_content(
        model=EMBEDDING,
        contents=texts,
        config={"output_dimensionality": 12, "task_type": "RETRIEVAL_QUERY"},
    )
    vectors = [one.values for one in answer.embeddings]
    assert [len(one) for one in vectors] == [12, 12]
    assert vectors[0] != vectors[1]
    answer = vertex.models.embed_content(
        model=MANY, contents=texts, config={"output_dimensionality": 12}
    )
    assert [one.values for one in answer.embeddings] == vectors
    assert [one.statistics.token_count for one in answer.embeddings] == [1, 2]
    answer = vertex.models.embed_content(
        model=EMBEDDING, contents=texts, config={"output_dimensionality": 3}
    )
    assert [one.values for one in answer.embeddings] == [
        one[:3] for one in vectors
    ]


# ----------------------------------------------------------------- the wire


def test_events(sim):
    path = f"/v1beta/models/{FLASH}:streamGenerateContent"
    key = {"x-goog-api-key": KEY}
    _, answer, text = send(sim, path + "?alt=sse", hello(), key)
    assert answer.getheader("content-type") == "text/event-stream"
    assert text.endswith(b"\r\n\r\n") and b"[DONE]" not in text
    events = text.split(b"\r\n\r\n")[:-1]
    assert all(event.startswith(b'data: {"candidates": [{') for event in events)
    assert b"\n" not in text.replace(b"\r\n", b"")
    _, answer, text = send(sim, path, hello(), key)
    assert answer.getheader("content-type").startswith("application/json")
    assert [one["modelVersion"] for one in json.loads(text)] == (
        [FLASH] * len(events)
    )


@pytest.mark.parametrize(
    "behaviour",
    [
        {"split": 1},
        {"eol": "\n"},
        {"usage_last": True},
    ],
    ids=str,
)
def test_stream_shapes(sim, client, behaviour):
    sim.script(behaviour)
    chunks = list(client.models.generate_content_stream(
        model=FLASH, contents="hello"
    ))
    assert "".join(
        part.text
        for chunk in chunks
        for candidate in chunk.candidates or []
        for part in candidate.content.parts
    ) == "You said: hello"
    assert (chunks[-1].candidates is None) == ("usage_last" in behaviour)
    assert chunks[-1].usage_metadata.candidates_token_count == 3


def test_comments(sim):
    sim.script({"comments": True})
    path = f"/v1beta/models/{FLASH}:streamGenerateContent?alt=sse"
    _, _, text = send(sim, path, hello(), {"x-goog-api-key": KEY})
    events = text.split(b"\r\n\r\n")[:-1]
    assert events[1::2] == [b": keep-alive"] * (len(events) // 2)


def test_malformed_and_cut(sim):
    sim.script({"malformed": 1}, {"cut_after": 1})
    path = f"/v1beta/models/{FLASH}:streamGenerateContent?alt=sse"
    _, _, text = send(sim, path, hello(), {"x-goog-api-key": KEY})
    with pytest.raises(ValueError):
        json.loads(text.split(b"\r\n\r\n")[1][len("data: "):])
    with pytest.raises(http.client.IncompleteRead):
        send(sim, path, hello(), {"x-goog-api-key": KEY})


def test_errors_in_arrays(sim):
    assert ask(sim, {}, method="streamGenerateContent")[1][0]["error"]
    assert ask(sim, {}, method="streamGenerateContent?alt=sse")[1]["error"]
    assert ask(sim, {}, "none", "streamGenerateContent")[1][0]["error"]
    sim.script({"error": "rate", "array": True}, {"error": "rate"})
    [document] = ask(sim, hello())[1]
    assert document == ask(sim, hello())[1]
    retry = document["error"]["details"][-1]
    assert retry["@type"].endswith("RetryInfo")
    assert retry["retryDelay"] == "1s"
