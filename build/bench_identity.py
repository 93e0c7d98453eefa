"""What build/bench identity does: what it costs that an endpoint is asked with
the token of a managed identity and not with a key.
"""

import http.server
import json
import os
import statistics
import threading
import time

from bench_base import (
    CLIENTS,
    Httpd,
    Upstream,
    counted,
    instructions,
    say,
    write_requests,
    wrk,
)

WORK = "1kb"
VARIANTS = ["plain", "module", "identity"]
# Many short turns and not few long ones: a machine that is slower for some
# seconds is so for all of them.
ROUNDS = 21
SECONDS = 1
# module / plain, whatever the credential.
BAR = 0.95
FEW, MANY = 100, 1100
# Those of Entra have 1 to 2 KB.
TOKEN = "eyJ" + "0" * 1500
PLACE = "AZURE_POD_IDENTITY_AUTHORITY_HOST"
# They would lead elsewhere.
OTHERS = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET")


class Metadata:
    """A machine's metadata service on loopback, and the environment that
    leads to it."""

    def __init__(self):
        self.asked = threading.Event()
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                document = {
                    "access_token": TOKEN,
                    "expires_in": "86399",
                    "token_type": "Bearer",
                }
                body = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                asked.set()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Handler
        )

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        os.environ[PLACE] = f"http://127.0.0.1:{self.server.server_port}"
        for name in OTHERS:
            os.environ.pop(name, None)
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        del os.environ[PLACE]

    def ready(self):
        """The token has come; all processes have it a moment later."""
        if not self.asked.wait(60):
            raise RuntimeError("nobody has asked for a token")
        time.sleep(1)
        self.asked.clear()


def times(metadata, deployment):
    """Microseconds of CPU of a request, by variant, round by round."""
    costs = {variant: [] for variant in VARIANTS}
    with Httpd(VARIANTS) as httpd:
        metadata.ready()
        for variant in VARIANTS:  # connections, pools, caches
            wrk(variant, WORK, deployment, CLIENTS, 1)
        for number in range(ROUNDS):
            turn = number % len(VARIANTS)
            for variant in VARIANTS[turn:] + VARIANTS[:turn]:
                before = httpd.cpu()
                done = wrk(variant, WORK, deployment, CLIENTS, SECONDS)
                # the last log records are written after the answer
                time.sleep(0.2)
                used = httpd.cpu() - before
                costs[variant].append(used / done["requests"] * 1e6)
    return costs


def compare(costs, mine, other):
    return statistics.median(
        one / two for one, two in zip(costs[mine], costs[other])
    )


def count(metadata, variant, deployment):
    """Instructions of a request; what is the same in both runs, start and stop
    and the fetch, cancels out."""
    ready = metadata.ready if variant == "identity" else None
    few, many = (
        instructions(
            counted("callgrind", variant, WORK, deployment, n, ready)[0]
        )
        for n in (FEW, MANY)
    )
    return round((many - few) / (MANY - FEW))


def identity():
    deployment = write_requests()[WORK]
    with Upstream(), Metadata() as metadata:
        costs = times(metadata, deployment)
        for variant in VARIANTS:
            say(
                bench="identity",
                variant=variant,
                cpu_us=round(statistics.median(costs[variant]), 2),
                rounds=[round(cost, 2) for cost in costs[variant]],
            )
        ratio = compare(costs, "identity", "plain")
        say(
            bench="identity",
            ratio=round(ratio, 3),
            of_a_key=round(compare(costs, "module", "plain"), 3),
            token_to_key=round(compare(costs, "identity", "module"), 3),
            bar=BAR,
            holds=ratio <= BAR,
        )
        for variant in VARIANTS:
            say(
                bench="identity",
                variant=variant,
                per="request",
                instructions=count(metadata, variant, deployment),
            )
    return ratio <= BAR
