"""Fixtures: one httpd for each worker, its configuration by test module."""

import os

import httpx
import openai
import pytest
from ask import chat
from certs import Authority
from env import Env
from pretend import Pretence
from simulator import Simulator

DEPLOYMENTS = ["d1", "d2", "d3", "emb"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Fixtures that end can see whether the test has passed."""
    report = yield
    if report.when == "call":
        item.passed = report.passed
    return report


@pytest.fixture(scope="session")
def env():
    env = Env(os.environ.get("PYTEST_XDIST_WORKER", "main"))
    assert env.module.exists(), f"{env.module}: run make first"
    yield env
    env.stop()


@pytest.fixture(scope="session")
def simulator(env):
    sim = Simulator(env.root / "sim", DEPLOYMENTS, env.sim_key)
    env.simulators.append(sim)
    yield sim
    sim.stop()


@pytest.fixture(scope="session", autouse=True)
def plain_simulator(env):
    """The simulator as api.openai.com."""
    sim = Simulator(
        env.root / "plain", DEPLOYMENTS, env.sim_key, "--mode", "openai"
    )
    env.plain = sim
    env.simulators.append(sim)
    yield sim
    sim.stop()


@pytest.fixture
def sim(simulator):
    simulator.reset()
    return simulator


@pytest.fixture
def plain(plain_simulator):
    plain_simulator.reset()
    return plain_simulator


@pytest.fixture(scope="session")
def authority(env):
    return Authority(env.root / "certs")


@pytest.fixture(scope="module")
def gateway(env, simulator, request):
    """httpd with what the module's configure(env, sim) says."""
    env.start(request.module.configure(env, simulator))
    yield env
    env.stop()


@pytest.fixture
def restart(gateway, simulator, request):
    """Run httpd with another configuration for one test."""
    yield gateway.start
    gateway.start(request.module.configure(gateway, simulator))


@pytest.fixture(scope="module")
def pretence(env):
    """Servers that are started from here on believe what they are told of
    time and names."""
    pretence = Pretence(env.root / "pretend")
    before = env.environment
    env.environment = {**before, **pretence.environment()}
    env.pretence = pretence
    yield pretence
    env.environment = before
    env.pretence = None


@pytest.fixture
def client(gateway):
    with gateway.client() as client:
        yield client


@pytest.fixture
def sdk_client(gateway):
    """The official SDK."""
    return openai.OpenAI(
        base_url=gateway.url + "/v1", api_key=gateway.key, max_retries=0
    )


@pytest.fixture
def number(sim):
    """How many events an answer to the usual request has, [DONE] included."""
    body = {
        **chat("d1", stream=True),
        "stream_options": {"include_usage": True},
    }
    text = httpx.post(
        sim.url + "/openai/v1/chat/completions",
        json=body,
        headers={"api-key": sim.key},
        timeout=30,
    ).text
    sim.reset()
    return text.count("data: ")


@pytest.fixture
def log(gateway):
    return gateway.error_log


@pytest.fixture(autouse=True)
def clean(env, request):
    """After each test: nothing unexpected in the log, no secret anywhere."""
    env.forget_records()
    env.error_log.unexpected()
    yield
    # What one test has told a simulator to do is not for the next.
    for sim in env.simulators:
        sim.heal()
    assert env.error_log.unexpected() == []
    assert env.leaks() == []
