"""/health, probes, and the section of mod_status."""

import datetime
import re

import httpx
import pytest
from ask import chat, error_of
from conf import Conf
from ports import free_port
from simulator import Simulator

FOREVER = 10**6
MEMBERS = {
    "model",
    "deployment",
    "model_id",
    "state",
    "why",
    "until",
    "in_flight",
    "calls_this_minute",
    "failures_this_minute",
    "latency_ms",
    "first_token_ms",
    "remaining_requests",
    "remaining_tokens",
}


def base(env, sim):
    conf = env.conf().add(
        "AzureLITRetry 1",
        "AzureLITCooldown fails=2 time=2s",
        "<Location /server-status>",
        "SetHandler server-status",
        "</Location>",
    )
    conf.endpoint("a", sim.url)
    conf.model("m1", "a/d1").model("m1", "a/d2", "order=2")
    conf.model("vectors", "a/emb", "base-model=text-embedding-3-small")
    return conf


def configure(env, sim):
    conf = base(env, sim).model("same", "a/d1").model("spoken", "a/tts-1")
    conf.model("answers", "a/d3", "surface=responses")
    return conf.endpoint("dead", "http://127.0.0.1:1").model("gone", "dead/d")


def get(env, query="", key=None):
    answer = httpx.get(
        f"{env.url}/health{query}",
        headers={"Authorization": f"Bearer {key or env.master}"},
        timeout=60,
    )
    for secret in env.secrets:
        assert secret not in answer.text
    assert "://" not in answer.text
    return answer


def health(env, query=""):
    """{deployment of a model: entry}, and which of them are healthy."""
    answer = get(env, query)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    entries, good = {}, set()
    for name in ("healthy", "unhealthy"):
        listed = document[f"{name}_endpoints"]
        assert document[f"{name}_count"] == len(listed)
        for entry in listed:
            assert set(entry) - {"probe"} == MEMBERS
            entries[entry["model"], entry["deployment"]] = entry
            if name == "healthy":
                good.add((entry["model"], entry["deployment"]))
    return entries, good


def test_needs_the_master_key(gateway):
    answer = httpx.get(f"{gateway.url}/health", timeout=30)
    error_of(answer, 401, "invalid_api_key")
    error_of(get(gateway, key=gateway.key), 403, "master_key_required")


def test_all_is_well(gateway, sim):
    entries, good = health(gateway)
    assert good == set(entries) == {
        ("m1", "a/d1"),
        ("m1", "a/d2"),
        ("vectors", "a/emb"),
        ("same", "a/d1"),
        ("spoken", "a/tts-1"),
        ("answers", "a/d3"),
        ("gone", "dead/d"),
    }
    first, second = entries["m1", "a/d1"], entries["same", "a/d1"]
    assert first["model_id"] == second["model_id"]
    assert re.fullmatch("[0-9a-f]{16}", first["model_id"])
    assert first["state"] == "ok"
    assert first["why"] is None and first["until"] is None
    # Nobody was asked.
    assert sim.journal() == []


def test_one_model(gateway):
    entries, _ = health(gateway, "?model=m1")
    assert set(entries) == {("m1", "a/d1"), ("m1", "a/d2")}
    error_of(get(gateway, "?model=none"), 404, "model_not_found")


def test_traffic_shows(gateway, client, sim):

    def one_more():
        before = health(gateway)[0]["m1", "a/d1"]
        client.post("/v1/chat/completions", json=chat("same"))
        entry = health(gateway)[0]["m1", "a/d1"]
        # A new minute may begin just now, but not twice.
        return (
            entry["calls_this_minute"] == before["calls_this_minute"] + 1
            and entry["failures_this_minute"] == before["failures_this_minute"]
            and entry["latency_ms"] is not None
        )

    assert one_more() or one_more()


def test_cool_down_shows(restart, gateway, client, sim, pretence, log):
    restart(configure(gateway, sim))
    pretence.new_minute()
    # for 7 seconds: long enough to be seen
    sim.script({"error": "rate_text"}, deployment="d1")
    assert client.post("/v1/chat/completions", json=chat()).is_success
    log.expect("AZL0035")
    entries, good = health(gateway)
    entry = entries["m1", "a/d1"]
    assert ("m1", "a/d1") not in good and ("m1", "a/d2") in good
    assert entry["state"] == "cooling"
    assert entry["why"] == "status 429"
    until = datetime.datetime.fromisoformat(entry["until"])
    assert until > datetime.datetime.now(datetime.timezone.utc)
    assert entry["failures_this_minute"] == 1
    # The time is over, but nobody has tried yet.
    gateway.until(
        lambda: health(gateway)[0]["m1", "a/d1"]["state"] == "half-open"
    )
    assert ("m1", "a/d1") not in health(gateway)[1]
    # Asked for real, it is well again.
    entries, good = health(gateway, "?probe=1&model=m1")
    assert ("m1", "a/d1") in good
    assert entries["m1", "a/d1"]["state"] == "ok"
    log.expect("AZL0071")


def accounts(env, sim):
    """One deployment, asked with two credentials; and another server that asks
    with the first of them."""
    env.environment["SECOND_KEY"] = env.sim_key
    env.other_port = free_port()
    conf = base(env, sim).endpoint("b", sim.url, credential="env:SECOND_KEY")
    conf.model("m2", "b/d1").model("m2", "b/d2", "order=2")
    return conf.add(f"Listen 127.0.0.1:{env.other_port}").vhost(
        env.other_port,
        f"AzureLITEndpoint c {sim.url} credential=env:SIM_KEY",
        "AzureLITModel m3 c/d1",
        "AzureLITModel m3 c/d2 order=2",
    )


def test_credentials_do_not_share_a_cool_down(
    restart, gateway, client, sim, log
):
    restart(accounts(gateway, sim))
    sim.script({"error": "rate_text"}, deployment="d1")
    assert client.post("/v1/chat/completions", json=chat()).is_success
    log.expect("AZL0035")
    entries, good = health(gateway)
    assert ("m1", "a/d1") not in good and ("m2", "b/d1") in good
    assert entries["m2", "b/d1"]["calls_this_minute"] == 0
    one = entries["m1", "a/d1"]["model_id"]
    assert one != entries["m2", "b/d1"]["model_id"]
    # The same one by another server's configuration, and another name.
    there = httpx.get(
        f"http://127.0.0.1:{gateway.other_port}/health",
        headers={"Authorization": f"Bearer {gateway.master}"},
        timeout=30,
    ).json()
    states = {
        entry["deployment"]: (entry["state"], entry["model_id"])
        for name in ("healthy", "unhealthy")
        for entry in there[f"{name}_endpoints"]
        if entry["model"] == "m3"
    }
    assert states["c/d1"] == ("cooling", one)
    assert states["c/d2"][0] == "ok"


def test_probe_asks_each_once(gateway, sim, log):
    entries, good = health(gateway, "?probe=1")
    asked = {
        (entry["json"]["model"], entry["path"]) for entry in sim.journal()
    }
    assert asked == {
        ("d1", "/openai/v1/chat/completions"),
        ("d2", "/openai/v1/chat/completions"),
        ("d3", "/openai/v1/responses"),
        ("emb", "/openai/v1/embeddings"),
    }
    assert len(sim.journal()) == len(asked)
    for entry in sim.journal():
        assert entry["fields"]["api-key"] == gateway.sim_key
        assert len(entry["raw"]) < 200
    assert entries["m1", "a/d1"]["probe"]["ok"] is True
    assert entries["m1", "a/d1"]["probe"]["status"] == 200
    assert entries["same", "a/d1"]["probe"] == entries["m1", "a/d1"]["probe"]
    # Speech would cost more than a few tokens.
    assert entries["spoken", "a/tts-1"]["probe"] is None
    gone = entries["gone", "dead/d"]
    assert gone["probe"]["ok"] is False
    assert gone["probe"]["status"] is None
    assert gone["probe"]["why"] == "the connection was refused"
    # The last one of its group is not cooled down for that.
    assert gone["state"] == "ok"
    assert ("gone", "dead/d") not in good


@pytest.mark.parametrize(
    "error, ok",
    [
        ("bad_key", False),
        ("no_deployment", False),
        ("rate_ms", False),
        ("server", False),
        ("unsupported", True),  # it understood us well enough to refuse
    ],
)
def test_what_counts_as_an_answer(
    restart, gateway, sim, log, error, ok
):
    restart(configure(gateway, sim))
    sim.script({"error": error}, deployment="d1")
    entries, good = health(gateway, "?probe=1&model=same")
    assert entries["same", "a/d1"]["probe"]["ok"] is ok
    assert (("same", "a/d1") in good) is ok
    log.expect("AZL0070")


def test_probe_over_tls(restart, env, gateway, authority, log):
    """With the endpoint's own authority, or not at all."""
    pem = authority.leaf()
    tls = Simulator(env.root / "probe-tls", ["d1"], env.sim_key, tls=pem)
    try:
        conf = Conf().on().add("AzureLITMasterKey env:MASTER_KEY")
        conf.endpoint("known", tls.url, f"tls-ca={authority.ca}")
        conf.endpoint("unknown", tls.url)
        conf.model("m1", "known/d1").model("m2", "unknown/d1x")
        restart(conf)
        entries, good = health(gateway, "?probe=1")
        assert good == {("m1", "known/d1")}
        why = entries["m2", "unknown/d1x"]["probe"]["why"]
        assert why == "the certificate is not accepted"
        assert [entry["json"]["model"] for entry in tls.journal()] == ["d1"]
    finally:
        tls.stop()


def test_head_and_slash(gateway):
    headers = {"Authorization": f"Bearer {gateway.master}"}
    url = f"{gateway.url}/v1/health/"
    answer = httpx.head(url, headers=headers, timeout=30)
    assert answer.status_code == 200 and answer.text == ""


def test_open_does_not_probe(restart, gateway, sim):
    restart(configure(gateway, sim).add("AzureLITMetrics open"))
    assert httpx.get(f"{gateway.url}/health", timeout=30).status_code == 200
    answer = httpx.get(f"{gateway.url}/health?probe=1", timeout=30)
    error_of(answer, 403, "master_key_required")
    assert sim.journal() == []


# ------------------------------------------------------------- in background


def background(env, sim):
    return base(env, sim).add("AzureLITProbe 1s")


def asked_of(sim):
    return [entry["json"]["model"] for entry in sim.journal()]


def test_background_asks_the_idle(restart, gateway, sim):
    restart(background(gateway, sim))
    gateway.until(lambda: {"d1", "d2", "emb"} <= set(asked_of(sim)))
    # One process does, not each of them.
    asked = asked_of(sim)
    assert asked.count("d1") <= asked.count("d2") + 1
    gateway.until(
        lambda: health(gateway)[0]["m1", "a/d2"]["calls_this_minute"] >= 1
    )


def test_background_leaves_the_busy_alone(restart, gateway, client, sim):
    restart(background(gateway, sim))

    def traffic_and_probes():
        client.post("/v1/chat/completions", json=chat())
        probes = [
            entry["json"]["model"]
            for entry in sim.journal()
            if entry["json"].get("max_completion_tokens") == 16
        ]
        # d1 had requests between two rounds, unless the machine stood still:
        # then these do not count.
        others = probes.count("d2")
        if others < 4:
            return False
        sim.control("DELETE", "journal")
        return probes.count("d1") <= others // 2

    gateway.until(traffic_and_probes)


def test_background_finds_out(restart, gateway, sim, log):
    """Down and up again, and no client has noticed."""
    restart(background(gateway, sim))
    sim.script({"error": "server", "times": FOREVER}, deployment="d2")

    def state():
        return health(gateway)[0]["m1", "a/d2"]["state"]

    gateway.until(lambda: state() == "cooling")
    sim.heal()
    gateway.until(lambda: state() == "ok")
    log.expect("AZL0070", "AZL0071")


def test_watchdog_stops_with_the_server(restart, gateway, sim):
    """A probe under way does not hold a restart up."""
    restart(background(gateway, sim))
    sim.script({"hold": "head", "times": 10})
    gateway.until(lambda: sim.journal() != [])
    gateway.process.terminate()
    gateway.process.wait(20)
    sim.release()
    gateway.start(configure(gateway, sim))


@pytest.mark.parametrize("value", ["0", "0.5s", "2days", "100000", "on"])
def test_probe_must_be_a_time(gateway, sim, value):
    code, said = gateway.check(base(gateway, sim).add(f"AzureLITProbe {value}"))
    assert code != 0
    assert "AzureLITProbe" in said and "1s to 86400s" in said


def test_metrics_must_be_a_word(gateway, sim):
    conf = base(gateway, sim).add("AzureLITMetrics all")
    code, said = gateway.check(conf)
    assert code != 0 and "must be on, off or open" in said


# ---------------------------------------------------------------- mod_status


def auto(env):
    text = httpx.get(f"{env.url}/server-status?auto", timeout=30).text
    return dict(
        line.split(": ", 1) for line in text.splitlines() if ": " in line
    )


def test_status_for_programs(gateway, client, sim):
    before = auto(gateway)
    client.post("/v1/chat/completions", json=chat())
    gateway.until(
        lambda: int(auto(gateway)["AzurelitRequests"])
        == int(before["AzurelitRequests"]) + 1
    )
    after = auto(gateway)
    assert int(after["AzurelitTokensIn"]) > int(before["AzurelitTokensIn"])
    assert after["AzurelitInFlight"] == "0"
    ids = {
        key: value
        for key, value in after.items()
        if re.fullmatch(r"AzurelitDeployment\[\d+\]Id", key)
    }
    # d1 has two names, and is one deployment.
    assert sorted(ids.values()) == [
        "a/d1", "a/d2", "a/d3", "a/emb", "a/tts-1", "dead/d"
    ]
    name = next(key for key, value in ids.items() if value == "a/d1")[:-2]
    assert after[name + "State"] == "ok"
    assert int(after[name + "Calls"]) >= 1


def test_status_for_people(gateway, sim):
    text = httpx.get(f"{gateway.url}/server-status", timeout=30).text
    assert "<h2>mod_azurelit</h2>" in text
    assert "<td>a/d1</td><td>ok</td>" in text
    for secret in [*gateway.secrets, sim.url]:
        assert secret not in text
