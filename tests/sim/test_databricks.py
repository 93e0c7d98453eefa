"""The Databricks simulator by itself, with OpenAI's SDK as its client."""

import httpx
import openai
import pytest
import sdk
from simulator import Simulator

KEY = "dapi-0123456789"
CLAUDE = "claude"
GEMINI = "gemini"
OSS = "oss"
GPT = "gpt"
BASES = [
    f"{CLAUDE}=databricks-claude-sonnet-4-5",
    f"{GEMINI}=databricks-gemini-3-pro",
    f"{OSS}=databricks-gpt-oss-120b",
    f"{GPT}=databricks-gpt-5-1",
    "gte",
]
HELLO = [{"role": "user", "content": "Hello there"}]
SAID = "You said: Hello there"
THINK = {"type": "enabled", "budget_tokens": 1024}
CHAT = "/serving-endpoints/chat/completions"
PNG = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    sim = Simulator(
        tmp_path_factory.mktemp("databricks"), BASES, KEY,
        provider="databricks",
    )
    yield sim
    sim.stop()


@pytest.fixture(autouse=True)
def clean(sim):
    sim.reset()


def connect(sim, key=KEY, path="/serving-endpoints"):
    return openai.OpenAI(
        base_url=sim.url + path, api_key=key, max_retries=0
    )


@pytest.fixture(scope="module")
def client(sim):
    with connect(sim) as client:
        yield client


def chat(client, messages=None, model=OSS, **more):
    return client.chat.completions.create(
        model=model, messages=messages or HELLO, **more
    )


def post(sim, body, path=CHAT, key=KEY):
    return httpx.post(
        sim.url + path, json=body, headers={"Authorization": f"Bearer {key}"}
    )


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, OSS])
def test_plain(client, model):
    answer = chat(client, model=model)
    assert answer.choices[0].message.content == SAID
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == 4
    assert answer.model.startswith("us.anthropic.") == (model == CLAUDE)


@pytest.mark.parametrize("parts", [False, True])
def test_stream(sim, client, parts):
    sim.script({"parts": parts})
    chunks = list(chat(client, stream=True))
    pieces = [chunk.choices[0].delta.content for chunk in chunks[:-1]]
    if parts:
        pieces = [piece[0]["text"] for piece in pieces]
    assert "".join(pieces) == SAID
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens == 4
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_tools(client):
    message = chat(client, tools=sdk.TOOLS).choices[0].message
    names = [call.function.name for call in message.tool_calls]
    assert names == ["weather", "clock"]
    given = {
        "role": "assistant",
        "content": message.content,
        "tool_calls": [call.to_dict() for call in message.tool_calls],
    }
    more = [*HELLO, given] + [
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
        for call in message.tool_calls
    ]
    answer = chat(client, more, tools=sdk.TOOLS)
    assert answer.choices[0].message.content == SAID


def test_stream_of_a_call_begins_with_an_object(client):
    deltas = [
        chunk.choices[0].delta.tool_calls[0]
        for chunk in chat(client, tools=sdk.TOOLS[:1], stream=True)
        if chunk.choices[0].delta.tool_calls
    ]
    assert deltas[0].id and deltas[0].function.arguments == "{}"
    rest = "".join(one.function.arguments for one in deltas[1:])
    assert rest == '{"city":"Paris"}'


@pytest.mark.parametrize(
    "model, more",
    [
        (CLAUDE, {"extra_body": {"thinking": THINK}, "max_tokens": 2048}),
        (OSS, {"reasoning_effort": "low"}),
    ],
)
def test_reasoning(client, model, more):
    content = chat(client, model=model, **more).choices[0].message.content
    assert [part["type"] for part in content] == ["reasoning", "text"]
    summary = content[0]["summary"][0]
    assert summary["text"] == "Thinking it over."
    assert ("signature" in summary) == (model == CLAUDE)
    assert content[1]["text"] == SAID
    deltas = [
        chunk.choices[0].delta.content
        for chunk in chat(client, model=model, stream=True, **more)
    ]
    lists = [delta for delta in deltas if isinstance(delta, list)]
    thought = "".join(one[0]["summary"][0]["text"] for one in lists)
    assert thought == "Thinking it over."
    assert "".join(one for one in deltas if isinstance(one, str)) == SAID
    again = [
        *HELLO, {"role": "assistant", "content": content}, *HELLO
    ]
    chat(client, again, model, **more)
    if model == CLAUDE:
        summary["signature"] = "AAAA"
        with pytest.raises(openai.BadRequestError, match="signature"):
            chat(client, again, model, **more)


def test_structured(client):
    sdk.structured(client, OSS)


def test_embeddings(client):
    raw = client.embeddings.with_raw_response.create(
        model="gte", input=["one", "two"], extra_body={"instruction": "find"},
        encoding_format="base64",
    ).http_response.json()
    assert isinstance(raw["data"][1]["embedding"][0], float)
    assert "completion_tokens" not in raw["usage"]
    with pytest.raises(openai.BadRequestError, match="only strings"):
        client.embeddings.create(model="gte", input=[[1, 2]])


def test_responses(client):
    answer = client.responses.create(model=GPT, input="Hello there")
    assert answer.output_text == SAID
    with client.responses.stream(model=GPT, input="Hello there") as events:
        assert events.get_final_response().output_text == SAID
    with pytest.raises(openai.BadRequestError, match="Responses"):
        client.responses.create(model=OSS, input="x")
    with pytest.raises(openai.BadRequestError, match="Unknown parameter"):
        client.responses.create(model=GPT, input="x", extra_body={"stop": 1})


def test_paths(sim):
    with connect(sim, path="/ai-gateway/mlflow/v1") as other:
        chat(other)
    path = f"/serving-endpoints/{OSS}/invocations"
    assert post(sim, {"messages": HELLO}, path).status_code == 200
    path = "/serving-endpoints/gte/invocations"
    answer = post(sim, {"input": "x"}, path).json()
    assert answer["data"][0]["index"] == 0
    assert post(sim, {}, "/serving-endpoints").status_code == 404


def token(sim, secret="sim-secret", **form):
    form = {"grant_type": "client_credentials", "scope": "all-apis", **form}
    return httpx.post(
        sim.url + "/oidc/v1/token", data=form, auth=("sim-client", secret)
    )


def test_token(sim):
    given = token(sim).json()
    assert given["token_type"] == "Bearer" and given["expires_in"] == 3600
    with connect(sim, given["access_token"]) as client:
        chat(client)
    sim.control("POST", "config", {"tokens": {}})
    body = {"model": OSS, "messages": HELLO}
    answer = post(sim, body, key=given["access_token"])
    assert answer.status_code == 403
    assert answer.json()["error_code"] == 403
    sim.script({"expires_in": 0}, deployment="token")
    late = token(sim).json()["access_token"]
    assert post(sim, body, key=late).status_code == 403


def test_token_refused(sim):
    assert token(sim, "no").json()["error"] == "invalid_client"
    answer = token(sim, grant_type="password")
    assert answer.json()["error"] == "unsupported_grant_type"
    assert token(sim, scope="sql").json()["error"] == "invalid_scope"
    answer = httpx.post(sim.url + "/oidc/v1/token")
    assert answer.status_code == 401
    answer = httpx.post(
        sim.url + "/oidc/v1/token", headers={"Authorization": "Basic %"}
    )
    assert answer.status_code == 401


def test_credentials(sim):
    body = {"model": OSS, "messages": HELLO}
    assert post(sim, body, key="no").status_code == 403
    answer = httpx.post(sim.url + CHAT, json=body)
    assert answer.status_code == 401
    assert answer.json()["error_code"] == 401


@pytest.mark.parametrize(
    "name, error, code",
    [
        ("bad_request", openai.BadRequestError, "INVALID_PARAMETER_VALUE"),
        ("too_long", openai.BadRequestError, "BAD_REQUEST"),
        ("rate", openai.RateLimitError, "REQUEST_LIMIT_EXCEEDED"),
        ("rate_bare", openai.RateLimitError, "RESOURCE_EXHAUSTED"),
        ("rate_400", openai.BadRequestError, "REQUEST_LIMIT_EXCEEDED"),
        ("bad_key", openai.PermissionDeniedError, 403),
        ("no_permission", openai.PermissionDeniedError, "PERMISSION_DENIED"),
        ("no_model", openai.NotFoundError, "RESOURCE_DOES_NOT_EXIST"),
        ("server", openai.InternalServerError, "INTERNAL_ERROR"),
        ("overloaded", openai.InternalServerError, "TEMPORARILY_UNAVAILABLE"),
        ("timeout", openai.InternalServerError, "DEADLINE_EXCEEDED"),
    ],
)
def test_errors(sim, client, name, error, code):
    sim.script({"error": name})
    with pytest.raises(error) as caught:
        chat(client)
    assert caught.value.body["error_code"] == code


def test_error_event(sim):
    sim.script({"error_event": 2, "event_error": "rate"})
    body = {"model": OSS, "messages": HELLO, "stream": True}
    lines = post(sim, body).text.strip().split("\n\n")
    assert len(lines) == 3
    assert '"error_code":"REQUEST_LIMIT_EXCEEDED"' in lines[-1]


def message(role="user", **more):
    return {"messages": [{"role": role, "content": "x", **more}]}


def part(**more):
    return {"messages": [{"role": "user", "content": [more]}]}


CALL = {"id": "c", "type": "function",
        "function": {"name": "f", "arguments": "{}"}}
REFUSED = [
    (OSS, {"max_completion_tokens": 5}, "max_completion_tokens: Extra"),
    (OSS, {"seed": 5}, "seed: Extra inputs"),
    (OSS, {"thinking": THINK}, "thinking: Extra"),
    (OSS, {"messages": []}, "Field required"),
    (OSS, message(reasoning_details=[]), "messages.0.reasoning_details"),
    (OSS, message(role="developer"), "Invalid role"),
    (OSS, message(role="system", name="x"), "messages.0.name"),
    (OSS, message(role="tool", tool_call_id="c"), "must be a response"),
    (OSS, message(role="assistant", tool_calls=[CALL]), "must be followed"),
    (OSS, {"messages": [7]}, "Invalid request"),
    (OSS, part(type="input_audio"), "Invalid content type"),
    (CLAUDE, message(content=""), "must be non-empty"),
    (CLAUDE, part(type="text", text=" "), "must be non-empty"),
    (CLAUDE, part(type="image_url", image_url={"url": "https://x.test/a"}),
     "Only base64"),
    (CLAUDE, {"reasoning_effort": "low"}, "reasoning_effort: Extra"),
    (CLAUDE, {"response_format": {"type": "json_object"}}, "response_format"),
    (CLAUDE, {"thinking": THINK, "max_tokens": 1024}, "must be greater"),
    (CLAUDE, {"thinking": {"type": "enabled", "budget_tokens": 5}}, "1024"),
    (GEMINI, {"stream": True, "stream_options": {"include_usage": True}},
     "INVALID_ARGUMENT"),
]


@pytest.mark.parametrize("model, change, match", REFUSED, ids=str)
def test_checks(sim, model, change, match):
    answer = post(sim, {"model": model, "messages": HELLO, **change})
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "BAD_REQUEST"
    assert match in answer.json()["message"]


@pytest.mark.parametrize(
    "model, change",
    [
        (CLAUDE, part(type="image_url", image_url={"url": PNG})),
        (OSS, message(name="me")),
        (OSS, {"stream": True, "stream_options": {"include_usage": True}}),
        (OSS, {"top_k": 5, "stop": ["x"], "temperature": 0.5}),
        (GEMINI, {"response_format": {"type": "json_object"}}),
    ],
    ids=str,
)
def test_taken(sim, model, change):
    answer = post(sim, {"model": model, "messages": HELLO, **change})
    assert answer.status_code == 200


def test_malformed(sim):
    assert post(sim, []).json()["error_code"] == "MALFORMED_REQUEST"
    answer = httpx.get(
        sim.url + CHAT, headers={"Authorization": "Bearer " + KEY}
    )
    assert answer.status_code == 405
    assert post(sim, {"messages": HELLO}).status_code == 404
