"""What the service answers: paths, credentials, operations.

  /v1/...                    api.anthropic.com: the key in x-api-key, as
                             SDKs did until 2026, or as Bearer, as they do
                             now
  /anthropic/v1/...          Azure Foundry: the key in x-api-key or api-key,
                             or the token as Bearer
  /v1/projects/.../models/M:rawPredict or :streamRawPredict
                             Vertex: the token as Bearer

Where no token is given, the key is good in its place.
"""

import json
import re

from anthropic_sim import members
from anthropic_sim.ask import ask_of
from anthropic_sim.check import Check
from anthropic_sim.errors import ERRORS, GOOGLE, anthropic, bad, google
from anthropic_sim.families import family
from anthropic_sim.message import Message, new_id
from simbase.service import Call, Refused, Service

PLAIN = re.compile(r"^(/anthropic)?/v1/(messages|messages/count_tokens)$")
MODELS = re.compile(r"^/v1/models(?:/([^/]+))?$")
VERTEX = re.compile(
    r"^/v1/projects/[^/]+/locations/[^/]+/publishers/anthropic/models/"
    r"([^/:]+):(rawPredict|streamRawPredict)$"
)
VERSIONS = ("2023-01-01", "2023-06-01", "2026-10-21")
VERTEX_VERSION = "vertex-2023-10-16"
COUNT = "count-tokens"


class Anthropic(Service):
    errors = ERRORS
    audiences = (
        "https://cognitiveservices.azure.com", "https://ai.azure.com",
    )

    # ----------------------------------------------------------- credentials

    def check_key(self, request, foundry):
        key = request.header("x-api-key")
        if key is None and foundry:
            key = request.header("api-key")
        if key is not None:
            if key != self.key:
                raise self.error("bad_key")
            return
        if request.header("authorization") is None:
            raise self.error("no_key")
        good = [self.token or self.key]
        self.check_bearer(request, good if foundry else [self.key, *good])

    def check_bearer(self, request, good):
        scheme, _, bearer = (request.header("authorization") or "").partition(
            " "
        )
        if scheme.lower() != "bearer" or not (
            bearer in good or self.bears(bearer)
        ):
            raise self.error("bad_token")

    # ----------------------------------------------------------------- paths

    def understand(self, request):
        vertex = VERTEX.match(request.path)
        if vertex:
            return self.vertex(request, *vertex.groups())
        plain = PLAIN.match(request.path)
        models = MODELS.match(request.path)
        if not plain and not models:
            raise self.error("no_path")
        self.check_key(request, bool(plain and plain[1]))
        self.check_version(request)
        if models:
            self.check_method(request, "GET")
            return Call("models", models[1], request_id=new_id("req"))
        self.check_method(request, "POST")
        body = self.body(request)
        return self.call(plain[2].rpartition("/")[2], body)

    @staticmethod
    def call(operation, body):
        if "model" not in body:
            raise bad("model: Field required")
        if not isinstance(body["model"], str):
            raise bad("model: Input should be a valid string")
        return Call(
            operation, body["model"], body=body, request_id=new_id("req")
        )

    def vertex(self, request, model, action):
        self.check_bearer(request, [self.token or self.key])
        self.check_method(request, "POST")
        body = self.body(request)
        version = body.pop("anthropic_version", None)
        if version is None:
            raise bad("anthropic_version: Field required")
        if version != VERTEX_VERSION:
            raise bad(f"anthropic_version: Input should be '{VERTEX_VERSION}'")
        body.pop("anthropic_beta", None)
        if model == COUNT:
            return self.call("count_tokens", body)
        if "model" in body:
            raise bad("model: Extra inputs are not permitted")
        return self.call("messages", {**body, "model": model})

    @staticmethod
    def check_version(request):
        version = request.header("anthropic-version")
        if version is None:
            raise bad("anthropic-version: header is required")
        if version not in VERSIONS:
            raise bad(
                f'anthropic-version: "{version}" is not a valid version'
            )

    @staticmethod
    def check_method(request, method):
        if request.method != method:
            raise Refused(
                405, anthropic("invalid_request_error", "Method Not Allowed")
            )

    @staticmethod
    def body(request):
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise bad("The request body is not valid JSON")
        return body

    # --------------------------------------------------------------- answers

    def headers(self, call):
        names = ("requests", "tokens", "input-tokens", "output-tokens")
        headers = {
            "Content-Type": "application/json",
            "request-id": call.request_id if call else new_id("req"),
            "anthropic-organization-id": "sim",
            "cf-ray": "sim",
            "Set-Cookie": "__cf_bm=sim; path=/",
        }
        for name in names:
            start = f"anthropic-ratelimit-{name}"
            headers[f"{start}-limit"] = "4000"
            headers[f"{start}-remaining"] = "3999"
            headers[f"{start}-reset"] = "2026-11-21T00:00:00Z"
        return headers

    def refusal(self, request, call, error):
        headers, body = super().refusal(request, call, error)
        if VERTEX.match(request.path) and error.status in GOOGLE:
            body = google(error.status, body["error"]["message"])
        elif isinstance(body, dict) and "error" in body:
            body = {**body, "request_id": headers["request-id"]}
        return headers, body

    def known(self, call):
        if call.deployment is not None:
            if call.deployment not in self.deployments:
                raise Refused(
                    404,
                    anthropic(
                        "not_found_error", f"model: {call.deployment}"
                    ),
                )

    async def operate(self, request, call, how, reply):
        """What no check has named is refused as well."""
        try:
            await super().operate(request, call, how, reply)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise bad(f"Invalid request: {error!r}") from error

    async def do_messages(self, request, call, how, reply):
        base = self.deployments[call.deployment]
        kind = family(base)
        Check(call.body, kind)
        message = Message(
            call.body, base, how, ask_of(call.body, kind), kind
        )
        self.count(message.total())
        if call.body.get("stream"):
            events = message.events(call.request_id)
            await self.stream(call, how, reply, events)
        else:
            await self.send(call, reply, message.document())

    async def do_count_tokens(self, request, call, how, reply):
        kind = family(self.deployments[call.deployment])
        Check(call.body, kind, members.COUNT)
        tokens = ask_of(call.body, kind).tokens
        await self.send(call, reply, {"input_tokens": tokens})

    async def do_models(self, request, call, how, reply):
        data = [
            {
                "type": "model",
                "id": name,
                "display_name": name,
                "created_at": "2026-01-01T00:00:00Z",
                "lifecycle": "active",
                "max_input_tokens": 200000,
                "max_tokens": family(base).limit,
            }
            for name, base in self.deployments.items()
            if call.deployment in (None, name)
        ]
        if call.deployment:
            return await self.send(call, reply, data[0])
        return await self.send(call, reply, {
            "data": data,
            "has_more": False,
            "first_id": data[0]["id"],
            "last_id": data[-1]["id"],
        })
