"""azurelitctl itself: commands, options, exit codes."""

import subprocess

import pytest


@pytest.mark.parametrize("words", [["--help"], ["-h"]])
def test_help(ctl, words):
    r = ctl(*words)
    assert r.code == 0
    assert r.out.startswith("usage: azurelitctl COMMAND")
    assert r.err == ""


@pytest.mark.parametrize(
    "words",
    [
        ["key", "--help"],
        ["key", "new", "--help"],
        ["key", "hash", "-h"],
        ["key", "check", "--help"],
    ],
)
def test_help_of_key(ctl, words):
    r = ctl(*words)
    assert r.code == 0
    assert r.out.startswith("usage: azurelitctl key new")


def test_help_of_usage(ctl):
    r = ctl("usage", "--help")
    assert r.code == 0
    assert r.out.startswith("usage: azurelitctl usage")


def test_help_says_every_option_of_usage(ctl):
    text = ctl("usage", "--help").out
    for option in ["from", "to", "date", "group-by", "status", "key-hash", "format"]:
        assert "--" + option + " " in text


def test_version(ctl):
    r = ctl("--version")
    assert r.code == 0
    name, version = r.out.split()
    assert name == "azurelitctl"
    assert version[0].isdigit()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["--version", "x"],
        ["key"],
        ["key", "nonsense"],
        ["key", "new", "name"],
        ["key", "new", "--nonsense"],
        ["key", "new", "--name"],
        ["key", "new", "--name", "a", "--name", "b"],
        ["key", "new", "--name=a", "--name=b"],
        ["key", "new", "--namex", "a"],
        ["key", "new", "-n", "a"],
        ["key", "check"],
        ["usage"],
    ],
)
def test_wrong_usage(ctl, words):
    r = ctl(*words)
    assert r.code == 2
    assert r.out == ""
    assert r.err.startswith("azurelitctl: ")
    assert r.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["sk-SECRET"],
        ["key", "sk-SECRET"],
        ["key", "hash", "sk-SECRET"],
        ["key", "hash", "--sk-SECRET"],
        ["key", "new", "sk-SECRET"],
        ["key", "new", "--name", "sk-SECRET"],
    ],
)
def test_a_key_in_the_wrong_place_is_not_repeated(ctl, words):
    r = ctl(*words)
    assert r.code == 2
    assert "SECRET" not in r.out + r.err


def test_full_disk(binary):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [binary, "--help"], stdout=full, stderr=subprocess.PIPE, timeout=60
        )
    assert done.returncode == 1
    assert b"cannot write" in done.stderr
