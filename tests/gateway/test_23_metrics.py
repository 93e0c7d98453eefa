"""/metrics: what it counts, who may see it, that nothing is lost."""

import concurrent.futures
import os
import signal
from decimal import Decimal

import httpx
import pytest
from ask import chat, dial, error_of, events, hang_up
from conf import digest
from processes import tree
from prometheus_client.parser import text_string_to_metric_families

TOTAL = "litellm_proxy_total_requests_metric_total"
FAILED = "litellm_proxy_failed_requests_metric_total"


def configure(env, sim):
    env.narrow = "sk-narrow-key-of-this-test"
    env.secrets.append(env.narrow)
    conf = env.conf().key("narrow", env.narrow, "max-parallel=1")
    # Several children at any time, and places for those that end.
    conf.add(
        "StartServers 3",
        "MinSpareThreads 64",
        "MaxSpareThreads 128",
        "ServerLimit 12",
        "AzureLITCooldown off",
        "AzureLITRetry 1",
    )
    conf.endpoint("a", sim.url)
    conf.model("m1", "a/d1", "input-price=1", "output-price=10")
    conf.model("m2", "a/d2")
    conf.model("failing", "a/d3").add("AzureLITFallback failing m2")
    conf.vhost(env.port, "ServerName main.test")
    for access in ("open", "off"):
        conf.vhost(
            env.port,
            f"ServerName {access}.test",
            f"AzureLITMetrics {access}",
            "<Location /metrics>",
            "Require ip 127.0.0.1",
            "</Location>",
            "<Location /health>",
            "Require ip 192.0.2.1",
            "</Location>",
        )
    return conf.vhost(
        env.port,
        "ServerName other.test",
        f"AzureLITKey other {digest(env.narrow)}",
        "AzureLITMasterKey env:OTHER_MASTER",
        "AzureLITModel theirs a/d1",
    )


@pytest.fixture(scope="module", autouse=True)
def more(env):
    env.other_master = "sk-other-master-of-this-test"
    env.secrets.append(env.other_master)
    env.environment["OTHER_MASTER"] = env.other_master


class Page:
    def __init__(self, text):
        self.text = text
        self.types = {}
        self.samples = {}
        for family in text_string_to_metric_families(text):
            self.types[family.name] = family.type
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in self.samples, key
                self.samples[key] = sample.value

    def all(self, name, **labels):
        """The samples of that name that have these labels."""
        return {
            key[1]: value
            for key, value in self.samples.items()
            if key[0] == name and key[1] >= frozenset(labels.items())
        }

    def sum(self, name, **labels):
        return sum(self.all(name, **labels).values())


def scrape(env, host="localhost", key=None):
    answer = httpx.get(
        f"{env.url}/metrics",
        headers={"Authorization": f"Bearer {key or env.master}", "Host": host},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    kind = "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["content-type"] == kind
    for secret in env.secrets:
        assert secret not in answer.text
    return Page(answer.text)


def counted(env, before, name=TOTAL, count=1, under_way=0, **labels):
    """Wait until that many more are counted: a request is counted after its
    answer, one number after the other, and no longer in flight then. Then
    exactly that many are."""
    page = None

    def enough():
        nonlocal page
        page = scrape(env)
        more = page.sum(name, **labels) - before.sum(name, **labels)
        assert more <= count
        in_flight = page.sum("litellm_in_flight_requests")
        return more == count and under_way in (None, in_flight)

    env.until(enough)
    return page


def test_needs_the_master_key(gateway):
    url = f"{gateway.url}/metrics"
    error_of(httpx.get(url, timeout=30), 401, "invalid_api_key")
    wrong = {"Authorization": "Bearer sk-nobody"}
    error_of(httpx.get(url, headers=wrong, timeout=30), 401, "invalid_api_key")
    mine = {"Authorization": f"Bearer {gateway.key}"}
    answer = httpx.get(url, headers=mine, timeout=30)
    error_of(answer, 403, "master_key_required")
    master = {"Authorization": f"Bearer {gateway.master}"}
    assert httpx.get(url, headers=master, timeout=30).status_code == 200
    head = httpx.head(url, headers=master, timeout=30)
    assert head.status_code == 200 and head.text == ""
    answer = httpx.post(url, headers=master, timeout=30)
    error_of(answer, 405, "method_not_allowed")


def test_open_to_whom_httpd_lets_through(gateway):
    here = {"Host": "open.test"}
    answer = httpx.get(f"{gateway.url}/metrics", headers=here, timeout=30)
    assert answer.status_code == 200
    # Require says no.
    answer = httpx.get(f"{gateway.url}/health", headers=here, timeout=30)
    assert answer.status_code == 403
    gateway.error_log.expect("client denied by server configuration")
    answer = httpx.get(f"{gateway.url}/v1/models", headers=here, timeout=30)
    error_of(answer, 401, "invalid_api_key")


def test_off(gateway):
    headers = {"Host": "off.test", "Authorization": f"Bearer {gateway.master}"}
    answer = httpx.get(f"{gateway.url}/metrics", headers=headers, timeout=30)
    error_of(answer, 404, "not_found")


def test_one_request(gateway, client, sim):
    before = scrape(gateway)
    answer = client.post("/v1/chat/completions", json=chat())
    usage = answer.json()["usage"]
    page = counted(gateway, before)
    hashed = digest(gateway.key)[len("sha256:") :][:16]
    who = {"api_key_alias": "tester", "hashed_api_key": hashed}
    assert page.sum(
        TOTAL, requested_model="m1", status_code="200", **who
    ) == 1 + before.sum(TOTAL, requested_model="m1", status_code="200", **who)
    cost = (usage["prompt_tokens"] + 10 * usage["completion_tokens"]) / 1e6
    for name, value in {
        "litellm_input_tokens_metric_total": usage["prompt_tokens"],
        "litellm_output_tokens_metric_total": usage["completion_tokens"],
        "litellm_total_tokens_metric_total": usage["total_tokens"],
        "litellm_spend_metric_total": pytest.approx(cost),
    }.items():
        more = page.sum(name, model="m1", **who)
        more -= before.sum(name, model="m1", **who)
        assert more == value, name
    for name in (
        "litellm_deployment_total_requests_total",
        "litellm_deployment_success_responses_total",
    ):
        more = page.sum(name, litellm_model_name="a/d1")
        more -= before.sum(name, litellm_model_name="a/d1")
        assert more == 1, name
    assert page.types["litellm_request_total_latency_metric"] == "histogram"
    assert page.types["litellm_spend_metric"] == "counter"
    assert page.types["litellm_deployment_state"] == "gauge"


def test_spend_is_exact(gateway, client, sim):
    """The text has every digit: the sum of what the records say."""
    before = scrape(gateway)
    for _ in range(3):
        client.post("/v1/chat/completions", json=chat())
    records = gateway.records(3)
    counted(gateway, before, count=3)
    start = 'litellm_spend_metric_total{model="m1",api_key_alias="tester"'

    def spend():
        for line in scrape(gateway).text.splitlines():
            if line.startswith(start):
                return Decimal(line.split(" ")[1])

    first = spend()
    client.post("/v1/chat/completions", json=chat())
    counted(gateway, before, count=4)
    assert spend() - first == Decimal(str(records[0]["cost_usd"]))


def test_failures_and_fallbacks(gateway, client, sim):
    before = scrape(gateway)
    sim.script({"error": "server", "times": 4}, deployment="d3")
    assert client.post("/v1/chat/completions", json=chat("failing")).is_success
    client.post("/v1/chat/completions", json=chat("nobody"))
    page = counted(gateway, before, count=2)

    def more(name, **labels):
        return page.sum(name, **labels) - before.sum(name, **labels)

    assert more(TOTAL, requested_model="None", status_code="404") == 1
    assert more(FAILED, exception_class="ValidationError") == 1
    assert more(
        "litellm_deployment_successful_fallbacks_total",
        requested_model="failing",
        fallback_model="m2",
    ) == 1
    assert more("azurelit_retries_total", requested_model="failing") >= 1
    failed = more(
        "litellm_deployment_failure_responses_total",
        litellm_model_name="a/d3",
    )
    calls = more(
        "litellm_deployment_total_requests_total", litellm_model_name="a/d3"
    )
    assert failed == calls >= 1
    state = page.sum("litellm_deployment_state", litellm_model_name="a/d3")
    assert state == 1
    gateway.error_log.expect(r"AZL003\d")


def test_failed_fallbacks(gateway, client, sim):
    """Each model that was asked in vain, as in LiteLLM."""
    name = "litellm_deployment_failed_fallbacks_total"
    before = scrape(gateway)
    sim.script({"error": "server", "times": 9}, deployment="d3")
    sim.script({"error": "server", "times": 9}, deployment="d2")
    answer = client.post("/v1/chat/completions", json=chat("failing"))
    assert answer.status_code == 500
    page = counted(gateway, before)
    labels = {"requested_model": "failing", "fallback_model": "m2"}
    assert page.sum(name, **labels) - before.sum(name, **labels) == 1
    assert page.sum(name, fallback_model="None") == 0
    gateway.error_log.expect(r"AZL003\d")


def test_streams_and_refusals(gateway, client, sim):
    before = scrape(gateway)
    answer = client.post("/v1/chat/completions", json=chat(stream=True))
    assert events(answer)[-1] == "[DONE]"
    page = counted(gateway, before)
    name = "litellm_llm_api_time_to_first_token_metric_count"
    assert page.sum(name) - before.sum(name) == 1

    sim.script({"hold": "head"})
    mine = {"Authorization": f"Bearer {gateway.narrow}"}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        held = pool.submit(
            client.post, "/v1/chat/completions", json=chat(), headers=mine
        )
        gateway.until(
            lambda: scrape(gateway).sum("litellm_in_flight_requests") == 1
        )
        refused = client.post(
            "/v1/chat/completions", json=chat(), headers=mine
        )
        assert refused.status_code == 429
        sim.release()
        assert held.result().is_success
    page = counted(gateway, before, count=3)
    name = "azurelit_refused_requests_total"
    assert page.sum(name) - before.sum(name, api_key_alias="narrow") == 1


def test_malformed_events(gateway, client, sim):
    before = scrape(gateway)
    sim.script({"malformed": 2})
    answer = client.post("/v1/chat/completions", json=chat(stream=True))
    assert events(answer)[-1] == "[DONE]"
    page = counted(gateway, before)
    name = "azurelit_malformed_chunks_total"
    assert page.sum(name) - before.sum(name, requested_model="m1") == 1


def test_client_gone(gateway, client, sim):
    before = scrape(gateway)
    sim.script({"chunk_delay": 0.05, "content": "word " * 200})
    sock = dial(gateway, chat(stream=True))
    assert sock.recv(100)
    hang_up(sock)
    page = counted(gateway, before, FAILED, exception_class="ClientClosed")
    assert page.sum(TOTAL, status_code="499") >= 1


def test_another_master_key_sees_its_own(gateway, sim):
    headers = {
        "Authorization": f"Bearer {gateway.narrow}",
        "Host": "other.test",
    }
    answer = httpx.post(
        f"{gateway.url}/v1/chat/completions",
        json=chat("theirs"),
        headers=headers,
        timeout=30,
    )
    assert answer.is_success
    gateway.until(
        lambda: scrape(gateway, "other.test", gateway.other_master).sum(
            TOTAL, requested_model="theirs"
        )
        == 1
    )
    theirs = scrape(gateway, "other.test", gateway.other_master)
    assert not theirs.all(TOTAL, requested_model="m1")
    assert not theirs.all("litellm_deployment_state", litellm_model_name="a/d2")
    assert not scrape(gateway).all(TOTAL, requested_model="theirs")


def test_a_larger_configuration_loses_nothing(restart, gateway, client, sim):
    """A new segment takes over what the old one has, and what the old
    processes add to it."""
    restart(configure(gateway, sim))
    before = scrape(gateway)
    old = set(children(gateway))
    sim.script({"hold": 4}, deployment="d2")
    with client.stream(
        "POST", "/v1/chat/completions", json=chat("m2", stream=True)
    ) as answer:
        client.post("/v1/chat/completions", json=chat())
        counted(gateway, before, under_way=1)
        larger = configure(gateway, sim)
        for number in range(300):
            larger.model(f"model-{number}", f"a/d{number}")
        gateway.graceful(larger)
        gateway.until(lambda: set(children(gateway)) - old)
        gateway.until(
            lambda: scrape(gateway).all(
                "litellm_deployment_state", litellm_model_name="a/d299"
            )
        )
        # What is under way in the old segment is not told by the new one.
        counted(gateway, before, under_way=None)
        sim.release()
        assert answer.read().endswith(b"data: [DONE]\n\n")
    # Counted by a process of the old generation.
    page = counted(gateway, before, count=2)
    assert page.sum(TOTAL, requested_model="m2") == 1 + before.sum(
        TOTAL, requested_model="m2"
    )
    with gateway.client() as fresh:
        fresh.post("/v1/chat/completions", json=chat("m2"))
    counted(gateway, before, count=3)


def children(env):
    return [pid for pid in tree(env.process.pid) if pid != env.process.pid]


def test_exact_over_children_restart_and_kill(gateway, sim):
    """Every request whose answer came is counted once, whichever child
    served it and whatever became of that child later."""
    before = scrape(gateway)
    count = 0

    def ask(number):
        # A connection each: the children share them.
        answer = httpx.post(
            f"{gateway.url}/v1/chat/completions",
            json=chat(stream=number % 2 == 0),
            headers={"Authorization": f"Bearer {gateway.key}"},
            timeout=30,
        )
        assert answer.is_success
        return answer.headers["x-request-id"]

    def load(n):
        nonlocal count
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(ask, range(n)))) == n
        count += n
        counted(gateway, before, count=count)

    load(60)
    victim = children(gateway)[0]
    os.kill(victim, signal.SIGKILL)
    gateway.until(lambda: victim not in children(gateway))
    load(60)
    old = set(children(gateway))
    gateway.graceful()
    gateway.until(lambda: not old & set(children(gateway)))
    load(60)
    page = counted(gateway, before, count=count)
    name = "litellm_request_total_latency_metric_count"
    assert page.sum(name) - before.sum(name) == count
    gateway.error_log.expect("exit signal Killed")
