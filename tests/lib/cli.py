"""The coding agents of tests/cli, as somebody starts them who has a project
and the gateway, and no other network."""

import os
import socketserver
import subprocess
import threading
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "cli"
CLI = Path(os.environ.get("AZURELIT_CLI", SOURCE))
MODULES = CLI / "node_modules"
CODEX_PROGRAM = MODULES / "@openai" / "codex" / "bin" / "codex.js"
CLAUDE_PROGRAM = MODULES / "@anthropic-ai" / "claude-code" / "cli-wrapper.cjs"

# With analytics or plugins it asks servers of OpenAI and GitHub too.
CODEX = """\
model = "{model}"
model_provider = "gateway"
analytics.enabled = false
features.plugins = false

[model_providers.gateway]
name = "Gateway"
base_url = "{url}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""


class Nowhere(socketserver.ThreadingTCPServer):
    """A proxy that lets nobody through, and knows who wanted to."""

    daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            line = self.rfile.readline(4096)
            self.server.asked.append(line.decode("latin-1").strip())

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.asked = []
        threading.Thread(
            target=self.serve_forever, args=(0.05,), daemon=True
        ).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Desk:
    """A home with a project in it."""

    def __init__(self, where, gateway):
        self.home = where
        self.gateway = gateway
        self.project = where / "project"
        self.project.mkdir()
        self.nowhere = Nowhere()

    def close(self):
        self.nowhere.shutdown()
        self.nowhere.server_close()

    def run(self, program, *arguments, **variables):
        """What it prints."""
        if not program.exists():
            raise RuntimeError(f"run 'npm ci' in {CLI} first")
        proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        done = subprocess.run(
            ["node", program, *arguments],
            cwd=self.project,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "NO_PROXY": "127.0.0.1",
                **dict.fromkeys(proxies, self.nowhere.url),
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def codex(self, model, prompt):
        settings = self.home / ".codex" / "config.toml"
        settings.parent.mkdir(exist_ok=True)
        settings.write_text(
            CODEX.format(model=model, url=self.gateway.url)
        )
        return self.run(
            CODEX_PROGRAM, "exec", "--skip-git-repo-check",
            "--dangerously-bypass-approvals-and-sandbox", prompt,
            GATEWAY_KEY=self.gateway.key,
        )

    def claude(self, prompt, *arguments, **variables):
        return self.run(
            CLAUDE_PROGRAM, "-p", prompt, "--permission-mode", "acceptEdits",
            *arguments,
            ANTHROPIC_BASE_URL=self.gateway.url,
            ANTHROPIC_AUTH_TOKEN=self.gateway.key,
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
            **variables,
        )
