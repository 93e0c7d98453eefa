"""Graceful restarts under load: nobody notices, and nothing piles up."""

import http.client
import json
import secrets
import threading
from pathlib import Path

import httpx
import pytest
from ask import WORDS, chat
from conf import digest
from processes import memory, open_files, rollup, tree

RESTARTS = 50
FIRST = 10
CLIENTS = 4
KEYS = 1000
MODELS = 50
HOSTS = 50


def configure(env, sim):
    keys = env.root / "reload-keys"
    keys.write_text(
        "".join(
            f"k{number} {digest(f'sk-reload-{number}')}\n"
            for number in range(KEYS)
        )
    )
    conf = env.conf().add(f"AzureLITKeyFile {keys}")
    # Children of former generations need a place while they finish.
    conf.add("ServerLimit 32", "MinSpareThreads 16", "MaxSpareThreads 64")
    conf.add(
        "<Location /server-status>", "SetHandler server-status", "</Location>"
    )
    conf.endpoint("a", sim.url).model("m1", "a/d1")
    for number in range(MODELS):
        conf.model(f"model-{number}", f"a/d{number % 3 + 1}")
    conf.vhost(env.port, "ServerName main.test")
    for number in range(HOSTS):
        conf.vhost(
            env.port,
            f"ServerName host{number}.test",
            f"AzureLITEndpoint own {sim.url} credential=env:SIM_KEY",
            "AzureLITModel own own/d2",
        )
    return conf


class KeptConnection:
    """Keeps its connection, and begins a new one only where HTTP says so: the
    server announced the end, or a connection that was used before has ended
    without a byte of an answer."""

    def __init__(self, env):
        self.env = env
        self.connection = None

    def post(self, document):
        reused = self.connection is not None
        if not reused:
            self.connection = http.client.HTTPConnection(
                "127.0.0.1", self.env.port, timeout=30
            )
        try:
            self.connection.request(
                "POST",
                "/v1/chat/completions",
                json.dumps(document),
                {
                    "Host": "main.test",
                    "Content-Type": "application/json",
                    "Authorization": f"Bearer {self.env.key}",
                },
            )
            answer = self.connection.getresponse()
        except (ConnectionResetError, BrokenPipeError):
            self.close()
            if not reused:
                raise
            return self.post(document)
        body = answer.read().decode()
        if answer.will_close:
            self.close()
        return answer.status, body

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Load:
    """Clients that ask without a pause until the end of the block."""

    def __init__(self, env):
        self.env = env
        self.over = threading.Event()
        self.done = 0
        self.failures = []
        self.threads = [
            threading.Thread(target=self.run, args=(number % 2 == 1,))
            for number in range(CLIENTS)
        ]

    def run(self, stream):
        client = KeptConnection(self.env)
        while not self.over.is_set():
            try:
                status, body = client.post(chat(stream=stream))
                if stream:
                    good = body.endswith("data: [DONE]\n\n")
                else:
                    message = json.loads(body)["choices"][0]["message"]
                    good = message["content"] == WORDS
                if status != 200 or not good:
                    self.failures.append((status, body[:300]))
            except (OSError, ValueError, KeyError,
                    http.client.HTTPException) as error:
                self.failures.append((stream, repr(error)))
            self.done += 1
        client.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(60)


def generation(env):
    """Of the process that answers, with a connection of its own."""
    text = httpx.get(f"{env.url}/server-status?auto", timeout=30).text
    for line in text.splitlines():
        if line.startswith("ParentServerConfigGeneration:"):
            return int(line.split(":")[1])
    raise AssertionError(text)


def restart(env):
    before = generation(env)
    env.graceful()
    env.until(lambda: generation(env) > before, timeout=60)


def held(env):
    """Memory and descriptors once the former generations are gone."""
    pid = env.process.pid
    env.until(lambda: len(tree(pid)) <= 3, timeout=60)
    return {
        "parent": rollup(pid, "Anonymous"),
        "tree": memory(pid, "Pss_Anon") / len(tree(pid)),
        "files": open_files(pid),
    }


@pytest.mark.timeout(400)
def test_restarts_under_load(gateway, sim):
    seen = {}
    for until in (FIRST, RESTARTS):
        with Load(gateway) as load:
            for _ in range(until - FIRST if seen else FIRST):
                before = load.done
                restart(gateway)
                # Somebody was served by the new generation.
                gateway.until(lambda: load.done > before, timeout=60)
        assert load.failures == []
        assert load.done >= until
        seen[until] = held(gateway)
        sim.control("DELETE", "journal")
    first, last = seen[FIRST], seen[RESTARTS]
    print(json.dumps(seen))
    if "sanitized" not in Path(gateway.httpd).resolve().name:
        # The address sanitizer keeps what is freed for a while.
        assert last["parent"] < first["parent"] * 1.1
        assert last["tree"] < first["tree"] * 1.2
    assert last["files"] <= first["files"] + 1


def test_stream_outlives_a_restart(gateway, client, sim):
    """What has begun is finished by the process that began it."""
    sim.script({"chunk_delay": 0.1, "content": "word " * 30})
    with client.stream(
        "POST",
        "/v1/chat/completions",
        json=chat(stream=True),
        headers={"Host": "main.test"},
    ) as answer:
        pieces = answer.iter_text()
        text = next(pieces)
        restart(gateway)
        assert "[DONE]" not in text
        text += "".join(pieces)
    assert text.endswith("data: [DONE]\n\n")
    assert text.count('"content":"') >= 30
    record = gateway.records(1)[0]
    assert record["status"] == 200 and record["error"] is None


def test_key_file_changes(gateway):
    """A restart brings a new key and ends an old one, for whoever was not
    asked again; before it nothing changes."""
    keys = gateway.root / "reload-keys"
    old = "sk-reload-7"
    new = "sk-reload-" + secrets.token_hex(8)
    gateway.secrets.append(new)

    def status(key):
        return httpx.get(
            f"{gateway.url}/v1/models",
            headers={"Authorization": f"Bearer {key}", "Host": "main.test"},
            timeout=30,
        ).status_code

    kept = [
        line for line in keys.read_text().splitlines()
        if not line.startswith("k7 ")
    ]
    keys.write_text("\n".join([*kept, f"new {digest(new)}"]) + "\n")
    assert (status(old), status(new)) == (200, 401)
    restart(gateway)
    # A process of before may still take a connection.
    gateway.until(lambda: (status(old), status(new)) == (401, 200))
    assert status("sk-reload-8") == 200
