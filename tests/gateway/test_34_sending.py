"""Upstreams that take the connection and then nothing: the time of an attempt
holds while its request is sent, too."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ask import chat

# What the endpoint itself would allow.
LONG = 60


class Silent:
    """Accepts connections (the system does) and never says or reads a word."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.port = self.socket.getsockname()[1]


@pytest.fixture(scope="module")
def silent():
    silent = Silent()
    yield silent
    silent.socket.close()


@pytest.fixture(scope="module")
def gateway(env, simulator, silent):
    conf = env.conf().add("AzureLITCooldown off").endpoint("a", simulator.url)
    conf.endpoint("tls", f"https://127.0.0.1:{silent.port}",
                  "tls-verify=off", f"timeout={LONG}s")
    conf.endpoint("plain", f"http://127.0.0.1:{silent.port}",
                  f"timeout={LONG}s")
    for name in ("tls", "plain"):
        conf.model(name, f"{name}/d1", "timeout=500ms")
        conf.model(name, "a/d1", "order=2")
        conf.model(f"{name}-first", f"{name}/d1", "first-token-timeout=500ms")
        conf.model(f"{name}-first", "a/d1", "order=2")
        conf.model(f"{name}-alone", f"{name}/d1", "timeout=500ms")
    env.start(conf)
    yield env
    env.stop()


@pytest.fixture(autouse=True)
def expected(log):
    log.expect(r"\[proxy", r"\[ssl", "AZL0002")


def post(gateway, model, **more):
    body = chat(model, **more)
    # More than the system keeps for both ends of a connection.
    body["messages"].insert(0, {"role": "user", "content": "x" * 8_000_000})
    begin = time.monotonic()
    with gateway.client() as client:
        answer = client.post("/v1/chat/completions", json=body)
    assert time.monotonic() - begin < LONG / 2
    return answer


@pytest.mark.parametrize("name", ["tls", "plain"])
@pytest.mark.parametrize("what", ["", "-first"])
def test_moves_on(gateway, sim, name, what):
    answer = post(gateway, name + what, stream=what != "")
    assert answer.status_code == 200
    assert len(sim.journal()) == 1
    record = gateway.records(1)[0]
    assert (record["attempts"], record["deployment"]) == (2, "a/d1")


@pytest.mark.parametrize("name", ["tls", "plain"])
def test_nobody_else(gateway, sim, name):
    number = 8  # a millisecond too early is another failure
    with ThreadPoolExecutor(number) as pool:
        answers = pool.map(post, [gateway] * number, [f"{name}-alone"] * number)
    for answer in answers:
        assert answer.status_code == 504
        assert answer.json()["error"]["code"] == "upstream_timeout"
    for record in gateway.records(number):
        assert record["error"] == "Timeout"
