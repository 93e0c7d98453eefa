"""Upstreams that never stop talking: bounded in time and memory."""

import time

import pytest
from ask import WORDS, chat, error_of, events, said
from processes import memory
from simulator import Simulator

FOREVER = 10**6
MEGABYTE = 1024 * 1024
# An event may become 16 MB, and is held once more while it is re-encoded.
ROOM = 80 * MEGABYTE
SOON = 20
# Its quarantine, by default; an endless head grew by a gigabyte.
KEPT_BY_SANITIZER = 256 * MEGABYTE


@pytest.fixture(scope="module")
def over_tls(env, authority):
    sim = Simulator(env.root / "endless-tls", ["d1"], env.sim_key,
                    tls=authority.leaf())
    yield sim
    sim.stop()


@pytest.fixture(scope="module")
def gateway(env, simulator, authority, over_tls):
    conf = configure(env, simulator)
    conf.endpoint("t", over_tls.url, f"tls-ca={authority.ca}")
    conf.model("tls", "t/d1").model("tls", "y/d2", "order=2")
    env.start(conf)
    yield env
    env.stop()


def configure(env, sim):
    conf = env.conf().add("AzureLITCooldown off")
    conf.endpoint("x", sim.url).endpoint("y", sim.url)
    conf.model("one", "x/d1").model("two", "x/d1")
    conf.model("two", "y/d2", "order=2")
    conf.model("hurry", "x/d1", "timeout=2s", "first-token-timeout=1s")
    conf.model("hurry", "y/d2", "order=2")
    return conf


# (what has no end, what the client is told when nobody else can be asked)
ENDLESS = {
    "head": (502, "upstream_unreachable"),
    "interim": (502, "upstream_unreachable"),
    "event": (502, "upstream_unreachable"),
    "error": (500, None),
}


def post(client, model, stream=False):
    return client.post("/v1/chat/completions",
                       json=chat(model, stream=stream))


def served(sim):
    return [entry["deployment"] for entry in sim.journal()]


def text_of(answer, stream):
    assert answer.status_code == 200, answer.text
    if stream:
        return said(events(answer))
    return answer.json()["choices"][0]["message"]["content"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["two", "hurry"])
@pytest.mark.parametrize("name", ENDLESS)
def test_endless_moves_on(client, gateway, sim, log, name, model, stream):
    log.expect(r"\[proxy")
    sim.script({"endless": name, "times": FOREVER}, deployment="d1")
    before = memory(gateway.process.pid, "Pss_Anon")
    start = time.monotonic()
    assert text_of(post(client, model, stream), stream) == WORDS
    assert time.monotonic() - start < SOON
    grown = memory(gateway.process.pid, "Pss_Anon") - before
    assert grown < ROOM + KEPT_BY_SANITIZER
    assert served(sim) == ["d1", "d2"]
    # Nobody goes on talking to it.
    talking = sim.journal()[0]["connection"]
    gateway.until(lambda: talking not in sim.open())
    (record,) = gateway.records(1)
    assert (record["status"], record["error"]) == (200, None)
    assert (record["attempts"], record["deployment"]) == (2, "y/d2")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ENDLESS)
def test_endless_alone(client, gateway, sim, log, name, stream):
    log.expect(r"\[proxy")
    status, code = ENDLESS[name]
    sim.script({"endless": name, "times": FOREVER}, deployment="d1")
    start = time.monotonic()
    answer = post(client, "one", stream)
    assert time.monotonic() - start < SOON
    error_of(answer, status, code or answer.json()["error"]["code"])
    assert "xxxx" not in answer.text
    (record,) = gateway.records(1)
    assert (record["status"], record["error"]) == (status, "Unknown")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ENDLESS)
def test_endless_over_tls(client, gateway, sim, over_tls, log, name, stream):
    log.expect(r"\[proxy")
    over_tls.reset()
    over_tls.script({"endless": name, "times": FOREVER})
    before = memory(gateway.process.pid, "Pss_Anon")
    start = time.monotonic()
    assert text_of(post(client, "tls", stream), stream) == WORDS
    assert time.monotonic() - start < SOON
    # A sanitizer keeps what was freed for a while, of TLS the most.
    grown = memory(gateway.process.pid, "Pss_Anon") - before
    assert grown < ROOM + KEPT_BY_SANITIZER
    assert served(sim) == ["d2"]
