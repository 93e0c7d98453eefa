"""Cool-downs and waiting: who is left alone, for how long, and who finds out
that it works again. The server's clock is the test's: nobody waits for the end
of a cool-down, and no machine is too slow for one."""

import concurrent.futures
import email.utils
import itertools
import statistics
import time

import pytest
from ask import WORDS, chat, dial, error_of, events, said
from ports import free_port
from simulator import Simulator

GROUPS = 90
NUMBERS = itertools.count()
FOREVER = 10**6
COOL = 60
# Endpoints with credentials of their own, for those that are refused.
ENDPOINTS = 6
ENDPOINT_NUMBERS = itertools.count()


def configure(env, sim):
    names = [f"{side}{n}" for n in range(GROUPS) for side in "fs"]
    sim.control("POST", "config", {
        "deployments": {
            name: name for name in ["d1", "d2", "d3", "emb", *names]
        }
    })
    return groups(env, sim, f"fails=3 window=60s time={COOL}s percent=0")


def groups(env, sim, cooldown):
    """g0 is f0, and s0 when that cannot; alone0 is f0 only, and so on."""
    conf = env.conf().add(f"AzureLITCooldown {cooldown}")
    conf.endpoint("a", sim.url)
    for number in range(GROUPS):
        conf.model(f"g{number}", f"a/f{number}")
        conf.model(f"g{number}", f"a/s{number}", "order=2")
        conf.model(f"alone{number}", f"a/f{number}")
        conf.model(f"short{number}", f"a/f{number}")
        conf.add(f"AzureLITTimeout short{number} timeout=3s")
    for number in range(ENDPOINTS):
        name = f"e{number}"
        env.environment[f"KEY_{number}"] = env.sim_key
        conf.endpoint(name, sim.url, credential=f"env:KEY_{number}")
        for side in "fs":
            group = f"{name}{side}"
            conf.model(group, f"{name}/{side}{number}")
            conf.model(group, "a/d1", "order=2")
        conf.model(f"{name}alone", f"{name}/f{number}")
    return conf


@pytest.fixture(scope="module")
def gateway(env, simulator, pretence):
    env.start(configure(env, simulator))
    yield env
    env.stop()


class Group:
    """A model nobody has asked for so far."""

    def __init__(self, gateway, sim, pretence, log):
        self.number = next(NUMBERS)
        self.alias = f"g{self.number}"
        self.alone = f"alone{self.number}"
        self.short = f"short{self.number}"
        self.first = f"f{self.number}"
        self.second = f"s{self.number}"
        self.gateway = gateway
        self.sim = sim
        self.pretence = pretence
        self.log = log
        self.client = gateway.fresh_client()
        pretence.new_minute()

    def sick(self, *behaviours):
        self.sim.script(*behaviours, deployment=self.first)

    def ask(self, alias=None, **more):
        headers = more.pop("headers", {})
        return self.client.post("/v1/chat/completions",
                                json=chat(alias or self.alias, **more),
                                headers=headers)

    def good(self, number=1):
        for _ in range(number):
            answer = self.ask()
            assert answer.status_code == 200, answer.text
            content = answer.json()["choices"][0]["message"]["content"]
            assert content == WORDS

    def asked(self):
        """Who was, as a word: f or s for each."""
        return "".join(
            entry["deployment"][0] for entry in self.sim.journal()
        )

    def times(self):
        return [entry["time"] for entry in self.sim.journal()]

    def lines(self, number):
        return [
            line for line in self.log.text().splitlines() if number in line
        ]


@pytest.fixture
def group(gateway, sim, pretence, log):
    return Group(gateway, sim, pretence, log)


# ------------------------------------------------- what cools down


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "name", ["rate_text", "capacity", "no_deployment", "timeout"]
)
def test_at_once(group, name, stream):
    group.sick({"error": name})
    answer = group.ask(stream=stream)
    assert answer.status_code == 200
    if stream:
        assert said(events(answer)) == WORDS
    group.good(4)
    assert group.asked() == "fsssss"
    (line,) = group.lines("AZL0035")
    assert f"a/{group.first}" in line and ":notice]" in line
    records = group.gateway.records(5)
    assert [one["attempts"] for one in records] == [2, 1, 1, 1, 1]


@pytest.mark.parametrize("stream", [False, True])
def test_rate_limit_inside_a_stream(group, stream):
    """200, then the error in place of content: no better than a 429."""
    group.sick({"error_event": 2, "event_error": "rate_text"})
    assert said(events(group.ask(stream=True))) == WORDS
    group.good(3)
    assert group.asked() == "fssss"


@pytest.mark.parametrize("behaviour", [
    {"error": "server"}, {"error": "front_door"}, {"fault": "garbage"},
    {"cut_bytes": 0, "cut": "reset"}, {"cut_bytes": 10},
], ids=str)
def test_too_many(group, log, behaviour):
    """Three within a minute."""
    log.expect(r"\[proxy")
    group.sick({**behaviour, "close": True, "times": 3})
    group.good(6)
    assert group.asked() == "fsfsfs" + "sss"
    assert len(group.lines("AZL0035")) == 1


def test_not_too_many_in_one_window(group):
    group.sick({"error": "server", "times": 4})
    group.good(2)
    group.pretence.advance(61)
    group.good(2)
    group.pretence.advance(61)
    group.good(2)
    assert group.asked() == "fsfs" + "fsfs" + "ff"
    assert group.lines("AZL0035") == []


def test_client_mistakes_do_not_count(group):
    """What the client did wrong, or the filter did not like, says nothing of
    the deployment."""
    for name in ("filtered", "too_long", "bad_request"):
        group.sick({"error": name, "times": 4})
        for _ in range(4):
            assert group.ask().status_code == 400
    group.good()
    assert group.asked() == "f" * 13
    assert group.lines("AZL0035") == []


@pytest.fixture
def percent(gateway, sim, restart, pretence, log):
    restart(groups(gateway, sim, f"fails=0 percent=50 time={COOL}s"))
    return Group(gateway, sim, pretence, log)


def test_most_of_this_minute(percent):
    """Three of the first four."""
    percent.sick({}, {"error": "server", "times": 3})
    percent.good(6)
    assert percent.asked() == "f" + "fsfsfs" + "ss"


def test_half_of_this_minute(percent):
    """Not more than half of them, and the next minute counts anew."""
    percent.sick(*[{}, {"error": "server"}] * 4)
    percent.good(8)
    assert percent.asked() == "ffs" * 4
    percent.pretence.new_minute()
    percent.sick({"error": "server", "times": 3})
    percent.good(4)
    assert percent.asked() == "ffs" * 4 + "fsfsfs" + "f"


def test_off(gateway, sim, restart, pretence, log):
    restart(groups(gateway, sim, "off"))
    group = Group(gateway, sim, pretence, log)
    group.sick({"error": "rate_text", "times": 10})
    group.good(10)
    assert group.asked() == "fs" * 10
    assert group.lines("AZL0035") == []


# ------------------------------------------------- the last one


def test_last_one_of_a_group(group):
    group.sick({"error": "rate_text", "times": FOREVER})
    group.sim.script({"error": "rate_text", "times": FOREVER},
                     deployment=group.second)
    for _ in range(3):
        error_of(group.ask(), 429, "429")
    asked = group.asked()
    # The first has cooled down; it may be the second's turn, or nobody's.
    assert asked.startswith("fs") and "f" not in asked[2:]
    assert len(asked) == 4
    group.sim.heal()
    group.good(2)
    assert group.asked() == asked + "ss"
    assert len(group.lines("AZL0035")) == 1


@pytest.mark.parametrize("name", ["rate_text", "no_deployment"])
def test_only_one(group, name):
    """Nobody else is there: it is asked by the next request, whatever it
    said to this one."""
    group.sick({"error": name})
    assert group.ask(group.alone).status_code in (404, 429)
    assert group.ask(group.alone).status_code == 200
    assert group.asked() == "ff"
    assert group.lines("AZL0035") == []


# ------------------------------------------------- for how long


def http_date(group, seconds):
    return email.utils.formatdate(group.pretence.now() + seconds, usegmt=True)


@pytest.mark.parametrize("headers", [
    {"Retry-After": "200"}, {"retry-after-ms": "200000"},
    {"Retry-After": "date"},
], ids=str)
def test_providers_own_time(group, headers):
    """Longer than ours."""
    if headers.get("Retry-After") == "date":
        headers = {"Retry-After": http_date(group, 200)}
    group.sick({"status": 429, "body": "", "headers": headers})
    group.good(2)
    group.pretence.advance(195)
    group.good()
    group.pretence.advance(10)
    group.good(2)
    assert group.asked() == "fss" + "s" + "ff"


def test_providers_own_time_in_the_message(group):
    """Seven seconds, which is less than ours."""
    group.sick({"error": "rate_text"})
    group.good(2)
    group.pretence.advance(3)
    group.good()
    group.pretence.advance(5)
    group.good(2)
    assert group.asked() == "fss" + "s" + "ff"


def test_our_time(group):
    group.sick({"error": "capacity"})
    group.good(2)
    group.pretence.advance(COOL - 5)
    group.good()
    group.pretence.advance(6)
    group.good(2)
    assert group.asked() == "fss" + "s" + "ff"
    (line,) = group.lines("AZL0033")
    assert f"a/{group.first}" in line and ":notice]" in line


def test_a_day_is_for_this_request(group):
    """It was larger than the whole quota: others are not."""
    group.sick({"status": 429, "body": "",
                "headers": {"Retry-After": "86400"}})
    group.good(2)
    assert group.asked() == "fss"
    group.pretence.advance(3600)
    group.good(2)
    assert group.asked() == "fss" + "ff"


# ------------------------------------------------- half open


def in_parallel(number, function):
    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        return list(pool.map(lambda _: function(), range(number)))


def test_one_probe_and_no_herd(group):
    """Of twenty at the same time one finds out; the others do not wait."""
    number = 20
    group.sick({"error": "capacity"}, {"hold": "head"})
    group.good(2)
    group.pretence.advance(COOL + 1)
    done = []

    def ask():
        answer = group.ask()
        done.append(answer.status_code)
        if len(done) == number - 1:
            group.gateway.until(lambda: group.asked().count("f") == 2)
            group.sim.release()
        return answer.status_code

    assert in_parallel(number, ask) == [200] * number
    assert group.asked().count("f") == 2
    assert group.asked().count("s") == 2 + number - 1
    # It has come back.
    group.good(3)
    assert group.asked().endswith("fff")
    assert len(group.lines("AZL0033")) == 1


@pytest.mark.parametrize("name", ["capacity", "server"])
def test_probe_fails(group, name):
    """One failure is enough then, of any kind."""
    group.sick({"error": "capacity"}, {"error": name})
    group.good(2)
    group.pretence.advance(COOL + 1)
    group.good(3)
    assert group.asked() == "fss" + "fs" + "ss"
    group.pretence.advance(COOL + 1)
    group.good(2)
    assert group.asked() == "fss" + "fsss" + "ff"
    assert len(group.lines("AZL0035")) == 2
    assert len(group.lines("AZL0033")) == 1


def test_probe_is_given_up_by_its_client(group):
    """The next one may try, after a while."""
    group.sick({"error": "capacity"}, {"hold": "head"})
    group.good()
    group.pretence.advance(COOL + 1)
    sock = dial(group.gateway, chat(group.alias))
    group.gateway.until(lambda: group.asked() == "fsf")
    sock.close()
    group.gateway.until(lambda: len(group.gateway.records()) == 2)
    group.sim.release()
    group.pretence.advance(30)
    group.good(2)
    assert group.asked() == "fsf" + "ff"


def test_trial_is_not_for_who_cannot_make_it(gateway, sim, restart, pretence,
                                             log):
    """Azure has no moderations: who asks for some does not ask Azure, and
    leaves it to the next chat to find out."""
    conf = gateway.conf().add(f"AzureLITCooldown time={COOL}s")
    conf.endpoint("a", sim.url)
    conf.endpoint("o", gateway.plain.url, "dialect=openai")
    conf.model("both", "a/d1").model("both", "o/d2", "order=2")
    pretence.new_minute()
    restart(conf)
    sim.script({"error": "capacity"}, deployment="d1")
    client = gateway.fresh_client()
    path = "/v1/chat/completions"
    assert client.post(path, json=chat("both")).status_code == 200
    pretence.advance(COOL + 1)
    answer = client.post("/v1/moderations",
                         json={"model": "both", "input": "words"})
    assert answer.status_code == 200
    assert client.post(path, json=chat("both")).status_code == 200
    assert [entry["deployment"] for entry in sim.journal()] == ["d1", "d1"]
    log.expect(r"AZL003[35]")


# ------------------------------------------------- who knows of it


def test_all_processes_know(gateway, sim, restart, pretence, log):
    conf = groups(gateway, sim, f"time={COOL}s")
    restart(conf.add("StartServers 3", "MinSpareThreads 64",
                     "MaxSpareThreads 128"))
    group = Group(gateway, sim, pretence, log)
    group.sick({"error": "capacity"})
    group.good()
    # More than one process has threads for.
    assert in_parallel(40, lambda: group.ask().status_code) == [200] * 40
    assert group.asked() == "fs" + "s" * 40


def test_restart_forgets_nothing(group):
    group.sick({"error": "capacity"})
    group.good()
    before = group.gateway.error_log.text().count("AH00489")
    group.gateway.graceful()
    group.gateway.until(
        lambda: group.gateway.error_log.text().count("AH00489") > before
    )
    group.good(3)
    assert group.asked() == "fs" + "sss"
    group.pretence.advance(COOL + 1)
    group.good()
    assert group.asked() == "fs" + "sss" + "f"


# ------------------------------------------------- a credential is refused


class Endpoint:
    """Of its own credential, with two groups that have a deployment there
    and d1 behind it."""

    def __init__(self, sim):
        self.number = next(ENDPOINT_NUMBERS)
        self.name = f"e{self.number}"
        self.first = f"f{self.number}"
        self.second = f"s{self.number}"
        self.sim = sim

    def asked(self):
        return [entry["deployment"] for entry in self.sim.journal()]


@pytest.fixture
def endpoint(gateway, sim):
    return Endpoint(sim)


@pytest.mark.parametrize("name", ["bad_key", "firewall"])
def test_refused_credential(group, endpoint, sim, log, name):
    """All of the endpoint is left alone, and it is said once, as an error."""
    log.expect("AZL0034")
    sim.script({"error": name, "times": FOREVER}, deployment=endpoint.first)
    sim.script({"error": name, "times": FOREVER}, deployment=endpoint.second)
    for _ in range(3):
        for side in "fs":
            answer = group.ask(f"{endpoint.name}{side}")
            assert answer.status_code == 200, answer.text
    assert endpoint.asked() == [endpoint.first] + ["d1"] * 6
    (line,) = group.lines("AZL0034")
    assert ":error]" in line and f"endpoint {endpoint.name} " in line
    assert group.gateway.environment[f"KEY_{endpoint.number}"] not in line
    # Corrected: asked again when its time is over, and then by everybody.
    sim.heal()
    group.pretence.advance(COOL + 1)
    sim.control("DELETE", "journal")
    for _ in range(3):
        for side in "fs":
            answer = group.ask(f"{endpoint.name}{side}")
            assert answer.status_code == 200, answer.text
    assert endpoint.asked() == [endpoint.first, endpoint.second] * 3
    assert len(group.lines("AZL0034")) == 1


def test_refused_credential_shouts_once(group, endpoint, sim, log):
    log.expect("AZL0034")
    sim.script({"error": "bad_key", "times": FOREVER, "delay": 0.2},
               deployment=endpoint.first)
    alias = f"{endpoint.name}f"
    answers = in_parallel(20, lambda: group.ask(alias).status_code)
    assert answers == [200] * 20
    assert len(group.lines("AZL0034")) == 1


def test_refused_credential_of_the_last_one(group, endpoint, sim, log):
    """It is told as a fault of ours, and the next request asks again: nobody
    else could answer."""
    log.expect("AZL0034")
    alias = f"{endpoint.name}alone"
    sim.script({"error": "bad_key"}, deployment=endpoint.first)
    error_of(group.ask(alias), 502, "upstream_authentication_error")
    assert group.ask(alias).status_code == 200
    assert len(endpoint.asked()) == 2


# ------------------------------------------------- waiting for the same one


def limited(**headers):
    return {
        "status": 429, "body": "",
        "headers": {
            name.replace("_", "-"): value for name, value in headers.items()
        },
    }


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("behaviour, least", [
    (limited(retry_after_ms="400"), 0.4),
    (limited(Retry_After="1"), 1),
    ({"error": "rate_ms"}, 0.35),
], ids=["ms", "seconds", "both"])
def test_short_wait(group, behaviour, least, stream):
    """Nobody else is there, and it will not take long."""
    group.sick(behaviour)
    answer = group.ask(group.alone, stream=stream)
    assert answer.status_code == 200
    assert "retry-after" not in answer.headers
    first, second = group.times()
    assert second - first >= least
    (record,) = group.gateway.records(1)
    assert (record["attempts"], record["error"]) == (2, None)
    assert record["total_ms"] >= least * 1000


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("behaviour, after", [
    (limited(Retry_After="30"), "30"),
    (limited(Retry_After="86400"), "86400"),
    ({"error": "rate_text"}, "7"),
], ids=["30", "a day", "message"])
def test_long_wait_is_told(group, behaviour, after, stream):
    group.sick(behaviour)
    start = time.monotonic()
    answer = group.ask(group.alone, stream=stream)
    assert time.monotonic() - start < 5
    error_of(answer, 429, answer.json()["error"]["code"])
    assert answer.headers["retry-after"] == after
    assert group.asked() == "f"
    assert ("x-should-retry" in answer.headers) == (after == "86400")
    (record,) = group.gateway.records(1)
    assert (record["attempts"], record["error"]) == (1, "RateLimit")


def test_no_wait_beyond_the_deadline(group):
    """The model's, or the client's own."""
    group.sick({**limited(Retry_After="5"), "times": 2})
    answer = group.ask(group.short)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "5"
    answer = group.ask(group.alone, headers={"x-litellm-timeout": "3"})
    assert answer.status_code == 429
    assert group.asked() == "ff"


@pytest.mark.parametrize("behaviour", [
    limited(Retry_After="0"), limited(retry_after_ms="0"),
    limited(retry_after_ms="1"), limited(), {"error": "capacity"},
    {"error": "server"}, {"error": "front_door"},
], ids=str)
def test_no_tight_loop(group, behaviour):
    """However soon the upstream says: a pause that grows, and an end."""
    group.sick({**behaviour, "times": FOREVER})
    answer = group.ask(group.alone)
    assert answer.status_code == behaviour.get("status", answer.status_code)
    assert answer.status_code >= 429
    times = group.times()
    assert len(times) <= 3
    gaps = [later - sooner for sooner, later in zip(times, times[1:])]
    assert all(gap >= 0.1 for gap in gaps), gaps


def test_no_tight_loop_with_many_retries(gateway, sim, restart, pretence,
                                         log):
    conf = groups(gateway, sim, f"time={COOL}s").add("AzureLITRetry 10")
    restart(conf)
    group = Group(gateway, sim, pretence, log)
    group.sick({**limited(Retry_After="0"), "times": FOREVER})
    start = time.monotonic()
    assert group.ask(group.short).status_code == 429
    took = time.monotonic() - start
    # Three seconds are all this model has.
    assert took < 8
    assert len(group.times()) <= 1 + took / 0.1


def test_who_is_back_first(group):
    """Both are limited: the one that is back soon is waited for."""
    group.sick(limited(Retry_After="1"))
    group.sim.script(limited(Retry_After="30"), deployment=group.second)
    group.good()
    assert group.asked() == "fsf"
    first, _, third = group.times()
    assert third - first >= 1


def test_shortest_time_is_told(group):
    group.sick({**limited(Retry_After="40"), "times": FOREVER})
    group.sim.script({**limited(Retry_After="20"), "times": FOREVER},
                     deployment=group.second)
    answer = group.ask()
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "20"
    assert group.asked() == "fs"


@pytest.mark.parametrize("stream", [False, True])
def test_client_leaves_while_it_waits(group, stream):
    """Nobody is asked for somebody who has gone."""
    group.sick(limited(Retry_After="5"))
    sock = dial(group.gateway, chat(group.alone, stream=stream))
    group.gateway.until(lambda: group.asked() == "f")
    start = time.monotonic()
    sock.close()
    (record,) = group.gateway.records(1)
    assert time.monotonic() - start < 4.5
    assert (record["status"], record["error"]) == (499, "ClientClosed")
    assert record["attempts"] == 1
    assert group.asked() == "f"


def test_jitter(group):
    """Those who were refused together do not come back together."""
    number = 24
    group.sick(
        {**limited(retry_after_ms="800"), "hold": "head", "times": number}
    )
    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        answers = [pool.submit(group.ask, group.alone) for _ in range(number)]
        group.gateway.until(lambda: len(group.asked()) == number)
        refused = time.time()
        group.sim.release()
        statuses = [answer.result().status_code for answer in answers]
    assert statuses == [200] * number
    again = group.times()[number:]
    assert len(again) == number
    assert min(again) >= refused + 0.8
    spread = statistics.pstdev(again)
    # A quarter of 800 ms, evenly: 58 ms. Of so many, less than a third of it
    # is one in ten million at most.
    assert spread > 0.019


# ------------------------------------------------- flapping


class Flapping:
    """A deployment that is down in one of two ways."""

    def __init__(self, env, kind):
        self.env = env
        self.kind = kind
        self.port = free_port()
        self.sim = None
        self.up()

    def up(self):
        if self.sim is None:
            self.sim = Simulator(
                self.env.root / "flapping", ["d1"], self.env.sim_key,
                port=self.port,
            )
        self.sim.heal()

    def down(self):
        if self.kind == "refused":
            self.sim.stop()
            self.sim = None
        else:
            self.sim.script({"error": "front_door", "times": FOREVER})

    def asked(self):
        return len(self.sim.journal()) if self.sim else 0

    def stop(self):
        if self.sim:
            self.sim.stop()


@pytest.mark.parametrize("kind", ["refused", "unavailable"])
def test_flapping(gateway, sim, restart, log, pretence, kind):
    """In real time: down for a while, then well. Nobody notices, it is not
    asked all the time, and it comes back by itself."""
    log.expect(r"\[proxy")
    flapping = Flapping(gateway, kind)
    conf = gateway.conf().add("AzureLITCooldown time=500ms")
    conf.endpoint("flapping", f"http://127.0.0.1:{flapping.port}")
    conf.endpoint("a", sim.url)
    conf.model("m1", "flapping/d1").model("m1", "a/d1", "order=2")
    restart(conf)
    try:
        with gateway.client() as client:

            def ask():
                answer = client.post("/v1/chat/completions", json=chat())
                assert answer.status_code == 200, answer.text

            for _ in range(5):
                ask()
            assert (flapping.asked(), len(sim.journal())) == (5, 0)
            flapping.down()
            begin = time.monotonic()
            number = 0
            while time.monotonic() < begin + 2 or number <= 30:
                ask()
                number += 1
                time.sleep(0.005)
            took = time.monotonic() - begin
            assert len(sim.journal()) == number
            if kind == "unavailable":
                # Three failures, then one each half second.
                assert flapping.asked() <= 5 + 3 + 1 + took / 0.5
            flapping.up()
            start = time.monotonic()
            before = flapping.asked()
            while flapping.asked() == before:
                ask()
                time.sleep(0.02)
                assert time.monotonic() - start < 30
            served = len(sim.journal())
            before = flapping.asked()
            for _ in range(5):
                ask()
            assert len(sim.journal()) == served
            assert flapping.asked() == before + 5
    finally:
        flapping.stop()
    assert log.text().count("AZL0033") == 1
