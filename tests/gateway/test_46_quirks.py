"""Servers that resemble OpenAI's, each in its own way, by the official SDKs,
whose helpers for streams forgive nothing."""

import pytest
import sdk
import sdk_node
from ask import PROMPT, WORDS, chat, error_of, events, said
from simulator import Simulator

SERVERS = ["vllm", "ollama", "mistral", "deepseek", "xai", "openrouter", "bare"]
# What has to be said of them.
QUIRKS = {"mistral": "max-tokens,no-stream-options"}
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
    return conf.endpoint(
        "plain", env.servers["mistral"].url, "dialect=openai"
    ).model("plain", "plain/m")


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


@pytest.mark.parametrize(
    "server", ["vllm", "ollama", "deepseek", "xai", "openrouter"]
)
def test_helper(sdk_client, services, server):
    """Roles, ids, indexes and null members, as each has them."""
    sdk.stream_helper(sdk_client, server)


@pytest.mark.parametrize(
    "server", ["vllm", "ollama", "mistral", "deepseek", "xai", "openrouter"]
)
def test_node(gateway, server):
    checks = ["chat", "stream"]
    if server != "mistral":
        checks.append("stream_helper")
    results = sdk_node.run(
        kind="openai", baseURL=gateway.url + "/v1", key=gateway.key,
        model=server, strict=True, checks=checks,
    )
    assert results == dict.fromkeys(checks, "ok")


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "server", ["vllm", "ollama", "deepseek", "xai", "openrouter", "bare"]
)
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
        answer = ask("mistral", **{name: 50})
        assert answer.status_code == 200, answer.text
        sent = services["mistral"].last()["json"]
        assert sent["max_tokens"] == 50
        assert "max_completion_tokens" not in sent
    assert ask("plain", max_completion_tokens=50).status_code == 422


def test_without_stream_options(ask, services):
    """Usage is told to who asked for it, though nobody could ask."""
    answer = ask("mistral", stream=True,
                 stream_options={"include_usage": True})
    chunks = events(answer)
    assert said(chunks) == WORDS
    assert chunks[-2]["choices"] == [] and chunks[-2]["usage"]
    assert "stream_options" not in services["mistral"].last()["json"]
    assert ask("plain", stream=True).status_code == 422


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
        ("dialect=openai quirks=max-token", "max-tokens and no-stream"),
        ("dialect=openai quirks=max-tokens,x", "max-tokens and no-stream"),
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
