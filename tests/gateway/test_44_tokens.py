"""Credentials that are tokens: Google's, for a service account and from an
instance's metadata, those of Databricks, and a file that another program
writes. The simulators give them out, let them expire and take them back."""

import base64
import json
import time

import httpx
import processes
import pytest
import sdk
from ask import WORDS, chat, error_of
from ports import free_port
from service_account import ServiceAccount
from simulator import Simulator
from sources import put

FLASH = "gemini-2.5-flash"
CLAUDE = "claude-sonnet-4-5"
GPT = "databricks-gpt-oss-120b"
PROJECT = "/v1/projects/sim-project/locations/eu/publishers/google"
CLIENT = "7d3f5a3e-client"
SECRET = "dose-CLIENT-SECRET-0123"
FILE_TOKEN = "FILE-TOKEN-0123456789"
NO_CREDENTIAL = "upstream_credential_unavailable"
ALIASES = ["account", "instance", "databricks", "file", "claude"]
# How a token of Google's simulator begins, and an assertion.
GOOGLE_MARKS = ["ya29.sim-", "eyJhbGciOiJSUzI1NiI"]


class Services:
    def __init__(self, env):
        where = env.root / "tokens"
        self.account = ServiceAccount(where / "account")
        self.google = Simulator(
            where / "google",
            [FLASH],
            env.sim_key,
            "--service-account",
            self.account.path,
            "--token",
            FILE_TOKEN,
            provider="gemini",
        )
        self.bricks = Simulator(
            where / "databricks",
            [GPT],
            env.sim_key,
            "--client",
            CLIENT,
            "--secret",
            SECRET,
            provider="databricks",
        )
        self.claude = Simulator(
            where / "claude",
            [CLAUDE],
            env.sim_key,
            "--token",
            FILE_TOKEN,
            provider="anthropic",
        )
        self.token_file = where / "token"
        self.all = [self.google, self.bricks, self.claude]

    def key_file(self, name, uri=None, account=None):
        """Of a service account, for the gateway: httpd reads it as root."""
        path = self.account.path.parent / name
        (account or self.account).write(
            path, uri or self.google.url + "/token"
        )
        return path

    def write_token(self, token):
        """As a whole, as whoever changes tokens does."""
        new = self.token_file.with_suffix(".new")
        new.write_text(token + "\n")
        new.chmod(0o644)
        new.replace(self.token_file)


@pytest.fixture(scope="module", autouse=True)
def services(env):
    services = Services(env)
    env.tokens = services
    env.simulators += services.all
    pem = services.account.document["private_key"].split("\n")
    env.secrets += [SECRET, FILE_TOKEN, *GOOGLE_MARKS, pem[2], pem[-4]]
    yield services
    for sim in services.all:
        env.simulators.remove(sim)
        sim.stop()


@pytest.fixture(autouse=True)
def fresh(services):
    for sim in services.all:
        sim.reset()
    services.bricks.control("POST", "config", {"secrets": [SECRET]})


def base(env):
    """Of one process, so that what it asks for can be counted."""
    env.environment.update(
        BRICKS_SECRET=SECRET,
        WRONG_SECRET="dose-of-yesterday",
        GCE_METADATA_HOST=f"127.0.0.1:{env.tokens.google.port}",
    )
    return env.conf().add("AzureLITCooldown off", "MinSpareThreads 1")


def google(conf, env, source, name="account", *options):
    return conf.endpoint(
        name,
        env.tokens.google.url + PROJECT,
        "dialect=gemini",
        *options,
        credential=f"google:{source}",
    ).model(name, f"{name}/{FLASH}", f"base-model={FLASH}")


def databricks(conf, env, secret="env:BRICKS_SECRET", *options):
    return conf.endpoint(
        "databricks",
        env.tokens.bricks.url + "/serving-endpoints",
        "dialect=databricks",
        *options,
        credential=f"databricks:{CLIENT}:{secret}",
    ).model("databricks", f"databricks/{GPT}")


def configure(env, sim):
    services = env.tokens
    services.write_token(FILE_TOKEN)
    conf = base(env).endpoint("azure", sim.url)
    google(conf, env, services.key_file("good.json"))
    google(conf, env, "metadata", "instance")
    databricks(conf, env)
    for alias, url, dialect, model in (
        ("file", services.google.url + PROJECT, "gemini", FLASH),
        (
            "claude",
            services.claude.url + PROJECT.replace("/publishers/google", ""),
            "anthropic hosting=vertex",
            CLAUDE,
        ),
    ):
        conf.endpoint(
            alias,
            url,
            f"dialect={dialect}",
            credential=f"token-file:{services.token_file}",
        ).model(alias, f"{alias}/{model}", f"base-model={model}")
    return (
        conf.model("both", f"account/{FLASH}", f"order=1 base-model={FLASH}")
        .model("both", "azure/d1", "order=2")
    )


def ask(client, model, **more):
    return client.post("/v1/chat/completions", json=chat(model, **more))


def check_good(answer):
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == WORDS


def fetched(sim):
    """What came in of those who want a token."""
    return [one for one in sim.journal() if one["deployment"] == "token"]


def bearers(sim):
    """Of what came in of models, each once, in their order."""
    found = [one["fields"]["authorization"] for one in sim.asked()]
    return list(dict.fromkeys(found))


def named(check):
    return check.__name__


CHECKS = [sdk.chat, sdk.stream, sdk.stream_helper, sdk.tools]


@pytest.mark.parametrize("check", CHECKS, ids=named)
@pytest.mark.parametrize("alias", ALIASES)
def test_sdk(sdk_client, alias, check):
    check(sdk_client, alias)


def test_the_token_as_bearer(client, gateway, services):
    for alias, sim in (
        ("account", services.google),
        ("instance", services.google),
        ("databricks", services.bricks),
        ("claude", services.claude),
    ):
        check_good(ask(client, alias))
        fields = sim.last()["fields"]
        assert fields["authorization"].startswith("Bearer ")
        assert "x-goog-api-key" not in fields and "api-key" not in fields
        assert gateway.key not in str(fields)
    # one token for many requests
    before = len(fetched(services.google))
    for _ in range(5):
        check_good(ask(client, "account"))
    assert len(fetched(services.google)) == before


# ------------------------------------------------------------ httpd -t


def mistakes(services):
    """(credential, options, what is said)"""
    where = services.account.path.parent
    document = services.account.document

    def write(name, content):
        path = where / name
        path.write_text(
            content if isinstance(content, str) else json.dumps(content)
        )
        return f"google:{path}"

    with_uri = {**document, "token_uri": "https://oauth2.example/token"}
    return [
        ("google:", "", "google:/path"),
        ("google:key.json", "", "begin with /"),
        (f"google:{where}/none.json", "", "cannot be read"),
        (f"google:{where}", "", "cannot be read"),
        (write("a.json", "not JSON"), "", "no JSON"),
        (write("b.json", {"type": "authorized_user"}), "", "service_account"),
        (
            write("c.json", {**with_uri, "client_email": 7}),
            "",
            '"client_email"',
        ),
        (write("d.json", document), "", '"token_uri"'),
        (
            write("e.json", {**with_uri, "private_key": "x"}),
            "",
            '"private_key"',
        ),
        (write("f.json", with_uri), "dialect=azure", "gemini, anthropic"),
        (write("f.json", with_uri), "region=eu", "credentials of AWS"),
        ("google:metadata", "token-url=http://x/", "token-url= is for"),
        ("env:SIM_KEY", "token-url=http://x/", "token-url= is for"),
        ("google:metadata", "token-url=oauth", "a URL such as"),
        ("databricks:id", "dialect=openai", "databricks:CLIENT-ID:env:NAME"),
        (
            f"databricks:id:{SECRET}",
            "dialect=openai",
            "databricks:CLIENT-ID:env:NAME",
        ),
        ("databricks:id:env:NO_SUCH_NAME", "dialect=openai", "NO_SUCH_NAME"),
        ("databricks:id:env:BRICKS_SECRET", "", "one of: databricks, openai"),
        ("token-file:token", "", "begin with /"),
        (f"token-file:{where}/none", "", "cannot be read"),
    ]


@pytest.mark.parametrize("number", range(20))
def test_mistakes(env, services, number):
    base(env)
    credential, options, hint = mistakes(services)[number]
    if "dialect" not in options and "databricks" not in credential:
        options += " dialect=gemini"
    status, text = env.check(
        "AzureLIT on\n"
        f"AzureLITEndpoint a http://x {options} credential={credential}\n"
    )
    assert status != 0
    assert "AzureLITEndpoint a: " in text and hint in text, text
    line = env.own_line(2)
    assert f"line {line} " in text or f"check.conf:{line}" in text
    if credential.startswith("google:/"):
        assert credential in text
    for secret in env.secrets:
        assert secret not in text


def test_nobody_writes_more_mistakes(services):
    assert len(mistakes(services)) == 20


# ------------------------------------------------- tokens that come and go


ROTATED = ["account", "instance", "databricks"]


@pytest.mark.parametrize("alias", ROTATED)
def test_renewed_in_time(env, restart, services, alias):
    """Requests never see a token end."""
    sim = services.bricks if alias == "databricks" else services.google
    sim.script({"expires_in": 8, "times": 99}, deployment="token")
    conf = base(env)
    if alias == "databricks":
        databricks(conf, env)
    elif alias == "instance":
        google(conf, env, "metadata", alias)
    else:
        google(conf, env, services.key_file("good.json"))
    restart(conf)
    with env.client() as client:
        end = time.monotonic() + 60
        while len(bearers(sim)) < 3:
            assert time.monotonic() < end
            check_good(ask(client, alias))
            time.sleep(0.1)
    # long before its time, but not all the time
    assert len(fetched(sim)) <= len(bearers(sim)) + 1


def test_taken_back(client, gateway, services, log):
    """Another one is fetched, and the client learns nothing."""
    # who has just begun has fetched them by then
    for alias in ROTATED:
        check_good(ask(client, alias))
    services.google.reset()
    services.bricks.reset()
    services.google.control("POST", "config", {"given": {}})
    services.bricks.control("POST", "config", {"tokens": {}})
    for alias in ROTATED:
        check_good(ask(client, alias))
    assert log.text().count("AZL0110") == 3
    assert len(bearers(services.google)) == 4
    assert len(bearers(services.bricks)) == 2


def test_refused_for_good(env, restart, services, log):
    """What no other token changes is no reason for a loop."""
    log.expect("AZL0034")
    sim = services.google
    restart(google(base(env), env, "metadata", "instance"))
    with env.client() as client:
        check_good(ask(client, "instance"))
        assert len(fetched(sim)) == 1
        sim.script({"error": "bad_token", "times": 9999}, deployment=FLASH)
        end = time.monotonic() + 60
        while len(fetched(sim)) < 3 and time.monotonic() < end:
            answer = ask(client, "instance")
            error_of(answer, 502, "upstream_authentication_error")
        first, second, third = fetched(sim)
        assert third["time"] - second["time"] > 2
        assert len(sim.asked()) > 3 * len(fetched(sim))
        sim.heal()
        check_good(ask(client, "instance"))


def test_a_file_that_changes(client, gateway, services, log):
    log.expect("AZL0034")
    google = services.google
    check_good(ask(client, "file"))
    # the old one is not good any more
    google.control("POST", "config", {"token": FILE_TOKEN + "-2"})
    error_of(ask(client, "file"), 502, "upstream_authentication_error")
    services.write_token(FILE_TOKEN + "-2")
    gateway.until(lambda: ask(client, "file").status_code == 200)
    assert bearers(google)[-1] == f"Bearer {FILE_TOKEN}-2"
    # and what is gone may come back
    services.token_file.unlink()
    google.control("POST", "config", {"token": FILE_TOKEN})
    error_of(ask(client, "file"), 502, "upstream_authentication_error")
    services.write_token(FILE_TOKEN)
    gateway.until(lambda: ask(client, "file").status_code == 200)


def test_a_file_that_becomes_worse(client, gateway, services, log):
    log.expect("AZL0100")
    services.write_token("no single word")
    gateway.until(lambda: "AZL0100" in log.text())
    assert "one token" in log.text() and "still valid" in log.text()
    check_good(ask(client, "file"))
    services.write_token(FILE_TOKEN)
    gateway.until(lambda: "AZL0101" in log.text())
    check_good(ask(client, "file"))


def test_graceful_restart(client, gateway, services):
    """The next processes know a token before anybody needs one."""
    for alias in ALIASES:
        check_good(ask(client, alias))
    before = len(fetched(services.google))
    parent = gateway.process.pid
    children = set(processes.tree(parent)[1:])
    gateway.graceful()
    gateway.until(lambda: not children & set(processes.tree(parent)))
    with gateway.client() as fresh:
        for alias in ALIASES:
            check_good(ask(fresh, alias))
    # from those before them
    assert len(fetched(services.google)) == before


# ------------------------------------------------------ services with trouble


def both(conf, sim):
    return (
        conf.endpoint("azure", sim.url)
        .model("both", f"account/{FLASH}", f"order=1 base-model={FLASH}")
        .model("both", "azure/d1", "order=2")
    )


def served_by(answer):
    check_good(answer)
    return answer.headers["x-azurelit-deployment"]


def test_not_there_at_start(env, restart, services, sim, log):
    """Requests go elsewhere until it is."""
    log.expect("AZL0100", "AZL0103")
    port = free_port()
    where = env.root / "tokens" / "late"
    uri = f"http://127.0.0.1:{port}/token"
    conf = google(
        base(env),
        env,
        services.key_file("late.json", "https://oauth2.googleapis.com/token"),
        "account",
        f"token-url={uri}",
    )
    restart(both(conf, sim))
    with env.client() as client:
        check_good(ask(client, "both"))
        assert len(sim.asked()) == 1 and services.google.asked() == []
        error_of(ask(client, "account"), 502, NO_CREDENTIAL)
        env.until(
            lambda: "gave no answer: the connection was refused" in log.text()
        )
        assert "it cannot be asked" in log.text()
        late = Simulator(
            where,
            [FLASH],
            env.sim_key,
            "--service-account",
            services.account.path,
            port=port,
            provider="gemini",
        )
        try:
            env.until(lambda: fetched(late), 60)
            env.until(lambda: "AZL0101" in log.text())
            # the same keys, but the tokens of another service
            log.expect("AZL0034")
            check_good(ask(client, "both"))
            # another one was no better
            assert len(services.google.asked()) == 2
        finally:
            late.stop()


def test_slow(env, restart, services, sim, log):
    """Nobody waits for long, and nobody else because of it."""
    log.expect("AZL0100", "AZL0103")
    services.google.script({"delay": 60, "times": 99}, deployment="token")
    conf = google(base(env), env, services.key_file("good.json"))
    restart(both(databricks(conf, env), sim))
    with env.client() as client:
        check_good(ask(client, "databricks"))
        assert "AZL0100" not in log.text()
        start = time.monotonic()
        check_good(ask(client, "both"))
        assert time.monotonic() - start < 9
        assert len(sim.asked()) == 1
        env.until(lambda: "it took too long" in log.text(), 40)
        # the machine may be late, but not always
        took = []
        for _ in range(4):
            start = time.monotonic()
            check_good(ask(client, "both"))
            took.append(time.monotonic() - start)
        assert min(took) < 2


GARBAGE = [
    ({"body": "<html>sign in</html>", "status": 200}, "no JSON"),
    ({"body": {"access_token": "PROMPT-MARK"}}, "how long"),
    ({"body": {"expires_in": 5}}, "no token"),
    ({"fault": "garbage"}, "no answer"),
    ({"fault": "close"}, "no answer"),
    ({"endless": "head"}, "no answer"),
    ({"status": 503, "body": "PROMPT-MARK"}, "503: it has troubles"),
    ({"status": 302, "body": "x"}, "302"),
    (
        {
            "status": 400,
            "body": {
                "error": "invalid_scope",
                "error_description": "PROMPT-MARK",
            },
        },
        "400 invalid_scope",
    ),
    (
        {"status": 401, "body": {"error": "PROMPT-MARK"}},
        "401: the account is not accepted",
    ),
]


@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_garbage(env, restart, services, sim, log, number):
    log.expect("AZL0100", "AZL0103")
    behaviour, hint = GARBAGE[number]
    services.google.script({**behaviour, "times": 99}, deployment="token")
    conf = google(base(env), env, services.key_file("good.json"))
    restart(both(conf, sim))
    with env.client() as client:
        check_good(ask(client, "both"))
        assert len(sim.asked()) == 1
        env.until(lambda: "AZL0100" in log.text())
        assert hint in log.text()
        error_of(ask(client, "account"), 502, NO_CREDENTIAL)
        assert log.text().count("AZL0100") == 1
        services.google.heal()
        env.until(lambda: ask(client, "account").status_code == 200, 60)
    env.until(lambda: "AZL0101" in log.text())
    # more and more seldom
    assert len(fetched(services.google)) < 12


def accounts(env, services):
    other = ServiceAccount(env.root / "tokens" / "other")
    elsewhere = services.key_file("aud.json", "https://example.org/token")
    url = services.google.url + "/token"
    return {
        "signature": (services.key_file("key.json", None, other), ""),
        "audience": (elsewhere, f"token-url={url}"),
    }


@pytest.mark.parametrize("which", ["signature", "audience"])
def test_accounts_that_are_refused(env, restart, services, log, which):
    log.expect("AZL0100", "AZL0103")
    path, option = accounts(env, services)[which]
    restart(google(base(env), env, path, "account", option))
    with env.client() as client:
        error_of(ask(client, "account"), 502, NO_CREDENTIAL)
    env.until(lambda: "400 invalid_grant: is the key" in log.text())
    assert services.google.asked() == []


def test_a_wrong_secret(env, restart, services, log):
    log.expect("AZL0100", "AZL0103")
    restart(databricks(base(env), env, "env:WRONG_SECRET"))
    with env.client() as client:
        error_of(ask(client, "databricks"), 502, NO_CREDENTIAL)
    hint = "401 invalid_client: the client's id or secret"
    env.until(lambda: hint in log.text())
    assert services.bricks.asked() == []


def test_a_secret_in_a_file(env, restart, services):
    path = env.root / "tokens" / "secret"
    path.write_text(SECRET + "\n")
    restart(databricks(base(env), env, f"file:{path}"))
    with env.client() as client:
        check_good(ask(client, "databricks"))
    entry = fetched(services.bricks)[0]
    assert entry["path"] == "/oidc/v1/token"
    assert httpx.QueryParams(entry["raw"].decode()) == httpx.QueryParams(
        {"grant_type": "client_credentials", "scope": "all-apis"}
    )
    kind = entry["fields"]["content-type"]
    assert kind == "application/x-www-form-urlencoded"


def test_a_secret_that_changes(env, restart, services):
    """It is read again whenever a token is fetched."""
    path = env.root / "tokens" / "secret-2"
    put(path, SECRET)
    other = SECRET + "-2"
    services.bricks.control("POST", "config", {"secrets": [SECRET, other]})
    services.bricks.script({"expires_in": 4, "times": 99}, deployment="token")
    restart(databricks(base(env), env, f"file:{path}"))
    with env.client() as client:
        check_good(ask(client, "databricks"))
        put(path, other + "\n")

        def is_new():
            check_good(ask(client, "databricks"))
            sent = fetched(services.bricks)[-1]["fields"]["authorization"]
            basic = base64.b64decode(sent.removeprefix("Basic "))
            return basic.decode() == f"{CLIENT}:{other}"

        env.until(is_new)


# -------------------------------------------------------------------- TLS


def test_tls(env, restart, services, authority, log):
    """tls-ca= is for the endpoint's own host and no other."""
    log.expect("AZL0100", "AZL0103")
    safe = Simulator(
        env.root / "tokens" / "safe",
        [GPT],
        env.sim_key,
        "--client",
        CLIENT,
        "--secret",
        SECRET,
        tls=authority.leaf(),
        provider="databricks",
    )
    source = f"databricks:{CLIENT}:env:BRICKS_SECRET"
    conf = base(env)
    for name, url, option in (
        ("own", safe.url, f"tls-ca={authority.ca}"),
        ("unverified", safe.url, "tls-verify=off"),
        (
            "elsewhere",
            services.bricks.url,
            f"token-url={safe.url}/oidc/v1/token",
        ),
    ):
        conf.endpoint(name, url, "dialect=databricks", option,
                      credential=source)
        conf.model(name, f"{name}/{GPT}")
    log.expect("AZL0002")
    restart(conf)
    try:
        with env.client() as client:
            check_good(ask(client, "own"))
            check_good(ask(client, "unverified"))
            error_of(ask(client, "elsewhere"), 502, NO_CREDENTIAL)
        env.until(lambda: "the certificate is not accepted" in log.text())
        assert len(fetched(safe)) == 2
    finally:
        safe.stop()
