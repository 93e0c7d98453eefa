"""What it costs and how long it takes when things go wrong.

Part of build/bench, which says what there is.
"""

import json
import os
import re
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from bench_base import (
    CLIENTS,
    KB,
    KEY,
    LOAD_CORE,
    MASTER_KEY,
    PORTS,
    ROUNDS,
    SECONDS,
    UPSTREAM_PORT,
    WORK,
    Httpd,
    Upstream,
    client,
    path_of,
    run,
    say,
    settled,
    small_request,
    wrk,
    write_requests,
)

# CPU of a request that meets a 429 first / of two plain ones.
FAILOVER_BAR = 1.3
# Microseconds for putting 50 deployments in order.
CHOICE_BAR = 2.0
CHOICE_TIMES = 500_000
# KB for each open stream, above idle.
STREAM_BAR = 64
STREAMS = (1000, 2000, 5000)
# conf/azurelit-mpm.conf: for how many, and what it wants defined for them.
SIZINGS = {1000: "AZURELIT_1000", 5000: "AZURELIT_5000"}
# Clients that leave at once, and seconds until nothing of theirs is left.
LEAVING = 1000
LEFT_BAR = 2.0
LEFT_ROUNDS = 3

FAILOVER = [
    "AzureLITCooldown off",
    f"AzureLITEndpoint second http://127.0.0.1:{UPSTREAM_PORT}/second "
    "dialect=azure credential=env:BENCH_AZURE_KEY api-version=2024-10-21",
    "AzureLITModel failover azure/limited order=1",
    "AzureLITModel failover second/small order=2",
]
LEAVE = [
    "AzureLITMasterKey env:BENCH_MASTER_KEY",
    "AzureLITModel silent azure/silent",
]


# ------------------------------------------------------------------ failover


def used(httpd, variant, work):
    """CPU seconds, and for how many requests."""
    before = httpd.cpu()
    done = wrk(variant, work, "small", CLIENTS, SECONDS)["requests"]
    # The last log records are written after the answer.
    time.sleep(0.2)
    return httpd.cpu() - before, done


def failover():
    """A 429 and then an answer, against two plain requests."""
    write_requests()
    (WORK / "failover.json").write_text(small_request("failover", False))
    works = {"plain": "1kb", "module": "1kb", "failover": "failover"}
    variants = list(works)
    costs = {variant: [] for variant in variants}
    asked = answered = 0
    with Upstream() as upstream, Httpd(variants, more=FAILOVER) as httpd:
        for variant, work in works.items():
            wrk(variant, work, "small", CLIENTS, 1)
        for number in range(ROUNDS):
            turn = number % len(variants)
            for variant in variants[turn:] + variants[:turn]:
                before = upstream.stats()["requests"]
                cpu, done = used(httpd, variant, works[variant])
                costs[variant].append(cpu / done * 1e6)
                if variant == "failover":
                    asked += upstream.stats()["requests"] - before
                    answered += done
    for variant in variants:
        say(
            bench="failover",
            variant=variant,
            cpu_us=round(statistics.median(costs[variant]), 2),
            rounds=[round(cost, 2) for cost in costs[variant]],
        )
    calls = asked / answered
    # Those that wrk leaves when its time is over were asked for as well.
    if not 1.99 < calls < 2.05:
        sys.exit(f"failover: {calls} upstream requests for an answer")
    ratio = statistics.median(
        mine / (2 * plain)
        for mine, plain in zip(costs["failover"], costs["plain"])
    )
    say(
        bench="failover",
        upstream_requests=round(calls, 3),
        ratio=round(ratio, 3),
        bar=FAILOVER_BAR,
        holds=ratio <= FAILOVER_BAR,
    )
    return ratio <= FAILOVER_BAR


# -------------------------------------------------------------------- choice


def core_seconds(name, times):
    """CPU of bench-core."""
    process = subprocess.Popen(
        [
            "taskset",
            "-c",
            LOAD_CORE,
            WORK / "bench-core",
            name,
            str(times),
            WORK / "1kb.json",
            WORK / "114kb.json",
        ]
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"bench-core {name}: {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def choice():
    """The order of 50 deployments, and what must be read for it."""
    write_requests()
    holds = True
    names = run(WORK / "bench-core", stdout=subprocess.PIPE).stdout.split()
    for name in names:
        if not name.endswith("-50") and not name.startswith("choice-50-"):
            continue
        rounds = []
        for _ in range(ROUNDS):
            # What start and end cost is in both.
            rest = core_seconds(name, 1)
            seconds = core_seconds(name, CHOICE_TIMES) - rest
            rounds.append(seconds / CHOICE_TIMES * 1e6)
        median = statistics.median(rounds)
        result = {
            "bench": name,
            "us": round(median, 3),
            "rounds": [round(each, 3) for each in rounds],
        }
        if name.startswith("choice-"):
            holds = holds and median <= CHOICE_BAR
            result.update(bar=CHOICE_BAR, holds=median <= CHOICE_BAR)
        say(**result)
    return holds


# --------------------------------------------------------------- open streams


class Callers:
    """Clients with a request under way each, all in this process."""

    def __init__(self, variant):
        self.variant = variant
        self.selector = selectors.DefaultSelector()
        self.events = {}

    def call(self, model, count):
        body = small_request(model, True)
        request = (
            f"POST {path_of(self.variant, model)} HTTP/1.1\r\n"
            f"Host: 127.0.0.1\r\napi-key: {KEY}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        ).encode()
        for _ in range(count):
            caller = socket.create_connection(
                ("127.0.0.1", PORTS[self.variant])
            )
            caller.sendall(request)
            caller.setblocking(False)
            self.selector.register(caller, selectors.EVENT_READ)
            self.events[caller] = 0

    def read(self, seconds):
        """Take what comes meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                data = key.fileobj.recv(65536)
                if not data:
                    sys.exit(f"{self.variant}: a stream has ended")
                if data.startswith(b"HTTP/") and b" 200 " not in data[:16]:
                    sys.exit(f"{self.variant}: {data[:200]}")
                self.events[key.fileobj] += data.count(b"data: ")

    def wait(self, callers, events):
        """Until that many have that many events."""
        for _ in range(600):
            if sum(n >= events for n in self.events.values()) >= callers:
                return
            self.read(0.1)
        sys.exit(f"{self.variant}: no {callers} streams with {events} events")

    def leave(self):
        """All of them, at this moment."""
        for caller in self.events:
            caller.close()
        self.selector.close()


def prepare_for(count):
    """As many open files as that many streams want, here and in httpd."""
    wanted = 2 * count + 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        sys.exit(f"{count} streams want ulimit -n {wanted}")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    os.sched_setaffinity(0, {int(LOAD_CORE)})


def sizing_for(count):
    for size, name in SIZINGS.items():
        if count <= size:
            return name
    sys.exit(f"conf/azurelit-mpm.conf has no sizing for {count} streams")


def resident(httpd):
    """KB, what is shared counted for each process."""
    total = 0
    for pid in httpd.pids():
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Rss: +(\d+)", rollup, re.M)[1])
    return total


def streams_of(variant, count):
    """Memory with that many streams on the shipped sizing."""
    with (
        Upstream() as upstream,
        Httpd([variant], sizing=sizing_for(count)) as httpd,
    ):
        client(variant, "1kb", "small", 1, 1)
        idle, idle_rss = settled(httpd), resident(httpd)
        callers = Callers(variant)
        callers.call("slow", count)
        callers.wait(count, 3)
        busy, busy_rss = settled(httpd), resident(httpd)
        processes = len(httpd.pids()) - 1
        if upstream.stats()["streams"] != count:
            sys.exit(f"{count} streams on {variant}: {upstream.stats()}")
        callers.leave()
        after = settled(httpd)
    return {
        "bench": "streams",
        "variant": variant,
        "streams": count,
        "processes": processes,
        "idle_mb": round(idle / KB, 1),
        "busy_mb": round(busy / KB, 1),
        "after_mb": round(after / KB, 1),
        "stream_rss_kb": round((busy_rss - idle_rss) / count, 1),
        "stream_kb": round((busy - idle) / count, 1),
    }


def streams(*counts):
    """Memory for each open stream."""
    counts = counts or STREAMS
    write_requests()
    prepare_for(max(counts))
    holds = True
    for count in counts:
        say(**streams_of("plain", count))
        result = streams_of("module", count)
        good = result["stream_kb"] <= STREAM_BAR
        holds = holds and good
        say(**result, bar=STREAM_BAR, holds=good)
    return holds


# --------------------------------------------------------------- disconnects


def in_flight():
    """What the module believes to be under way, over all deployments."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORTS['module']}/health",
        headers={"Authorization": f"Bearer {MASTER_KEY}"},
    )
    with urllib.request.urlopen(request) as answer:
        health = json.load(answer)
    return sum(
        deployment["in_flight"]
        for deployment in health["healthy_endpoints"]
        + health["unhealthy_endpoints"]
    )


def abandoned():
    """How many answers the usage log says the client did not wait for."""
    log = (WORK / "usage-module.jsonl").read_text()
    return sum(
        json.loads(line)["error"] == "ClientClosed"
        for line in log.splitlines()
    )


def left_by(variant, upstream):
    """Half of the clients have tokens, half not a byte; then all leave."""
    half = LEAVING // 2
    counted = variant == "module"
    callers = Callers(variant)
    callers.call("slow", half)
    callers.call("silent", half)
    callers.wait(half, 1)
    while upstream.stats()["silent"] < half:
        callers.read(0.1)
    if counted and in_flight() != LEAVING:
        sys.exit(f"disconnects: {in_flight()} of {LEAVING} in flight")
    start = time.monotonic()
    callers.leave()
    closed = time.monotonic()
    while True:
        late = time.monotonic() - closed > LEFT_BAR
        stats = upstream.stats()
        left = stats["streams"] + stats["silent"]
        flying = in_flight() if counted else None
        if late or not (left or flying):
            break
        time.sleep(0.01)
    result = {
        "bench": "disconnects",
        "variant": variant,
        "clients": LEAVING,
        "leaving_ms": round((closed - start) * 1000),
        "last_closed_ms": round((stats["left_at"] - start) * 1000),
        "still_open": left,
    }
    return result | {"in_flight": flying} if counted else result


def disconnects():
    """Clients that leave in the middle, all at once."""
    write_requests()
    prepare_for(LEAVING)
    sizing = sizing_for(LEAVING)
    with Upstream() as upstream, Httpd(["plain"], sizing=sizing) as httpd:
        say(**left_by("plain", upstream))
    holds = True
    (WORK / "usage-module.jsonl").write_text("")
    with (
        Upstream() as upstream,
        Httpd(["module"], sizing=sizing, more=LEAVE) as httpd,
    ):
        client("module", "1kb", "small", 1, 1)
        for number in range(LEFT_ROUNDS):
            cpu = httpd.cpu()
            result = left_by("module", upstream)
            # The last log records are written after the answer.
            time.sleep(0.2)
            recorded = abandoned() - number * LEAVING
            good = (
                not result["still_open"]
                and not result["in_flight"]
                and recorded == LEAVING
            )
            holds = holds and good
            say(
                **result,
                recorded=recorded,
                cpu_ms=round((httpd.cpu() - cpu) * 1000),
                bar_s=LEFT_BAR,
                holds=good,
            )
    return holds
