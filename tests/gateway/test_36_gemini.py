"""Google's models behind OpenAI's API: the Gemini API and Vertex AI."""

import base64
import json

import pytest
import sdk
from ask import PROMPT, WORDS, chat, error_of, events, said
from google.genai import types
from simulator import Simulator

MODELS = ["gemini-2.5-flash", "gemini-3-pro-preview"]
PROJECT = "/v1/projects/sim-project/locations/eu/publishers/google"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()
ALIASES = ["flash", "pro", "vertex"]
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def google_simulator(env):
    sim = Simulator(
        env.root / "google",
        MODELS,
        env.sim_key,
        "--token",
        env.sim_key,
        provider="gemini",
    )
    env.google = sim
    env.simulators.append(sim)
    yield sim
    env.simulators.remove(sim)
    sim.stop()


@pytest.fixture(scope="module", autouse=True)
def before_the_gateway(google_simulator):
    """The configuration needs its address."""


@pytest.fixture
def google(google_simulator):
    google_simulator.reset()
    return google_simulator


def configure(env, sim):
    return (
        env.conf()
        .add("AzureLITCooldown off", "AzureLITRetry 0")
        .endpoint("gem", env.google.url, "dialect=gemini")
        .endpoint("ver", env.google.url + PROJECT, "dialect=gemini")
        .endpoint("az", sim.url)
        .model("flash", "gem/gemini-2.5-flash", "base-model=gemini-2.5-flash")
        .model(
            "pro", "gem/gemini-3-pro-preview", "base-model=gemini-3-pro-preview"
        )
        .model(
            "vertex",
            "ver/gemini-3-pro-preview",
            "base-model=gemini-3-pro-preview",
        )
        .model("gone", "gem/gemini-1.0-pro")
        .model("both", "gem/gemini-2.5-flash")
        .add("AzureLITFallback both both-too")
        .model("both-too", "az/d1")
    )


def official(body):
    """Google's own SDK knows every member of the request."""
    known = {
        "contents": lambda v: [types.Content.model_validate(c) for c in v],
        "systemInstruction": types.Content.model_validate,
        "tools": lambda v: [types.Tool.model_validate(t) for t in v],
        "toolConfig": types.ToolConfig.model_validate,
        "generationConfig": types.GenerationConfig.model_validate,
        "safetySettings": lambda v: [
            types.SafetySetting.model_validate(s) for s in v
        ],
        "serviceTier": types.ServiceTier,
    }
    for name, value in body.items():
        known[name](value)
    return body


def arrived(google):
    return official(google.last()["json"])


def named(check):
    return check.__name__


CHECKS = [
    sdk.chat,
    sdk.stream,
    sdk.stream_helper,
    sdk.tools,
    sdk.structured,
]


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("check", CHECKS, ids=named)
def test_sdk(sdk_client, google, check, alias):
    check(sdk_client, alias)
    for entry in google.journal():
        official(entry["json"])


# ------------------------------------------------------------- what arrives


def test_where_to(client, google):
    for alias, path in (
        ("flash", "/v1beta/models/gemini-2.5-flash:"),
        ("vertex", PROJECT + "/models/gemini-3-pro-preview:"),
    ):
        client.post("/v1/chat/completions", json=chat(alias))
        assert google.last()["path"].split("?")[0] == path + "generateContent"
        client.post("/v1/chat/completions", json=chat(alias, stream=True))
        entry = google.last()
        assert entry["path"].startswith(path + "streamGenerateContent")
        fields = entry["fields"]
        assert ("x-goog-api-key" in fields) == (alias == "flash")
        assert ("authorization" in fields) == (alias == "vertex")


def test_everything_at_once(client, google):
    body = chat(
        "flash",
        temperature=0.25,
        top_p=0.5,
        max_tokens=50,
        seed=7,
        stop=["END", "STOP"],
        reasoning_effort="low",
        service_tier="flex",
        safety_settings=[
            {
                "category": "HARM_CATEGORY_HARASSMENT",
                "threshold": "BLOCK_NONE",
            }
        ],
        tools=[
            {
                "type": "function",
                "function": {"name": "weather", "parameters": CITY},
            }
        ],
        tool_choice={"type": "function", "function": {"name": "weather"}},
    )
    body["messages"].insert(0, {"role": "system", "content": "Be brief."})
    assert client.post("/v1/chat/completions", json=body).status_code == 200
    assert arrived(google) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "weather", "parametersJsonSchema": CITY}
                ]
            }
        ],
        "toolConfig": {
            "functionCallingConfig": {
                "mode": "ANY",
                "allowedFunctionNames": ["weather"],
            }
        },
        "generationConfig": {
            "temperature": 0.25,
            "topP": 0.5,
            "maxOutputTokens": 50,
            "seed": 7,
            "stopSequences": ["END", "STOP"],
            "thinkingConfig": {
                "thinkingBudget": 1024,
                "includeThoughts": True,
            },
        },
        "serviceTier": "flex",
        "safetySettings": body["safety_settings"],
    }


def test_image(client, google):
    content = [
        {"type": "text", "text": "SIM-REPORT"},
        {
            "type": "image_url",
            "image_url": {"url": "data:image/png;base64," + PNG},
        },
    ]
    answer = client.post(
        "/v1/chat/completions",
        json={
            "model": "flash",
            "messages": [{"role": "user", "content": content}],
        },
    )
    text = answer.json()["choices"][0]["message"]["content"]
    assert "user: image image/png 68" in text
    arrived(google)


def test_members_that_have_no_place(client, google):
    answer = client.post(
        "/v1/chat/completions", json=chat("flash", user="u", verbosity="low")
    )
    assert answer.status_code == 200
    answer = client.post(
        "/v1/chat/completions", json=chat("flash", logprobs=True)
    )
    error = error_of(answer, 400, "unsupported_parameter")
    assert error["param"] == "logprobs"
    assert len(google.journal()) == 1


@pytest.mark.parametrize("alias", ALIASES)
def test_bad_requests(client, google, alias):
    def refused(messages):
        answer = client.post(
            "/v1/chat/completions", json={"model": alias, "messages": messages}
        )
        return error_of(answer, 400, "invalid_value")["param"]

    linked = {"type": "image_url", "image_url": {"url": "https://a.test/a.png"}}
    call = {"id": "c", "type": "function"}
    call["function"] = {"name": "f", "arguments": "[]"}
    assert refused([{"role": "narrator", "content": "A"}]) == "messages[0].role"
    assert (
        refused([{"role": "user", "content": [linked]}])
        == "messages[0].content[0]"
    )
    assert (
        refused([{"role": "tool", "tool_call_id": "c", "content": "A"}])
        == "messages[0].tool_call_id"
    )
    assert (
        refused([{"role": "assistant", "tool_calls": [call]}])
        == "messages[0].tool_calls[0].function.arguments"
    )
    assert google.journal() == []


# ---------------------------------------------------------------- tool loops


def loop(client, alias, stream):
    """One answer with calls, as a message that an SDK would send back."""
    messages = [{"role": "user", "content": PROMPT}]
    body = {
        "model": alias,
        "messages": messages,
        "tools": sdk.TOOLS,
        "stream": stream,
    }
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    if not stream:
        choice = answer.json()["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        calls = choice["message"]["tool_calls"]
    else:
        calls = []
        for chunk in events(answer)[:-1]:
            for choice in chunk["choices"]:
                for one in choice["delta"].get("tool_calls", []):
                    if "id" in one:
                        calls.append(one)
                        one.pop("index")
                    else:
                        calls[one["index"]]["function"]["arguments"] += one[
                            "function"
                        ]["arguments"]
    messages.append({"role": "assistant", "tool_calls": calls})
    for call in reversed(calls):
        messages.append(
            {
                "role": "tool",
                "tool_call_id": call["id"],
                "content": json.dumps({"of": call["function"]["name"]}),
            }
        )
    return body


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("alias", ALIASES)
def test_results_in_the_order_of_the_calls(client, google, alias, stream):
    body = loop(client, alias, stream)
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    asked, results = arrived(google)["contents"][-2:]
    assert asked["role"] == "model" and results["role"] == "user"
    names = [part["functionCall"]["name"] for part in asked["parts"]]
    assert names == ["weather", "clock"]
    assert [part["functionResponse"]["name"] for part in results["parts"]] == (
        names
    )
    assert results["parts"][0]["functionResponse"]["response"] == {
        "of": "weather"
    }
    ids = ["id" in part["functionCall"] for part in asked["parts"]]
    assert ids == [alias != "vertex"] * 2


@pytest.mark.parametrize("alias", ALIASES)
def test_a_question_after_the_results(client, google, alias):
    """Nothing else stands beside what functions return."""
    body = loop(client, alias, False)
    body["messages"].append({"role": "user", "content": "And then?"})
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    results, question = arrived(google)["contents"][-2:]
    assert all("functionResponse" in part for part in results["parts"])
    assert question == {"role": "user", "parts": [{"text": "And then?"}]}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("alias", ["pro", "vertex"])
def test_signatures(client, google, alias, stream):
    """What this gateway has seen comes back; for what another model has
    called, there is a substitute."""
    body = loop(client, alias, stream)
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    given = arrived(google)["contents"][-2]["parts"][0]["thoughtSignature"]
    assert given != "skip_thought_signature_validator"
    for place, call in enumerate(body["messages"][1]["tool_calls"]):
        call["id"] = f"other_{place}"
        body["messages"][3 - place]["tool_call_id"] = call["id"]
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    parts = arrived(google)["contents"][-2]["parts"]
    assert parts[0]["thoughtSignature"] == "skip_thought_signature_validator"
    assert "thoughtSignature" not in parts[1]


# ------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    "reason, finish",
    [
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("UNHEARD_OF", "stop"),
    ],
)
def test_why_it_ended(client, google, reason, finish):
    behaviour = {"finish": reason, "content": "So far", "times": 2}
    google.script(behaviour)
    answer = client.post("/v1/chat/completions", json=chat("flash"))
    assert answer.json()["choices"][0]["finish_reason"] == finish
    answer = client.post("/v1/chat/completions", json=chat("flash", stream=True))
    data = events(answer)
    assert data[-1] == "[DONE]"
    reasons = [
        choice["finish_reason"]
        for chunk in data[:-1]
        for choice in chunk["choices"]
        if choice["finish_reason"]
    ]
    assert reasons == [finish]


def test_a_refused_prompt(client, google):
    google.script({"block": "SAFETY", "times": 2})
    answer = client.post("/v1/chat/completions", json=chat("flash"))
    choice = answer.json()["choices"][0]
    assert choice["finish_reason"] == "content_filter"
    assert choice["message"]["content"] == ""
    answer = client.post("/v1/chat/completions", json=chat("flash", stream=True))
    data = events(answer)
    assert said(data) == "" and data[-1] == "[DONE]"


@pytest.mark.parametrize("alias", ALIASES)
def test_reasoning_and_usage(client, google, gateway, alias):
    body = chat(alias, reasoning_effort="high")
    whole = client.post("/v1/chat/completions", json=body).json()
    message = whole["choices"][0]["message"]
    assert message["content"] == WORDS
    assert message["reasoning_content"] == "Thinking it over."
    usage = whole["usage"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 64
    assert usage["completion_tokens"] > 64
    body["stream_options"] = {"include_usage": True}
    answer = client.post("/v1/chat/completions", json={**body, "stream": True})
    data = events(answer)
    thoughts = "".join(
        choice["delta"].get("reasoning_content", "")
        for chunk in data[:-1]
        for choice in chunk["choices"]
    )
    assert thoughts == "Thinking it over." and said(data) == WORDS
    assert [c["usage"] for c in data[:-1] if c.get("usage")] == [usage]
    assert arrived(google)["generationConfig"]["thinkingConfig"][
        "includeThoughts"
    ]


# -------------------------------------------------------------------- errors


@pytest.mark.parametrize("array", [False, True])
def test_errors(client, google, log, array):
    def failed(name, status, code, alias="flash"):
        google.script({"error": name, "array": array})
        answer = client.post("/v1/chat/completions", json=chat(alias))
        error_of(answer, status, code)
        return answer

    failed("bad_request", 400, "bad_request")
    failed("too_long", 400, "context_length_exceeded")
    answer = failed("rate", 429, "rate_limit_exceeded")
    assert float(answer.headers["retry-after"]) >= 1
    failed("overloaded", 503, "service_unavailable")
    failed("server", 500, "internal_error")
    # the operator's key, whatever Google calls it
    log.expect("AZL0034")
    failed("bad_key", 502, "upstream_authentication_error")


def test_a_model_that_is_gone(client, google, log):
    answer = client.post("/v1/chat/completions", json=chat("gone"))
    error_of(answer, 404, "model_not_found")


def test_streams_that_end_too_early(client, google, log):
    log.expect(r"\[proxy", "AZL0030")
    for behaviour in ({"cut_after": 1}, {"error_event": 1}, {"malformed": 1}):
        google.script({"content": "a b c d e f g h i j", **behaviour})
        data = events(
            client.post("/v1/chat/completions", json=chat("flash", stream=True))
        )
        assert "error" in data[-1], behaviour
        assert said(data[:-1])


def test_another_provider_answers(client, google, sim, log):
    google.script({"error": "overloaded", "times": 9})
    answer = client.post("/v1/chat/completions", json=chat("both"))
    assert answer.json()["choices"][0]["message"]["content"] == WORDS
    google.script({"error_event": 0, "times": 9})
    answer = client.post("/v1/chat/completions", json=chat("both", stream=True))
    data = events(answer)
    assert said(data) == WORDS and data[-1] == "[DONE]"


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_lines_and_pieces(client, google, eol):
    google.script({"eol": eol, "split": 7, "comments": True})
    data = events(
        client.post("/v1/chat/completions", json=chat("pro", stream=True))
    )
    assert said(data) == WORDS and data[-1] == "[DONE]"
