"""Tokens of Entra, each kind end to end: who is asked and how, what happens
when that service has trouble, and that nothing of it is seen anywhere."""

import concurrent.futures
import os
import signal
import time
from urllib.parse import parse_qsl

import entra_service
import httpx
import processes
import pytest
from ask import WORDS, chat, error_of, events, said
from entra_service import ASSERTION, CLIENT, HEADER, IDENTITY, SECRET, TENANT
from ports import free_port
from simbase import entra as tokens
from simulator import Simulator
from sources import put

NO_CREDENTIAL = "upstream_credential_unavailable"
HOUR = 3600
HALF = HOUR // 2
# Less than the quarter of an hour is left of one by which it is renewed.
ENDING = 2760
RESOURCE = (
    "/subscriptions/s/resourcegroups/g/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/i"
)
BRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
COGNITIVE = "https://cognitiveservices.azure.com"
# Of clients at once that have streams, one after the other.
STREAMS = int(os.environ.get("AZURELIT_STREAMS", 60))
THREADS = 32  # of a process
PRINCIPAL = f"service-principal:{TENANT}/{CLIENT}:env:ENTRA_SECRET"


class Services:
    def __init__(self, env):
        where = env.root / "entra"
        taken = ["--entra", entra_service.KEY]
        self.entra = entra_service.start(where / "entra")
        self.azure = Simulator(where / "azure", ["d1"], env.sim_key, *taken)
        self.claude = Simulator(
            where / "claude", ["claude-opus-5"], env.sim_key, *taken,
            provider="anthropic",
        )
        self.bricks = Simulator(
            where / "bricks", ["databricks-gpt-oss-120b"], env.sim_key, *taken,
            provider="databricks",
        )
        self.assertion = where / "assertion"
        self.assertion.write_text(ASSERTION + "\n")
        self.all = [self.entra, self.azure, self.claude, self.bricks]


@pytest.fixture(scope="module", autouse=True)
def services(env):
    services = Services(env)
    env.entra = services
    with entra_service.beside(env, *services.all):
        yield services


@pytest.fixture(autouse=True)
def fresh(services):
    for sim in services.all:
        sim.reset()
    services.entra.control(
        "POST", "config", {"secrets": [SECRET], "assertions": [ASSERTION]}
    )


@pytest.fixture
def later(pretence):
    """The server's clock may be ahead, and is right again behind it."""
    yield pretence.advance
    pretence.advance(-pretence.seconds)


def base(env, **variables):
    entra_service.set_environment(env, **variables)
    return env.conf().add(
        f"AzureLITAuthority {env.entra.entra.url}",
        f"AzureLITMetadata {env.entra.entra.url}/",
    )


def azure(conf, env, credential, name="azure", *options):
    return conf.endpoint(
        name, env.entra.azure.url, *options, credential=credential
    ).model(name, f"{name}/d1")


def configure(env, sim):
    """Nothing that is fetched, between tests."""
    return azure(base(env), env, "env:SIM_KEY")


def kinds(env):
    conf = base(env)
    for name, credential in (
        ("system", "managed-identity"),
        ("client", f"managed-identity:{IDENTITY}"),
        ("object", f"managed-identity:object-id:{IDENTITY}"),
        ("resource", f"managed-identity:{RESOURCE}"),
        ("principal", PRINCIPAL),
        ("default", "azure-default"),
    ):
        azure(conf, env, credential, name)
    conf.endpoint(
        "openai", env.entra.azure.url + "/openai/v1", "dialect=openai",
        credential="managed-identity",
    ).model("openai", "openai/d1")
    conf.endpoint(
        "claude", env.entra.claude.url + "/anthropic", "dialect=anthropic",
        credential="managed-identity",
    ).model("claude", "claude/claude-opus-5")
    return conf.endpoint(
        "bricks", env.entra.bricks.url + "/serving-endpoints",
        "dialect=databricks", credential=PRINCIPAL,
    ).model("bricks", "bricks/databricks-gpt-oss-120b")


def ask(client, model, **more):
    return client.post("/v1/chat/completions", json=chat(model, **more))


def check_good(answer):
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == WORDS


def fetched(sim, name=None):
    return [
        one for one in sim.journal()
        if one["deployment"] == (name or one["deployment"])
    ]


def query(entry):
    return entry["query"]


def form(entry):
    return dict(parse_qsl(entry["raw"].decode()))


# ------------------------------------------------------------- who is asked


def test_each_kind(env, restart, services):
    restart(kinds(env))
    with env.client() as client:
        for model in ("system", "client", "object", "resource", "principal",
                      "default", "openai", "claude", "bricks"):
            check_good(ask(client, model))
    for sim in (services.azure, services.claude, services.bricks):
        for entry in sim.asked():
            assert entry["fields"]["authorization"].startswith("Bearer eyJ")
            assert not {"api-key", "x-api-key"} & set(entry["fields"])


def test_what_is_asked_for(env, restart, services):
    """Each credential once, whoever has it."""
    restart(kinds(env))
    with env.client() as client:
        for model in ("system", "claude", "bricks"):
            check_good(ask(client, model))
    # those of whom nobody has asked for come, too
    env.until(lambda: len(fetched(services.entra, "metadata")) >= 6)
    env.until(lambda: len(fetched(services.entra, "token")) >= 2)
    machine = fetched(services.entra, "metadata")
    base = {"api-version": "2018-02-01", "resource": COGNITIVE}
    wanted = [
        base,
        {**base, "client_id": IDENTITY},
        {**base, "object_id": IDENTITY},
        {**base, "msi_res_id": RESOURCE},
        {**base, "resource": "https://ai.azure.com"},
        base,  # azure-default
    ]
    assert sorted(str(sorted(query(one).items())) for one in machine) == (
        sorted(str(sorted(one.items())) for one in wanted)
    )
    for entry in machine:
        assert entry["method"] == "GET"
        assert entry["fields"]["metadata"] == "true"
        assert "x-forwarded-for" not in entry["fields"]
    tokens = fetched(services.entra, "token")
    assert {entry["path"] for entry in tokens} == {
        f"/{TENANT}/oauth2/v2.0/token"
    }
    assert sorted(form(entry)["scope"] for entry in tokens) == sorted(
        [f"{BRICKS}/.default", f"{COGNITIVE}/.default"]
    )
    assert form(tokens[0]) | {"scope": ""} == {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "grant_type": "client_credentials",
        "scope": "",
    }


def test_app_service(env, restart, services):
    conf = base(env, **entra_service.app_service(services.entra))
    for name, credential in (
        ("system", "managed-identity"),
        ("client", f"managed-identity:{IDENTITY}"),
        ("resource", f"managed-identity:{RESOURCE}"),
        ("default", "azure-default"),
    ):
        azure(conf, env, credential, name)
    restart(conf)
    with env.client() as client:
        for name in ("system", "client", "resource", "default"):
            check_good(ask(client, name))
    entries = fetched(services.entra, "metadata")
    assert {entry["path"] for entry in entries} == {"/msi/token/"}
    assert {entry["fields"]["x-identity-header"] for entry in entries} == {
        HEADER
    }
    base_query = {"api-version": "2019-08-01", "resource": COGNITIVE}
    for wanted in (
        base_query,
        {**base_query, "client_id": IDENTITY},
        {**base_query, "mi_res_id": RESOURCE},
    ):
        assert wanted in [query(entry) for entry in entries]


# variables and credential=: what is asked for beside the resource
MACHINE_LEARNING = {
    "system": ({}, "managed-identity", {}),
    "client": ({}, f"managed-identity:{IDENTITY}", {"clientid": IDENTITY}),
    "default": ({"DEFAULT_IDENTITY_CLIENT_ID": CLIENT}, "managed-identity",
                {"clientid": CLIENT}),
    "said": ({"DEFAULT_IDENTITY_CLIENT_ID": CLIENT},
             f"managed-identity:{IDENTITY}", {"clientid": IDENTITY}),
}


@pytest.mark.parametrize("name", MACHINE_LEARNING)
def test_machine_learning(env, restart, services, name):
    variables, credential, more = MACHINE_LEARNING[name]
    variables = {**variables, **entra_service.machine_learning(services.entra)}
    services.entra.script({"expires_on": "us_pm"}, deployment="metadata")
    restart(azure(base(env, **variables), env, credential))
    with env.client() as client:
        check_good(ask(client, "azure"))
    (entry,) = fetched(services.entra, "metadata")
    assert entry["path"] == "/ml/token"
    assert entry["fields"]["secret"] == HEADER
    assert query(entry) == {
        "api-version": "2017-09-01", "resource": COGNITIVE, **more,
    }


def test_cloud_shell(env, restart, services):
    variables = entra_service.cloud_shell(services.entra)
    restart(azure(base(env, **variables), env, "managed-identity"))
    with env.client() as client:
        check_good(ask(client, "azure"))
    (entry,) = fetched(services.entra, "metadata")
    assert (entry["method"], entry["path"]) == ("POST", "/shell/token")
    assert form(entry) == {"resource": COGNITIVE}


# Where nothing can be fetched, httpd does not start.
NOT_SUPPORTED = {
    "Service Fabric": {"IDENTITY_ENDPOINT": "https://localhost:2377/x",
                       "IDENTITY_HEADER": HEADER,
                       "IDENTITY_SERVER_THUMBPRINT": "0A"},
    "Azure Arc": {"IDENTITY_ENDPOINT": "http://localhost:40342/x",
                  "IMDS_ENDPOINT": "http://localhost:40342"},
}


@pytest.mark.parametrize("name", NOT_SUPPORTED)
def test_not_supported(env, name):
    entra_service.set_environment(env, **NOT_SUPPORTED[name])
    status, text = env.check(
        "AzureLIT on\nAzureLITEndpoint a http://x credential=azure-default\n"
    )
    assert status != 0 and f"identities of {name}" in text


@pytest.mark.parametrize("source", ["workload-identity", "azure-default"])
def test_workload(env, restart, services, source):
    """The file is read whenever a token is wanted."""
    other = "another.ASSERTION.x"
    put(services.assertion, ASSERTION)
    services.entra.control("POST", "config", {"assertions": [ASSERTION, other]})
    services.entra.script({"expires_in": 4, "times": 99}, deployment="token")
    variables = entra_service.workload(services.assertion)
    restart(azure(base(env, **variables), env, source))

    def sent():
        check_good(ask(client, "azure"))
        return form(fetched(services.entra, "token")[-1])

    with env.client() as client:
        assert sent()["client_assertion"] == ASSERTION
        put(services.assertion, other)
        env.until(lambda: sent()["client_assertion"] == other)
        last = sent()
    assert last["client_assertion_type"] == (
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    )
    assert "client_secret" not in last


def test_a_secret_that_changes(env, restart, services):
    other = SECRET + "-2"
    services.entra.control("POST", "config", {"secrets": [SECRET, other]})
    services.entra.script({"expires_in": 4, "times": 99}, deployment="token")
    path = env.root / "entra" / "secret"
    put(path, SECRET)
    source = f"service-principal:{TENANT}/{CLIENT}:file:{path}"
    restart(azure(base(env), env, source))
    with env.client() as client:
        check_good(ask(client, "azure"))
        put(path, other + "\n")

        def is_new():
            check_good(ask(client, "azure"))
            sent = form(fetched(services.entra, "token")[-1])
            return sent["client_secret"] == other

        env.until(is_new)


def test_default_of_a_principal(env, restart, services):
    variables = entra_service.principal()
    restart(azure(base(env, **variables), env, "azure-default"))
    with env.client() as client:
        check_good(ask(client, "azure"))
    assert form(fetched(services.entra, "token")[0])["client_secret"] == SECRET


def test_places_of_the_environment(env, restart, services):
    """Without directives."""
    entra_service.set_environment(
        env,
        AZURE_AUTHORITY_HOST=services.entra.url + "/",
        AZURE_POD_IDENTITY_AUTHORITY_HOST=services.entra.url + "/",
    )
    conf = azure(env.conf(), env, "managed-identity", "machine")
    restart(azure(conf, env, PRINCIPAL, "principal"))
    with env.client() as client:
        check_good(ask(client, "machine"))
        check_good(ask(client, "principal"))
    paths = {entry["path"] for entry in fetched(services.entra)}
    assert paths == {
        "/metadata/identity/oauth2/token",
        f"/{TENANT}/oauth2/v2.0/token",
    }


def test_scope(env, restart, services):
    conf = azure(base(env), env, "managed-identity", "azure",
                 "scope=api://other/.default")
    restart(conf)
    with env.client() as client:
        answer = ask(client, "azure")
    # our simulator does not take what is for somebody else
    env.error_log.expect("AZL0034")
    error_of(answer, 502, "upstream_authentication_error")
    assert query(fetched(services.entra, "metadata")[0])["resource"] == (
        "api://other"
    )


FORMS = ["number", "string", "us", "us_pm", "iso", "rfc3339"]


@pytest.mark.parametrize("written", FORMS)
def test_until_when(env, later, restart, services, written):
    """However it is written, it is known when a token ends: it is renewed
    before, and neither at once nor never."""
    services.entra.script(
        {"expires_in": HOUR, "expires_on": written, "times": 99},
        deployment="metadata",
    )
    restart(azure(base(env), env, "managed-identity"))
    with env.client() as client:
        for more, number in ((0, 1), (HALF, 1), (ENDING - HALF, 2)):
            later(more)
            check_good(ask(client, "azure"))
            env.until(
                lambda number=number: len(
                    fetched(services.entra, "metadata")
                ) >= number
            )
            time.sleep(0.5)  # it is looked ten times a second
            assert len(fetched(services.entra, "metadata")) == number


# -------------------------------------------------------------- httpd -t

MISTAKES = [
    ("managed-identity:", "", "managed-identity:CLIENT-ID"),
    ("managed-identity", "dialect=gemini", "azure, openai, anthropic"),
    ("managed-identity", "region=eu", "credentials of AWS"),
    ("workload-identity", "", "AZURE_TENANT_ID"),
    (f"service-principal:{TENANT}/{CLIENT}", "", "service-principal:TENANT"),
    (f"service-principal:{TENANT}/{CLIENT}:{SECRET}", "", "TENANT/CLIENT-ID"),
    (f"service-principal:{TENANT}/{CLIENT}:env:NO_NAME", "", "NO_NAME"),
    ("env:SIM_KEY", "scope=x", "scope= is for"),
    ("google:metadata", "dialect=gemini scope=x", "scope= is for"),
]


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_mistakes(env, number):
    credential, options, hint = MISTAKES[number]
    entra_service.set_environment(env)
    status, text = env.check(
        "AzureLIT on\n"
        f"AzureLITEndpoint a http://x {options} credential={credential}\n"
    )
    assert status != 0
    assert "AzureLITEndpoint a: " in text and hint in text, text
    for secret in env.secrets:
        assert secret not in text


@pytest.mark.parametrize("name", ["AzureLITAuthority", "AzureLITMetadata"])
def test_mistakes_of_places(env, name):
    for line in (f"{name} login", f"{name} ftp://x", f"{name} http://x?y"):
        status, text = env.check(f"AzureLIT on\n{line}\n")
        assert status != 0 and "a URL such as" in text
    status, text = env.check(
        f"<VirtualHost *:80>\nAzureLIT on\n{name} http://x\n</VirtualHost>\n"
    )
    assert status != 0 and "VirtualHost" in text


# ------------------------------------------------- services with trouble

TROUBLE = {
    "old secret": ("token", {"error": "old_secret"}, "AADSTS7000222: the"),
    "no identity": ("metadata", {"error": "no_identity"}, "no such identity"),
    "garbage": ("metadata", {"body": "<html>PROMPT-MARK", "status": 200},
                "no JSON"),
    "no http": ("metadata", {"fault": "garbage"}, "no answer"),
    "clock": ("metadata", {"expires_on": "string", "skew": -90000}, "clock"),
    "server": ("token", {"error": "server"}, "500"),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble(env, restart, services, log, name):
    """Told once, with what may help; and requests are refused at once."""
    log.expect("AZL0100", "AZL0103")
    kind, behaviour, hint = TROUBLE[name]
    services.entra.script({**behaviour, "times": 99}, deployment=kind)
    source = PRINCIPAL if kind == "token" else "managed-identity"
    restart(azure(base(env).add("AzureLITCooldown off"), env, source))
    with env.client() as client:
        error_of(ask(client, "azure"), 502, NO_CREDENTIAL)
        # the machine may be late, but not always
        took = []
        for _ in range(4):
            start = time.monotonic()
            error_of(ask(client, "azure"), 502, NO_CREDENTIAL)
            took.append(time.monotonic() - start)
        assert min(took) < 2
        env.until(lambda: hint in log.text())
        if name == "server":  # tried again soon, and not told again
            env.until(lambda: len(fetched(services.entra, kind)) >= 2, 40)
        services.entra.heal()
        env.until(lambda: ask(client, "azure").status_code == 200, 40)
    env.until(lambda: "AZL0101" in log.text())
    assert log.text().count("AZL0100") == 1
    assert log.text().count("AZL0101") == 1
    assert services.azure.last()["fields"]["authorization"]


@pytest.mark.parametrize("error", ["busy", "updating", "server"])
def test_a_machine_is_asked_again(env, restart, services, log, error):
    """IMDS is away for a moment now and then."""
    # who asks waits for three seconds, of which two are needed
    log.expect("AZL0103")
    services.entra.script({"error": error, "times": 2}, deployment="metadata")
    restart(azure(base(env), env, "managed-identity"))
    with env.client() as client:
        env.until(lambda: ask(client, "azure").status_code == 200)
    times = [one["time"] for one in fetched(services.entra, "metadata")]
    assert len(times) == 3
    assert min(b - a for a, b in zip(times, times[1:])) > 0.9


def test_away_with_a_token(env, later, restart, services, log):
    """Nobody notices, but the log."""
    log.expect("AZL0100")
    services.entra.script({"expires_in": HOUR}, {"fault": "close", "times": 99},
                          deployment="metadata")
    restart(azure(base(env), env, "managed-identity"))
    with env.client() as client:
        check_good(ask(client, "azure"))
        later(ENDING)

        def told():
            check_good(ask(client, "azure"))
            return "AZL0100" in log.text()

        env.until(told)
        check_good(ask(client, "azure"))
    assert "still valid" in log.text()


def threads(env):
    """Of the process that has most."""
    return max(
        len(list((processes.PROC / str(pid) / "task").iterdir()))
        for pid in processes.tree(env.process.pid)
    )


def test_slow_is_nobody_else_s_business(env, restart, services, log):
    """Twenty identities of a provider that hangs, and one of another, in one
    process: others of it would help out."""
    log.expect("AZL0100", "AZL0103")
    restart(azure(base(env).add("MinSpareThreads 1"), env, "env:SIM_KEY"))
    # those of mod_http2 are there before those that serve
    few = 0
    while threads(env) > few:
        few = threads(env)
        time.sleep(1)
    services.entra.script({"delay": 60, "times": 999}, deployment="metadata")
    conf = base(env).add("AzureLITCooldown off", "MinSpareThreads 1")
    for number in range(20):
        azure(conf, env, f"managed-identity:id-{number}", f"slow{number}")
    other = entra_service.start(env.root / "entra" / "other")
    try:
        conf.lines = [
            line.replace(services.entra.url, other.url)
            if "Authority" in line else line
            for line in conf.lines
        ]
        restart(azure(conf, env, PRINCIPAL, "quick"))
        with env.client() as client:
            # who waits for three seconds is refused
            check_good(ask(client, "quick"))
            # one that looks, four that fetch there and one elsewhere
            assert threads(env) <= few + 6
            # and nobody waits for a second time
            error_of(ask(client, "slow0"), 502, NO_CREDENTIAL)
            start = time.monotonic()
            for _ in range(5):
                error_of(ask(client, "slow0"), 502, NO_CREDENTIAL)
            assert time.monotonic() - start < 10
    finally:
        other.stop()


# ------------------------------------------------------- tokens that end


def stream(client):
    with client.stream(
        "POST", "/v1/chat/completions", json=chat("azure", stream=True)
    ) as answer:
        answer.read()
        if answer.status_code != 200:
            return answer.status_code, answer.text
        return 200, said(events(answer))


def test_short_lives_under_load(env, restart, services):
    """Tokens of two seconds, many streams: none fails, and all processes
    together fetch as few as one would."""
    env.error_log.expect("AH10159")
    services.entra.script({"expires_in": 2, "times": 9999},
                          deployment="metadata")
    services.azure.script({"chunk_delay": 0.05, "times": 99999},
                          deployment="d1")
    servers = max(4, 1 + STREAMS // THREADS)
    workers = servers * THREADS
    conf = base(env).add(
        f"StartServers {servers}", f"ServerLimit {servers}",
        f"MaxRequestWorkers {workers}", f"MinSpareThreads {workers}",
        f"MaxSpareThreads {workers}",
    )
    restart(azure(conf, env, "managed-identity"))
    end = time.monotonic() + 12
    results = []

    def run(_):
        """A client of its own, and a connection for each stream: a server
        that is full ends those that idle."""
        none = httpx.Limits(max_keepalive_connections=0)
        with env.client(timeout=60, limits=none) as client:
            while time.monotonic() < end or len(results) < 2 * STREAMS:
                results.append(stream(client))

    with concurrent.futures.ThreadPoolExecutor(STREAMS) as pool:
        list(pool.map(run, range(STREAMS)))
    bad = [one for one in results if one != (200, WORDS)]
    assert bad == []
    times = [one["time"] for one in fetched(services.entra, "metadata")]
    took = times[-1] - times[0]
    assert 4 < len(times) < took + 4
    used = {one["fields"]["authorization"] for one in services.azure.asked()}
    assert len(used) > 4


def test_who_is_killed_while_it_fetches(env, later, restart, services, log):
    """Another process goes on with it."""
    log.expect("AH10392")  # there are more of them than usual
    services.entra.script({"expires_in": HOUR}, {"delay": 8}, {},
                          deployment="metadata")
    conf = base(env).add("StartServers 3", "MinSpareThreads 96",
                         "MaxSpareThreads 96")
    restart(azure(conf, env, "managed-identity"))
    with env.client() as client:
        check_good(ask(client, "azure"))
        later(ENDING)
        env.until(lambda: len(fetched(services.entra, "metadata")) == 2)
        for pid in processes.tree(env.process.pid)[1:]:
            entry = fetched(services.entra, "metadata")[1]
            if entry["closed"] is None:
                os.kill(pid, signal.SIGKILL)
                time.sleep(0.3)
        env.error_log.expect("AH00052|AH00051", "signal Killed")
        env.until(lambda: len(fetched(services.entra, "metadata")) >= 3)
        env.until(lambda: ask(client, "azure").status_code == 200)


def test_taken_back(env, restart, services, log):
    """A token that is refused is fetched once more, for all at once; the
    clients learn nothing."""
    conf = base(env).add("StartServers 2", "MinSpareThreads 64",
                         "MaxSpareThreads 64")
    restart(azure(conf, env, "managed-identity"))
    with env.client() as client:
        check_good(ask(client, "azure"))
        services.azure.control(
            "POST", "config", {"entra_since": time.time()}
        )
        try:
            with concurrent.futures.ThreadPoolExecutor(20) as pool:
                answers = list(
                    pool.map(lambda _: ask(client, "azure"), range(20))
                )
        finally:
            services.azure.control("POST", "config", {"entra_since": 0})
    for answer in answers:
        check_good(answer)
    assert "AZL0110" in log.text()
    assert len(fetched(services.entra, "metadata")) <= 3


def test_first_one_is_refused(env, restart, services, log):
    """Who has waited for the first token learns nothing either: it is not
    this one's successor."""
    services.entra.script({"delay": 1}, {}, deployment="metadata")
    services.azure.script({"error": "bad_key"}, deployment="d1")
    restart(azure(base(env), env, "managed-identity"))
    with env.client() as client:
        check_good(ask(client, "azure"))
    assert "AZL0110" in log.text()
    assert len(fetched(services.entra, "metadata")) == 2


def test_refused_for_good(env, restart, services, log):
    """A role that is missing is no reason to fetch again and again."""
    log.expect("AZL0034")
    services.azure.script({"error": "no_permission", "times": 999},
                          deployment="d1")
    restart(azure(base(env).add("AzureLITCooldown off"), env,
                  "managed-identity"))
    with env.client() as client:
        start = time.monotonic()
        for _ in range(20):
            error_of(ask(client, "azure"), 502,
                     "upstream_authentication_error")
        assert time.monotonic() - start < 10
    assert len(fetched(services.entra, "metadata")) <= 4


# ------------------------------------------------------------- many, and seen


def bearer_of(entry):
    """What the token says that came with a request."""
    _, _, token = entry["fields"]["authorization"].partition(" ")
    return tokens.claims_of(entra_service.KEY, token)


def test_a_hundred_identities(env, restart, services):
    """Each endpoint gets its own one's token, which is fetched once for all
    processes."""
    conf = base(env).add("StartServers 2", "MinSpareThreads 64",
                         "MaxSpareThreads 64")
    for number in range(100):
        azure(conf, env, f"managed-identity:id-{number}", f"m{number}")
    restart(conf)
    with env.client() as client:
        for number in range(0, 100, 9):
            env.until(
                lambda number=number: ask(
                    client, f"m{number}"
                ).status_code == 200
            )
        env.until(lambda: len(fetched(services.entra, "metadata")) >= 100)
        for number in range(100):
            check_good(ask(client, f"m{number}"))
            assert bearer_of(services.azure.last())["appid"] == f"id-{number}"
    asked = [query(one)["client_id"] for one in
             fetched(services.entra, "metadata")]
    assert sorted(asked) == sorted(f"id-{number}" for number in range(100))


def test_nothing_is_seen(env, restart, services):
    """In the dump, the metrics, the process title."""
    restart(kinds(env))
    text = ""
    with env.client() as client:
        for model in ("system", "principal"):
            check_good(ask(client, model))
        for path in ("/metrics", "/health", "/v1/models"):
            text += client.get(
                path, headers={"Authorization": f"Bearer {env.master}"}
            ).text
    status, dump = env.check(kinds(env), "-D", "DUMP_AZURELIT")
    assert status == 0 and "system/d1" in dump
    text += dump
    for pid in processes.tree(env.process.pid):
        text += (processes.PROC / str(pid) / "cmdline").read_text()
    for secret in entra_service.SECRETS:
        assert secret not in text
    # and no file of the memory that is shared
    for pid in processes.tree(env.process.pid):
        maps = (processes.PROC / str(pid) / "maps").read_text()
        assert str(env.root / "logs") not in maps


def test_a_port_nobody_listens_at(env, restart, log):
    log.expect("AZL0100", "AZL0103")
    entra_service.set_environment(env)
    conf = env.conf().add(f"AzureLITMetadata http://127.0.0.1:{free_port()}")
    restart(azure(conf, env, "managed-identity"))
    with env.client() as client:
        error_of(ask(client, "azure"), 502, NO_CREDENTIAL)
    env.until(lambda: "the connection was refused" in log.text())
