"""A private httpd with the module under test.

AZURELIT_BUILD names the build tree (default: build-dev, then the source
tree), AZURELIT_SO the module if it is elsewhere. Everything is written below
gateway-tests/ in the build tree, one folder for each worker.
"""

import contextlib
import datetime
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

import httpx
from certs import Authority
from conf import MODULES, Conf
from errorlog import ErrorLog
from ports import free_port

TOP = Path(__file__).resolve().parent.parent.parent
# What a server gets: ours, without what is for the clients of the tests.
INHERITED = dict(os.environ)


def build_tree():
    named = os.environ.get("AZURELIT_BUILD")
    if named:
        return Path(named)
    for path in (TOP / "build-dev", TOP):
        if (path / ".libs" / "mod_azurelit.so").exists():
            return path
    return TOP / "build-dev"


def query(name):
    return subprocess.run(
        [shutil.which("apxs") or shutil.which("apxs2"), "-q", name],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.strip()


class Env:
    def __init__(self, worker):
        self.build = build_tree()
        self.module = Path(
            os.environ.get(
                "AZURELIT_SO", self.build / ".libs" / "mod_azurelit.so"
            )
        )
        self.ctl = self.build / "azurelitctl"
        self.httpd = (
            shutil.which("httpd")
            or shutil.which("apache2")
            or "/usr/sbin/apache2"
        )
        self.modules = Path(query("LIBEXECDIR"))
        self.root = self.build / "gateway-tests" / worker
        shutil.rmtree(self.root, ignore_errors=True)
        self.logs = self.root / "logs"
        self.logs.mkdir(parents=True)
        self.tmp = self.root / "tmp"
        self.tmp.mkdir()
        (self.root / "htdocs").mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # What must never be found in a file the server wrote.
        self.key = "sk-test-" + secrets.token_hex(16)
        self.sim_key = "SIMSECRET" + secrets.token_hex(12)
        self.master = "sk-master-" + secrets.token_hex(16)
        self.secrets = [self.key, self.sim_key, self.master, "PROMPT-MARK"]
        self.environment = {
            **INHERITED,
            "SIM_KEY": self.sim_key,
            "MASTER_KEY": self.master,
            "TMPDIR": str(self.tmp),
        }
        # A client of ours over plain HTTP reads one authority, not all that
        # there are in the world, which takes it 25 ms.
        os.environ["SSL_CERT_FILE"] = str(Authority(self.root / "nobody").ca)
        self.error_log = ErrorLog(self.logs / "error.log")
        self.usage_log = self.logs / "usage.jsonl"
        self.since = ""
        self.simulators = []
        self.process = None
        self.begun = 0  # its part of the error log
        self.pretence = None

    # ------------------------------------------------------- configuration

    def conf(self):
        """A configuration with our key, usage log and master key."""
        return (
            Conf()
            .on()
            .key("tester", self.key)
            .add(
                "AzureLITMasterKey env:MASTER_KEY",
                "AzureLITUsageLog logs/usage.jsonl",
            )
        )

    def frame(self, own):
        lines = [
            f'ServerRoot "{self.root}"',
            f'PidFile "{self.root}/httpd.pid"',
            f'ErrorLog "{self.error_log.path}"',
            f'DocumentRoot "{self.root}/htdocs"',
            f"Listen 127.0.0.1:{self.port}",
            "ServerName localhost",
            "TypesConfig /dev/null",
            "TraceEnable off",
            f'SSLSessionCache "shmcb:{self.root}/ssl_scache(512000)"',
            "LogLevel warn azurelit:trace8",
            "StartServers 1",
            # Four that serve, and places for those of former generations.
            "ServerLimit 16",
            "ThreadsPerChild 32",
            "MaxRequestWorkers 128",
            "GracefulShutdownTimeout 10",
            # Records of a connection of HTTP/2 may come when it ends only.
            "KeepAliveTimeout 5",
            "AllowEncodedSlashes NoDecode",
        ]
        loads = [
            f'LoadModule {name}_module "{self.modules}/mod_{name}.so"'
            for name in MODULES
            if (self.modules / f"mod_{name}.so").exists()
        ]
        loads.append(f'LoadModule azurelit_module "{self.module}"')
        if os.geteuid() == 0:
            lines += ["User nobody", "Group nogroup"]
        return "\n".join(loads + lines) + "\n" + own

    def install(self, conf):
        own = conf if isinstance(conf, str) else conf.text()
        path = self.root / "httpd.conf"
        path.write_text(self.frame(own))
        return path

    def check(self, conf, *options):
        """httpd -t: (exit code, what it said). The line numbers in it count
        from the frame; own_line() turns them back."""
        path = self.root / "check.conf"
        own = conf if isinstance(conf, str) else conf.text()
        path.write_text(self.frame(own).replace("httpd.pid", "check.pid"))
        done = subprocess.run(
            [self.httpd, "-t", "-f", path, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
            timeout=120,
        )
        return done.returncode, done.stdout

    def own_line(self, number):
        """The line of the file for line `number` (from 1) of a test's."""
        return self.frame("").count("\n") + number

    # ------------------------------------------------------------- process

    def start(self, conf):
        self.stop()
        path = self.install(conf)
        self.open_tree()
        self.begun = self.error_log.size()
        out = open(self.logs / "stdout", "a")
        self.process = subprocess.Popen(
            [self.httpd, "-f", path, "-DFOREGROUND"],
            stdout=out,
            stderr=out,
            env=self.environment,
        )
        out.close()
        self.wait()

    def open_tree(self):
        """The children run as nobody and must reach htdocs and tmp."""
        if os.geteuid() == 0:
            self.tmp.chmod(0o777)

    def wait(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            # It listens before its configuration is complete: ask.
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(self.url, timeout=5)
                return
            time.sleep(0.02)
        raise RuntimeError(
            "httpd does not start: " + self.error_log.text()[-2000:]
            + (self.logs / "stdout").read_text()[-2000:]
        )

    def graceful(self, conf=None):
        """Ask for a graceful restart; until() waits for its effect."""
        if conf is not None:
            self.install(conf)
        self.process.send_signal(signal.SIGUSR1)

    @staticmethod
    def until(condition, timeout=40):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, "did not happen"
            time.sleep(0.05)

    def is_restarting(self):
        """It has begun to, and is not through."""
        with self.error_log.path.open("rb") as file:
            file.seek(self.begun)
            log = file.read()
        return log.rfind(b"AH00493") > log.rfind(b"AH00489")

    def stop(self):
        if self.process and self.process.poll() is None:
            # httpd forgets what it is told just when it begins a restart.
            self.until(
                lambda: not self.is_restarting()
                or self.process.poll() is not None
            )
            self.process.terminate()
            self.process.wait(60)
        self.process = None

    # -------------------------------------------------------------- client

    def client(self, **options):
        options.setdefault("base_url", self.url)
        options.setdefault("timeout", 30)
        options.setdefault("headers", {"Authorization": f"Bearer {self.key}"})
        return httpx.Client(**options)

    def fresh_client(self, **options):
        """A connection for each request: one that is kept may be ended by a
        restart, or by a clock that is set, just when the next is sent."""
        limits = httpx.Limits(max_keepalive_connections=0)
        return self.client(limits=limits, **options)

    # --------------------------------------------------------------- files

    def records(self, count=None, timeout=30):
        """The usage records of requests since forget_records(), in the order
        in which these began; waits until there are `count` of them, as a
        record is written after its answer."""
        end = time.monotonic() + timeout
        while True:
            text = ""
            if self.usage_log.exists():
                text = self.usage_log.read_text()
            # The last line may still be written.
            lines = text[: text.rfind("\n") + 1].splitlines()
            records = [json.loads(line) for line in lines]
            # Not one that comes late, of a request of another test.
            records = [one for one in records if one["time"] >= self.since]
            if count is None or len(records) >= count:
                break
            if time.monotonic() > end:
                break
            time.sleep(0.02)
        assert count is None or len(records) == count, records
        return sorted(records, key=lambda one: one["time"])

    def forget_records(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        if self.pretence:  # it is by the server's clock
            now += datetime.timedelta(seconds=self.pretence.seconds)
        self.since = now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        if self.usage_log.exists():
            os.truncate(self.usage_log, 0)

    def leaks(self):
        """Secrets and marked prompts in what the server wrote."""
        found = []
        marks = [secret.encode() for secret in self.secrets]
        for top in (self.logs, self.tmp):
            for path in top.rglob("*"):
                if path.is_file():
                    data = path.read_bytes()
                    found += [
                        f"{path.name}: {mark.decode()}"
                        for mark in marks
                        if mark in data
                    ]
        return found
