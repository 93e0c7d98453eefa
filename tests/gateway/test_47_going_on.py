"""A stream that breaks off, between deployments of different languages: before
content another one answers, unseen; behind it one that takes the text so far
goes on, or the client is told."""

import pytest
from ask import chat, dial, events, said
from canned import END, HOLD, Canned
from test_47_broken_streams import ask
from tongues import (
    CLIENTS,
    TEXT,
    UPSTREAMS,
    WORDS,
    chunked,
    head,
)

CHUNKED = "Transfer-Encoding: chunked"
CLOSE = "Connection: close"
REST = " and this is the rest"
# What a million tokens cost, in and out: the one that serves is paid.
PRICES = {"first": (1000, 1000), "second": (10, 20)}


@pytest.fixture(scope="module")
def pair(env):
    class Pair:
        first = Canned()
        second = Canned()

    yield Pair
    Pair.first.close()
    Pair.second.close()


def pairs():
    return [(a, b) for a in UPSTREAMS for b in UPSTREAMS if a != b]


@pytest.fixture(scope="module")
def gateway(env, simulator, pair):
    conf = env.conf().add("AzureLITCooldown off", "AzureLITRetry 1",
                          "AzureLITMidStream continue")
    for name, up in UPSTREAMS.items():
        conf.endpoint(f"{name}-1", pair.first.url, up.options)
        conf.endpoint(f"{name}-2", pair.second.url, up.options)
    conf.endpoint("prefill", env.plain.url, "dialect=openai", "prefill=vllm")
    for a, b in pairs():
        for order, name in enumerate((a, b), 1):
            cost = PRICES["first" if order == 1 else "second"]
            conf.model(f"{a}-{b}", f"{name}-{order}/up-{name}",
                       UPSTREAMS[name].model, f"order={order}",
                       f"input-price={cost[0]} output-price={cost[1]}")
    for name, up in UPSTREAMS.items():
        conf.model(f"{name}-prefill", f"{name}-1/up-{name}", up.model)
        conf.model(f"{name}-prefill", "prefill/d2", "order=2")
    env.start(conf)
    yield env
    env.stop()


def start_of(up, *events):
    return head(up.kind, CHUNKED, CLOSE) + chunked(
        b"".join([*up.begin(), *events]) or b"\n"
    )


@pytest.mark.parametrize("a, b", pairs(), ids="-".join)
def test_before_content(gateway, pair, log, a, b):
    """One answer, as if nothing had been: of the other one, at its price."""
    log.expect(r"\[proxy")
    first, second = UPSTREAMS[a], UPSTREAMS[b]
    for client in CLIENTS:
        pair.first.answer([start_of(first), END])
        pair.second.answer([
            head(second.kind, CHUNKED, CLOSE)
            + chunked(b"".join(second.stream())) + b"0\r\n\r\n", END,
        ])
        out = ask(gateway, f"{a}-{b}", client)
        assert out.whole and out.text == TEXT, (client, out)
        assert out.tokens == second.tokens
        assert len(pair.first.requests) == len(pair.second.requests) == 1
    given, spent = second.tokens
    price = (given * PRICES["second"][0] + spent * PRICES["second"][1]) / 1e6
    for one in gateway.records(3):
        assert (one["status"], one["error"]) == (200, None)
        assert one["attempts"] == 2
        assert one["deployment"] == f"{b}-2/up-{b}"
        assert (one["prompt_tokens"], one["completion_tokens"]) == (
            second.tokens
        )
        assert float(one["cost_usd"]) == pytest.approx(price)


@pytest.mark.parametrize("a, b", [
    ("azure", "anthropic"), ("azure", "gemini"), ("azure", "bedrock"),
    ("anthropic", "azure"),
], ids="-".join)
def test_nobody_goes_on(gateway, pair, log, a, b):
    """The other one has no way to go on from a text: it is not asked."""
    log.expect(r"\[proxy", "AZL0030")
    up = UPSTREAMS[a]
    for client in CLIENTS:
        pair.second.answer([b"never", END])
        pair.first.answer([start_of(up, up.text(WORDS[0])), HOLD, END])
        out = ask(gateway, f"{a}-{b}", client, release=pair.first)
        assert out.error and out.text == WORDS[0], (client, out)
        assert not pair.second.requests
    for one in gateway.records(3):
        assert (one["status"], one["error"]) == (200, "Truncated")
        assert one["deployment"] == f"{a}-1/up-{a}"


@pytest.mark.parametrize("a", UPSTREAMS)
def test_goes_on(client, gateway, pair, plain, log, a):
    """From any language to one that does, for a chat: one stream with one id
    and one role."""
    log.expect(r"\[proxy")
    up = UPSTREAMS[a]
    pair.first.answer([start_of(up, *map(up.text, WORDS)), END])
    plain.script({"content": REST})
    answer = client.post(
        "/v1/chat/completions", json=chat(f"{a}-prefill", stream=True)
    )
    data = events(answer)
    if len(plain.journal()) == 0:
        # all of it had not been read before the end: nothing was said
        raise AssertionError(answer.text)
    assert data[-1] == "[DONE]" and data.count("[DONE]") == 1
    assert said(data) == TEXT + REST
    chunks = data[:-1]
    assert len({one["id"] for one in chunks}) == 1
    deltas = [choice["delta"] for one in chunks for choice in one["choices"]]
    assert len([one for one in deltas if "role" in one]) == 1
    last = plain.last()["json"]["messages"][-1]
    assert (last["role"], last["content"]) == ("assistant", TEXT)
    record = gateway.records(1)[0]
    assert (record["error"], record["attempts"]) == (None, 2)
    assert record["deployment"] == "prefill/d2"


@pytest.mark.parametrize("client", ["messages", "responses"])
def test_only_chats_go_on(gateway, pair, plain, log, client):
    log.expect(r"\[proxy", "AZL0030")
    up = UPSTREAMS["azure"]
    pair.first.answer([start_of(up, up.text(WORDS[0])), HOLD, END])
    out = ask(gateway, "azure-prefill", client, release=pair.first)
    assert out.error and out.text == WORDS[0], out
    assert plain.journal() == []
    assert gateway.records(1)[0]["error"] == "Truncated"


def test_client_leaves_before_the_other_answers(gateway, pair, log):
    log.expect(r"\[proxy")
    up = UPSTREAMS["azure"]
    for client in CLIENTS.values():
        pair.first.answer([start_of(up), END])
        pair.second.answer([HOLD])
        sock = dial(gateway, client.ask("azure-gemini"), client.path)
        gateway.until(lambda: pair.second.requests)
        sock.close()
        gateway.until(lambda: pair.second.left)
    for one in gateway.records(3):
        assert (one["status"], one["error"]) == (499, "ClientClosed")
        assert one["attempts"] == 2
