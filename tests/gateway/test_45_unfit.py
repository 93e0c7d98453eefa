"""Requests that some deployments cannot be asked: others are, and nothing is
held against those that were not."""

import time

import httpx
import pytest
from ask import chat, error_of
from simulator import Simulator

MODEL = "claude-sonnet-4-5"
FOREVER = 1000


@pytest.fixture(scope="module", autouse=True)
def service(env):
    sim = Simulator(
        env.root / "unfit", [MODEL], env.sim_key, provider="anthropic"
    )
    env.unfit = sim
    env.simulators.append(sim)
    yield sim
    env.simulators.remove(sim)
    sim.stop()


def configure(env, sim):
    conf = env.conf().add(
        "AzureLITRetry 0", "AzureLITCooldown fails=1 time=1s"
    )
    conf.endpoint("azure", sim.url)
    for number in range(3):
        conf.endpoint(f"c{number}", env.unfit.url, "dialect=anthropic")
        conf.model("many", f"c{number}/{MODEL}", f"order={number + 1}")
    conf.model("many", "azure/d1", "order=4")
    conf.model("alone", f"c0/{MODEL}")
    conf.model("two", f"c1/{MODEL}", "order=1")
    return conf.model("two", "azure/d1", "order=2")


def ask(client, model, **more):
    return client.post("/v1/chat/completions", json=chat(model, **more))


def test_who_can_is_asked(client, gateway, sim, service):
    """Claude gives one answer, not two. What nobody was asked is no attempt
    either."""
    service.reset()
    answer = ask(client, "many", n=2)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["choices"]) == 2
    assert service.journal() == []
    (record,) = gateway.records(1)
    assert (record["deployment"], record["attempts"]) == ("azure/d1", 1)


def test_nobody_can(client, gateway, service):
    service.reset()
    error = error_of(ask(client, "alone", n=2), 400, "unsupported_parameter")
    assert error["param"] == "n"
    assert service.journal() == []
    (record,) = gateway.records(1)
    assert (record["attempts"], record["error"]) == (0, "ValidationError")


def state(gateway, deployment):
    document = httpx.get(
        f"{gateway.url}/health",
        headers={"Authorization": f"Bearer {gateway.master}"},
        timeout=30,
    ).json()
    listed = document["healthy_endpoints"] + document["unhealthy_endpoints"]
    return {
        entry["state"] for entry in listed if entry["deployment"] == deployment
    }


def until_half_open(gateway, deployment):
    end = time.monotonic() + 20
    while state(gateway, deployment) != {"half-open"}:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_nothing_is_learnt(client, gateway, sim, service):
    """One that was ill is not well because nobody could ask it."""
    service.reset()
    service.script({"error": "server", "times": FOREVER})
    ask(client, "two")
    until_half_open(gateway, f"c1/{MODEL}")
    assert ask(client, "two", n=2).status_code == 200
    assert state(gateway, f"c1/{MODEL}") == {"half-open"}
    service.heal()
