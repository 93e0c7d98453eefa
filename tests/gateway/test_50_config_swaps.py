"""Swaps of the configuration under load, and whoever is killed meanwhile."""

import os
import signal
import threading
from pathlib import Path

import httpx
from ask import chat, events
from processes import parents, rollup, tree
from sources import (
    LIVE,
    RESTARTS,
    agents,
    alone,
    checks,
    folder,
    kill,
    kill_all,
    live,
    nothing,
    put,
    source,
    start,
    until_gone,
    yaml,
)

SWAPS = int(os.environ.get("AZURELIT_SWAPS", 8))
INVALID = 10  # one of so many

configure = nothing


def served(restart, env, sim, name):
    """Where that lies which the server has; it is nothing new."""
    where = folder(env, name)
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    put(document, yaml(sim, "kept"))
    start(restart, env, sim, f"file:{document}", copy)
    live(env, "kept")
    return document


def test_agent_killed(restart, gateway, sim, log):
    log.expect(*RESTARTS, "AH00052")
    document = served(restart, gateway, sim, "killed")
    for _ in range(3):
        gateway.until(lambda: agents(gateway))
        kill(*agents(gateway))
    put(document, yaml(sim, "new"))
    live(gateway, "new", timeout=2 * LIVE)


def test_left_behind(restart, gateway, sim, log):
    """What an agent that was killed has left is no news for the next one."""
    log.expect("AH00052")
    where = folder(gateway, "left")
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    put(document, yaml(sim, "kept"))
    staging = where / "copy.yaml.staging"
    staging.mkdir(exist_ok=True)
    (staging / "candidate").write_text(yaml(sim, "old"))
    start(restart, gateway, sim, f"file:{document}", copy)
    gateway.until(lambda: agents(gateway))
    killed = set(agents(gateway))
    kill(*killed)
    gateway.until(lambda: set(agents(gateway)) - killed)
    live(gateway, "kept")
    # whoever takes it has done so before the next agent is there
    assert not (where / "copy.yaml.new").exists()
    assert not (where / "copy.yaml.check").exists()
    assert copy.read_text() == yaml(sim, "kept")


def test_killed_in_a_swap(restart, gateway, sim, log):
    """Whatever was under way: the next start has one of the two."""
    log.expect("AZL0153", *RESTARTS, "AH00052")
    where = folder(gateway, "swap")
    document, copy = where / "config.yaml", where / "copy.yaml"
    put(document, yaml(sim, "kept", "swap-0"))
    copy.write_text(document.read_text())
    for number in range(1, 5):
        start(restart, gateway, sim, f"file:{document}", copy)
        live(gateway, "kept", f"swap-{number - 1}")
        put(document, yaml(sim, "kept", f"swap-{number}"))
        # at four moments of what follows; a step is over in no time
        steps = [
            where / "copy.yaml.staging" / "candidate",
            where / "copy.yaml.new",
            where / "copy.yaml.check",
            where / "nothing",
        ]
        steps[number - 1].unlink(missing_ok=True)
        gateway.until(
            lambda: steps[number - 1].exists()
            or f"swap-{number}" in copy.read_text(),
            LIVE,
        )
        kill_all(gateway)
        assert copy.read_text() in (
            yaml(sim, "kept", f"swap-{number - 1}"),
            yaml(sim, "kept", f"swap-{number}"),
        )


def test_killed_while_checked(restart, gateway, sim, log):
    """The check, the children, the parent: nothing is taken unread, nothing
    is held against it, and in the end it is live."""
    log.expect("AZL0165", *RESTARTS, "AH00052", "AH10392")
    where = folder(gateway, "checked")
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    put(document, yaml(sim, "new"))
    gate = where / "gate"
    # who opens it waits for somebody at the other end
    os.mkfifo(gate)
    conf = source(gateway, f"file:{document}", copy, "check-limit=3600s").add(
        f"<IfDefine AZURELIT_CANDIDATE:{copy}>",
        f"Include {gate}",
        "</IfDefine>",
    )

    def check():
        gateway.until(lambda: checks(copy), LIVE)
        return checks(copy)[0]

    restart(conf)
    killed = check()
    kill(killed)
    gateway.until(lambda: "(status 137)" in log.text())
    # the next one is another
    gateway.until(lambda: set(checks(copy)) - {killed}, LIVE)
    # whoever ends the keeper ends what it keeps
    kept = check()
    os.kill(parents()[kept], signal.SIGTERM)
    gateway.until(lambda: "(status 143)" in log.text())
    assert kept not in checks(copy)
    assert copy.read_text() == yaml(sim, "kept")
    left = check()
    kill_all(gateway)
    gateway.until(lambda: left not in checks(copy))
    assert (where / "copy.yaml.new").read_text() == yaml(sim, "new")
    restart(conf)
    live(gateway, "kept")
    check()
    gate.unlink()
    gate.write_text("")
    # the children, and with them who waits at the gate that is gone
    kill(*tree(gateway.process.pid)[1:])
    live(gateway, "new")


def test_parent_killed(restart, gateway, sim):
    """Nobody is left behind."""
    served(restart, gateway, sim, "orphan")
    gateway.until(lambda: agents(gateway))
    gateway.process.send_signal(signal.SIGSTOP)
    everybody = tree(gateway.process.pid)[1:]
    gateway.until(lambda: len(alone(gateway)) == 1)
    watching = set(alone(gateway))
    gateway.process.kill()
    gateway.process.wait()
    gateway.until(
        lambda: not any(os.path.exists(f"/proc/{pid}") for pid in watching)
    )
    # a server whose parent is gone is httpd's to care about, not ours
    kill(*set(everybody) - watching)
    until_gone(gateway, everybody)
    (gateway.root / "httpd.pid").unlink(missing_ok=True)


# ----------------------------------------------------------------- under load


class Load(threading.Thread):
    """Asks again and again, as the official SDK would, and says what was
    wrong with an answer."""

    def __init__(self, env, alias, streamed):
        super().__init__(daemon=True)
        self.env = env
        self.alias = alias
        self.streamed = streamed
        self.over = threading.Event()
        self.wrong = []
        self.answers = 0

    def run(self):
        while not self.over.is_set():
            # A connection for each: a server that restarts may end one that
            # is idle, which is not what is asked here.
            with self.env.client() as client:
                try:
                    self.ask(client)
                except httpx.HTTPError as error:
                    self.wrong.append(repr(error))

    def ask(self, client):
        answer = client.post(
            "/v1/chat/completions",
            json=chat(self.alias, stream=self.streamed),
        )
        if answer.status_code != 200:
            self.wrong.append(answer.text)
        elif self.streamed and events(answer)[-1] != "[DONE]":
            self.wrong.append(answer.text[-200:])
        self.answers += 1


def always(sim, *aliases):
    """What is asked for all the time, and these."""
    slow = yaml(sim, "slow", deployment="d2").replace("model_list:\n", "")
    return yaml(sim, "kept", *aliases) + slow


def test_swaps_under_load(restart, gateway, sim, log):
    """Some of them wrong. No request fails, no stream breaks, not even one
    that is older than several configurations."""
    log.expect("AZL0160", *RESTARTS)
    where = folder(gateway, "swaps")
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(always(sim))
    put(document, always(sim))
    conf = source(gateway, f"file:{document}", copy)
    restart(conf.add("StartServers 3", "MinSpareThreads 96"))
    live(gateway, "kept")
    quick = {"delay": 0.02, "chunk_delay": 0.02, "times": 1000000}
    sim.script(quick, deployment="d1")
    sim.script({"chunk_delay": 0.7, "times": 1000000}, deployment="d2")
    seen = []
    load = [Load(gateway, "kept", number % 2 == 1) for number in range(6)]
    long = Load(gateway, "slow", True)
    for one in [*load, long]:
        one.start()
    for number in range(SWAPS):
        if number % INVALID == 3:
            refused = log.text().count("AZL0160")
            put(document, f"model_list: [{number}\n")
            gateway.until(
                lambda: log.text().count("AZL0160") > refused, LIVE
            )
        else:
            put(document, always(sim, f"swap-{number}"))
            live(gateway, f"swap-{number}")
        if number == 4 or number == SWAPS - 1:
            seen.append(rollup(gateway.process.pid, "Anonymous"))
    for one in [*load, long]:
        one.over.set()
    for one in [*load, long]:
        one.join(60)
        assert not one.is_alive()
    print(seen, [one.answers for one in [*load, long]])
    # The address sanitizer keeps what is freed for a while.
    if "sanitized" not in Path(gateway.httpd).resolve().name:
        assert seen[-1] < seen[0] * 1.1
    assert [one.wrong for one in [*load, long] if one.wrong] == []
    assert all(one.answers > SWAPS for one in load)
    assert long.answers > 0
