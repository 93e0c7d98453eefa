"""What all modes of build/bench use: httpd with plain ProxyPass and the module
side by side, the upstream, and the clients.
"""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
TREE = TOP / os.environ.get("AZURELIT_BENCH_TREE", "build-bench")
WORK = TREE / "bench"

HTTPD_CORE = "0"
LOAD_CORE = "1"

ROUNDS = 5
SECONDS = 4
CLIENTS = 32
MODELS = 200
KEYS = 1000

KEY = "sk-bench-0123456789abcdef0123456789abcdef"
MASTER_KEY = "sk-bench-master-0123456789abcdef"
TICK = os.sysconf("SC_CLK_TCK")
KB = 1024


def free_ports(count):
    """Ports nobody listens on; all held until all are known."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


VARIANTS = ("plain", "module", "nohold", "failover", "identity")
UPSTREAM_PORT, *_ports = free_ports(1 + len(VARIANTS))
PORTS = dict(zip(VARIANTS, _ports))


def say(**what):
    print(json.dumps(what), flush=True)


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, **options)


# -------------------------------------------------------------- the requests


def prose(size):
    words = (
        "The deployment answered in time and the caller saw no error. "
        'He said "retry", then closed\tthe ticket.\nLes délais sont tenus. '
    )
    return (words * (size // len(words) + 1))[:size]


def tool(number):
    return {
        "type": "function",
        "function": {
            "name": f"tool_{number}",
            "description": prose(300),
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": {
                    name: {"type": "string", "description": prose(80)}
                    for name in ("path", "query", "limit", "encoding")
                },
                "required": ["path", "query", "limit", "encoding"],
                "additionalProperties": False,
            },
        },
    }


def small_request(model, stream):
    body = {
        "model": model,
        "messages": [
            {"role": "system", "content": prose(200)},
            {"role": "user", "content": ""},
        ],
        "temperature": 0.2,
        "max_tokens": 256,
    }
    if stream:
        body["stream"] = True
    body["messages"][1]["content"] = prose(KB - len(json.dumps(body)))
    return json.dumps(body)


def agent_request(model):
    """What coding agents send: a long history, tools, file contents."""
    body = {
        "model": model,
        "messages": [{"role": "system", "content": prose(6000)}],
        "tools": [tool(i) for i in range(20)],
        "tool_choice": "auto",
    }
    while len(json.dumps(body)) < 106 * KB:
        call = f"call_{len(body['messages'])}"
        arguments = json.dumps({"path": "src/main.c", "query": prose(60)})
        function = {"name": "tool_1", "arguments": arguments}
        body["messages"] += [
            {"role": "user", "content": prose(900)},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": call, "type": "function", "function": function}
                ],
            },
            {"role": "tool", "tool_call_id": call, "content": prose(5000)},
        ]
    last = {"role": "user", "content": ""}
    body["messages"].append(last)
    # An é takes six bytes in JSON, so this comes close from below.
    last["content"] = prose((114 * KB - len(json.dumps(body))) * 9 // 10)
    return json.dumps(body)


def write_requests():
    requests = {
        "1kb": ("small", small_request("small", False)),
        "114kb": ("small", agent_request("small")),
        "burst50": ("burst", small_request("burst", True)),
        "paced": ("paced", small_request("paced", True)),
    }
    for name, (_, body) in requests.items():
        (WORK / f"{name}.json").write_text(body)
    return {name: deployment for name, (deployment, _) in requests.items()}


def path_of(variant, deployment):
    if variant == "plain":
        return (
            f"/openai/deployments/{deployment}/chat/completions"
            "?api-version=2024-10-21"
        )
    return "/v1/chat/completions"


# ------------------------------------------------------------------ processes


class Httpd:
    """The httpd under test; `parts` are the virtual hosts it has, `more` is
    what the module's are told besides."""

    modules = [
        "mpm_event",
        "unixd",
        "authz_core",
        "reqtimeout",
        "proxy",
        "proxy_http",
    ]

    def __init__(
        self, parts, threads=160, children=2, sizing=None, more=()
    ):
        self.parts = parts
        # it keeps tokens fresh
        self.more_modules = ["watchdog"] if "identity" in parts else []
        self.more = more
        self.sizing = sizing
        self.threads = threads
        self.children = children
        makefile = (TREE / "Makefile").read_text()
        self.binary = re.search(r"^HTTPD = (.+)$", makefile, re.M)[1]
        apxs = re.search(r"^APXS = (.+)$", makefile, re.M)[1]
        self.libexec = Path(
            run(apxs, "-q", "LIBEXECDIR", stdout=subprocess.PIPE)
            .stdout.strip()
        )
        self.conf = WORK / "httpd.conf"
        self.pidfile = WORK / "httpd.pid"
        self.conf.write_text(self.text())

    def text(self):
        lines = [
            f'ServerRoot "{WORK}"',
            f'PidFile "{self.pidfile}"',
            f'ErrorLog "{WORK}/error.log"',
            "ServerName localhost",
        ]
        for name in [*self.modules, *self.more_modules]:
            file = self.libexec / f"mod_{name}.so"
            if file.exists():
                lines.append(f'LoadModule {name}_module "{file}"')
        if self.parts != ["plain"]:
            file = TREE / ".libs" / "mod_azurelit.so"
            lines.append(f'LoadModule azurelit_module "{file}"')
        if os.getuid() == 0:
            lines += ["User nobody", "Group nogroup"]
        lines += self.mpm()
        lines += [
            "KeepAlive On",
            "MaxKeepAliveRequests 0",
            "KeepAliveTimeout 60",
            "RequestReadTimeout header=10-20,MinRate=500 body=30,MinRate=500",
        ]
        for part in self.parts:
            lines += [
                f"Listen 127.0.0.1:{PORTS[part]}",
                f"<VirtualHost 127.0.0.1:{PORTS[part]}>",
                *(self.plain() if part == "plain" else self.module(part)),
                "</VirtualHost>",
            ]
        return "\n".join(lines) + "\n"

    def mpm(self):
        if self.sizing:
            return [
                f"Define {self.sizing}",
                f'Include "{TOP}/conf/azurelit-mpm.conf"',
            ]
        return [
            f"StartServers {self.children}",
            f"ServerLimit {self.children}",
            f"ThreadLimit {self.threads}",
            f"ThreadsPerChild {self.threads}",
            f"MaxRequestWorkers {self.children * self.threads}",
            "MinSpareThreads 1",
            f"MaxSpareThreads {self.children * self.threads}",
        ]

    def plain(self):
        upstream = f"http://127.0.0.1:{UPSTREAM_PORT}/openai/"
        return [f"ProxyPass /openai/ {upstream}"]

    def module(self, part):
        (WORK / "keys").write_text(
            "".join(
                f"key-{i} sha256:{hashlib.sha256(text.encode()).hexdigest()}\n"
                for i, text in enumerate(
                    [KEY] + [f"sk-other-{i}" for i in range(1, KEYS)]
                )
            )
        )
        credential = (
            "managed-identity" if part == "identity" else "env:BENCH_AZURE_KEY"
        )
        names = ["small", "burst", "paced", "slow"]
        names += [f"model-{i}" for i in range(MODELS - len(names))]
        return [
            "AzureLIT on",
            f'AzureLITKeyFile "{WORK}/keys"',
            f"AzureLITEndpoint azure http://127.0.0.1:{UPSTREAM_PORT} "
            f"dialect=azure credential={credential} "
            "api-version=2024-10-21",
            *(f"AzureLITModel {name} azure/{name}" for name in names),
            f'AzureLITPriceFile "{TOP}/conf/prices.json"',
            f'AzureLITUsageLog "{WORK}/usage-{part}.jsonl"',
            *(["AzureLITKeepAliveHold off"] if part == "nohold" else []),
            *self.more,
        ]

    def __enter__(self):
        self.start(["taskset", "-c", HTTPD_CORE])
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, before=(), extra=()):
        (WORK / "error.log").write_text("")
        self.process = subprocess.Popen(
            [
                *before,
                self.binary,
                "-f",
                self.conf,
                *(extra or ["-D", "FOREGROUND"]),
            ],
            env={
                **os.environ,
                "BENCH_AZURE_KEY": "bench-azure-key",
                "BENCH_MASTER_KEY": MASTER_KEY,
            },
        )
        for part in self.parts:
            self.wait_for(PORTS[part])

    def wait_for(self, port):
        for _ in range(600):
            if self.process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/none")
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        self.stop()
        sys.exit("httpd does not answer: " + (WORK / "error.log").read_text())

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)

    def pids(self):
        root = self.process.pid
        children = Path(f"/proc/{root}/task/{root}/children").read_text()
        return [root] + [int(pid) for pid in children.split()]

    def cpu(self):
        """Seconds of CPU of all processes, the ended ones included."""
        ticks = 0
        for pid in self.pids():
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
            fields = stat.split()
            ticks += int(fields[11]) + int(fields[12])
            if pid == self.process.pid:
                ticks += int(fields[13]) + int(fields[14])
        return ticks / TICK

    def memory(self):
        """KB: the proportional size of all, the resident one of a child."""
        pss, resident = 0, []
        for pid in self.pids():
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            pss += int(re.search(r"^Pss: +(\d+)", rollup, re.M)[1])
            if pid != self.process.pid:
                found = re.search(r"^Rss: +(\d+)", rollup, re.M)
                resident.append(int(found[1]))
        return pss, max(resident)

    def own(self):
        """KB that are these processes' alone or shared among them. Pages of
        files are left out: other programs that use the same libraries come
        and go."""
        total = 0
        for pid in self.pids():
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            for kind in ("Anon", "Shmem"):
                found = re.search(rf"^Pss_{kind}: +(\d+)", rollup, re.M)
                total += int(found[1])
        return total


def settled(httpd):
    """Its own memory, when that does not grow any more."""
    before = httpd.own()
    while True:
        time.sleep(1)
        now = httpd.own()
        if now <= before * 1.005:
            return now
        before = now


class Upstream:
    def __enter__(self):
        self.process = subprocess.Popen(
            [
                "taskset",
                "-c",
                LOAD_CORE,
                WORK / "bench-upstream",
                str(UPSTREAM_PORT),
            ]
        )
        while self.process.poll() is None:
            try:
                self.stats()
                return self
            except OSError:
                time.sleep(0.05)
        sys.exit("bench-upstream does not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def stats(self):
        url = f"http://127.0.0.1:{UPSTREAM_PORT}/stats"
        with urllib.request.urlopen(url) as answer:
            return json.load(answer)


# ------------------------------------------------------------------ the load


def wrk(variant, work, deployment, clients, seconds, lost=1 / 1000):
    """Requests done and their latency; an error ends the bench.

    Not those of an MPM that is short of threads: it closes connections that
    seem idle, and the request that was on its way is lost (wrk's read
    errors). That part of all is let pass.
    """
    script = WORK / "post.lua"
    script.write_text(
        f"""
local file = io.open("{WORK}/{work}.json")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
wrk.headers["api-key"] = "{KEY}"
function done(summary, latency)
    local e = summary.errors
    io.write(string.format(
        '\\nRESULT {{"requests":%d,"errors":%d,"p50":%d,"p99":%d}}\\n',
        summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
        latency:percentile(50), latency:percentile(99)))
end
"""
    )
    url = f"http://127.0.0.1:{PORTS[variant]}{path_of(variant, deployment)}"
    out = run(
        *["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{clients}"],
        *[f"-d{seconds}s", "--timeout", "20s", "-s", script, url],
        stdout=subprocess.PIPE,
    ).stdout
    result = json.loads(re.search(r"^RESULT (.*)$", out, re.M)[1])
    if result["errors"] > result["requests"] * lost or not result["requests"]:
        sys.exit(f"{work} on {variant}: {result}")
    return result


def client_command(variant, work, deployment, connections, requests):
    return [
        "taskset",
        "-c",
        LOAD_CORE,
        WORK / "bench-client",
        str(PORTS[variant]),
        path_of(variant, deployment),
        str(connections),
        str(requests),
        WORK / f"{work}.json",
        f"api-key: {KEY}",
    ]


def client(*arguments):
    out = run(*client_command(*arguments), stdout=subprocess.PIPE).stdout
    result = json.loads(out)
    if result["errors"] or not result["answers"]:
        sys.exit(f"{arguments}: {result}")
    return result


# -------------------------------------------------------------- instructions


def counted(tool, variant, work, deployment, requests, ready=None):
    """Run httpd under a tool and send it that many requests, after `ready`
    has returned."""
    httpd = Httpd([variant], threads=32, children=1)
    report = WORK / "counted"
    report.unlink(missing_ok=True)
    before = {
        "callgrind": [
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            f"--log-file={report}",
        ],
        "strace": ["strace", "-f", "-c", "-o", report],
    }[tool]
    httpd.start(before, ["-X"])
    try:
        if ready:
            ready()
        answer = client(variant, work, deployment, 1, requests)
        time.sleep(0.5)
    finally:
        if tool == "strace":
            # strace passes no signal on
            os.kill(int(httpd.pidfile.read_text()), signal.SIGTERM)
        httpd.stop()
    return report.read_text(), answer


def instructions(report):
    return int(re.search(r"Collected : (\d+)", report)[1])
