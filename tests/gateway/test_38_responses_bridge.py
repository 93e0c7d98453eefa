"""Between chats and Responses: a chat at a deployment that has only
/responses, and Responses of one that has only a chat or is a foreign one."""

import json

import openai
import pytest
import sdk
import sdk_node
from ask import PROMPT, WORDS, chat, error_of, events, said
from simulator import Simulator

CLAUDE = "claude-sonnet-4-5"
# name: base model
DEPLOYMENTS = {
    "codex": "gpt-5.1-codex",
    "plain": "gpt-4.1",
    # each is found out about by one test
    "codex1": "gpt-5.1-codex",
    "codex2": "gpt-5.1-codex",
    "codex3": "gpt-5.1-codex",
    "sol1": "gpt-5.6-sol",
    "sol2": "gpt-5.6-sol",
    "new": "gpt-5.4",
}
MARK = "PROMPT-MARK"
REPORT = "SIM-REPORT"


@pytest.fixture(scope="module", autouse=True)
def service(env):
    names = [f"{name}={base}" for name, base in DEPLOYMENTS.items()]
    sim = Simulator(env.root / "bridge", names, env.sim_key)
    env.bridge = sim
    env.simulators.append(sim)
    yield sim
    env.simulators.remove(sim)
    sim.stop()


@pytest.fixture(scope="module", autouse=True)
def foreign(env):
    sim = Simulator(
        env.root / "foreign", [CLAUDE], env.sim_key, provider="anthropic"
    )
    env.foreign = sim
    env.simulators.append(sim)
    yield sim
    env.simulators.remove(sim)
    sim.stop()


@pytest.fixture(autouse=True)
def fresh(service, foreign):
    service.reset()
    foreign.reset()


def configure(env, sim):
    return (
        env.conf()
        .add("AzureLITCooldown off")
        .endpoint("v1", env.bridge.url)
        .endpoint("classic", env.bridge.url, "api-version=2025-04-01-preview")
        .endpoint("claude", env.foreign.url, "dialect=anthropic")
        .model(
            "codex", "v1/codex", "surface=responses base-model=gpt-5.1-codex"
        )
        .model(
            "old",
            "classic/codex",
            "surface=responses base-model=gpt-5.1-codex",
        )
        .model("chatty", "v1/plain", "surface=chat")
        .model("classic", "classic/plain", "surface=chat")
        .model("foreign", f"claude/{CLAUDE}", f"base-model={CLAUDE}")
        .model("native", "v1/plain")
        .model("second", "v1/plain", "surface=chat order=1")
        .model("second", "classic/plain", "surface=chat order=2")
        .model("found", "v1/codex1")
        .model("streamed", "classic/codex2")
        .model("no-responses", "v1/codex3", "surface=chat")
        .model("thinker", "v1/sol1")
        .model("gpt-5.6", "v1/sol2")
        .model("new", "v1/new", "base-model=gpt-5.4")
    )


def named(check):
    return check.__name__


def bad(results):
    return {name: text for name, text in results.items() if text != "ok"}


# ----------------------------------------------- a chat at /responses

CHATS = [sdk.chat, sdk.stream, sdk.stream_helper, sdk.tools, sdk.structured]


@pytest.mark.parametrize("check", CHATS, ids=named)
@pytest.mark.parametrize("model", ["codex", "old"])
def test_chat_sdk(sdk_client, service, model, check):
    check(sdk_client, model)
    for entry in service.journal():
        assert entry["path"].split("?")[0].endswith("/responses")
        assert entry["json"]["store"] is False


def test_chat_sdk_node(gateway):
    results = sdk_node.run(
        kind="openai",
        baseURL=gateway.url + "/v1",
        key=gateway.key,
        model="codex",
        strict=True,
        checks=["chat", "stream", "stream_helper", "run_tools", "structured"],
    )
    assert bad(results) == {}


def test_conversation_arrives_whole(client):
    """Nothing of it is lost, and everything in its place."""
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Paris"}'},
    }
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "developer", "content": "Be kind."},
        {"role": "assistant", "content": "Wait.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "user", "content": f"{REPORT} {MARK}"},
    ]
    answer = client.post(
        "/v1/chat/completions", json={"model": "codex", "messages": messages}
    )
    said_here = answer.json()["choices"][0]["message"]["content"]
    assert said_here.splitlines() == [
        "system: Be brief.",
        "system: Be kind.",
        "user: one",
        "assistant: Wait.",
        'assistant: call weather {"city":"Paris"}',
        "tool weather: sunny",
        f"user: {REPORT} {MARK}",
    ]


def test_chat_is_recorded_as_a_chat(gateway, client):
    plain = client.post("/v1/chat/completions", json=chat("codex")).json()
    stream = client.post(
        "/v1/chat/completions", json=chat("codex", stream=True)
    )
    assert said(events(stream)) == WORDS
    assert events(stream)[-1] == "[DONE]"
    whole, streamed = gateway.records(2)
    assert whole["surface"] == streamed["surface"] == "chat"
    assert whole["model"] == "codex"
    for record in (whole, streamed):
        assert record["prompt_tokens"] == plain["usage"]["prompt_tokens"]
        assert record["completion_tokens"] == 4
    assert plain["model"] == "codex"
    assert plain["object"] == "chat.completion"


def test_reasoning(client, service):
    body = chat("codex", reasoning_effort="low")
    message = client.post("/v1/chat/completions", json=body).json()
    message = message["choices"][0]["message"]
    assert message["reasoning_content"] == "Thinking it over."
    assert service.last()["json"]["reasoning"] == {
        "effort": "low",
        "summary": "auto",
    }
    data = events(
        client.post("/v1/chat/completions", json={**body, "stream": True})
    )
    thought = [
        chunk["choices"][0]["delta"].get("reasoning_content", "")
        for chunk in data
        if chunk != "[DONE]" and chunk["choices"]
    ]
    assert "".join(thought) == "Thinking it over."
    assert said(data) == WORDS


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_comes_back(sdk_client, service, stream):
    """What led to a call is given back with its result, though the client
    knows nothing of it."""
    asked = {
        "model": "codex",
        "tools": sdk.TOOLS,
        "reasoning_effort": "low",
    }
    if stream:
        with sdk_client.chat.completions.stream(
            messages=sdk.MESSAGES, **asked
        ) as events:
            answer = events.get_final_completion()
    else:
        answer = sdk_client.chat.completions.create(
            messages=sdk.MESSAGES, **asked
        )
    assert service.last()["json"]["include"] == ["reasoning.encrypted_content"]
    message = answer.choices[0].message
    messages = [*sdk.MESSAGES, message.to_dict()]
    messages += [
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
        for call in message.tool_calls
    ]
    sdk_client.chat.completions.create(messages=messages, **asked)
    items = service.last()["json"]["input"]
    assert [item["type"] for item in items] == [
        "message", "reasoning", "function_call", "function_call",
        "function_call_output", "function_call_output",
    ]
    assert items[1]["encrypted_content"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "finish, told", [("length", "length"),
                     ("content_filter", "content_filter")]
)
def test_incomplete(client, service, stream, finish, told):
    service.script({"finish": finish, "content": "So far"})
    answer = client.post(
        "/v1/chat/completions", json=chat("codex", stream=stream)
    )
    if not stream:
        choice = answer.json()["choices"][0]
        assert choice["finish_reason"] == told
        assert choice["message"]["content"] == "So far"
        return
    data = events(answer)
    reasons = [
        chunk["choices"][0]["finish_reason"]
        for chunk in data
        if chunk != "[DONE]" and chunk["choices"]
    ]
    assert [reason for reason in reasons if reason] == [told]
    assert said(data) == "So far" and data[-1] == "[DONE]"


@pytest.mark.parametrize("outcome", ["failed", "error"])
def test_stream_that_fails(client, service, log, outcome):
    """The error comes, and nothing after it."""
    log.expect("cut off")
    service.script({"outcome": outcome, "content": "So far so good"})
    data = events(
        client.post("/v1/chat/completions", json=chat("codex", stream=True))
    )
    assert said(data[:-1]) == "So far so good"
    assert data[-1]["error"]["message"]
    code = data[-1]["error"]["code"]
    assert code in ("server_error", "rate_limit_exceeded")


@pytest.mark.parametrize("shape", ["cut_after", "error_event"])
def test_stream_that_breaks(client, service, log, shape):
    log.expect("cut off", "error reading response")
    service.script({shape: 7})
    data = events(
        client.post("/v1/chat/completions", json=chat("codex", stream=True))
    )
    assert "error" in data[-1] and "[DONE]" not in data
    assert WORDS.startswith(said(data[:-1]))


def test_answer_that_failed(client, service):
    """Its own word comes through, not that there was no answer."""
    service.script({"outcome": "failed", "times": 9})
    answer = client.post("/v1/chat/completions", json=chat("codex"))
    error = error_of(answer, 500, "server_error")
    assert error["message"] == "It did not work."


@pytest.mark.parametrize(
    "more, param",
    [
        ({"n": 2}, "n"),
        ({"stop": "x"}, "stop"),
        ({"messages": [{"role": "robot", "content": "x"}]},
         "messages[0].role"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]"),
    ],
)
def test_what_responses_cannot_do(client, service, more, param):
    answer = client.post("/v1/chat/completions", json=chat("codex", **more))
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert service.journal() == []


def test_what_responses_need_not_know(client):
    answer = client.post(
        "/v1/chat/completions", json=chat("codex", seed=1, logprobs=False)
    )
    assert answer.status_code == 200
    assert answer.headers["x-azurelit-dropped-params"] == "seed"


def test_probabilities_are_asked_for(client, service):
    body = chat("codex", logprobs=True, top_logprobs=2)
    client.post("/v1/chat/completions", json=body)
    sent = service.last()["json"]
    assert sent["include"] == ["message.output_text.logprobs"]
    assert sent["top_logprobs"] == 2 and "logprobs" not in sent


def test_no_completions(client):
    answer = client.post(
        "/v1/completions", json={"model": "codex", "prompt": "x"}
    )
    error_of(answer, 400, "unsupported_operation")


# ------------------------------------- Responses of one that only chats

CHATTY = ["chatty", "classic", "foreign"]


def responses_text(client, model):
    answer = client.responses.create(model=model, input=sdk.MESSAGES)
    assert answer.output_text == sdk.WORDS
    assert answer.status == "completed" and answer.store is False
    assert answer.usage.output_tokens == 5
    assert answer.usage.input_tokens_details.cache_write_tokens == 0
    with client.responses.stream(model=model, input=sdk.MESSAGES) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert final.output_text == sdk.WORDS
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.usage.total_tokens == answer.usage.total_tokens
    assert final.model == model


def responses_loop(client, model):
    """Two calls, their results, the answer; statelessly."""
    items = list(sdk.MESSAGES)
    with client.responses.stream(
        model=model, input=items, tools=sdk.FLAT_TOOLS, store=False
    ) as stream:
        for _ in stream:
            pass
        first = stream.get_final_response()
    calls = [item for item in first.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["weather", "clock"]
    items += [item.to_dict() for item in first.output]
    for call in calls:
        items.append(
            {
                "type": "function_call_output",
                "call_id": call.call_id,
                "output": "sunny",
            }
        )
    second = client.responses.create(
        model=model, input=items, tools=sdk.FLAT_TOOLS, store=False
    )
    assert second.output_text == sdk.WORDS


def responses_structured(client, model):
    parsed = client.responses.parse(
        model=model, input="x", text_format=sdk.Capital
    )
    assert parsed.output_parsed == sdk.Capital(city="Paris", inhabitants=7)
    with client.responses.stream(
        model=model, input="x", text_format=sdk.Capital
    ) as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    assert final.output_parsed.city == "Paris"


RESPONSES = [
    responses_text,
    responses_loop,
    responses_structured,
    sdk.responses_tools,
]


@pytest.mark.parametrize("check", RESPONSES, ids=named)
@pytest.mark.parametrize("model", CHATTY)
def test_responses_sdk(sdk_client, model, check):
    check(sdk_client, model)


@pytest.mark.parametrize("model", ["chatty", "foreign", "native"])
def test_responses_sdk_node(gateway, model):
    results = sdk_node.run(
        kind="openai",
        baseURL=gateway.url + "/v1",
        key=gateway.key,
        model=model,
        strict=True,
        checks=["responses_unstored", "responses_stream"],
    )
    assert bad(results) == {}


def test_responses_are_recorded_as_such(gateway, client, service):
    body = {"model": "chatty", "input": PROMPT}
    answer = client.post("/v1/responses", json=body).json()
    stream = client.post("/v1/responses", json={**body, "stream": True})
    for record in gateway.records(2):
        assert record["surface"] == "responses"
        assert record["prompt_tokens"] == answer["usage"]["input_tokens"]
        assert record["completion_tokens"] == 4
    assert "[DONE]" not in stream.text
    for entry in service.journal():
        assert entry["path"].endswith("/chat/completions")
        assert "input" not in entry["json"]


def numbered(answer):
    """The events of a stream, which are numbered from 0."""
    data = events(answer)
    assert [one["sequence_number"] for one in data] == list(range(len(data)))
    return data


def test_event_order(client, service):
    service.script({"reasoning": "Hm.", "content": "Hi", "shape": "deepseek"})
    data = numbered(
        client.post(
            "/v1/responses",
            json={"model": "chatty", "input": "x", "stream": True},
        )
    )
    kinds = [one["type"] for one in data]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    for one in data[:2]:
        assert one["response"]["status"] == "in_progress"
        assert one["response"]["output"] == []
    final = data[-1]["response"]
    assert final["status"] == "completed" and final["error"] is None
    text = [one["delta"] for one in data if one["type"].endswith("t.delta")]
    assert "".join(text).endswith("Hi")
    for kind in ("output_item", "content_part"):
        added = kinds.count(f"response.{kind}.added")
        assert added == kinds.count(f"response.{kind}.done") > 0


@pytest.mark.parametrize("stream", [False, True])
def test_incomplete_response(client, service, stream):
    service.script({"finish": "length", "content": "So far"})
    answer = client.post(
        "/v1/responses",
        json={"model": "chatty", "input": "x", "stream": stream},
    )
    response = answer.json() if not stream else None
    if stream:
        last = numbered(answer)[-1]
        assert last["type"] == "response.incomplete"
        response = last["response"]
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["output"][0]["status"] == "incomplete"
    assert response["output"][0]["content"][0]["text"] == "So far"


@pytest.mark.parametrize("shape", ["cut_after", "error_event"])
def test_response_that_breaks(client, service, log, shape):
    """An error that makes the SDKs raise, and what became of the Response."""
    log.expect("cut off", "error reading response")
    service.script({shape: 4})
    data = numbered(
        client.post(
            "/v1/responses",
            json={"model": "chatty", "input": PROMPT, "stream": True},
        )
    )
    assert [one["type"] for one in data[-2:]] == ["error", "response.failed"]
    assert data[-2]["error"]["message"] == data[-2]["message"]
    assert data[-1]["response"]["status"] == "failed"
    assert data[-1]["response"]["error"]["code"] == data[-2]["code"]


def test_sdk_raises_on_what_breaks(sdk_client, service, log):
    log.expect("cut off", "error reading response")
    service.script({"cut_after": 4})
    with pytest.raises(openai.APIError):
        with sdk_client.responses.stream(
            model="chatty", input=PROMPT
        ) as stream:
            for _ in stream:
                pass


@pytest.mark.parametrize("model", ["chatty", "foreign"])
@pytest.mark.parametrize(
    "more, param, code",
    [
        ({"store": True}, "store", "unsupported_parameter"),
        ({"background": True}, "background", "unsupported_parameter"),
        ({"conversation": "conv_1"}, "conversation", "unsupported_parameter"),
        ({"previous_response_id": "resp_1"}, "previous_response_id",
         "previous_response_not_found"),
        ({"tools": [{"type": "file_search"}]}, "tools[0]",
         "unsupported_parameter"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"},
         "tool_choice", "unsupported_parameter"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]",
         "invalid_value"),
    ],
)
def test_what_a_chat_cannot_do(
    client, service, foreign, model, more, param, code
):
    answer = client.post(
        "/v1/responses", json={"model": model, "input": "x", **more}
    )
    error = error_of(answer, 400, code)
    assert error["param"] == param
    assert service.journal() == foreign.journal() == []


NAMESPACE = {
    "type": "namespace",
    "name": "home",
    "description": "At home.",
    "tools": sdk.FLAT_TOOLS,
}


@pytest.mark.parametrize("model", CHATTY)
@pytest.mark.parametrize("stream", [False, True])
def test_namespace(sdk_client, service, foreign, model, stream):
    """Its functions go by longer names; who called them hears of none."""
    sim = foreign if model == "foreign" else service
    items = list(sdk.MESSAGES)
    asked = {"model": model, "tools": [NAMESPACE], "store": False}
    call = {"name": "home__weather", "arguments": {"city": "Paris"}}
    sim.script({"calls": [call]})
    if stream:
        with sdk_client.responses.stream(input=items, **asked) as events:
            for _ in events:
                pass
            first = events.get_final_response()
    else:
        first = sdk_client.responses.create(input=items, **asked)
    (made,) = [item for item in first.output if item.type == "function_call"]
    assert (made.namespace, made.name) == ("home", "weather")
    items += [item.to_dict() for item in first.output]
    items.append(
        {
            "type": "function_call_output",
            "call_id": made.call_id,
            "output": f"{MARK} sunny",
        }
    )
    second = sdk_client.responses.create(input=items, **asked)
    assert second.output_text
    sent = json.dumps(sim.last()["json"]["messages"])
    assert "home__weather" in sent and f"{MARK} sunny" in sent


DROPPED = "x-azurelit-dropped-params"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["chatty", "foreign", "second"])
def test_what_is_left_out_is_told(client, service, log, model, stream):
    """By whoever answers."""
    if model == "second":
        log.expect("AZL0020|attempt|503")
        service.script({"status": 503})
    body = {
        "model": model,
        "stream": stream,
        "tools": [*sdk.FLAT_TOOLS, {"type": "web_search"}],
        "include": ["reasoning.encrypted_content"],
        "client_metadata": {"a": "b"},
        "input": [
            {"type": "reasoning", "summary": [], "encrypted_content": "x"},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"role": "user", "content": PROMPT},
        ],
    }
    answer = client.post("/v1/responses", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers[DROPPED] == (
        "client_metadata,input.reasoning,input[1],include,tools[2]"
    )


IMAGE = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize("model", ["chatty", "foreign"])
def test_images_of_tools(client, service, foreign, model):
    """A tool of a chat has no images: they follow as the user's."""
    items = [
        {"role": "user", "content": "x"},
        {"type": "function_call", "call_id": "call_1", "name": "look",
         "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": [
            {"type": "input_text", "text": "Here."},
            {"type": "input_image", "image_url": IMAGE},
        ]},
    ]
    tools = [{"type": "function", "name": "look", "parameters": {}}]
    answer = client.post(
        "/v1/responses", json={"model": model, "input": items, "tools": tools}
    )
    assert answer.status_code == 200, answer.text
    sim = foreign if model == "foreign" else service
    last = sim.last()["json"]["messages"][-1]
    assert last["role"] == "user"
    assert IMAGE.split(",")[1] in json.dumps(last)
    items[2]["output"][1] = {"type": "input_image", "file_id": "file-1"}
    answer = client.post(
        "/v1/responses", json={"model": model, "input": items, "tools": tools}
    )
    error = error_of(answer, 400, "invalid_value")
    assert error["param"] == "input[2].output[1]"


def test_places_are_the_clients_own(client, foreign):
    """What an upstream takes no part of is named as the client has it, not as
    the chat that was made of it."""
    items = [
        {"role": "user", "content": "x"},
        {"type": "reasoning", "summary": [], "encrypted_content": "x"},
        {"type": "function_call", "call_id": "call_1", "name": "look",
         "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "y"},
        {"role": "user", "content": [
            {"type": "input_text", "text": "x"},
            {"type": "input_audio",
             "input_audio": {"data": "AA==", "format": "wav"}},
        ]},
    ]
    asked = {"model": "foreign", "instructions": "Be brief."}
    answer = client.post("/v1/responses", json={**asked, "input": items})
    error = error_of(answer, 400, "invalid_value")
    assert error["param"] == "input[4].content[1]"
    items[2]["arguments"] = "{"
    answer = client.post("/v1/responses", json={**asked, "input": items[:4]})
    error = error_of(answer, 400, "invalid_value")
    assert error["param"] == "input[2]"
    assert foreign.journal() == []


def test_probabilities_of_a_response(client, service):
    body = {
        "model": "chatty",
        "input": "x",
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 2,
    }
    answer = client.post("/v1/responses", json=body)
    assert answer.json()["top_logprobs"] == 2
    assert DROPPED not in answer.headers
    sent = service.last()["json"]
    assert sent["logprobs"] is True and sent["top_logprobs"] == 2


def test_nothing_is_stored(client):
    made = client.post(
        "/v1/responses", json={"model": "chatty", "input": "x"}
    ).json()
    assert made["id"].startswith("resp_")
    answer = client.get(f"/v1/responses/{made['id']}")
    error_of(answer, 404, "response_not_found")


def test_errors_of_a_chat_are_ours(client, service):
    """As a client of /responses expects them."""
    service.script({"error": "too_long"})
    answer = client.post(
        "/v1/responses", json={"model": "chatty", "input": "x"}
    )
    error_of(answer, 400, "context_length_exceeded")


def test_request_is_repeated(client):
    asked = {
        "instructions": "Be brief.",
        "max_output_tokens": 100,
        "metadata": {"a": "b"},
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
        "tool_choice": "none",
        "temperature": 0.5,
    }
    answer = client.post(
        "/v1/responses",
        content=json.dumps({"model": "chatty", "input": "x", **asked}),
        headers={"content-type": "application/json"},
    ).json()
    assert {name: answer[name] for name in asked} == asked


# ------------------------------------------------ found out by itself

TOLD = "AZL0120"


def asked(service):
    """Where each request went: to chat or to responses."""
    return [
        entry["path"].split("?")[0].rsplit("/", 1)[1]
        for entry in service.journal()
    ]


def test_found_out(gateway, client, service, log):
    """A refusal is nothing the client hears of, and it is remembered."""
    for _ in range(3):
        answer = client.post("/v1/chat/completions", json=chat("found"))
        assert answer.status_code == 200, answer.text
        assert answer.json()["choices"][0]["message"]["content"] == WORDS
    assert asked(service) == ["completions"] + 3 * ["responses"]
    assert log.text().count(TOLD) == 1
    assert "v1/codex1 takes no chats: " in log.text()
    attempts = [record["attempts"] for record in gateway.records(3)]
    assert attempts == [2, 1, 1]


def test_found_out_by_a_stream(client, service):
    for _ in range(2):
        data = events(
            client.post(
                "/v1/chat/completions", json=chat("streamed", stream=True)
            )
        )
        assert said(data) == WORDS and data[-1] == "[DONE]"
    assert asked(service) == ["completions", "responses", "responses"]


def test_there_is_nothing_to_find(client, service):
    """It was said that it has no Responses: its word is the client's."""
    answer = client.post("/v1/chat/completions", json=chat("no-responses"))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "OperationNotSupported"
    assert asked(service) == ["completions"]


def test_tools_found_out(client, service, log):
    """Only chats with tools go another way from then on."""
    body = chat("thinker", tools=sdk.TOOLS)
    for more in ({}, {}, {"reasoning_effort": "none"}):
        answer = client.post("/v1/chat/completions", json={**body, **more})
        message = answer.json()["choices"][0]["message"]
        assert len(message["tool_calls"]) == 2
    client.post("/v1/chat/completions", json=chat("thinker"))
    assert asked(service) == [
        "completions", "responses", "responses", "completions", "completions",
    ]
    assert "v1/sol1 takes no chats with tools: " in log.text()


def test_known_by_name(client, service, log):
    body = chat("gpt-5.6", tools=sdk.TOOLS)
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.json()["choices"][0]["finish_reason"] == "tool_calls"
    client.post("/v1/chat/completions", json=chat("gpt-5.6"))
    client.post("/v1/chat/completions", json={**body, "tools": []})
    assert asked(service) == ["responses", "completions", "completions"]
    assert TOLD not in log.text()


def test_known_by_its_base_model(client, service):
    """This one thinks when it is told to."""
    body = chat("new", tools=sdk.TOOLS)
    for more in ({}, {"reasoning_effort": "none"}, {"reasoning_effort": "low"}):
        answer = client.post("/v1/chat/completions", json={**body, **more})
        assert answer.status_code == 200, answer.text
    assert asked(service) == ["completions", "completions", "responses"]
