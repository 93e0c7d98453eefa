"""Beside other content and other modules: nobody disturbs the other."""

import gzip
import json
import socket

import pytest
from ask import WORDS, chat, error_of, events, said

PAGE = "<html>a page of the other site</html>"
DEFLATE_TYPES = "application/json text/html text/event-stream"


def configure(env, sim):
    site = env.root / "htdocs"
    site.joinpath("index.html").write_text(PAGE)
    site.joinpath("page.html").write_text(PAGE)
    site.joinpath("closed.html").write_text(PAGE)
    site.joinpath("error.html").write_text("an ErrorDocument")
    port = env.port
    conf = env.conf().add("AzureLITCooldown off")
    for name in ("deflate", "filter", "access_compat"):
        conf.add(f'LoadModule {name}_module "{env.modules}/mod_{name}.so"')
    conf.endpoint("a", sim.url).model("m1", "a/d1")
    conf.add(
        "AddType text/html .html",
        "ErrorDocument 401 /error.html",
        "ErrorDocument 403 /error.html",
        "ErrorDocument 404 /error.html",
        "ErrorDocument 413 /error.html",
        'ErrorDocument 500 "a text"',
        "ErrorDocument 503 /error.html",
        f"Alias /docs {site}",
        "<Location /server-status>",
        "SetHandler server-status",
        "</Location>",
        f"ProxyPass /sim {sim.url}/__sim",
        "ProxyPass /gone http://127.0.0.1:1 retry=0",
        "<Location /docs/closed.html>",
        "Require all denied",
        "</Location>",
    )

    def host(name, *lines):
        conf.vhost(port, f"ServerName {name}", *lines)

    def located(name, *lines, where="/"):
        host(name, f"<Location {where}>", *lines, "</Location>")

    host("beside.test")
    host("site.test", "AzureLIT off")
    host("base.test", "AzureLITBasePath /llm", "RewriteEngine on",
         "RewriteRule ^/llm/v1/embeddings - [F]",
         "RewriteRule ^/forbidden - [F]")
    located("denied.test", "Require all denied")
    located("far.test", "Require ip 192.0.2.1")
    located("near.test", "Require ip 127.0.0.1")
    located("any.test", "Order deny,allow", "Allow from all", "Satisfy any")
    located("handler.test", "SetHandler server-status")
    located("deflate.test", "SetOutputFilter DEFLATE")
    host("types.test", f"AddOutputFilterByType DEFLATE {DEFLATE_TYPES}")
    host("small.test", "LimitRequestBody 1000")
    host("fields.test", "LimitRequestFieldSize 300")
    located("limited.test", "LimitRequestBody 1000")
    host("elsewhere.test", "AzureLITMaxBody 2000", *[
        f"ErrorDocument {status} https://site.test/{status}.html"
        for status in (400, 403, 404, 405, 413)
    ])
    located("sent-away.test", "Require all denied",
            "ErrorDocument 403 https://site.test/403.html")
    host("forbid.test", "RewriteEngine on",
         "RewriteRule ^/v1/chat - [F]",
         "RewriteRule ^/v1/embeddings - [R=503]",
         "RewriteRule ^/v1/completions - [G]")
    host("status.test", "RewriteEngine on",
         "RewriteRule ^/v1/chat - [R=500]")
    return conf


def post(client, host, path="/v1/chat/completions", **more):
    headers = {"Host": host, **more.pop("headers", {})}
    return client.post(path, json=chat(**more), headers=headers)


def get(client, host, path):
    return client.get(path, headers={"Host": host, "Authorization": ""})


# ------------------------------------------------------------ other content


def test_static_pages(client):
    for path in ("/page.html", "/docs/page.html", "/"):
        answer = get(client, "beside.test", path)
        # The main page needs mod_dir, the others mod_alias and the core.
        assert answer.status_code == 200 and answer.text == PAGE


def test_status_page(client):
    answer = get(client, "beside.test", "/server-status?auto")
    assert answer.status_code == 200
    assert "BusyWorkers" in answer.text


def test_proxy_pass(client, sim):
    answer = get(client, "beside.test", "/sim/journal")
    assert answer.status_code == 200 and answer.json() == []


def test_api_beside_it(client):
    answer = post(client, "beside.test")
    assert answer.json()["choices"][0]["message"]["content"] == WORDS


def test_other_errors_stay(client, log):
    """Only what is below the API gets its form."""
    log.expect("AH01630", "AH01114", "AH00957", r"\[proxy")
    closed = get(client, "beside.test", "/docs/closed.html")
    assert closed.status_code == 403 and closed.text == "an ErrorDocument"
    gone = get(client, "beside.test", "/gone/x")
    assert gone.status_code == 503 and gone.text == "an ErrorDocument"
    for host in ("site.test", "base.test"):
        missing = get(client, host, "/v1/models")
        assert missing.status_code == 404
        assert missing.text == "an ErrorDocument"
    forbidden = get(client, "base.test", "/forbidden")
    assert forbidden.status_code == 403
    assert forbidden.text == "an ErrorDocument"


# --------------------------------------------- errors that others make of us


@pytest.mark.parametrize("host", ["denied.test", "far.test"])
@pytest.mark.parametrize("key", [True, False])
def test_require(client, sim, log, host, key):
    log.expect("AH01630")
    headers = {} if key else {"Authorization": "Bearer sk-nobody"}
    answer = post(client, host, headers=headers)
    # With no key either refusal is right; both are the API's.
    if key:
        assert answer.status_code == 403
    error_of(
        answer,
        answer.status_code,
        {401: "invalid_api_key", 403: "permission_denied"}[answer.status_code],
    )
    assert sim.journal() == []


def test_require_that_is_met(client):
    assert post(client, "near.test").status_code == 200
    answer = post(client, "near.test", headers={"Authorization": "x"})
    error_of(answer, 401, "invalid_api_key")


@pytest.mark.parametrize("stream", [False, True])
def test_satisfy_any_makes_no_key(client, sim, stream):
    """An allowed address is no key, also where one of both is enough."""
    for value in ("", "Bearer sk-nobody"):
        answer = post(client, "any.test", stream=stream,
                      headers={"Authorization": value})
        error_of(answer, 401, "invalid_api_key")
    answer = client.get(
        "/v1/models", headers={"Host": "any.test", "Authorization": ""}
    )
    error_of(answer, 401, "invalid_api_key")
    error_of(post(client, "any.test", model="m9"), 404, "model_not_found")
    assert sim.journal() == []
    assert post(client, "any.test").status_code == 200


@pytest.mark.parametrize(
    "host, path, status",
    [
        ("forbid.test", "/v1/chat/completions", 403),
        ("forbid.test", "/v1/embeddings", 503),
        ("forbid.test", "/v1/completions", 410),
        ("status.test", "/v1/chat/completions", 500),
        ("base.test", "/llm/v1/embeddings", 403),
    ],
)
def test_refused_before_we_saw_it(client, sim, host, path, status):
    """As mod_security or mod_rewrite do."""
    answer = post(client, host, path)
    error_of(answer, status, answer.json()["error"]["code"])
    assert sim.journal() == []


@pytest.mark.parametrize("host", ["small.test", "limited.test"])
def test_httpds_own_limit(client, sim, host):
    """LimitRequestBody of the core."""
    answer = post(client, host, user="x" * 2000)
    error_of(answer, 413, "request_too_large")
    assert sim.journal() == []
    assert post(client, host).status_code == 200


def test_error_documents(client):
    """They are for people; a client of the API gets the API's."""
    error_of(post(client, "beside.test", headers={"Authorization": "x"}), 401,
             "invalid_api_key")
    error_of(post(client, "beside.test", model="m9"), 404, "model_not_found")
    error_of(client.get("/v1/nothing", headers={"Host": "beside.test"}), 404,
             "not_found")
    answer = client.put("/v1/models", headers={"Host": "beside.test"})
    error_of(answer, 405, "method_not_allowed")


@pytest.mark.parametrize("name", ["server", "front_door"])
def test_upstream_errors(client, sim, name):
    sim.script({"error": name, "times": 3})
    answer = post(client, "beside.test")
    error_of(answer, answer.status_code, answer.json()["error"]["code"])
    assert answer.status_code in (500, 503)


# ------------------------------------------------------------- other modules


def test_set_handler(client):
    assert post(client, "handler.test").json()["model"] == "m1"
    assert client.get(
        "/v1/models", headers={"Host": "handler.test"}
    ).json()["data"][0]["id"] == "m1"


def raw(gateway, host, body):
    """The answer as it is on the wire, until the server is done with it."""
    text = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\n"
        "Accept-Encoding: gzip\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {gateway.key}\r\n"
        f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
    )
    sock = socket.create_connection(("127.0.0.1", gateway.port), 20)
    sock.sendall(head.encode() + text)
    return sock


@pytest.mark.parametrize("host", ["deflate.test", "types.test"])
def test_deflate_and_answers(gateway, client, host):
    """JSON may be compressed, and then it must be whole."""
    answer = post(client, host, headers={"Accept-Encoding": "gzip"})
    assert answer.json()["choices"][0]["message"]["content"] == WORDS
    assert answer.headers["content-encoding"] == "gzip"
    error = post(client, host, model="m9",
                 headers={"Accept-Encoding": "gzip"})
    error_of(error, 404, "model_not_found")


@pytest.mark.parametrize("host", ["deflate.test", "types.test"])
def test_deflate_and_streams(gateway, client, host):
    answer = post(client, host, stream=True,
                  headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert said(events(answer)) == WORDS
    assert events(answer)[-1] == "[DONE]"


@pytest.mark.parametrize("host", ["deflate.test", "types.test"])
def test_deflate_does_not_hold_events(gateway, sim, host):
    """The first event is here while the upstream waits with the second."""
    sim.script({"hold": 4})
    with raw(gateway, host, chat(stream=True)) as sock:
        seen = b""
        while b"\r\n\r\n" not in seen or not body_of(seen):
            piece = sock.recv(65536)
            assert piece
            seen += piece
        assert b"data: " in body_of(seen)
        assert b"[DONE]" not in seen


def body_of(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"content-encoding: gzip" in head.lower():
        return gzip.decompress(body)
    return body


# ------------------------------------------------------------- other methods


def test_head(client):
    for path in ("/v1/models", "/health/readiness"):
        answer = client.head(path, headers={"Host": "beside.test"})
        assert answer.status_code == 200 and answer.content == b""
    answer = client.head(
        "/v1/chat/completions", headers={"Host": "beside.test"}
    )
    assert answer.status_code == 405 and answer.content == b""
    assert answer.headers["allow"] == "POST"
    answer = client.head(
        "/v1/models",
        headers={"Host": "beside.test", "Authorization": "Bearer sk-no"},
    )
    assert answer.status_code == 401 and answer.content == b""
    # The connection is still good for the next.
    assert post(client, "beside.test").status_code == 200


def test_options(client, sim):
    answer = client.options(
        "/v1/chat/completions", headers={"Host": "beside.test"}
    )
    error_of(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    assert sim.journal() == []
    beside = client.options("/page.html", headers={"Host": "beside.test"})
    assert beside.status_code == 200
    whole = client.request("OPTIONS", "/page.html")
    assert "GET" in whole.headers["allow"]


# ------------------------------------------------------------ the connection


def until_end(sock):
    """All that comes until the server closes, which it does in any case
    after its KeepAliveTimeout."""
    seen = b""
    while piece := sock.recv(65536):
        seen += piece
    return seen


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["m1", "m9"])
def test_connection_close(gateway, stream, model):
    """The client's wish, although the upstream connection is kept."""
    with raw(gateway, "beside.test", chat(model, stream=stream)) as sock:
        head = until_end(sock).partition(b"\r\n\r\n")[0].lower()
    assert b"\r\nconnection: close" in head


# ------------------------------------------------- error documents elsewhere


@pytest.mark.parametrize(
    "change, status, code",
    [
        ({"headers": {"Authorization": "x"}}, 401, "invalid_api_key"),
        ({"model": "m9"}, 404, "model_not_found"),
        ({"user": "x" * 5000}, 413, "request_too_large"),
    ],
    ids=["401", "404", "413"],
)
def test_error_document_elsewhere(client, change, status, code):
    """A redirect to a page for people is of no use to a client of the API."""
    answer = post(client, "elsewhere.test", **change)
    error_of(answer, status, code)
    assert "location" not in answer.headers


def test_refused_with_an_error_document_elsewhere(client, log):
    log.expect("AH01630")
    answer = post(client, "sent-away.test")
    error_of(answer, 403, "permission_denied")
    assert "location" not in answer.headers
    # What is no request of ours goes where the operator sends it.
    page = client.get("/page.html", headers={"Host": "sent-away.test"})
    assert page.status_code == 302
    assert page.headers["location"] == "https://site.test/403.html"
