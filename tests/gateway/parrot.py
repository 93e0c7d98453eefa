"""A server that says what it was told: every service that gives out
credentials, and every upstream, as badly as it can be. What it is sent stands
in its errors, its headers, its codes."""

import base64
import contextlib
import json
import re
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

# What an upstream may do: the status and the shape of its answer.
WAYS = {
    "bad request": (400, "openai"),
    "busy": (429, "openai"),
    "broken": (500, "openai"),
    "as a page": (502, "page"),
    "as text": (400, "text"),
    "as a code": (400, "code"),
    "good": (200, "headers"),
    "in a stream": (200, "stream"),
    "refused": (401, "openai"),
}


class Parrot:
    def __init__(self):
        self.given = []  # secrets that it has made up
        self.heard = []  # whatever it was sent
        self.mode = "give"
        self.way = "bad request"
        parrot = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length).decode(errors="replace")
                said = f"{self.path}\n{self.headers}\n{body}"
                parrot.heard.append(said)
                with contextlib.suppress(OSError):
                    self.answer(*parrot.answer(self.path, said))

            do_POST = do_PUT = do_GET

            def answer(self, status, kind, text, headers=()):
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def make(self, kind):
        self.given.append(f"{kind}-{secrets.token_hex(24)}")
        return self.given[-1]

    def answer(self, path, said):
        if path.startswith("/model"):
            return self.as_upstream(path, said)
        if self.mode == "refuse":
            return self.refusal(said)
        if self.mode == "garbage":
            return 200, "application/json", "{" + said
        return self.as_provider(path, said)

    @staticmethod
    def refusal(said):
        document = {
            "error": "invalid_client",
            "error_description": said,
            "error_codes": [7000215],
            "message": said,
            "access_token": 1,
        }
        return 401, "application/json", json.dumps(document)

    def as_provider(self, path, said):
        if path.startswith("/config"):
            return 403, "application/xml", f"<Code>Denied</Code>{said}"
        if path.startswith("/secrets/"):
            document = {"value": self.make("VAULT")}
        elif path.startswith("/aws"):
            document = {
                "AccessKeyId": "AKIDCONTAINER",
                "SecretAccessKey": self.make("AWSSECRET"),
                "Token": self.make("AWSTOKEN"),
                "Expiration": "2099-01-01T00:00:00Z",
            }
        else:
            document = {
                "access_token": self.make("TOKEN"),
                "token_type": "Bearer",
                "expires_in": 3600,
            }
        return 200, "application/json", json.dumps(document)

    def as_upstream(self, path, said):
        status, shape = WAYS[self.way]
        words = " ".join(said.split())
        key = next(
            line.partition(": ")[2].removeprefix("Bearer ")
            for line in said.split("\n")
            if line.lower().startswith(
                ("authorization:", "api-key:", "x-api-key:", "x-goog-api-key:")
            )
        )
        names = (
            "x-echo x-request-id openai-organization Server Set-Cookie "
            "WWW-Authenticate Location ETag"
        ).split()
        if status != 200:
            # those of a good answer pass
            names += ["apim-request-id", "Retry-After", "retry-after-ms"]
            names += ["x-ratelimit-remaining-requests"]
        headers = [(name, key) for name in names]
        error = {"message": f"You sent {words}", "type": "bad", "code": "bad"}
        if shape == "code":
            error = {"message": key, "type": key, "code": key, "param": key}
        text = json.dumps({"error": error})
        if shape == "headers":
            text = json.dumps({"id": "a", "object": "chat.completion"})
        if shape == "stream":
            text = f"event: error\ndata: {text}\n\n"
            return status, "text/event-stream", text, headers
        if shape == "page":
            text = f"<html><h1>{words}</h1></html>"
            return status, "text/html", text, headers
        if shape == "text":
            return status, "text/plain", words, headers
        return status, "application/json", text, headers


def forms(secret):
    """A secret as it is, and as it is encoded on its way."""
    plain = secret.encode()
    quoted = quote(secret, safe="")
    lower = re.sub("%..", lambda one: one.group().lower(), quoted)
    return {
        plain,
        quoted.encode(),
        lower.encode(),
        base64.b64encode(plain),
        base64.urlsafe_b64encode(plain).rstrip(b"="),
    }
