"""Routing through a real server: strategies, orders, limits, spill."""

import collections
import concurrent.futures
import time

import pytest
from ask import WORDS, chat, dial, error_of, events, said

FOREVER = 10**6
COOL = 60


@pytest.fixture(scope="module")
def gateway(env):
    yield env
    env.stop()


class Served:
    """A server of its own for a test: nothing is known of anybody."""

    def __init__(self, env, sim, pretence):
        self.env = env
        self.sim = sim
        self.pretence = pretence
        self.socks = []
        self.client = env.fresh_client()

    def start(self, *lines):
        conf = self.env.conf().endpoint("a", self.sim.url)
        conf.add(f"AzureLITCooldown time={COOL}s", *lines)
        self.env.start(conf)
        # What the former server had under way is recorded by now.
        self.env.forget_records()
        self.pretence.new_minute()
        return self

    def ask(self, text=None, stream=False, **more):
        document = chat(stream=stream, **more)
        if text:
            document["messages"][0]["content"] = text
        return self.client.post("/v1/chat/completions", json=document)

    def good(self, number=1, **more):
        for _ in range(number):
            answer = self.ask(**more)
            assert answer.status_code == 200, answer.text

    def hold(self, number=1, **more):
        """Requests that stay under way, one after the other."""
        for _ in range(number):
            before = len(self.sim.journal())
            self.socks.append(dial(self.env, chat(**more)))
            self.env.until(lambda: len(self.sim.journal()) > before)

    def asked(self):
        return [entry["deployment"] for entry in self.sim.journal()]

    def counts(self):
        return collections.Counter(self.asked())

    def close(self):
        self.client.close()
        for sock in self.socks:
            sock.close()


@pytest.fixture
def served(gateway, sim, pretence):
    served = Served(gateway, sim, pretence)
    yield served
    served.close()
    sim.heal()


def group(*options):
    """m1 of d1, d2, d3, with these options."""
    return [
        f"AzureLITModel m1 a/d{number} {words}"
        for number, words in enumerate(options, 1)
    ]


# ------------------------------------------------- least busy


def test_least_busy(served, sim):
    served.start(*group("", "", ""), "AzureLITRouting m1 least-busy")
    sim.script({"hold": "head", "times": FOREVER})
    served.hold(9)
    assert served.counts() == {"d1": 3, "d2": 3, "d3": 3}


def test_least_busy_for_its_weight(served, sim):
    served.start(*group("weight=2", "weight=1"),
                 "AzureLITRouting m1 least-busy")
    sim.script({"hold": "head", "times": FOREVER})
    served.hold(9)
    assert served.counts() == {"d1": 6, "d2": 3}


def test_who_has_ended_is_not_busy(served, sim, gateway):
    served.start(*group("", ""), "AzureLITRouting m1 least-busy")
    sim.script({"hold": "head", "times": FOREVER})
    served.hold(4)
    # Those of d1 are given up; it is the less busy one twice.
    for sock, name in zip(served.socks, served.asked()):
        if name == "d1":
            sock.close()
    assert len(gateway.records(2)) == 2
    before = served.counts()
    assert before == {"d1": 2, "d2": 2}
    served.hold(2)
    assert served.counts() - before == {"d1": 2}


def test_order_comes_first(served, sim):
    served.start(*group("order=1", "order=2", "order=1"),
                 "AzureLITRouting least-busy")
    sim.script({"hold": "head", "times": FOREVER})
    served.hold(6)
    assert served.counts() == {"d1": 3, "d3": 3}


# ------------------------------------------------- usage, latency, cost


def test_usage_of_requests(served):
    """Three quarters of what is granted are the second's."""
    served.start(*group("rpm=100", "rpm=300"), "AzureLITRouting m1 usage")
    served.good(24)
    counts = served.counts()
    assert abs(counts["d1"] - 6) <= 1 and counts["d1"] + counts["d2"] == 24


def test_usage_of_tokens(served):
    served.start(*group("tpm=1000", "tpm=3000"), "AzureLITRouting m1 usage")
    served.good(24)
    counts = served.counts()
    assert abs(counts["d1"] - 6) <= 1 and counts["d1"] + counts["d2"] == 24


def test_usage_begins_anew_each_minute(served):
    served.start(*group("rpm=10", "rpm=10"), "AzureLITRouting m1 usage")
    served.good(10)
    served.pretence.new_minute()
    served.good(10)
    counts = served.counts()
    assert abs(counts["d1"] - 10) <= 2


def until_both_are_known(served, **more):
    while set(served.asked()) != {"d1", "d2"}:
        assert served.ask(**more).status_code == 200
        assert len(served.asked()) < 40


def avoids(served, sim, slow, number, **more):
    """Hardly anybody of so many goes to the slow one. The other may become
    slow with the machine, but not always."""
    for _ in range(4):
        sim.reset()
        served.start(*group("", ""), "AzureLITRouting m1 latency")
        yield
        until_both_are_known(served, **more)
        for _ in range(number):
            answer = served.ask(**more)
            assert answer.status_code == 200, answer.text
            if more:
                assert said(events(answer)) == WORDS
        # One in 64 does not look at latencies, and every second of those goes
        # to the slow one: more than 4 of 20 are one in two million.
        if served.asked()[-number:].count(slow) <= 4:
            return
    raise AssertionError(served.asked())


def test_latency(served, sim):
    for _ in avoids(served, sim, "d1", 20):
        sim.script({"delay": 0.15, "times": FOREVER}, deployment="d1")


def test_latency_of_streams_is_their_first_token(served, sim):
    """Long answers do not make one slow."""
    for _ in avoids(served, sim, "d2", 12, stream=True):
        sim.script({"chunk_delay": 0.03, "times": FOREVER}, deployment="d1")
        sim.script({"delay": 0.4, "times": FOREVER}, deployment="d2")


def test_cost(served, sim):
    served.start(*group("input-price=10 output-price=10",
                        "input-price=1 output-price=1", ""),
                 "AzureLITRouting cost")
    served.good(4)
    assert served.asked() == ["d2"] * 4
    sim.script({"error": "server", "times": 2}, deployment="d2")
    sim.script({"error": "server"}, deployment="d1")
    served.good(2)
    # The price of the third is not known.
    assert served.asked()[4:] == ["d2", "d1", "d3", "d2", "d1"]


# ------------------------------------------------- the prompt's deployment


def long_text(number):
    """A prompt whose first two thousand bytes are its own."""
    return f"PROMPT-MARK {number} " + f"system {number} " * 300


def where_each_goes(served, number=12, rounds=3):
    """{prompt: the one deployment that got it}"""
    found = {}
    for prompt in list(range(number)) * rounds:
        served.good(text=long_text(prompt))
        found.setdefault(prompt, set()).add(served.asked()[-1])
    assert all(len(names) == 1 for names in found.values()), found
    return {prompt: names.pop() for prompt, names in found.items()}


def test_same_prompt_same_deployment(served):
    served.start(*group("", "", ""), "AzureLITRouting m1 cache-affinity")
    places = where_each_goes(served, number=40, rounds=2)
    # That chance leaves one of the three out: 3 * (2/3)^40, 1 in 3 million.
    assert set(places.values()) == {"d1", "d2", "d3"}


def test_conversation_stays(served):
    served.start(*group("", "", ""), "AzureLITRouting m1 cache-affinity")
    for number in range(4):
        messages = [{"role": "system", "content": long_text(number)}]
        for turn in range(4):
            messages.append({"role": "user", "content": f"and {turn}?"})
            served.good(messages=messages)
            messages.append({"role": "assistant", "content": f"yes {turn}"})
        assert len(set(served.asked()[-4:])) == 1


def test_prompt_cache_key(served):
    """It decides, whatever the prompt is."""
    served.start(*group("", "", ""), "AzureLITRouting m1 cache-affinity")
    places = set()
    # All at one: 3 * (1/3)^16, one in 14 million.
    for key in range(16):
        for prompt in range(3):
            served.good(text=long_text(prompt), prompt_cache_key=f"k{key}")
        assert len(set(served.asked()[-3:])) == 1
        places.add(served.asked()[-1])
    assert len(places) > 1


def test_sick_one_hands_over_and_takes_back(served, sim):
    """Only its own prompts move, and they return."""
    served.start(*group("", "", ""), "AzureLITRouting m1 cache-affinity")
    before = where_each_goes(served, rounds=1)
    sick = before[0]
    sim.script({"error": "capacity"}, deployment=sick)
    served.good(text=long_text(0))
    during = where_each_goes(served, rounds=2)
    for prompt, place in before.items():
        if place == sick:
            assert during[prompt] != sick
        else:
            assert during[prompt] == place
    served.pretence.advance(COOL + 1)
    # One request finds out that it is well.
    served.good(text=long_text(0))
    assert where_each_goes(served, rounds=1) == before


def test_restart_moves_no_prompt(served, gateway):
    lines = [*group("", "", ""), "AzureLITRouting m1 cache-affinity"]
    before = where_each_goes(served.start(*lines), rounds=1)
    assert where_each_goes(served.start(*lines), rounds=1) == before


def test_affinity_gives_way_to_load(served, sim):
    """A prompt that everybody sends does not bury its deployment."""
    served.start(*group("", "", ""), "AzureLITRouting m1 cache-affinity")
    messages = [{"role": "system", "content": long_text(0)}]
    sim.script({"hold": "head", "times": FOREVER})
    served.hold(12, messages=messages)
    counts = served.counts()
    assert len(set(served.asked()[:4])) == 1
    assert max(counts.values()) <= 12 / 3 * 1.25 + 1
    assert len(counts) == 3


# ------------------------------------------------- limits


def refused(answer):
    error = error_of(answer, 429, "model_rate_limit")
    assert 1 <= int(answer.headers["retry-after"]) <= 61
    return error


@pytest.mark.parametrize("stream", [False, True])
def test_hard_rpm(served, gateway, stream):
    served.start(*group("rpm=3 limits=hard"))
    served.good(3, stream=stream)
    for _ in range(2):
        refused(served.ask(stream=stream))
    assert served.asked() == ["d1"] * 3
    # A record is written after its answer, and its time has milliseconds.
    found = sorted(gateway.records(5), key=lambda one: -one["attempts"])
    assert [one["attempts"] for one in found] == [1, 1, 1, 0, 0]
    assert found[-1]["error"] == "RateLimit"
    served.pretence.new_minute()
    served.good(3, stream=stream)
    refused(served.ask(stream=stream))


def test_hard_rpm_moves_on(served):
    served.start(*group("rpm=3 limits=hard order=1",
                        "rpm=2 limits=hard order=2"))
    served.good(5)
    refused(served.ask())
    assert served.asked() == ["d1"] * 3 + ["d2"] * 2


def test_soft_rpm(served):
    """Others are preferred, and when all are beyond it nobody is refused."""
    served.start(*group("rpm=3", "rpm=2"))
    served.good(9)
    assert sorted(served.asked()[:5]) == ["d1"] * 3 + ["d2"] * 2
    assert len(served.asked()) == 9


def test_hard_tpm(served, sim):
    served.start(*group("tpm=40 limits=hard"))

    def spent():
        usage = sim.usage()
        return sum(usage.values())

    totals = [0]
    while (answer := served.ask()).status_code == 200:
        totals.append(spent())
        assert len(totals) < 20
    refused(answer)
    # The last one began below the limit and ended at it or beyond.
    assert totals[-2] < 40 <= totals[-1]
    served.pretence.new_minute()
    served.good()


def test_hard_max_parallel(served, sim, gateway):
    served.start(*group("max-parallel=2 limits=hard order=1",
                        "max-parallel=1 limits=hard order=2"))
    sim.script({"hold": "head", "times": 3})
    served.hold(3)
    assert served.asked() == ["d1", "d1", "d2"]
    start = time.monotonic()
    answer = served.ask()
    refused(answer)
    assert time.monotonic() - start < 5
    # One of those in flight may end at any time, whatever the minute.
    assert int(answer.headers["retry-after"]) == 1
    assert len(served.asked()) == 3
    sim.release()
    gateway.records(4)
    served.good()


def test_place_of_a_client_that_left(served, sim, gateway):
    served.start(*group("max-parallel=2 limits=hard"))
    sim.script({"hold": "head", "times": 2})
    served.hold(2)
    refused(served.ask())
    served.socks[0].close()
    gateway.records(2)
    served.good(3)


def test_places_after_failures(served, sim, log):
    """However an attempt ends, its place is free again."""
    log.expect(r"\[proxy", "AZL0030", "AZL0034")
    served.start(*group("max-parallel=1 limits=hard"), "AzureLITRetry 0",
                 "AzureLITCooldown off")
    for behaviour in ({"error": "server"}, {"fault": "close"},
                      {"fault": "garbage"}, {"error": "filtered"},
                      {"error": "bad_key"}, {"cut_bytes": 5},
                      {"cut_after": 5}, {"error_event": 2},
                      {"error_event": 5}):
        sim.script({**behaviour, "close": True, "times": 2})
        stream = "cut_after" in behaviour or "error_event" in behaviour
        served.ask(stream=stream)
        sim.heal()
        served.good()


def test_max_parallel_under_a_rush(served, sim):
    """Never more at a time, however many come together."""
    served.start(*group("max-parallel=5 limits=hard"), "AzureLITRetry 0")
    sim.script({"delay": 0.5, "times": FOREVER})
    number = 24
    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        statuses = list(
            pool.map(lambda _: served.ask().status_code, range(number))
        )
    assert set(statuses) == {200, 429}
    assert max(entry["busy"] for entry in sim.journal()) <= 5
    assert statuses.count(200) == len(served.asked()) >= 4


def test_soft_max_parallel(served, sim):
    served.start(*group("max-parallel=2", "max-parallel=2"))
    sim.script({"hold": "head", "times": FOREVER})
    served.hold(6)
    assert sorted(served.asked()[:4]) == ["d1", "d1", "d2", "d2"]
    assert len(served.asked()) == 6


# ------------------------------------------------- spill


@pytest.mark.parametrize("stream", [False, True])
def test_spill(served, sim, gateway, stream):
    """Reserved capacity first; what it refuses is paid for, before anybody
    else is asked, until it has room again."""
    served.start(
        "AzureLITModel m1 a/d1 spill=a/d2 order=1",
        "AzureLITModel m1 a/d3 order=2",
    )
    served.good(2, stream=stream)
    sim.script({"error": "capacity"}, deployment="d1")
    served.good(3, stream=stream)
    assert served.asked() == ["d1", "d1", "d1", "d2", "d2", "d2"]
    served.pretence.advance(COOL + 1)
    served.good(2, stream=stream)
    assert served.asked()[6:] == ["d1", "d1"]
    found = gateway.records(7)
    assert [one["deployment"] for one in found] == (
        ["a/d1"] * 2 + ["a/d2"] * 3 + ["a/d1"] * 2
    )
    assert [one["attempts"] for one in found] == [1, 1, 2, 1, 1, 1, 1]


def test_spill_fails_too(served, sim):
    served.start(
        "AzureLITModel m1 a/d1 spill=a/d2 order=1",
        "AzureLITModel m1 a/d3 order=2",
    )
    sim.script({"error": "capacity"}, deployment="d1")
    sim.script({"error": "capacity"}, deployment="d2")
    served.good(2)
    assert served.asked() == ["d1", "d2", "d3", "d3"]


def test_spill_of_one_that_is_full(served, sim):
    served.start("AzureLITModel m1 a/d1 spill=a/d2 max-parallel=2 limits=hard")
    sim.script({"hold": "head", "times": FOREVER})
    served.hold(5)
    assert served.asked() == ["d1", "d1", "d2", "d2", "d2"]
