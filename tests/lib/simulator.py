"""A simulator process and its control paths."""

import base64
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parent.parent / "sim"
# What simulators call a request for a key or a token.
CREDENTIALS = ("container", "metadata", "secret", "token")


class Simulator:
    """`provider` names the program: azure, anthropic, databricks ...; the
    arguments are options of that program."""

    def __init__(self, where, deployments, key, *arguments, tls=None,
                 address=None, port=0, provider="azure"):
        where.mkdir(parents=True, exist_ok=True)
        self.key = key
        port_file = where / "port"
        port_file.unlink(missing_ok=True)
        self.log = open(where / "simulator.out", "a")
        program = PROGRAMS / f"{provider}_sim"
        command = [sys.executable, program, "--port-file", port_file]
        command += ["--deployments", ",".join(deployments), "--key", key]
        command += ["--port", str(port)]
        if tls:
            command += ["--cert", tls]
        if address:
            command += ["--host", address]
        self.process = subprocess.Popen(
            [*command, *arguments], stdout=self.log, stderr=self.log
        )
        end = time.monotonic() + 60
        while not port_file.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"no simulator: see {where}")
            time.sleep(0.02)
        self.port = int(port_file.read_text())
        self.scheme = "https" if tls else "http"
        self.host = address or ("localhost" if tls else "127.0.0.1")

    @property
    def url(self):
        return f"{self.scheme}://{self.host}:{self.port}"

    def control(self, method, name, document=None):
        import ssl

        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(
            f"{self.url}/__sim/{name}", data=body, method=method
        )
        context = None
        if self.scheme == "https":
            context = ssl._create_unverified_context()
        with urllib.request.urlopen(request, context=context) as answer:
            return json.load(answer)

    def script(self, *behaviours, deployment="*"):
        self.control(
            "POST",
            "script",
            {"deployment": deployment, "behaviours": list(behaviours)},
        )

    def heal(self):
        """From now on everything is well; the journal stays."""
        self.control("DELETE", "script")

    def reset(self):
        self.control("POST", "reset", {})

    def release(self):
        """Let go on what a behaviour holds."""
        self.control("POST", "release", {})

    def usage(self):
        """The tokens it has counted since the last reset."""
        return self.control("GET", "usage")

    def open(self):
        """Connections that the other side has not ended, ours included."""
        return self.control("GET", "open")

    def journal(self):
        """What came in; `raw` is the body, `json` the same understood."""
        entries = self.control("GET", "journal")
        for entry in entries:
            entry["raw"] = base64.b64decode(entry["body"])
            entry["fields"] = {
                name.lower(): value for name, value in entry["headers"]
            }
            try:
                entry["json"] = json.loads(entry["raw"])
            except ValueError:
                entry["json"] = None
        return entries

    def asked(self):
        """What came in of models. Keys and tokens are fetched ahead of their
        time by whoever wants them, so at any moment between."""
        return [
            entry for entry in self.journal()
            if entry["deployment"] not in CREDENTIALS
        ]

    def last(self):
        return self.asked()[-1]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()
