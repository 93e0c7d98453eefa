"""Load for a while, and does memory grow?

    python tests/soak.py --minutes 10

Starts a real httpd with the module and the simulator, all on loopback, sends
a mix of everything that happens (answers, streams, large bodies, errors,
failover, cut streams, clients that leave) and writes a JSON line each
--sample seconds, then one with the verdict. Ends by itself; exit code 1 when
memory grew or an answer was wrong.
"""

import argparse
import collections
import json
import random
import statistics
import sys
import threading
import time
from pathlib import Path

import httpx

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "lib"), str(HERE / "gateway")]

from ask import WORDS, chat, events, said  # noqa: E402
from env import Env  # noqa: E402
from processes import memory, open_files, tree  # noqa: E402
from simulator import Simulator  # noqa: E402

ALWAYS = 10**9
# What each deployment does, for ever.
DEPLOYMENTS = {
    "good": {},
    "busy": {"error": "rate_ms"},
    "gone": {"fault": "close"},
    "slow": {"chunk_delay": 0.02, "content": "word " * 50},
    "cut": {"cut_after": 5},
    "refuses": {"error": "filtered"},
}
LARGE = 114 * 1024
# Growth between the first and the last third after the warm-up that is taken
# for noise: arenas of malloc and pools settle late.
NOISE_SHARE = 0.05
NOISE_BYTES = 2 * 1024 * 1024
WARM_UP_SHARE = 0.2


class Wrong(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Wrong(what)


class Work:
    """One client with its connections: every kind of request is a method,
    its weight in KINDS."""

    def __init__(self, env):
        self.client = env.client()

    def post(self, model, **more):
        return self.client.post(
            "/v1/chat/completions", json=chat(model, **more)
        )

    def text_of(self, answer):
        expect(answer.status_code == 200, answer.status_code)
        return answer.json()["choices"][0]["message"]["content"]

    def plain(self):
        expect(self.text_of(self.post("good")) == WORDS, "text")

    def large(self):
        expect(self.text_of(self.post("good", user="x" * LARGE)) == WORDS,
               "text")

    def stream(self):
        data = events(self.post("good", stream=True))
        expect(data[-1] == "[DONE]" and said(data) == WORDS, "stream")

    def failover(self):
        for model in ("over", "drop", "dead"):
            expect(self.text_of(self.post(model)) == WORDS, model)

    def failover_stream(self):
        data = events(self.post("drop", stream=True))
        expect(data[-1] == "[DONE]" and said(data) == WORDS, "stream")

    def errors(self):
        expect(self.post("refuses").status_code == 400, "filtered")
        expect(self.post("unknown").status_code == 404, "unknown model")
        answer = self.client.get("/v1/chat/completions")
        expect(answer.status_code == 405, "method")
        answer = self.client.post("/v1/chat/completions", content=b"{,}")
        expect(answer.status_code == 400, "no JSON")

    def stranger(self):
        answer = self.client.post(
            "/v1/chat/completions",
            json=chat("good", user="x" * LARGE),
            headers={"Authorization": "Bearer sk-nobody"},
        )
        expect(answer.status_code == 401, answer.status_code)

    def cut(self):
        data = events(self.post("cut", stream=True))
        expect(data[-1] != "[DONE]" and "error" in data[-1], "cut")

    def leaves(self):
        with self.client.stream(
            "POST", "/v1/chat/completions", json=chat("slow", stream=True)
        ) as answer:
            expect(answer.status_code == 200, answer.status_code)
            next(answer.iter_bytes())

    def models(self):
        expect(self.client.get("/v1/models").status_code == 200, "models")


KINDS = {
    Work.plain: 30,
    Work.large: 10,
    Work.stream: 20,
    Work.failover: 5,
    Work.failover_stream: 5,
    Work.errors: 5,
    Work.stranger: 3,
    Work.cut: 4,
    Work.leaves: 4,
    Work.models: 2,
}


class Soak:
    def __init__(self, env, kinds):
        self.env = env
        self.kinds = kinds
        self.counts = collections.Counter()
        self.failures = []
        self.over = threading.Event()
        self.lock = threading.Lock()

    def run(self):
        work = Work(self.env)
        kinds, weights = list(self.kinds), list(self.kinds.values())
        while not self.over.is_set():
            kind = random.choices(kinds, weights)[0]
            try:
                kind(work)
            except (Wrong, httpx.HTTPError, ValueError, KeyError,
                    AssertionError) as error:
                with self.lock:
                    self.failures.append(f"{kind.__name__}: {error!r}"[:300])
            with self.lock:
                self.counts[kind.__name__] += 1
        work.client.close()

    def sample(self, start):
        pid = self.env.process.pid
        children = tree(pid)[1:]
        return {
            "seconds": round(time.monotonic() - start, 1),
            "requests": sum(self.counts.values()),
            "failures": len(self.failures),
            "children": len(children),
            "anon": memory(pid, "Pss_Anon"),
            "pss": memory(pid, "Pss"),
            "rss": memory(pid, "Rss"),
            "files": open_files(pid) + sum(map(open_files, children)),
        }


def configuration(env, url):
    conf = env.conf().add("LogLevel warn").endpoint("a", url)
    conf.endpoint("closed", "http://127.0.0.1:1", "connect-timeout=1s")
    for name in DEPLOYMENTS:
        conf.model(name, f"a/{name}", "input-price=1", "output-price=2")
    for alias, first in (("over", "a/busy"), ("drop", "a/gone"),
                         ("dead", "closed/x")):
        conf.model(alias, first).model(alias, "a/good", "order=2")
    return conf


def verdict(samples, soak):
    end = samples[-1]["seconds"]
    warm = [one for one in samples if one["seconds"] >= end * WARM_UP_SHARE]
    third = max(1, len(warm) // 3)
    result = {"verdict": "steady", "counts": dict(soak.counts),
              "failures": soak.failures[:5]}
    # Pss as a whole also moves when a server that is not ours maps or unmaps
    # the same libraries.
    for name in ("anon", "rss", "files"):
        first = statistics.median(one[name] for one in warm[:third])
        last = statistics.median(one[name] for one in warm[-third:])
        noise = first * NOISE_SHARE
        if name != "files":
            noise = max(noise, NOISE_BYTES)
        result[name] = {"first": first, "last": last, "growth": last - first}
        if last - first > noise:
            result["verdict"] = "grows"
    if soak.failures:
        result["verdict"] += ", with wrong answers"
    return result


def drive(env, sim, options):
    only = options.only.split(",") if options.only else []
    soak = Soak(env, {
        kind: weight
        for kind, weight in KINDS.items()
        if not only or kind.__name__ in only
    })
    threads = [
        threading.Thread(target=soak.run, daemon=True)
        for _ in range(options.clients)
    ]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    samples = []
    due = options.sample
    while time.monotonic() - start < options.minutes * 60:
        time.sleep(1)
        # It keeps what it has seen, which is much.
        sim.control("DELETE", "journal")
        if time.monotonic() - start >= due:
            due += options.sample
            samples.append(soak.sample(start))
            print(json.dumps(samples[-1]), flush=True)
    soak.over.set()
    for thread in threads:
        thread.join(60)
    return verdict(samples, soak)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--sample", type=float, default=30)
    parser.add_argument(
        "--only",
        help="kinds of requests, with commas: "
        + ",".join(kind.__name__ for kind in KINDS),
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=1,
        help="of the server, each with 32 threads; with more of them memory "
        "takes longer to settle, as each has arenas of its own to fill",
    )
    options = parser.parse_args()
    env = Env("soak")
    sim = Simulator(env.root / "sim", list(DEPLOYMENTS), env.sim_key)
    try:
        for name, behaviour in DEPLOYMENTS.items():
            if behaviour:
                sim.script({**behaviour, "times": ALWAYS}, deployment=name)
        conf = configuration(env, sim.url)
        conf.add(
            f"ServerLimit {options.processes}",
            f"MaxRequestWorkers {32 * options.processes}",
        )
        env.start(conf)
        result = drive(env, sim, options)
        result["leaks"] = env.leaks()
        print(json.dumps(result), flush=True)
        return 0 if result["verdict"] == "steady" and not result["leaks"] else 1
    finally:
        env.stop()
        sim.stop()


if __name__ == "__main__":
    sys.exit(main())
