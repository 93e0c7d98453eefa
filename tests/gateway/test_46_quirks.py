"""Servers that resemble OpenAI's, each in its own way, by the official SDKs,
whose helpers for streams forgive nothing."""

import json

import openai
import pytest
import sdk
import sdk_node
from ask import PROMPT, WORDS, chat, error_of, events, said
from simulator import Simulator

SERVERS = ["vllm", "ollama", "mistral", "deepseek", "xai", "openrouter", "bare"]
# What has to be said of them; each is there without it too, as NAME-plain.
QUIRKS = {
    "mistral": "mistral",
    "deepseek": "deepseek",
    "xai": "mend",
    "openrouter": "mend",
    "bare": "mend",
}
THOUGHT = "Thinking it over."


@pytest.fixture(scope="module", autouse=True)
def services(env):
    sims = {
        name: Simulator(
            env.root / name, ["m"], env.sim_key,
            "--mode", "openai", "--quirk", name,
        )
        for name in SERVERS
    }
    env.servers = sims
    env.simulators += sims.values()
    yield sims
    for sim in sims.values():
        env.simulators.remove(sim)
        sim.stop()


@pytest.fixture(autouse=True)
def fresh(services):
    for sim in services.values():
        sim.reset()


def configure(env, sim):
    conf = env.conf().add("AzureLITCooldown off", "AzureLITRetry 0")
    for name, server in env.servers.items():
        quirks = f"quirks={QUIRKS[name]}" if name in QUIRKS else ""
        conf.endpoint(name, server.url, "dialect=openai", quirks)
        conf.model(name, f"{name}/m")
        conf.endpoint(f"{name}-plain", server.url, "dialect=openai")
        conf.model(f"{name}-plain", f"{name}-plain/m")
    conf.endpoint(
        "limits",
        env.servers["mistral"].url,
        "dialect=openai quirks=max-tokens,no-stream-options",
    )
    return conf.model("limits", "limits/m")


@pytest.fixture
def ask(client):
    return lambda *model, **more: client.post(
        "/v1/chat/completions", json=chat(*model, **more)
    )


@pytest.mark.parametrize("server", SERVERS)
def test_chat(sdk_client, server):
    sdk.chat(sdk_client, server)


@pytest.mark.parametrize("server", SERVERS)
def test_stream(sdk_client, server):
    sdk.stream(sdk_client, server)


@pytest.mark.parametrize("server", SERVERS)
def test_helper(sdk_client, services, server):
    """Roles, ids, indexes and null members, as each has them."""
    sdk.stream_helper(sdk_client, server)


@pytest.mark.parametrize("server", SERVERS)
def test_node(gateway, server):
    checks = ["chat", "stream", "stream_helper"]
    results = sdk_node.run(
        kind="openai", baseURL=gateway.url + "/v1", key=gateway.key,
        model=server, strict=True, checks=checks,
    )
    assert results == dict.fromkeys(checks, "ok")


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("server", SERVERS)
def test_reasoning(ask, services, server, streamed):
    """One name for it, whatever it is called there."""
    services[server].script({"reasoning": True})
    answer = ask(server, stream=streamed)
    assert answer.status_code == 200, answer.text
    if streamed:
        chunks = events(answer)
        assert said(chunks) == WORDS
        deltas = [
            choice["delta"]
            for chunk in chunks[:-1]
            for choice in chunk["choices"]
        ]
        assert not [one for one in deltas if "reasoning" in one]
        thought = "".join(one.get("reasoning_content") or "" for one in deltas)
    else:
        message = answer.json()["choices"][0]["message"]
        assert message["content"] == WORDS
        assert "reasoning" not in message
        thought = message["reasoning_content"]
    assert thought == THOUGHT


def test_reasoning_for_responses(sdk_client, services):
    """Who asks for Responses gets it as an item."""
    services["vllm"].script({"reasoning": True})
    answer = sdk_client.responses.create(
        model="vllm", input=PROMPT, store=False
    )
    assert answer.output_text == WORDS


def test_reasoning_tokens_at_the_top(ask, services, gateway):
    services["bare"].script({"reasoning": True})
    usage = ask("bare").json()["usage"]
    assert usage["reasoning_tokens"] == 64
    (record,) = gateway.records(1)
    assert record["reasoning_tokens"] == 64


def test_limit_by_its_old_name(ask, services):
    for name in ("max_tokens", "max_completion_tokens"):
        answer = ask("limits", **{name: 50})
        assert answer.status_code == 200, answer.text
        sent = services["mistral"].last()["json"]
        assert sent["max_tokens"] == 50
        assert "max_completion_tokens" not in sent
    answer = ask("mistral-plain", max_completion_tokens=50)
    error = error_of(answer, 422, "request_failed")
    assert error["param"] == "max_completion_tokens"
    assert error["message"] == "Extra inputs are not permitted"


def test_without_stream_options(ask, services):
    """Usage is told to who asked for it, though nobody could ask."""
    answer = ask("limits", stream=True,
                 stream_options={"include_usage": True})
    chunks = events(answer)
    assert said(chunks) == WORDS
    assert chunks[-2]["choices"] == [] and chunks[-2]["usage"]
    assert "stream_options" not in services["mistral"].last()["json"]
    assert ask("mistral-plain", stream=True).status_code == 422


@pytest.mark.parametrize(
    ("server", "check"),
    [
        ("xai", sdk.chat),
        ("bare", sdk.tools),
        ("bare", sdk.stream_helper),
    ],
)
def test_nothing_works_without(sdk_client, server, check):
    check(sdk_client, server)
    with pytest.raises((
        AssertionError, AttributeError, KeyError, RuntimeError, TypeError,
        openai.OpenAIError,
    )):
        check(sdk_client, f"{server}-plain")


@pytest.mark.parametrize("server", SERVERS)
def test_tools(sdk_client, server):
    """What came back goes up again, as the SDK has it."""
    sdk.tools(sdk_client, server)


def test_whole(ask):
    """All that the SDKs' types promise."""
    answer = ask("bare", tools=sdk.TOOLS).json()
    assert answer["id"].startswith("chatcmpl-")
    assert answer["object"] == "chat.completion"
    assert answer["created"] > 10**9
    assert answer["model"] == "bare"
    (choice,) = answer["choices"]
    assert choice["index"] == 0
    assert choice["finish_reason"] == "tool_calls"
    message = choice["message"]
    assert message["role"] == "assistant"
    first, second = message["tool_calls"]
    assert first["id"] != second["id"] and first["type"] == "function"
    assert json.loads(first["function"]["arguments"]) == {"city": "Paris"}


def history(number, **more):
    call = {
        "id": number,
        "type": "function",
        "function": {"name": "weather", "arguments": "{}"},
    }
    return [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": PROMPT, "name": "me"},
        {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "annotations": [],
            "tool_calls": [call],
            **more,
        },
        {"role": "tool", "tool_call_id": number, "content": "sunny"},
    ]


@pytest.mark.parametrize("number", ["call_from_elsewhere", "abcdEF123"])
def test_history_of_another(ask, services, number):
    """Mistral takes no ids but its own, and no member it does not know."""
    turns = history(number, reasoning_content="x")
    answer = ask("mistral", messages=turns)
    assert answer.status_code == 200, answer.text
    system, user, said, result = services["mistral"].last()["json"]["messages"]
    assert system == {"role": "system", "content": "Be kind."}
    assert user == {"role": "user", "content": PROMPT}
    assert set(said) == {"role", "content", "tool_calls"}
    sent = result["tool_call_id"]
    assert said["tool_calls"][0]["id"] == sent
    assert len(sent) == 9 and sent.isalnum()
    assert (sent == number) == (len(number) == 9)
    assert ask("mistral-plain", messages=turns).status_code == 422


def test_no_developer(ask, services):
    turns = [{"role": "developer", "content": "x"},
             {"role": "user", "content": PROMPT}]
    assert ask("deepseek", messages=turns).status_code == 200
    sent = services["deepseek"].last()["json"]["messages"]
    assert sent[0] == {"role": "system", "content": "x"}
    assert ask("deepseek-plain", messages=turns).status_code == 422


@pytest.mark.parametrize("streamed", [False, True])
def test_reasoning_in_loops(ask, sdk_client, services, streamed):
    """It goes back where the client did not hold it, and only there."""
    server = services["deepseek"]
    server.script({"reasoning": True})
    asked = dict(model="deepseek", messages=sdk.MESSAGES, tools=sdk.TOOLS)
    if streamed:
        with sdk_client.chat.completions.stream(**asked) as chunks:
            for _ in chunks:
                pass
            message = chunks.get_final_completion().choices[0].message
    else:
        answer = sdk_client.chat.completions.create(**asked)
        message = answer.choices[0].message
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {
                "name": call.function.name,
                "arguments": call.function.arguments,
            },
        }
        for call in message.tool_calls
    ]
    turn = {"role": "assistant", "content": None, "tool_calls": calls}
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "sunny"}
        for call in calls
    ]
    turns = [*sdk.MESSAGES, turn, *results]
    assert ask("deepseek-plain", messages=turns).status_code == 400
    answer = ask("deepseek", messages=turns)
    assert answer.status_code == 200, answer.text
    assert server.last()["json"]["messages"][1]["reasoning_content"] == THOUGHT
    # Who holds it may say so.
    turn["reasoning_content"] = "my own"
    assert ask("deepseek", messages=turns).status_code == 200
    sent = server.last()["json"]["messages"][1]
    assert sent["reasoning_content"] == "my own"
    # It does not belong to what was said without calls.
    said = {"role": "assistant", "content": "so", "reasoning_content": "x"}
    turns = [*sdk.MESSAGES, said, *sdk.MESSAGES]
    assert ask("deepseek-plain", messages=turns).status_code == 400
    assert ask("deepseek", messages=turns).status_code == 200
    assert "reasoning_content" not in server.last()["json"]["messages"][1]


def test_reasoning_that_is_gone(ask, services):
    """Kept for the key that asked, by the id of the call."""
    answer = ask("deepseek", messages=history("call_of_nobody"))
    assert answer.status_code == 200, answer.text
    sent = services["deepseek"].last()["json"]["messages"]
    assert sent[2]["reasoning_content"] == ""


@pytest.mark.parametrize("streamed", [False, True])
def test_reasoning_is_part_of_the_completion(
    ask, services, gateway, streamed
):
    """xAI counts it beside."""
    services["xai"].script({"reasoning": True})
    more = {"stream_options": {"include_usage": True}} if streamed else {}
    answer = ask("xai", stream=streamed, **more)
    document = events(answer)[-2] if streamed else answer.json()
    usage = document["usage"]
    assert usage["completion_tokens"] == 4 + 64
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 64
    total = usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["total_tokens"] == total
    (record,) = gateway.records(1)
    assert record["completion_tokens"] == 4 + 64


def test_choice_that_is_an_error(ask, services, sdk_client, log):
    """OpenRouter: good by its status, and before the first word too."""
    for streamed in (False, True):
        services["openrouter"].script({"choice_error": 0})
        error_of(ask("openrouter", stream=streamed), 502, "502")
    services["openrouter"].script({"choice_error": 0})
    assert ask("openrouter-plain").status_code == 200
    # After it the stream says so.
    services["openrouter"].script({"choice_error": 3})
    with pytest.raises(openai.APIError, match="Provider returned error"):
        for _ in sdk_client.chat.completions.create(
            model="openrouter", messages=sdk.MESSAGES, stream=True
        ):
            pass
    log.expect("AZL0030")


def test_errors(ask, services):
    """Whatever shape they have."""
    for server in SERVERS:
        services[server].script({"error": "rate"})
        answer = ask(server)
        assert answer.status_code == 429, (server, answer.text)
        assert isinstance(answer.json()["error"]["code"], str)
        assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ("dialect=openai quirks=max-tokens", None),
        ("quirks=no-stream-options,max-tokens dialect=openai", None),
        ("dialect=openai quirks=mistral,deepseek,mend", None),
        (
            "dialect=openai quirks=no-developer,plain-messages,short-ids,"
            "loop-reasoning",
            None,
        ),
        ("dialect=openai quirks=max-token", "a list of max-tokens, no-stream"),
        ("dialect=openai quirks=max-tokens,x", "a list of max-tokens, "),
        ("dialect=azure quirks=mend", "dialect=openai only"),
        ("dialect=azure quirks=max-tokens", "dialect=openai only"),
        ("quirks=max-tokens", "dialect=openai only"),
    ],
)
def test_configtest(env, options, hint):
    status, text = env.check(
        f"AzureLIT on\nAzureLITEndpoint q http://x credential=none {options}\n"
        "AzureLITModel m q/m\n"
    )
    assert (status == 0) == (hint is None), text
    assert hint is None or hint in text
