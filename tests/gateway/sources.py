"""What the tests of AzureLITConfigSource share."""

import contextlib
import os
import signal
import time

from processes import PROC, parents, told, tree

INTERVAL = 1
# The promise, and what a loaded machine needs to fork and read.
LIVE = INTERVAL + 5 + 20
# A restart for it, and what httpd says of one.
RESTARTS = ["AZL0154", "AH00493", "AH00489"]


def yaml(sim, *aliases, **more):
    lines = ["model_list:"]
    for alias in aliases:
        lines += [
            f"  - model_name: {alias}",
            "    litellm_params:",
            f"      model: azure/{more.get('deployment', 'd1')}",
            f"      api_base: {sim.url}",
            "      api_key: os.environ/SIM_KEY",
        ]
    return "\n".join(lines) + "\n"


def put(path, text):
    """As a whole: an agent may read it at any moment."""
    new = path.with_suffix(".other")
    new.write_text(text)
    new.replace(path)


def folder(env, name):
    """Where the copy lies: the children may reach what is in it."""
    path = env.root / "source" / name
    path.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o755)
    path.chmod(0o755)
    return path


def nothing(env, sim):
    """configure() of a module: each test has a configuration of its own."""
    return env.conf().endpoint("a", sim.url).model("m1", "a/d1")


def line(url, copy, *options, interval=INTERVAL):
    options = " ".join(options)
    return (
        f"AzureLITConfigSource {url} copy={copy} interval={interval}s {options}"
    )


def source(env, url, copy, *options):
    conf = env.conf().add("AzureLITProbe off", "ServerLimit 32")
    return conf.add(line(url, copy, *options))


def models(client):
    answer = client.get("/v1/models")
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]]


def live(env, *aliases, timeout=LIVE):
    def there():
        with env.client() as client:
            return set(aliases) <= set(models(client))

    env.until(there, timeout)


def start(restart, env, sim, url, copy, *options):
    restart(source(env, url, copy, *options))


def alone(env):
    """Children of httpd that have one thread."""
    found = []
    for pid in tree(env.process.pid)[1:]:
        # it may have ended meanwhile
        with contextlib.suppress(OSError):
            if "Threads:\t1\n" in (PROC / str(pid) / "status").read_text():
                found.append(pid)
    return found


def agents(env):
    """Those of them that do not serve. Who does has begun alone, too."""
    found = alone(env)
    time.sleep(0.3)
    still = alone(env)
    return [pid for pid in found if pid in still]


def kill(*pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def until_gone(env, pids):
    """Who has not quite ended still has the port."""
    env.until(lambda: not set(pids) & set(parents()))


def kill_all(env):
    """Nobody gets away: who is stopped starts no more children."""
    env.process.send_signal(signal.SIGSTOP)
    everybody = tree(env.process.pid)
    kill(*everybody)
    env.process.wait()
    until_gone(env, everybody)
    (env.root / "httpd.pid").unlink(missing_ok=True)


def checks(copy):
    """Those who are reading what is to take the place of a copy."""
    return told(f"AZURELIT_CANDIDATE:{copy}")
