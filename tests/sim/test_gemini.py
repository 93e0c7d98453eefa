"""The Gemini simulator by itself: Google's SDK accepts it as the service,
and it refuses what the service refuses."""

import base64
import http.client
import json
import os
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest
from gemini_sim.members import MESSAGES, Reader
from gemini_sim.models import Model
from gemini_sim.rules import Rules
from google import genai
from google.auth import crypt, exceptions, jwt
from google.genai import errors, types
from google.oauth2 import service_account
from service_account import ServiceAccount
from simulator import Simulator

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
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD"
    "hgGAWjR9awAAAABJRU5ErkJggg=="
)
DUMMY = "skip_thought_signature_validator"
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
    sim = Simulator(
        tmp_path_factory.mktemp("gemini"),
        MODELS,
        KEY,
        "--project",
        PROJECT,
        "--service-account",
        account.path,
        provider="gemini",
    )
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


def credentials(sim, account, **more):
    info = {**account.document, "token_uri": sim.url + "/token", **more}
    return service_account.Credentials.from_service_account_info(
        info, scopes=[SCOPE]
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


def ask(sim, body, model=FLASH, method="generateContent", **headers):
    """(status, document)"""
    return post(
        sim,
        f"/v1beta/models/{model}:{method}",
        body,
        {"x-goog-api-key": KEY, **headers},
    )


def post(sim, path, body, headers):
    answer, text = raw(sim, path, body, headers)
    return answer.status, json.loads(text)


def raw(sim, path, body, headers):
    connection = http.client.HTTPConnection(sim.host, sim.port)
    if not isinstance(body, str):
        body = json.dumps(body)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer, text


def said(*turns):
    """Contents: user and model in turns."""
    return [
        {"role": "model" if at % 2 else "user", "parts": parts}
        for at, parts in enumerate(turns)
    ]


def hello(**more):
    return {"contents": said([{"text": "hello there"}]), **more}


def refused(sim, body, model=FLASH, method="generateContent"):
    status, document = ask(sim, body, model, method)
    assert status == 400, document
    assert document["error"]["code"] == 400
    assert document["error"]["status"] == "INVALID_ARGUMENT"
    return document["error"]["message"]


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
    answer, text = raw(
        sim, path + "?alt=sse", hello(), {"x-goog-api-key": KEY}
    )
    assert answer.getheader("content-type") == "text/event-stream"
    assert text.endswith(b"\r\n\r\n") and b"[DONE]" not in text
    events = text.split(b"\r\n\r\n")[:-1]
    assert all(event.startswith(b'data: {"candidates": [{') for event in events)
    assert b"\n" not in text.replace(b"\r\n", b"")
    answer, text = raw(sim, path, hello(), {"x-goog-api-key": KEY})
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
    _, text = raw(sim, path, hello(), {"x-goog-api-key": KEY})
    events = text.split(b"\r\n\r\n")[:-1]
    assert events[1::2] == [b": keep-alive"] * (len(events) // 2)


def test_malformed_and_cut(sim):
    sim.script({"malformed": 1}, {"cut_after": 1})
    path = f"/v1beta/models/{FLASH}:streamGenerateContent?alt=sse"
    _, text = raw(sim, path, hello(), {"x-goog-api-key": KEY})
    with pytest.raises(ValueError):
        json.loads(text.split(b"\r\n\r\n")[1][len("data: "):])
    with pytest.raises(http.client.IncompleteRead):
        raw(sim, path, hello(), {"x-goog-api-key": KEY})


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


# -------------------------------------------------------------- credentials


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


def vertex_path(project=PROJECT):
    return (
        f"/v1/projects/{project}/locations/global/publishers/google/models/"
        f"{FLASH}:generateContent"
    )


def test_vertex_wants_a_token(sim, account):
    status, document = post(
        sim, vertex_path(), hello(), {"x-goog-api-key": KEY}
    )
    assert (status, document["error"]["status"]) == (401, "UNAUTHENTICATED")
    token = asked(sim, account)["access_token"]
    bearer = {"Authorization": "Bearer " + token}
    assert post(sim, vertex_path(), hello(), bearer)[0] == 200
    assert post(sim, vertex_path("other"), hello(), bearer)[0] == 403
    path = f"/v1beta/models/{FLASH}:generateContent"
    assert post(sim, path, hello(), bearer)[0] == 200


def test_token_expires(sim, account):
    sim.script({"expires_in": 0}, deployment="token")
    token = asked(sim, account)
    assert token["expires_in"] == 0
    bearer = {"Authorization": "Bearer " + token["access_token"]}
    assert post(sim, vertex_path(), hello(), bearer)[0] == 401


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


def exchange(sim, given, grant="urn:ietf:params:oauth:grant-type:jwt-bearer"):
    return post(
        sim,
        "/token",
        urlencode({"grant_type": grant, "assertion": given}),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )


def asked(sim, account):
    status, document = exchange(sim, assertion(sim, account))
    assert status == 200
    assert document["token_type"] == "Bearer"
    return document


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


# ------------------------------------------------------------------- checks


@pytest.mark.parametrize(
    "body, name",
    [
        (hello(stream=True), '"stream"'),
        (hello(labels={"a": "b"}), '"labels"'),
        (
            hello(generationConfig={"maxTokens": 5}),
            "\"maxTokens\" at 'generation_config'",
        ),
        (
            {"contents": [{"role": "user", "parts": [{"type": "text"}]}]},
            "\"type\" at 'contents[0].parts[0]'",
        ),
        (
            hello(tools=[{"functionDeclarations": [{
                "name": "a",
                "parameters": {
                    "type": "OBJECT", "additionalProperties": False
                },
            }]}]),
            "\"additionalProperties\" at "
            "'tools[0].function_declarations[0].parameters'",
        ),
    ],
)
def test_unknown_members(sim, body, name):
    message = refused(sim, body)
    assert message == (
        f"Invalid JSON payload received. Unknown name {name}: "
        "Cannot find field."
    )


CALL = {"functionCall": {"name": "weather", "args": {}}}
OTHER = {"functionCall": {"name": "clock", "args": {}}}
RESULT = {"functionResponse": {"name": "weather", "response": {"output": "x"}}}
OTHER_RESULT = {"functionResponse": {"name": "clock", "response": {}}}
GO = {"text": "Go"}
TOOLS = [{"functionDeclarations": [{"name": "weather"}]}]


def config(**members):
    return hello(generationConfig=members)


def thinking(**members):
    return config(thinkingConfig=members)


def choose(**members):
    return hello(tools=TOOLS, toolConfig={"functionCallingConfig": members})


def declare(*declarations):
    return hello(tools=[{"functionDeclarations": list(declarations)}])


def parameters(**schema):
    return declare({"name": "a", "parameters": schema})


@pytest.mark.parametrize(
    "body, why",
    [
        ("{", "Invalid JSON payload"),
        ("[]", "Invalid value"),
        ({}, "contents is not specified"),
        ({"contents": []}, "contents is not specified"),
        ({"contents": [{"role": "user"}]}, "parts must not be empty"),
        (
            {"contents": [{"role": "assistant", "parts": [GO]}]},
            "valid role: user, model",
        ),
        (
            {"contents": [{"parts": [GO]}, {"role": "user", "parts": [GO]}]},
            "alternate",
        ),
        ({"contents": said([{"thought": True}])}, "oneof field 'data'"),
        (
            {"contents": said([{**GO, **CALL}])},
            "oneof field 'data'",
        ),
        (
            {"contents": said([{"inlineData": {
                "mimeType": "image/png", "data": "!"
            }}])},
            "Base64 decoding failed",
        ),
        (
            {"contents": said([{"inlineData": {"data": "AAAA"}}])},
            "inline_data",
        ),
        (
            {"contents": said([{"inlineData": {
                "mimeType": "image/jpg", "data": "AAAA"
            }}])},
            "MIME type",
        ),
        ({"contents": said([{"fileData": {}}])}, "file_uri"),
        ({"contents": said([CALL])}, "model's turns"),
        ({"contents": said([GO], [RESULT])}, "user's turns"),
        ({"contents": said([GO], [CALL])}, "end with a user role"),
        ({"contents": said([RESULT])}, "immediately after a function call"),
        ({"contents": said([GO], [CALL], [GO])}, "number of function response"),
        (
            {"contents": said([GO], [CALL, OTHER], [RESULT])},
            "number of function response",
        ),
        (
            {"contents": said([GO], [CALL], [OTHER_RESULT])},
            "names of the function calls",
        ),
        (
            {"contents": said([GO], [CALL], [
                {"functionResponse": {"response": {}}}
            ])},
            "Name cannot be empty",
        ),
        (
            {"contents": said([GO], [CALL], [
                {"functionResponse": {"name": "weather"}}
            ])},
            "response",
        ),
        (
            {"contents": said([GO], [CALL], [
                {"functionResponse": {"name": "weather", "response": "x"}}
            ])},
            "google.protobuf.Struct",
        ),
        (
            hello(systemInstruction={"parts": [{"fileData": {}}]}),
            "only supports",
        ),
        (hello(systemInstruction={"parts": []}), "must not be empty"),
        (hello(tools=TOOLS + TOOLS), "Multiple tools"),
        (declare({"name": "a"}, {"name": "a"}), "Duplicate function"),
        (declare({"name": "2nd"}), "Invalid function name"),
        (declare({"name": "a b"}), "Invalid function name"),
        (
            declare({
                "name": "a", "parameters": {"type": "OBJECT"},
                "parametersJsonSchema": {},
            }),
            "mutually exclusive",
        ),
        (declare({"name": "a", "parametersJsonSchema": 1}), "no schema"),
        (parameters(type="LIST"), "Invalid value"),
        (parameters(properties={}), "must have a type"),
        (parameters(type="ARRAY"), "items: missing"),
        (
            parameters(type="OBJECT", properties={
                "a": {"type": "INTEGER", "enum": ["1"]}
            }),
            "only allowed for STRING",
        ),
        (parameters(type="OBJECT", required=["a"]), "not defined"),
        (
            parameters(type="ARRAY", items={"type": "STRING", "format": "uri"}),
            "'date-time'",
        ),
        (
            parameters(anyOf=[{"type": "STRING", "enum": [""]}]),
            "cannot be empty",
        ),
        (parameters(type="STRING", properties={}), "only allowed for OBJECT"),
        (
            hello(toolConfig={"functionCallingConfig": {"mode": "ANY"}}),
            "without function_declarations",
        ),
        (
            choose(mode="AUTO", allowedFunctionNames=["weather"]),
            "mode is ANY",
        ),
        (choose(mode="ANY", allowedFunctionNames=["x"]), "no declared"),
        (choose(mode="REQUIRED"), "Invalid value"),
        (config(temperature=2.5), "range"),
        (config(temperature="hot"), "TYPE_FLOAT"),
        (config(maxOutputTokens=True), "TYPE_INT32"),
        (config(maxOutputTokens=0), "range"),
        (config(stopSequences=list("abcdef")), "at most 5"),
        (config(logprobs=1), "response_logprobs"),
        (config(responseLogprobs=True), "not enabled"),
        (config(presencePenalty=1), "not enabled"),
        (config(responseJsonSchema={}), "mime type"),
        (config(responseMimeType="json"), "allowed mimetypes"),
        (
            config(
                responseMimeType="application/json",
                responseJsonSchema={},
                responseSchema={"type": "OBJECT"},
            ),
            "mutually exclusive",
        ),
        (
            hello(
                tools=TOOLS,
                generationConfig={"responseMimeType": "application/json"},
            ),
            "is unsupported",
        ),
        (hello(safetySettings=[{"category": "BAD"}]), "Invalid value"),
    ],
)
def test_rules(sim, body, why):
    assert why in refused(sim, body)


@pytest.mark.parametrize(
    "model, given, why",
    [
        (OLD, {"includeThoughts": True}, "not enabled"),
        (OLD, {"thinkingBudget": 0}, "not enabled"),
        (FLASH, {"thinkingLevel": "LOW"}, "not supported"),
        (FLASH, {"thinkingBudget": 99999}, "between 1 and 24576"),
        (PRO, {"thinkingBudget": 0}, "only works in thinking mode"),
        (PRO, {"thinkingBudget": 64}, "between 128 and 32768"),
        (THIRD, {"thinkingLevel": "MINIMAL"}, "not supported"),
        (THIRD, {"thinkingLevel": "LOW", "thinkingBudget": 128}, "only one"),
    ],
)
def test_thinking_rules(sim, model, given, why):
    assert why in refused(sim, thinking(**given), model)


@pytest.mark.parametrize(
    "name, levels",
    [
        ("gemini-2.5-flash", ""),
        ("gemini-3-pro-preview", "LOW HIGH"),
        ("gemini-3.1-pro-preview", "LOW MEDIUM HIGH"),
        ("gemini-3.5-flash", "MINIMAL LOW MEDIUM HIGH"),
        ("gemini-3.7-flash", "LOW MEDIUM HIGH"),
        ("gemini-flash-latest", "LOW MEDIUM HIGH"),
    ],
)
def test_levels(name, levels):
    assert list(Model(name).levels()) == levels.split()


def test_gemma_knows_no_system():
    rules = Rules(Model("gemma-3-27b-it"), False, {})
    with pytest.raises(Exception, match="not enabled"):
        rules.check(hello(systemInstruction={"parts": [GO]}))


def signed(signature, answer=RESULT):
    call = dict(CALL)
    if signature:
        call["thoughtSignature"] = signature
    return {"contents": said([GO], [call], [answer])}


def test_signatures(sim):
    def given(model=THIRD):
        call = ask(sim, {"contents": said([GO]), "tools": TOOLS}, model)[1]
        return call["candidates"][0]["content"]["parts"][0]

    part = given()
    assert "position 2" in refused(sim, signed(None), THIRD)
    assert "Corrupted" in refused(sim, signed("QUJDRA=="), THIRD)
    for good in (
        part["thoughtSignature"],
        DUMMY,
        base64.b64encode(DUMMY.encode()).decode(),
    ):
        assert ask(sim, signed(good), THIRD)[0] == 200
    # Another function's, and one whose results have company.
    other = signed(part["thoughtSignature"], OTHER_RESULT)
    other["contents"][1]["parts"][0]["functionCall"] = {"name": "clock"}
    assert "Corrupted" in refused(sim, other, THIRD)
    mixed = signed(DUMMY)
    mixed["contents"][2]["parts"].append(GO)
    assert "mixed" in refused(sim, mixed, THIRD)
    # Those before Gemini 3 do not care.
    assert ask(sim, signed(None), FLASH)[0] == 200
    assert "thoughtSignature" not in given(FLASH)


def test_ids(sim, account):
    """Calls may have them, but not on Vertex."""
    body = signed(None)
    body["contents"][1]["parts"][0] = {
        "functionCall": {**CALL["functionCall"], "id": "a1"}
    }
    body["contents"][2]["parts"][0] = {
        "functionResponse": {**RESULT["functionResponse"], "id": "a1"}
    }
    assert ask(sim, body)[0] == 200
    token = asked(sim, account)["access_token"]
    status, document = post(
        sim, vertex_path(), body, {"Authorization": "Bearer " + token}
    )
    assert status == 400
    assert document["error"]["message"].split("\n") == [
        'Invalid JSON payload received. Unknown name "id" at '
        f"'contents[{at}].parts[0].function_{what}': Cannot find field."
        for at, what in ((1, "call"), (2, "response"))
    ]


def test_vertex_wants_the_type_of_a_file(sim, account):
    token = asked(sim, account)["access_token"]
    body = {"contents": said([{"fileData": {"fileUri": "gs://b/a.png"}}])}
    status, document = post(
        sim, vertex_path(), body, {"Authorization": "Bearer " + token}
    )
    assert status == 400 and "mimeType" in document["error"]["message"]
    assert ask(sim, body)[0] == 200


@pytest.mark.parametrize(
    "body, method, why",
    [
        ({}, "embedContent", "content is not specified"),
        ({"requests": []}, "batchEmbedContents", "at most 100"),
        (
            {"requests": [{"content": {"parts": [GO]}}]},
            "batchEmbedContents",
            "model is not specified",
        ),
        (
            {"requests": [{
                "model": "models/other", "content": {"parts": [GO]}
            }]},
            "batchEmbedContents",
            "does not match",
        ),
        ({"input": "x"}, "embedContent", '"input"'),
        ({}, "countTokens", "contents is not specified"),
    ],
)
def test_rules_of_the_rest(sim, body, method, why):
    assert why in refused(sim, body, EMBEDDING, method)


@pytest.mark.parametrize(
    "model, instances, status",
    [
        (MANY, [{"content": "a"}] * 2, 200),
        (MANY, [], 400),
        (MANY, [{"content": ""}], 400),
        (EMBEDDING, [{"content": "a"}] * 2, 400),
    ],
)
def test_instances(sim, account, model, instances, status):
    token = asked(sim, account)["access_token"]
    path = vertex_path().replace(FLASH + ":generateContent", model + ":predict")
    bearer = {"Authorization": "Bearer " + token}
    assert post(sim, path, {"instances": instances}, bearer)[0] == status


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/none:generateContent",
        f"/v1beta/models/{FLASH}:predict",
        f"/v1beta/models/{FLASH}:fly",
        "/v1beta/chat/completions",
    ],
)
def test_paths(sim, path):
    status, document = post(sim, path, hello(), {"x-goog-api-key": KEY})
    assert (status, document["error"]["status"]) == (404, "NOT_FOUND")


# ------------------------------------------------------- is it like the real


SAME = {
    "content": types.Content,
    "part": types.Part,
    "blob": types.Blob,
    "file_data": types.FileData,
    "function_call": types.FunctionCall,
    "function_response": types.FunctionResponse,
    "tool": types.Tool,
    "function_declaration": types.FunctionDeclaration,
    "tool_config": types.ToolConfig,
    "function_calling_config": types.FunctionCallingConfig,
    "safety_setting": types.SafetySetting,
    "generation_config": types.GenerationConfig,
    "thinking_config": types.ThinkingConfig,
    "schema": types.Schema,
}


@pytest.mark.parametrize("kind", SAME)
def test_members_are_those_of_the_sdk(kind):
    real = {
        field.alias or name for name, field in SAME[kind].model_fields.items()
    }
    assert set(MESSAGES[kind]) <= real


RECORDINGS = os.environ.get("AZURELIT_RECORDINGS")


@pytest.mark.skipif(not RECORDINGS, reason="AZURELIT_RECORDINGS is not set")
def test_what_the_service_took_is_taken():
    """... of the members that a gateway may send."""
    folder = Path(RECORDINGS)
    beyond = ("fileSearch", "toolCall", "toolResponse", "google_search")
    taken = 0
    for entry in json.loads((folder / "manifest.json").read_text()):
        if not entry["kind"].startswith("gemini"):
            continue
        text = (folder / entry["dir"] / "request.json").read_text()
        if any(word in text for word in beyond):
            continue
        reader = Reader("aiplatform" in entry["uri"])
        body = reader.read("generate_content", json.loads(text))
        model = entry["uri"].rsplit("/", 1)[1].split(":")[0]
        # Today's Vertex takes the ids of Gemini 3 again.
        problems = [one for one in reader.problems if '"id"' not in one[1]]
        assert problems == [], entry["dir"]
        Rules(Model(model), reader.vertex, None).check(body)
        taken += 1
    assert taken > 40
