"""A configuration that lies elsewhere: in Azure Storage (Azurite) or a file.
What changes there is live within the interval and five seconds more, nobody
notices the change, and what is wrong changes nothing."""

import base64
import contextlib
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from ask import chat, events
from azurite import Azurite
from processes import rollup, tree

INTERVAL = 1
# The promise, and what a loaded machine needs to fork and read.
LIVE = INTERVAL + 5 + 20
SWAPS = int(os.environ.get("AZURELIT_SWAPS", 8))
INVALID = {3, 7}


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


def folder(env, name):
    """Where the copy lies: the children may reach what is in it."""
    path = env.root / "source" / name
    path.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o755)
    path.chmod(0o755)
    return path


def configure(env, sim):
    """Nothing at all; each test has a configuration of its own."""
    return env.conf().endpoint("a", sim.url).model("m1", "a/d1")


def source(env, url, copy, *options):
    conf = env.conf().add("AzureLITProbe off")
    conf.add("ServerLimit 32")
    options = " ".join(options)
    return conf.add(
        f"AzureLITConfigSource {url} copy={copy} interval={INTERVAL}s {options}"
    )


def part(document):
    text = base64.urlsafe_b64encode(json.dumps(document).encode())
    return text.decode().rstrip("=")


def storage_token():
    """As Entra gives them out, but for the signature."""
    now = int(time.time())
    claims = {
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
        "iat": now - 60,
        "nbf": now - 60,
        "exp": now + 3600,
    }
    head = {"alg": "RS256", "typ": "JWT"}
    return f"{part(head)}.{part(claims)}.c2lnbmF0dXJl"


def models(client):
    answer = client.get("/v1/models")
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]]


def live(env, *aliases, timeout=LIVE):
    def there():
        with env.client() as client:
            return set(aliases) <= set(models(client))

    env.until(there, timeout)


@pytest.fixture(scope="module")
def azurite(env):
    storage = Azurite(env.root / "azurite")
    yield storage
    storage.stop()


@pytest.fixture(scope="module")
def tls_azurite(env, authority):
    storage = Azurite(
        env.root / "azurite-tls", authority.leaf(), authority.ca
    )
    yield storage
    storage.stop()


def start(restart, env, sim, url, copy, *options):
    restart(source(env, url, copy, *options))


# ------------------------------------------------------------------ a file


def test_live_without_a_restart_of_ours(restart, gateway, sim, client, log):
    log.expect("AZL0154", "AH00493", "AH00489")
    where = folder(gateway, "file")
    document, copy = where / "config.yaml", where / "copy.yaml"
    document.write_text(yaml(sim, "first"))
    start(restart, gateway, sim, f"file:{document}", copy)
    # there was no copy: the agent brings it at once
    live(gateway, "first")
    document.write_text(yaml(sim, "first", "second"))
    live(gateway, "second")
    assert copy.read_text() == document.read_text()
    answer = client.post("/v1/chat/completions", json=chat("second"))
    assert answer.status_code == 200, answer.text
    document.write_text(yaml(sim, "second"))

    def gone():
        with gateway.client() as fresh:
            return models(fresh) == ["second"]

    gateway.until(gone, LIVE)


def test_readiness_until_there_is_one(restart, gateway, sim, client, log):
    log.expect("AZL015[478]", "AH00493", "AH00489")
    where = folder(gateway, "late")
    document, copy = where / "config.yaml", where / "copy.yaml"
    start(restart, gateway, sim, f"file:{document}", copy)
    assert client.get("/health/readiness").status_code == 503
    assert client.get("/health/liveness").status_code == 200
    gateway.until(lambda: "AZL0157" in log.text())
    document.write_text(yaml(sim, "m1"))

    def ready():
        with gateway.client() as fresh:
            return fresh.get("/health/readiness").status_code == 200

    gateway.until(ready, LIVE)


def test_copy_when_the_source_is_away(restart, gateway, sim, log):
    log.expect("AZL0157")
    where = folder(gateway, "away")
    copy = where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    start(
        restart, gateway, sim, "http://127.0.0.1:9/config/gateway.yaml", copy
    )
    live(gateway, "kept", timeout=5)
    gateway.until(lambda: "AZL0157" in log.text())


@pytest.mark.parametrize(
    "text",
    [
        "model_list: [\n",
        "model_list:\n  - model_name: x\n",
        "model_list:\n  - model_name: x\n    litellm_params:\n"
        "      model: azure/d1\n      api_base: 'ftp://nowhere'\n"
        "      api_key: os.environ/SIM_KEY\n",
        "model_list:\n  - model_name: x\n    litellm_params:\n"
        "      model: azure/d1\n      api_base: http://127.0.0.1:9\n"
        "      api_key: os.environ/NOBODY_HAS_SET_THIS\n",
        "model_list:\n  - model_name: x\n    litellm_params:\n"
        "      model: azure/d1\n      api_base: http://127.0.0.1:9\n"
        "      api_key: written-here\n",
    ],
    ids=["syntax", "member", "url", "environment", "secret"],
)
def test_refused(restart, gateway, sim, client, log, text, request):
    log.expect("AZL0152")
    where = folder(gateway, request.node.callspec.id)
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    document.write_text(text)
    start(restart, gateway, sim, f"file:{document}", copy)
    gateway.until(lambda: "AZL0152" in log.text(), LIVE)
    assert models(client) == ["kept"]
    assert copy.read_text() == yaml(sim, "kept")
    assert (where / "copy.yaml.refused").read_text() == text
    # once is enough
    time.sleep(INTERVAL + 2)
    assert log.text().count("AZL0152") == 1


def test_after_a_refusal(restart, gateway, sim, log):
    log.expect("AZL015[24]", "AH00493", "AH00489")
    where = folder(gateway, "again")
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    document.write_text("model_list: [\n")
    start(restart, gateway, sim, f"file:{document}", copy)
    gateway.until(lambda: "AZL0152" in log.text(), LIVE)
    document.write_text(yaml(sim, "right"))
    live(gateway, "right")


def test_cannot_be_written(restart, gateway, sim, log):
    log.expect("AZL015[478]", "AH00493", "AH00489")
    where = folder(gateway, "closed")
    document, copy = where / "config.yaml", where / "copy.yaml"
    document.write_text(yaml(sim, "kept"))
    copy.write_text(document.read_text())
    start(restart, gateway, sim, f"file:{document}", copy)
    staging = where / "copy.yaml.staging"
    owner = staging.stat()
    # as if it were full
    os.chown(staging, os.geteuid(), os.getegid())
    staging.chmod(0o500)
    document.write_text(yaml(sim, "new"))
    gateway.until(lambda: "cannot be written" in log.text(), LIVE)
    live(gateway, "kept")
    os.chown(staging, owner.st_uid, owner.st_gid)
    staging.chmod(0o700)
    live(gateway, "new")


@pytest.mark.parametrize(
    "line, said",
    [
        ("", "needs a URL"),
        ("https://host/x", "copy=/path is missing"),
        ("ftp://host/x copy=c", "https://host/path"),
        ("https://host copy=c", "no host or no path"),
        ("https://me@host/x copy=c", "may not name a user"),
        ("file:x copy=c", "absolute path"),
        ("file:/x copy=c credential=sas:env:SIM_KEY", "needs no credential"),
        ("https://host/x copy=c credential=secret", "connection-string:env:"),
        ("https://host/x copy=c credential=sas:sig=1", "must be a reference"),
        ("https://host/x copy=c credential=sas:env:SIM_KEY", "sig="),
        (
            "https://host/x copy=c credential=connection-string:env:SIM_KEY",
            "AccountName",
        ),
        ("https://host/x copy=c interval=0s", "1s to 86400s"),
        ("https://host/x copy=c strict=yes", "on or off"),
        ("https://host/x copy=c every=1s", "interval="),
    ],
)
def test_mistakes(gateway, line, said):
    code, text = gateway.check(
        source(gateway, "file:/nothing", "other").add(
            f"AzureLITConfigSource {line}"
        )
    )
    assert code == 1
    assert said in text and gateway.sim_key not in text


def test_two_with_one_copy(gateway):
    code, text = gateway.check(
        source(gateway, "file:/a", "c").add(
            "AzureLITConfigSource file:/b copy=c"
        )
    )
    assert code == 1 and "the same copy=" in text


def agents(env):
    """Children of httpd that have no threads: none serves."""
    found = []
    for pid in tree(env.process.pid)[1:]:
        status = open(f"/proc/{pid}/status").read()
        if "Threads:\t1\n" in status:
            found.append(pid)
    return found


def test_agent_killed(restart, gateway, sim, log):
    log.expect("AZL0154", "AH00493", "AH00489", "AH00052")
    where = folder(gateway, "killed")
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    document.write_text(yaml(sim, "kept"))
    start(restart, gateway, sim, f"file:{document}", copy)
    live(gateway, "kept", timeout=5)
    for _ in range(3):
        gateway.until(lambda: agents(gateway))
        for pid in agents(gateway):
            os.kill(pid, signal.SIGKILL)
    document.write_text(yaml(sim, "new"))
    live(gateway, "new", timeout=2 * LIVE)


def kill_all(env):
    """Nobody gets away: who is stopped starts no more children."""
    env.process.send_signal(signal.SIGSTOP)
    for pid in tree(env.process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    env.process.wait()
    (env.root / "httpd.pid").unlink(missing_ok=True)


def test_killed_in_a_swap(restart, gateway, sim, log):
    """Whatever was under way: the next start has one of the two."""
    log.expect("AZL015[34]", "AH00493", "AH00489", "AH00052")
    where = folder(gateway, "swap")
    document, copy = where / "config.yaml", where / "copy.yaml"
    document.write_text(yaml(sim, "kept", "swap-0"))
    copy.write_text(document.read_text())
    for number in range(1, 5):
        start(restart, gateway, sim, f"file:{document}", copy)
        live(gateway, "kept", f"swap-{number - 1}")
        document.write_text(yaml(sim, "kept", f"swap-{number}"))
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


def test_parent_killed(restart, gateway, sim):
    """Nobody is left behind."""
    where = folder(gateway, "orphan")
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    document.write_text(yaml(sim, "kept"))
    start(restart, gateway, sim, f"file:{document}", copy)
    live(gateway, "kept", timeout=5)
    gateway.until(lambda: agents(gateway))
    gateway.process.send_signal(signal.SIGSTOP)
    everybody = tree(gateway.process.pid)[1:]
    watching = set(agents(gateway))
    assert watching
    gateway.process.kill()
    gateway.process.wait()
    gateway.until(
        lambda: not any(os.path.exists(f"/proc/{pid}") for pid in watching)
    )
    # a server whose parent is gone is httpd's to care about, not ours
    for pid in set(everybody) - watching:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    (gateway.root / "httpd.pid").unlink(missing_ok=True)


# ------------------------------------------------------------- Azure Storage


def test_account_key(restart, gateway, sim, azurite, log):
    log.expect("AZL0154", "AH00493", "AH00489")
    where = folder(gateway, "key")
    secret = where / "connection"
    secret.write_text(azurite.connection_string)
    url = azurite.put("key/gateway.yaml", yaml(sim, "first"))
    start(
        restart, gateway, sim, url, where / "copy.yaml",
        f"credential=connection-string:file:{secret}",
    )
    live(gateway, "first")
    azurite.put("key/gateway.yaml", yaml(sim, "second"))
    live(gateway, "second")


def test_shared_access_signature(restart, gateway, sim, azurite, log):
    log.expect("AZL0154", "AH00493", "AH00489")
    url = azurite.put("sas/gateway.yaml", yaml(sim, "signed"))
    sas = azurite.sas("sas/gateway.yaml")
    gateway.environment["CONFIG_SAS"] = sas
    gateway.secrets.append(sas)
    start(
        restart, gateway, sim, url, folder(gateway, "sas") / "copy.yaml",
        "credential=sas:env:CONFIG_SAS",
    )
    live(gateway, "signed")


@pytest.mark.parametrize("what", ["blob", "key"])
def test_storage_says_no(restart, gateway, sim, azurite, log, what):
    log.expect("AZL0157")
    where = folder(gateway, f"no-{what}")
    copy = where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    url = azurite.put("no/gateway.yaml", yaml(sim, "other"))
    text = azurite.connection_string
    if what == "key":
        text = text.replace("AccountKey=E", "AccountKey=F")
    secret = where / "connection"
    secret.write_text(text)
    start(
        restart, gateway, sim,
        url.replace("gateway", "nothing") if what == "blob" else url, copy,
        f"credential=connection-string:file:{secret}",
    )
    code = {"blob": "404 BlobNotFound", "key": "403 AuthorizationFailure"}
    gateway.until(lambda: code[what] in log.text())
    live(gateway, "kept", timeout=5)
    gateway.forget_records()


def test_token(restart, gateway, sim, tls_azurite, authority, log):
    """Azurite looks at issuer, audience and times, and takes tokens over TLS
    only."""
    log.expect("AZL0154", "AH00493", "AH00489")
    where = folder(gateway, "token")
    token = where / "token"
    token.write_text(storage_token())
    url = tls_azurite.put("token/gateway.yaml", yaml(sim, "first"))
    start(
        restart, gateway, sim, url, where / "copy.yaml",
        f"credential=token-file:{token}", f"tls-ca={authority.ca}",
    )
    live(gateway, "first")
    tls_azurite.put("token/gateway.yaml", yaml(sim, "second"))
    live(gateway, "second")


# ----------------------------------------------------------------- under load


class Load(threading.Thread):
    """Asks again and again, as the official SDK would, and says what was
    wrong with an answer."""

    def __init__(self, env, streamed):
        super().__init__(daemon=True)
        self.env = env
        self.streamed = streamed
        self.over = threading.Event()
        self.wrong = []
        self.answers = 0

    def run(self):
        while not self.over.is_set():
            # A connection for each: a server that restarts may end one that
            # is idle, which is not what is asked here.
            with self.env.client() as client:
                answer = client.post(
                    "/v1/chat/completions",
                    json=chat("kept", stream=self.streamed),
                )
                if answer.status_code != 200:
                    self.wrong.append(answer.text)
                elif self.streamed and events(answer)[-1] != "[DONE]":
                    self.wrong.append(answer.text[-200:])
                self.answers += 1


def test_swaps_under_load(restart, gateway, sim, log):
    """Some of them wrong. No request fails, no stream breaks."""
    log.expect("AZL015[24]", "AH00493", "AH00489")
    where = folder(gateway, "swaps")
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    document.write_text(yaml(sim, "kept"))
    start(restart, gateway, sim, f"file:{document}", copy)
    live(gateway, "kept", timeout=5)
    sim.script({"delay": 0.02, "times": 1000000})
    seen = []
    load = [Load(gateway, number % 2 == 1) for number in range(6)]
    for one in load:
        one.start()
    for number in range(SWAPS):
        if number in INVALID:
            refused = log.text().count("AZL0152")
            document.write_text(f"model_list: [{number}\n")
            gateway.until(
                lambda: log.text().count("AZL0152") > refused, LIVE
            )
        else:
            document.write_text(yaml(sim, "kept", f"swap-{number}"))
            live(gateway, f"swap-{number}")
        if number == 4 or number == SWAPS - 1:
            seen.append(rollup(gateway.process.pid, "Anonymous"))
    for one in load:
        one.over.set()
    for one in load:
        one.join(60)
    print(seen, [one.answers for one in load])
    # The address sanitizer keeps what is freed for a while.
    if "sanitized" not in Path(gateway.httpd).resolve().name:
        assert seen[-1] < seen[0] * 1.1
    assert [one.wrong for one in load if one.wrong] == []
    assert all(one.answers > SWAPS for one in load)


# -------------------------------------------------------------------- metrics


def counted(client, name):
    """The value for the one source there is."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    values = [
        line.rsplit(" ", 1)[1] for line in answer.text.splitlines()
        if line.startswith(f"azurelit_config_source_{name}{{")
    ]
    return float(values[0]) if values else None


def test_metrics(restart, gateway, sim, log):
    log.expect("AZL015[2478]", "AH00493", "AH00489")
    where = folder(gateway, "metrics")
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    begun = time.time()
    conf = source(gateway, f"file:{document}", copy)
    restart(conf.add("AzureLITMetrics open"))
    with gateway.client() as client:
        gateway.until(lambda: counted(client, "failed_total"))
        assert counted(client, "read_timestamp_seconds") is None
    document.write_text("model_list: [\n")
    gateway.until(lambda: "AZL0152" in log.text(), LIVE)
    document.write_text(yaml(sim, "new"))
    live(gateway, "new")
    with gateway.client() as client:
        assert counted(client, "refused_total") == 1
        assert counted(client, "changes_total") == 1
        assert begun <= counted(client, "read_timestamp_seconds")
