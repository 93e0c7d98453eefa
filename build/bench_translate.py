"""What build/bench translate does: chats whose upstream speaks another language,
next to plain mod_proxy that hands the same bytes on.
"""

import statistics
import time

from bench_base import (
    CLIENTS,
    ROUNDS,
    SECONDS,
    UPSTREAM_PORT,
    WORK,
    Httpd,
    Upstream,
    agent_request,
    client,
    say,
    small_request,
    wrk,
)

STREAMS = 128
BURST_EVENTS = 50
PACED_EVENTS = 252
# module / plain, for each event.
STREAM_BAR = 3.0
# Milliseconds of CPU of a request of 114 KB and its short answer.
REQUEST_BAR = 2.0

MORE = [
    line
    for name in ("talk", "talk-paced", "told")
    for line in (
        f"AzureLITEndpoint {name} http://127.0.0.1:{UPSTREAM_PORT}/{name} "
        "dialect=anthropic credential=env:BENCH_AZURE_KEY",
        f"AzureLITModel {name} {name}/claude-sonnet-4-5 "
        "base-model=claude-sonnet-4-5",
    )
]


def used(httpd, variant, work):
    """CPU seconds, and by how many events or requests they were used."""
    before = httpd.cpu()
    if work == "talk-paced":
        done = client(variant, work, work, STREAMS, STREAMS)["answers"]
        done *= PACED_EVENTS
    else:
        done = wrk(variant, work, work, CLIENTS, SECONDS)["requests"]
        if work == "talk":
            done *= BURST_EVENTS
    # The last log records are written after the answer.
    time.sleep(0.2)
    return httpd.cpu() - before, done


def compare(httpd, work):
    """Microseconds of CPU by variant, and their ratio."""
    variants = ["plain", "module"]
    costs = {variant: [] for variant in variants}
    for variant in variants:
        used(httpd, variant, work)
    for number in range(ROUNDS):
        for variant in variants[:: 1 if number % 2 else -1]:
            cpu, done = used(httpd, variant, work)
            costs[variant].append(cpu / done * 1e6)
    for variant in variants:
        say(
            bench=work,
            variant=variant,
            cpu_us=round(statistics.median(costs[variant]), 2),
            rounds=[round(cost, 2) for cost in costs[variant]],
        )
    ratio = statistics.median(
        mine / plain for mine, plain in zip(costs["module"], costs["plain"])
    )
    return statistics.median(costs["module"]), ratio


def translate():
    """Anthropic's events become OpenAI's chunks; a large request the other
    way round."""
    (WORK / "talk.json").write_text(small_request("talk", True))
    (WORK / "talk-paced.json").write_text(small_request("talk-paced", True))
    (WORK / "told.json").write_text(agent_request("told"))
    holds = True
    with Upstream(), Httpd(["plain", "module"], more=MORE) as httpd:
        for work in ("talk-paced", "talk"):
            _, ratio = compare(httpd, work)
            holds = holds and ratio <= STREAM_BAR
            say(
                bench=work,
                ratio=round(ratio, 3),
                bar=STREAM_BAR,
                holds=ratio <= STREAM_BAR,
            )
        cost, ratio = compare(httpd, "told")
        holds = holds and cost / 1000 <= REQUEST_BAR
        say(
            bench="114 KB translated",
            cpu_ms=round(cost / 1000, 3),
            ratio=round(ratio, 3),
            bar_ms=REQUEST_BAR,
            holds=cost / 1000 <= REQUEST_BAR,
        )
    return holds
