"""azurelitctl key new, hash, check."""

import hashlib
import os
import pty
import re
import select
import time

import pytest


def digest(key):
    if isinstance(key, str):
        key = key.encode()
    return "sha256:" + hashlib.sha256(key).hexdigest()


# ---- new


def test_new_prints_a_key_and_its_directive(ctl):
    r = ctl("key", "new")
    assert r.code == 0
    key, directive = r.out.splitlines()
    assert re.fullmatch(r"sk-[A-Za-z0-9_-]{43}", key)
    assert directive == f"AzureLITKey key-{digest(key)[7:15]} {digest(key)}"


@pytest.mark.parametrize("words", [["--name", "team-a"], ["--name=team-a"]])
def test_new_with_a_name(ctl, words):
    r = ctl("key", "new", *words)
    key, directive = r.out.splitlines()
    assert directive == f"AzureLITKey team-a {digest(key)}"


def test_new_is_new_each_time(ctl):
    assert len({ctl("key", "new").out.split()[0] for _ in range(20)}) == 20


@pytest.mark.parametrize("name", ["", "two words", 'quote"', "x" * 65, "sha256:ab"])
def test_new_refuses_names(ctl, name):
    r = ctl("key", "new", "--name", name)
    assert r.code == 2
    assert "name" in r.err
    assert r.out == ""


# ---- hash


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_hash(ctl, end):
    r = ctl("key", "hash", stdin="sk-test" + end)
    assert r.code == 0
    assert r.out == digest("sk-test") + "\n"
    assert r.err == ""


def test_hash_of_the_longest_key(ctl):
    key = "k" * 512
    assert ctl("key", "hash", stdin=key + "\r\n").out == digest(key) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\r\n",
        " sk-test\n",
        "sk-test \n",
        "sk test\n",
        "sk-a\nsk-b\n",
        "sk-test\n\n",
        "sk-\x00test",
        "sk-täst",
        "k" * 513,
        "k" * 513 + "\n",
        "k" * 100000,
    ],
)
def test_hash_refuses(ctl, text):
    r = ctl("key", "hash", stdin=text)
    assert r.code == 1
    assert r.out == ""
    assert r.err.startswith("azurelitctl: ")
    assert "sk-" not in r.err


def test_hash_takes_no_argument(ctl):
    r = ctl("key", "hash", "sk-SECRET", stdin="sk-other\n")
    assert r.code == 2
    assert r.out == ""
    assert "SECRET" not in r.err


def test_hash_asks_at_a_terminal_without_echo(binary):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(binary, [binary, "key", "hash"])
    seen = b""
    deadline = time.monotonic() + 60
    typed = False
    while time.monotonic() < deadline:
        ready, _, _ = select.select([fd], [], [], 1)
        if not ready:
            continue
        try:
            data = os.read(fd, 4096)
        except OSError:  # the other side is gone
            break
        if not data:
            break
        seen += data
        if not typed and b"Key: " in seen:
            os.write(fd, b"sk-typed\n")
            typed = True
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    assert os.waitstatus_to_exitcode(status) == 0
    assert b"sk-typed" not in seen
    assert digest("sk-typed").encode() in seen


# ---- check


@pytest.fixture
def keyfile(tmp_path):
    def write(text, name="keys"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_check_good_file(ctl, keyfile):
    path = keyfile(
        f"# ours\nteam-a {digest('a')}\n"
        f"team-b {digest('b')} models=gpt-*,o3 expires=2999-01-01\n"
    )
    r = ctl("key", "check", path)
    assert r.code == 0
    assert r.out == f"{path}: 2 keys, 0 of them expired, 0 wrong lines\n"
    assert r.err == ""


def test_check_names_expired_keys(ctl, keyfile):
    path = keyfile(
        f"old {digest('a')} expires=2026-01-31\n"
        f"older {digest('b')} expires=2020-01-31T10:00:00+02:00\n"
        f"new {digest('c')}\n"
    )
    r = ctl("key", "check", path)
    assert r.code == 0
    assert r.out.splitlines() == [
        f"{path}: key 'old' expired at 2026-01-31T00:00:00.000Z",
        f"{path}: key 'older' expired at 2020-01-31T08:00:00.000Z",
        f"{path}: 3 keys, 2 of them expired, 0 wrong lines",
    ]


def test_check_names_every_wrong_line(ctl, keyfile):
    path = keyfile(
        f"team-a {digest('a')}\n"
        "team-b sk-SECRET\n"
        f"team-a {digest('c')}\n"
        f"team-d {digest('a')}\n"
        f"team-e {digest('e')} model=gpt-4.1\n"
    )
    r = ctl("key", "check", path)
    assert r.code == 1
    assert r.out == f"{path}: 1 keys, 0 of them expired, 4 wrong lines\n"
    lines = r.err.splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{path}:{n}" for n in (2, 3, 4, 5)]
    assert "azurelitctl key hash" in lines[0]
    assert "'team-a'" in lines[1]
    assert "'team-d'" in lines[2] and "'team-a'" in lines[2]
    assert "models=" in lines[3]
    assert "SECRET" not in r.err


def test_check_several_files(ctl, keyfile):
    good = keyfile(f"a {digest('a')}\n", "good")
    bad = keyfile("a\n", "bad")
    missing = good.parent / "missing"
    r = ctl("key", "check", bad, missing, good)
    assert r.code == 1
    assert f"cannot read {missing}" in r.err
    # each for itself: the same name in two files is fine
    assert f"{good}: 1 keys" in r.out
    assert f"{bad}: 0 keys" in r.out


def test_what_new_prints_is_a_line_of_a_key_file(ctl, keyfile):
    lines = []
    for n in range(3):
        directive = ctl("key", "new", "--name", f"team-{n}").out.splitlines()[1]
        lines.append(directive.removeprefix("AzureLITKey "))
    r = ctl("key", "check", keyfile("\n".join(lines)))
    assert r.code == 0
    assert "3 keys" in r.out


def test_check_ten_thousand_keys(ctl, keyfile):
    path = keyfile("".join(f"k{n} {digest(str(n))}\n" for n in range(10000)))
    r = ctl("key", "check", path)
    assert r.code == 0
    assert "10000 keys" in r.out
