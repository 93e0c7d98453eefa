"""azurelitctl status, against a server that says what a test wants."""

import http.server
import json
import ssl
import subprocess
import threading

import pytest
from certs import Authority

KEY = "sk-master-SECRET"


def entry(**members):
    found = {
        "model": "m1",
        "deployment": "swc/gpt-4.1",
        "model_id": "0123456789abcdef",
        "state": "ok",
        "why": None,
        "until": None,
        "in_flight": 2,
        "calls_this_minute": 31,
        "failures_this_minute": 0,
        "latency_ms": 420,
        "first_token_ms": None,
        "remaining_requests": 99,
        "remaining_tokens": None,
    }
    found.update(members)
    return found


def health(good, bad=()):
    return {
        "healthy_endpoints": list(good),
        "healthy_count": len(good),
        "unhealthy_endpoints": list(bad),
        "unhealthy_count": len(bad),
    }


@pytest.fixture
def server():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append((self.path, dict(self.headers)))
            body = self.server.answer
            if not isinstance(body, bytes):
                body = json.dumps(body).encode()
            self.send_response(self.server.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.asked = []
    found.status = 200
    found.answer = health([entry()])
    found.url = f"http://127.0.0.1:{found.server_address[1]}"
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    return f"file:{path}"


def test_table(ctl, server, key):
    r = ctl("status", "--key", key, server.url)
    assert (r.code, r.err) == (0, "")
    head, row, last = r.out.splitlines()
    assert head.split("  ")[0] == "model"
    assert row.split() == [
        "m1", "swc/gpt-4.1", "ok", "2", "31", "0", "420", "ms", "-", "99",
        "-", "-",
    ]
    # Numbers stand under the end of their titles.
    end = head.index("calls") + len("calls")
    assert row[:end].endswith(" 31")
    assert last == "1 well, 0 not"
    path, headers = server.asked[0]
    assert path == "/health"
    assert headers["Authorization"] == f"Bearer {KEY}"


def test_the_sick_come_first(ctl, server):
    sick = entry(
        deployment="weu/gpt-41",
        state="cooling",
        why="status 429",
        until="2026-11-21T10:00:00.000Z",
    )
    server.answer = health([entry(), entry(model="m2")], [sick])
    r = ctl("status", server.url)
    assert r.code == 1
    lines = r.out.splitlines()
    assert lines[1].split()[1:3] == ["weu/gpt-41", "cooling"]
    assert lines[1].endswith("  status 429")
    assert lines[-1] == "2 well, 1 not"
    assert "Authorization" not in server.asked[0][1]


@pytest.mark.parametrize("slash", ["", "/", "//"])
def test_base_path(ctl, server, slash):
    assert ctl("status", server.url + "/llm" + slash).code == 0
    assert server.asked[0][0] == "/llm/health"


def test_names_do_not_steer_the_terminal(ctl, server):
    server.answer = health([entry(model="\x1b[2Jm\n")])
    r = ctl("status", server.url)
    assert "\x1b" not in r.out and "?[2Jm?" in r.out
    assert len(r.out.splitlines()) == 3


@pytest.mark.parametrize(
    "status, said",
    [
        (401, "wants its master key; see --key"),
        (403, "and this is another"),
        (404, "answers 404"),
        (500, "answers 500"),
    ],
)
def test_refusals(ctl, server, key, status, said):
    server.status = status
    r = ctl("status", "--key", key, server.url)
    assert (r.code, r.out) == (1, "")
    assert said in r.err and r.err.count("\n") == 1
    assert KEY not in r.err


@pytest.mark.parametrize("answer", [b"<html>", b"[]", {"status": "healthy"}])
def test_something_else_answers(ctl, server, answer):
    server.answer = answer
    r = ctl("status", server.url)
    assert (r.code, r.out) == (1, "")
    assert "no mod_azurelit" in r.err


def test_nobody_answers(ctl):
    r = ctl("status", "http://127.0.0.1:1")
    assert (r.code, r.out) == (1, "")
    assert "the connection was refused" in r.err


def test_no_url(ctl):
    r = ctl("status", "llm.example.com")
    assert (r.code, r.out) == (1, "")
    assert "no URL of http or https" in r.err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["http://a", "http://b"],
        ["--watch", "0", "http://a"],
        ["--watch", "x", "http://a"],
        ["--key", KEY, "http://a"],
        ["--key", "env:NOT_THERE_AT_ALL", "http://a"],
        ["--key", "file:/not/there", "http://a"],
    ],
)
def test_wrong_usage(ctl, words):
    r = ctl("status", *words)
    assert (r.code, r.out) == (2, "")
    assert r.err.startswith("azurelitctl: ") and r.err.count("\n") == 1
    assert KEY not in r.err


def test_help(ctl):
    r = ctl("status", "--help")
    assert r.code == 0
    for option in ["key", "ca", "watch"]:
        assert "--" + option + " " in r.out


def test_watch(binary, server):
    """Again and again, also when the server is away for a moment."""
    with subprocess.Popen(
        [binary, "status", "--watch", "1", server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            while process.stdout.readline().strip() != "1 well, 0 not":
                pass
            server.status = 503
            assert "answers 503" in process.stderr.readline()
            server.status = 200
            while process.stdout.readline().strip() != "1 well, 0 not":
                pass
        finally:
            process.terminate()


def test_certificates(ctl, server, tmp_path):
    """The authority it is given, or the system's."""
    authority = Authority(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.leaf())
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = server.url.replace("http://127.0.0.1", "https://localhost")
    r = ctl("status", "--ca", authority.ca, url)
    assert (r.code, r.err) == (0, "")
    r = ctl("status", url)
    assert (r.code, r.out) == (1, "")
    assert "the certificate is not accepted" in r.err
    r = ctl("status", "--ca", tmp_path / "missing.pem", url)
    assert (r.code, r.out) == (1, "")
    assert "trusted authorities cannot be read" in r.err
