"""Every kind of credential, and whoever gives one out or is sent one repeats
it in its answers: no secret is in what the server writes, shows or tells, nor
in any file that it has open."""

import contextlib
import os
import re
import secrets
import stat
import subprocess

import pytest
from ask import chat
from entra_service import set_environment
from parrot import WAYS, Parrot, forms
from processes import PROC, tree
from service_account import ServiceAccount
from sources import folder

TENANT = "0a1b2c3d-0000-4000-8000-000000000001"
CLIENT = "0a1b2c3d-0000-4000-8000-000000000002"
PAGES = [
    "/metrics",
    "/health",
    "/health/readiness",
    "/health/liveness",
    "/model/info",
    "/v1/model/info",
    "/v1/models",
    "/server-status",
    "/server-status?auto",
]


# Signed with, or in a form of its own.
NEVER_SENT = {"account", "awsenv", "awsfile"}


class Setting:
    """What is configured, and what of it is secret."""

    def __init__(self, env, parrot):
        self.env = env
        self.parrot = parrot
        self.where = env.root / "secrets"
        self.where.mkdir(exist_ok=True)
        self.where.chmod(0o755)
        self.secrets = {}
        self.aliases = []
        account = ServiceAccount(self.where / "account")
        self.account = account.write(
            self.where / "google.json", parrot.url + "/google"
        )
        self.account.chmod(0o644)
        key = account.document["private_key"].split("\n")
        self.secrets["account"] = key[5]

    def secret(self, name):
        self.secrets[name] = f"{name.upper()}/{secrets.token_urlsafe(24)}+x"
        return self.secrets[name]

    def file(self, name, text):
        path = self.where / name
        path.write_text(text)
        path.chmod(0o644)
        return path

    def environment(self):
        set_environment(
            self.env,
            PLAIN=self.secret("plain"),
            PRINCIPAL=self.secret("principal"),
            BRICKS=self.secret("bricks"),
            SOURCE="sv=2024&sig=" + self.secret("sas"),
            AZURE_TENANT_ID=TENANT,
            AZURE_CLIENT_ID=CLIENT,
            AZURE_FEDERATED_TOKEN_FILE=str(
                self.file("assertion", self.secret("assertion"))
            ),
            IDENTITY_ENDPOINT=self.parrot.url + "/msi",
            IDENTITY_HEADER=self.secret("header"),
            AWS_ACCESS_KEY_ID="AKIDENVIRONMENT",
            AWS_SECRET_ACCESS_KEY=self.secret("awsenv"),
            AWS_SESSION_TOKEN=self.secret("awssession"),
            AWS_CONTAINER_CREDENTIALS_FULL_URI=self.parrot.url + "/aws",
            AWS_CONTAINER_AUTHORIZATION_TOKEN=self.secret("awscontainer"),
        )

    def conf(self):
        self.environment()
        key = self.file("key", self.secret("keyfile") + "\n")
        token = self.file("token", self.secret("tokenfile") + "\n")
        aws = self.file(
            "aws",
            "[default]\naws_access_key_id = AKIDFILE\n"
            f"aws_secret_access_key = {self.secret('awsfile')}\n",
        )
        bricks = f"databricks:{CLIENT}:env:BRICKS"
        vault = f"keyvault:{self.parrot.url}/secrets/n"
        kinds = {
            "literal": (self.secret("literal"), "azure"),
            "env": ("env:PLAIN", "openai"),
            "file": (f"file:{key}", "azure"),
            "token-file": (f"token-file:{token}", "openai"),
            "vault": (vault, "anthropic"),
            "managed": ("managed-identity", "azure"),
            "workload": ("workload-identity", "azure"),
            "principal": (
                f"service-principal:{TENANT}/{CLIENT}:env:PRINCIPAL", "azure",
            ),
            "databricks": (bricks, "databricks"),
            "google": (f"google:{self.account}", "gemini"),
            "aws-env": ("aws:env", "bedrock"),
            "aws-file": (f"aws:file:{aws}", "bedrock"),
            "aws-container": ("aws:container", "bedrock"),
        }
        conf = self.env.conf().add(
            "LogLevel trace8",
            "AzureLITRetry 0",
            "AzureLITCooldown off",
            "AzureLITProbe off",
            f"AzureLITAuthority {self.parrot.url}",
            "<Location /server-status>",
            "SetHandler server-status",
            "</Location>",
        )
        for name, (credential, dialect) in kinds.items():
            options = [f"dialect={dialect}"]
            if dialect == "bedrock":
                options.append("region=us-east-1")
            if name == "vault":
                options.append("vault-credential=managed-identity")
            if name == "databricks":
                options.append(f"token-url={self.parrot.url}/oidc")
            conf.endpoint(
                name, self.parrot.url + "/model", *options,
                credential=credential,
            ).model(name, f"{name}/up")
            self.aliases.append(name)
        self.yaml = self.file("litellm.yaml", f"""
model_list:
  - model_name: yaml
    litellm_params:
      model: azure/up
      api_base: {self.parrot.url}/model
      api_key: {self.secret('yaml')}
""")
        conf.add(f"AzureLITConfig {self.yaml}")
        self.aliases.append("yaml")
        copy = folder(self.env, "secrets") / "copy.yaml"
        return conf.add(
            f"AzureLITConfigSource {self.parrot.url}/config/c.yaml copy={copy} "
            "credential=sas:env:SOURCE interval=1s"
        )

    def marks(self):
        """Whatever is a secret by now."""
        keys = [self.env.key, self.env.master]
        every = [*self.secrets.values(), *self.parrot.given, *keys]
        return set().union(*map(forms, every))


def found(marks, data):
    return [mark for mark in marks if mark in data]


def ask(setting, told):
    """Of every model, whatever its upstream may do; what the client is
    told."""
    with setting.env.client(timeout=60) as client:
        for way in WAYS:
            setting.parrot.way = way
            for alias in setting.aliases:
                answer = client.post(
                    "/v1/chat/completions",
                    json=chat(alias, stream=way == "in a stream"),
                )
                told[f"{alias}, {way}"] = answer


def look(env, told, *commands):
    """What is shown to who may see it, and to the operator."""
    master = {"Authorization": f"Bearer {env.master}"}
    with env.client(headers=master) as client:
        for page in PAGES:
            answer = client.get(page)
            assert answer.status_code in (200, 503), page
            told[page] = answer
    said = b""
    for command in commands:
        done = subprocess.run(
            [env.ctl, *command], env=env.environment, capture_output=True
        )
        assert done.returncode in (0, 1) and done.stdout, done
        said += done.stdout + done.stderr
    return said


def processes(env):
    """What everybody can see of them, and what they have open: regular files,
    by name, with their content."""
    shown, opened = [], {}
    for pid in tree(env.process.pid):
        path = PROC / str(pid)
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            shown += [(path / name).read_bytes() for name in (
                "cmdline", "comm", "status"
            )]
            for one in (path / "fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if stat.S_ISREG(one.stat().st_mode):
                        opened[os.readlink(one)] = one.read_bytes()
            for line in (path / "maps").read_text().splitlines():
                name = re.sub(r"^(\S+ +){5}", "", line)
                # Memory that processes share is no file, but looks like one.
                if name.startswith("/") and name != "/dev/zero (deleted)":
                    writable = "w" in line.split()[1]
                    shared = "s" in line.split()[1]
                    assert not (writable and shared), line
    return b"".join(shown), opened


@pytest.fixture(scope="module")
def parrot():
    parrot = Parrot()
    yield parrot
    parrot.stop()


@pytest.fixture
def setting(env, parrot):
    before = env.environment
    env.environment = dict(before)
    yield Setting(env, parrot)
    env.stop()
    env.environment = before


def written(env):
    """Every file below ServerRoot and TMPDIR but what was put there here."""
    return [
        path
        for path in env.root.rglob("*")
        if path.is_file()
        and path.name not in ("httpd.conf", "check.conf")
        and env.root / "secrets" not in path.parents
    ]


@pytest.mark.parametrize("mode", ["give", "refuse", "garbage"])
def test_secrets_are_nowhere(env, parrot, setting, mode):
    log = env.error_log
    log.expect(".")
    parrot.mode = mode
    told = {}
    conf = setting.conf()
    env.start(conf)
    ask(setting, told)
    env.until(lambda: re.search("AZL0157|AZL0160", log.text()))
    shown = look(
        env,
        told,
        ("status", env.url, "--key", "env:MASTER_KEY"),
        ("convert", setting.yaml),
        ("check", setting.yaml),
    )
    seen, opened = processes(env)
    status, dumped = env.check(conf, "-D", "DUMP_AZURELIT")
    assert status == 0 and "aws-container" in dumped, dumped
    env.graceful()
    env.until(lambda: "AH00489" in log.text().partition("AH00493")[2])
    env.stop()
    marks = setting.marks()
    # they were there
    heard = "\n".join(parrot.heard).encode()
    for name, secret in setting.secrets.items():
        if name not in NEVER_SENT:
            sent = forms(secret) | forms(f"{CLIENT}:{secret}")
            assert found(sent, heard), name
    if mode == "give":
        borne = [one for one in parrot.given if one.encode() in heard]
        kinds = [one.partition("-")[0] for one in borne]
        # of five endpoints and of a vault
        assert kinds.count("TOKEN") >= 6
        assert "VAULT" in kinds and "AWSTOKEN" in kinds
    # ... and are nowhere
    places = {path: path.read_bytes() for path in written(env)} | opened
    places["pages and processes"] = shown + seen + dumped.encode()
    for name, answer in told.items():
        places[name] = answer.content
        places[name + ", headers"] = b"\n".join(
            b": ".join(one) for one in answer.headers.raw
        )
    leaks = {name: found(marks, data) for name, data in places.items()}
    assert [name for name, those in leaks.items() if those] == []
