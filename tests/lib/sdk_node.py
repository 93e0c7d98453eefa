"""Runs the checks of tests/sdk-node."""

import json
import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "sdk-node"
NODE = Path(os.environ.get("AZURELIT_SDK_NODE", SOURCE))


def run(program="checks", **settings):
    """The results by check name: "ok" or what went wrong."""
    if not (NODE / "node_modules" / "@anthropic-ai").exists():
        raise RuntimeError(f"run 'npm ci' in {NODE} first")
    done = subprocess.run(
        ["node", NODE / f"{program}.mjs"],
        input=json.dumps(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
