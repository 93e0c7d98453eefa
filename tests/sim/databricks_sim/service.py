"""What the service answers: paths, credentials, operations.

  /serving-endpoints/chat/completions, embeddings, responses
  /serving-endpoints/NAME/invocations      the old form, without a model
  /ai-gateway/mlflow/v1/...                the same three
  /oidc/v1/token                           client credentials

A token that was given is good until it expires: a script for "token" may
have `expires_in`. The key is a personal access token.
"""

import base64
import json
import re
import secrets
import time
from urllib.parse import parse_qsl

import azure_sim.check
from azure_sim.responses import Response
from databricks_sim import check
from databricks_sim.chat import Chat
from databricks_sim.errors import ERRORS, bad, databricks
from simbase import text
from simbase.service import Call, Refused, Service

PATH = re.compile(
    r"^/(?:serving-endpoints|ai-gateway/mlflow/v1)/"
    r"(chat/completions|embeddings|responses)$"
)
OLD = re.compile(r"^/serving-endpoints/([^/]+)/invocations$")
TOKEN = "/oidc/v1/token"
LIFETIME = 3600


class Databricks(Service):
    settings = (*Service.settings, "tokens", "secrets")
    errors = ERRORS
    audiences = ("2ff814a6-3304-4ab8-85cb-cd0e6f879c1d",)

    def __init__(self, deployments, key, token, client, secret):
        super().__init__(deployments, key, token)
        self.client = client
        # While one takes another's place both are good.
        self.secrets = [secret]
        self.tokens = {}  # token: when it ends

    # ----------------------------------------------------------------- paths

    def understand(self, request):
        if request.path == TOKEN:
            return Call("token", "token")
        path, old = PATH.match(request.path), OLD.match(request.path)
        if not path and not old:
            raise self.error("no_path")
        self.check_credentials(request)
        if request.method != "POST":
            raise Refused(
                405, databricks("METHOD_NOT_ALLOWED", "Use POST.")
            )
        body = self.body(request)
        if path:
            return Call(path[1], body.get("model"), body=body)
        operation = "embeddings" if "input" in body else "chat/completions"
        return Call(operation, old[1], body=body)

    def check_credentials(self, request):
        scheme, _, bearer = (request.header("authorization") or "").partition(
            " "
        )
        if scheme.lower() != "bearer":
            raise self.error("no_key")
        good = bearer == self.key or self.bears(bearer)
        if not good and self.tokens.get(bearer, 0) <= time.time():
            raise self.error("bad_key")

    @staticmethod
    def body(request):
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refused(
                400,
                databricks(
                    "MALFORMED_REQUEST", "Could not parse the request."
                ),
            )
        return body

    def known(self, call):
        if call.operation != "token":
            super().known(call)

    def headers(self, call):
        return {
            "Content-Type": "application/json",
            "x-request-id": secrets.token_hex(16),
            "x-databricks-org-id": "7",
            "server": "databricks",
        }

    # --------------------------------------------------------------- answers

    async def operate(self, request, call, how, reply):
        try:
            await super().operate(request, call, how, reply)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise bad(f"Invalid request: {error!r}") from error

    async def do_token(self, request, call, how, reply):
        good = [f"{self.client}:{secret}" for secret in self.secrets]
        if self.header_secret(request) not in good:
            raise Refused(401, {
                "error": "invalid_client",
                "error_description": "Client authentication failed",
            })
        form = dict(parse_qsl(request.body.decode()))
        if form.get("grant_type") != "client_credentials":
            raise Refused(400, {"error": "unsupported_grant_type"})
        if form.get("scope") != "all-apis":
            raise Refused(400, {"error": "invalid_scope"})
        lifetime = how.get("expires_in", LIFETIME)
        token = "eyJ" + secrets.token_urlsafe(24)
        self.tokens[token] = time.time() + lifetime
        await self.send(call, reply, {
            "access_token": token,
            "scope": "all-apis",
            "token_type": "Bearer",
            "expires_in": lifetime,
        })

    @staticmethod
    def header_secret(request):
        scheme, _, given = (request.header("authorization") or "").partition(
            " "
        )
        if scheme.lower() != "basic":
            return None
        try:
            return base64.b64decode(given, validate=True).decode()
        except ValueError:
            return None

    async def do_chat_completions(self, request, call, how, reply):
        base = self.deployments[call.deployment]
        check.chat(call.body, base)
        chat = Chat(call.body, base, how)
        self.count(chat.usage())
        if call.body.get("stream"):
            await self.stream(call, how, reply, chat.events())
        else:
            await self.send(call, reply, chat.document())

    async def do_embeddings(self, request, call, how, reply):
        check.embeddings(call.body)
        # Floats, whatever the encoding asked for.
        body = {**call.body, "encoding_format": "float"}
        document = text.embeddings(body, self.deployments[call.deployment])
        document["usage"].update(how.get("usage", {}))
        self.count(document["usage"])
        await self.send(call, reply, document)

    async def do_responses(self, request, call, how, reply):
        base = self.deployments[call.deployment]
        if "gpt-5" not in base:
            raise bad("This endpoint does not support the Responses API.")
        try:
            azure_sim.check.responses(call.body, base)
            response = Response(call.body, how, self.stored)
        except Refused as error:
            raise bad(error.body["error"]["message"]) from None
        self.count(response.usage())
        if call.body.get("stream"):
            await self.stream(call, how, reply, response.events())
        else:
            await self.send(call, reply, response.document())
