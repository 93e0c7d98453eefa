"""Servers that resemble OpenAI: what each does in its own way, on the
wire."""

import json

import httpx
import pytest
import sdk
from simulator import Simulator

KEY = "sim-key-0123456789"
MODEL = "some-model"
QUIRKS = ["vllm", "ollama", "mistral", "deepseek", "xai", "openrouter", "bare"]
HELLO = [{"role": "user", "content": "Hello there"}]
SAID = "You said: Hello there"
THOUGHT = "Thinking it over."


@pytest.fixture(scope="module")
def sims(tmp_path_factory):
    sims = {
        name: Simulator(
            tmp_path_factory.mktemp(name), [MODEL], KEY,
            "--mode", "openai", "--quirk", name,
        )
        for name in ["none", *QUIRKS]
    }
    yield sims
    for sim in sims.values():
        sim.stop()


@pytest.fixture(autouse=True)
def clean(sims):
    for sim in sims.values():
        sim.reset()


def post(sim, path="/v1/chat/completions", key=KEY, **more):
    body = {"model": MODEL, **more}
    if "chat" in path:
        body.setdefault("messages", HELLO)
    return httpx.post(
        sim.url + path, json=body, headers={"Authorization": f"Bearer {key}"}
    )


def whole(sim, **more):
    answer = post(sim, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stream(sim, **more):
    """(the chunks, the comments)"""
    answer = post(sim, stream=True, **more)
    assert answer.status_code == 200, answer.text
    lines = [line for line in answer.text.split("\n") if line]
    assert "data: [DONE]" in lines
    chunks = [
        json.loads(line[6:])
        for line in lines
        if line.startswith("data: {")
    ]
    return chunks, {line for line in lines if line.startswith(":")}


def deltas(chunks):
    return [chunk["choices"][0]["delta"] for chunk in chunks
            if chunk["choices"]]


@pytest.mark.parametrize("quirk", QUIRKS)
def test_plain(sims, quirk):
    answer = whole(sims[quirk])
    assert answer["choices"][0]["message"]["content"] == SAID
    assert answer["usage"]["total_tokens"] == 9 + 4
    chunks, _ = stream(sims[quirk])
    said = "".join(delta.get("content") or "" for delta in deltas(chunks))
    assert said == SAID
    usage = [chunk for chunk in chunks if chunk.get("usage")]
    assert bool(usage) == (quirk in ("mistral", "deepseek"))


FIRST_NAMES = {
    "vllm": "reasoning",
    "ollama": "reasoning",
    "deepseek": "reasoning_content",
    "xai": "reasoning_content",
    "openrouter": "reasoning",
    "bare": "reasoning_content",
}


@pytest.mark.parametrize("quirk, name", FIRST_NAMES.items())
def test_reasoning(sims, quirk, name):
    sims[quirk].script({"reasoning": True, "times": 2})
    message = whole(sims[quirk])["choices"][0]["message"]
    assert message[name] == THOUGHT and message["content"] == SAID
    chunks, _ = stream(sims[quirk])
    parts = [delta.get(name) or "" for delta in deltas(chunks)]
    assert "".join(parts) == THOUGHT


def test_mistral_reasoning(sims):
    sims["mistral"].script({"reasoning": True, "times": 2})
    content = whole(sims["mistral"])["choices"][0]["message"]["content"]
    thought = {"type": "text", "text": THOUGHT}
    assert content == [
        {"type": "thinking", "thinking": [thought]},
        {"type": "text", "text": SAID},
    ]
    chunks, _ = stream(sims["mistral"])
    parts = [
        delta["content"][0]["thinking"][0]["text"]
        for delta in deltas(chunks)
        if isinstance(delta.get("content"), list)
    ]
    assert "".join(parts) == THOUGHT


def calls(sim):
    chunks, _ = stream(sim, tools=sdk.TOOLS)
    return [call for delta in deltas(chunks)
            for call in delta.get("tool_calls") or []]


@pytest.mark.parametrize("quirk", ["ollama", "mistral", "xai", "bare"])
def test_whole_calls(sims, quirk):
    names = [call["function"]["name"] for call in calls(sims[quirk])]
    assert names == ["weather", "clock"]


def test_calls(sims):
    first, second = calls(sims["ollama"])
    assert (first["index"], second["index"]) == (0, 0)
    assert first["id"] != second["id"]
    for number, call in enumerate(calls(sims["mistral"])):
        assert call["index"] == number and "type" not in call
        assert len(call["id"]) == 9 and call["id"].isalnum()
    for call in calls(sims["bare"]):
        assert set(call) == {"function"}
    assert len(calls(sims["vllm"])) == 6


def test_ends(sims):
    named = {"type": "function", "function": {"name": "clock"}}
    answer = whole(sims["vllm"], tools=sdk.TOOLS, tool_choice=named)
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["choices"][0]["message"]["tool_calls"]
    chunks, _ = stream(sims["bare"], tools=sdk.TOOLS)
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert all("role" not in delta for delta in deltas(chunks))
    for quirk in ("ollama", "openrouter"):
        chunks, _ = stream(sims[quirk])
        assert all(delta["role"] == "assistant" for delta in deltas(chunks))


def test_bare(sims):
    answer = whole(sims["bare"], tools=sdk.TOOLS)
    assert set(answer) == {"model", "choices", "usage"}
    (choice,) = answer["choices"]
    assert set(choice) == {"message", "finish_reason"}
    given = [call["function"]["arguments"]
             for call in choice["message"]["tool_calls"]]
    assert given[0] == {"city": "Paris"}
    chunks, _ = stream(sims["bare"])
    assert all("id" not in chunk for chunk in chunks)
    assert deltas(chunks)[0]["tool_calls"] is None


def test_xai_ends(sims):
    assert whole(sims["xai"])["choices"][0]["finish_reason"] == "end_turn"
    chunks, _ = stream(sims["xai"])
    assert chunks[-1]["choices"][0]["finish_reason"] == "end_turn"


def test_choice_errors(sims):
    sims["openrouter"].script({"choice_error": 1, "times": 2})
    assert whole(sims["openrouter"])["choices"][0]["error"]["code"] == 502
    chunks, _ = stream(sims["openrouter"])
    assert chunks[1]["choices"][0]["finish_reason"] == "error"


def test_thoughts_are_wanted_back(sims):
    sims["deepseek"].script({"reasoning": True})
    message = whole(sims["deepseek"], tools=sdk.TOOLS)["choices"][0]["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "x"}
        for call in message["tool_calls"]
    ]
    turn = {"role": "assistant", "tool_calls": message["tool_calls"]}
    for thought, status in ((None, 400), ("", 200), (THOUGHT, 200)):
        if thought is not None:
            turn["reasoning_content"] = thought
        answer = post(sims["deepseek"], messages=[*HELLO, turn, *results])
        assert answer.status_code == status, answer.text
    said = {"role": "assistant", "content": "so", "reasoning_content": "x"}
    answer = post(sims["deepseek"], messages=[*HELLO, said, *HELLO])
    assert answer.status_code == 400


def test_null_members(sims):
    answer = whole(sims["vllm"])
    assert answer["usage"]["prompt_tokens_details"] is None
    assert answer["choices"][0]["message"]["function_call"] is None
    assert answer["prompt_logprobs"] is None


def test_usage(sims):
    for sim in sims.values():
        sim.script({"reasoning": True, "cached": 10})
    usage = {name: whole(sim)["usage"] for name, sim in sims.items()}
    assert usage["bare"]["reasoning_tokens"] == 64
    assert "completion_tokens_details" not in usage["bare"]
    assert usage["xai"]["completion_tokens"] == 4
    assert usage["xai"]["total_tokens"] == 19 + 68
    assert usage["deepseek"]["prompt_cache_hit_tokens"] == 10
    assert usage["deepseek"]["prompt_cache_miss_tokens"] == 9
    assert usage["openrouter"]["cost"]
    chunks, _ = stream(
        sims["openrouter"], stream_options={"include_usage": True}
    )
    assert chunks[-1]["usage"] and chunks[-1]["choices"]


def test_comments(sims):
    assert stream(sims["openrouter"])[1] == {": OPENROUTER PROCESSING"}
    assert stream(sims["deepseek"])[1] == {": keep-alive"}
    assert not stream(sims["vllm"])[1]


def test_openrouter_members(sims):
    sims["openrouter"].script({"reasoning": True, "times": 2})
    message = whole(sims["openrouter"])["choices"][0]["message"]
    assert message["reasoning_details"][0]["text"] == THOUGHT
    chunks, _ = stream(sims["openrouter"])
    assert chunks[0]["provider"] == "Sim"


CALL = {"type": "function", "function": {"name": "f", "arguments": "{}"}}


def turns(number):
    return [
        *HELLO,
        {"role": "assistant", "content": "",
         "tool_calls": [{**CALL, "id": number}]},
        {"role": "tool", "tool_call_id": number, "content": "x"},
    ]


SCHEMA = {"type": "json_schema", "json_schema": {
    "name": "x", "schema": {"type": "object"}}}
DEVELOPER = {"messages": [{"role": "developer", "content": "x"}, *HELLO]}


@pytest.mark.parametrize(
    "quirk, more, status",
    [
        ("mistral", {"stream_options": {}}, 422),
        ("mistral", {"seed": 1}, 422),
        ("mistral", {"max_completion_tokens": 9}, 422),
        ("mistral", DEVELOPER, 422),
        ("mistral", {"messages": [{**HELLO[0], "name": "me"}]}, 422),
        ("mistral", {"messages": turns("call_1")}, 400),
        ("mistral", {"messages": turns("abcdef123")}, 200),
        ("mistral", {"messages": [*HELLO, {
            "role": "assistant", "content": "so"}]}, 400),
        ("mistral", {"max_tokens": 9, "random_seed": 1}, 200),
        ("deepseek", DEVELOPER, 422),
        ("deepseek", {"response_format": SCHEMA}, 400),
        ("xai", {"reasoning_effort": "low", "stop": "x"}, 400),
        ("xai", {"stop": "x"}, 200),
        ("vllm", {"unheard": 1}, 200),
    ],
    ids=str,
)
def test_checks(sims, quirk, more, status):
    answer = post(sims[quirk], **more)
    assert answer.status_code == status, answer.text


def test_error_shapes(sims):
    bad = {name: post(sim, key="no").json() for name, sim in sims.items()}
    assert bad["vllm"] == {"error": "Unauthorized"}
    assert bad["mistral"] == {"detail": "Unauthorized"}
    assert bad["openrouter"]["error"]["code"] == 401
    assert isinstance(bad["xai"]["error"], str)
    for sim in sims.values():
        sim.script({"error": "rate"})
    rate = {name: post(sim) for name, sim in sims.items()}
    assert {answer.status_code for answer in rate.values()} == {429}
    assert rate["vllm"].json()["error"]["code"] == 429
    assert rate["mistral"].json()["raw_status_code"] == 429
    extra = post(sims["mistral"], seed=1).json()
    assert extra["message"]["detail"][0]["loc"] == ["body", "seed"]
    sims["vllm"].script({"error_event": 2, "event_error": "server"})
    chunks = [
        json.loads(line[6:])
        for line in post(sims["vllm"], stream=True).text.split("\n\n")
        if line
    ]
    assert chunks[-1]["error"]["code"] == 500


@pytest.mark.parametrize(
    "quirk, kind",
    [("none", str), ("vllm", str), ("ollama", list), ("mistral", list)],
)
def test_embeddings(sims, quirk, kind):
    answer = post(
        sims[quirk], "/v1/embeddings", input="x", encoding_format="base64"
    ).json()
    assert isinstance(answer["data"][0]["embedding"], kind)


DOCUMENTS = ["the sea", "a red car", "the red sea"]


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
def test_rerank(sims, path):
    answer = post(
        sims["none"], path, query="red sea", documents=DOCUMENTS, top_n=2
    ).json()
    order = [result["index"] for result in answer["results"]]
    assert order == [2, 0]
    assert answer["results"][0]["relevance_score"] == 1
    assert "document" not in answer["results"][0]
    version = "2" if "v2" in path else "1"
    assert answer["meta"]["api_version"]["version"] == version


def test_rerank_documents(sims):
    given = [{"text": one} for one in DOCUMENTS]
    answer = post(
        sims["none"], "/v1/rerank", query="red sea", documents=given,
        return_documents=True,
    ).json()
    assert answer["results"][0]["document"] == {"text": "the red sea"}
    answer = post(
        sims["vllm"], "/v1/rerank", query="red sea", documents=DOCUMENTS
    ).json()
    assert answer["usage"]["total_tokens"] == 8
    assert answer["results"][0]["document"] == {"text": "the red sea"}


@pytest.mark.parametrize(
    "path, more, status",
    [
        ("/v1/rerank", {"query": "x"}, 400),
        ("/v2/rerank", {"query": "x", "documents": [{"text": "a"}]}, 400),
        ("/v2/rerank", {"query": "x", "documents": ["a"],
                        "return_documents": True}, 422),
        ("/v1/rerank", {"query": "x", "documents": [7]}, 400),
    ],
)
def test_rerank_refuses(sims, path, more, status):
    assert post(sims["none"], path, **more).status_code == status
