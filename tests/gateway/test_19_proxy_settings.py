"""What an operator set for other proxied sites does not change our calls."""

import pytest
from ask import WORDS, chat, error_of, events, said
from certs import Authority
from simulator import Simulator


@pytest.fixture(scope="module")
def strange(env):
    """A TLS server nobody vouches for."""
    pem = Authority(env.root / "strange").leaf("other.test")
    sim = Simulator(env.root / "strange-sim", ["d1"], env.sim_key, tls=pem)
    yield sim
    sim.stop()


@pytest.fixture(scope="module")
def gateway(env, simulator, strange):
    conf = env.conf().add(
        "AzureLITCooldown off",
        "ProxyPreserveHost On",
        "ProxyErrorOverride On",
        "ProxyVia Full",
        "ProxyAddHeaders On",
        "ProxyTimeout 1",
        "ProxyStatus On",
        "ProxyReceiveBufferSize 4096",
        "ProxyBadHeader Ignore",
        "SSLProxyEngine On",
        "SSLProxyVerify none",
        "SSLProxyCheckPeerName off",
        "SSLProxyCheckPeerCN off",
        "SSLProxyCheckPeerExpire off",
        "RequestHeader set X-Internal-Network 10.0.0.1",
        "RequestHeader set api-key operators-mistake",
        "Header always set X-Site yes",
        "Header set X-Frame-Options DENY",
        f"ProxyPass /sim {simulator.url}/__sim",
    )
    conf.endpoint("a", simulator.url).model("m1", "a/d1")
    conf.model("pair", "a/d1").model("pair", "a/d2", "order=2")
    conf.endpoint("strange", strange.url).model("strange", "strange/d1")
    env.start(conf)
    yield env
    env.stop()


def post(client, model="m1", **more):
    return client.post("/v1/chat/completions", json=chat(model, **more))


def test_answers(client, sim):
    answer = post(client)
    assert answer.json()["choices"][0]["message"]["content"] == WORDS
    assert said(events(post(client, stream=True))) == WORDS
    assert answer.headers["x-site"] == "yes"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "via" not in answer.headers


def test_what_the_upstream_is_told(client, gateway, sim):
    post(client)
    fields = sim.last()["fields"]
    assert fields["host"] == sim.url.split("//")[1]
    assert fields["api-key"] == gateway.sim_key
    for name in ("via", "x-internal-network", "authorization"):
        assert name not in fields
    assert not [name for name in fields if name.startswith("x-forwarded")]


@pytest.mark.parametrize("stream", [False, True])
def test_upstream_errors_are_read(client, sim, stream):
    """ProxyErrorOverride throws bodies away: those of other sites."""
    sim.script({"error": "filtered"})
    error = error_of(post(client, stream=stream), 400, "content_filter")
    assert "content management policy" in error["message"]
    sim.script({"error": "rate_ms", "times": 3})
    answer = post(client, stream=stream)
    assert answer.status_code == 429
    assert answer.headers["retry-after-ms"] == "350"
    sim.script({"error": "server"}, deployment="d1")
    answer = post(client, "pair", stream=stream)
    assert answer.status_code == 200
    assert answer.headers["x-litellm-attempted-retries"] == "1"


def test_time_limit_is_the_endpoints(client, sim):
    """Not ProxyTimeout's second."""
    sim.script({"delay": 1.5})
    assert post(client).status_code == 200


def test_tls_is_verified_all_the_same(client, strange, log):
    log.expect(r"\[proxy", r"\[ssl:")
    error_of(post(client, "strange"), 502, "upstream_unreachable")
    assert strange.journal() == []


def test_the_other_site(client, gateway, sim, log):
    # ProxyTimeout's second is for this one.
    log.expect(r"\[proxy")
    gateway.until(lambda: client.get("/sim/journal").status_code == 200)
    assert sim.journal() == []
