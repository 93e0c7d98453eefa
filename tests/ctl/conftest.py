"""Runs azurelitctl, the binary that AZURELITCTL names."""

import os
import subprocess

import pytest


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()


@pytest.fixture(scope="session")
def binary():
    path = os.environ.get("AZURELITCTL")
    if not path:
        pytest.skip("AZURELITCTL does not say where azurelitctl is")
    return path


@pytest.fixture
def ctl(binary):
    def run(*args, stdin=b""):
        if isinstance(stdin, str):
            stdin = stdin.encode()
        done = subprocess.run(
            [binary, *[str(a) for a in args]],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=60,
        )
        return Result(done)

    return run
