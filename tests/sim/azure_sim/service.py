"""What the service answers: paths, credentials, operations."""

import contextlib
import hashlib
import json
import re
import uuid

from azure_sim import check, multipart
from azure_sim.chat import Chat, Completion
from azure_sim.errors import BAD_KEY, BAD_TOKEN, ERRORS, NO_PATH, openai
from azure_sim.quirks import QUIRKS
from azure_sim.rerank import rerank
from azure_sim.responses import Response
from simbase import text
from simbase.service import Call, Refused, Service

CLASSIC = re.compile(r"^/openai/deployments/([^/]+)/(.+)$")
RERANK = re.compile(r"^/(?:(v[12])/)?rerank$")
STORED = re.compile(r"^responses/([^/]+)(?:/(input_items|cancel))?$")
# A picture of one pixel.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)
OPERATIONS = {
    "chat/completions",
    "completions",
    "embeddings",
    "responses",
    "moderations",
    "images/generations",
    "images/edits",
    "audio/transcriptions",
    "audio/translations",
    "audio/speech",
}

@contextlib.contextmanager
def understood():
    """What no check has named is refused as well."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Refused(
            400,
            openai(
                f"Invalid request: {error!r}",
                "invalid_request_error",
                None,
                "invalid_type",
            ),
        ) from error


class Azure(Service):
    settings = (*Service.settings, "mode")
    errors = ERRORS
    audiences = (
        "https://cognitiveservices.azure.com", "https://ai.azure.com",
    )

    def __init__(self, deployments, key, mode="azure", token=None,
                 quirk="none"):
        super().__init__(deployments, key, token)
        self.mode = mode
        self.quirk = QUIRKS[quirk]
        self.comment = self.quirk.comment

    # ----------------------------------------------------------- credentials

    def check_credentials(self, request, classic):
        key = request.header("api-key")
        bearer = request.header("authorization")
        if bearer is not None:
            scheme, _, bearer = bearer.partition(" ")
            bearer = bearer if scheme.lower() == "bearer" else ""
        if self.mode == "openai":
            if bearer != self.key:
                raise Refused(
                    401,
                    openai(
                        "Incorrect API key provided.",
                        "invalid_request_error",
                        None,
                        "invalid_api_key",
                    ),
                )
            return
        if key is not None and bearer is not None:
            raise Refused(401, BAD_KEY)
        if key is not None and key == self.key:
            return
        if bearer is not None and self.bears(bearer):
            return
        if bearer is not None and not classic and bearer == self.key:
            return
        raise Refused(401, BAD_TOKEN if bearer is not None else BAD_KEY)

    # ----------------------------------------------------------------- paths

    def understand(self, request):
        path = request.path
        if self.mode == "openai":
            reranks = RERANK.match(path)
            if reranks:
                self.check_credentials(request, False)
                return Call(
                    "rerank",
                    self.model_in(request),
                    version=reranks[1] or "v1",
                )
            if not path.startswith("/v1/"):
                raise Refused(404, openai("Invalid URL", "invalid_request_error"))
            self.check_credentials(request, False)
            return self.from_body(request, path[len("/v1/") :])
        classic = CLASSIC.match(path)
        version = request.query.get("api-version")
        v1 = path.startswith("/openai/v1/")
        self.check_credentials(request, not v1)
        if classic:
            deployment, operation = classic.groups()
            if not version or operation not in OPERATIONS:
                raise Refused(404, NO_PATH)
            if operation == "responses":
                raise Refused(404, NO_PATH)
            return Call(operation, deployment)
        if v1:
            if version not in (None, "v1", "preview"):
                raise Refused(404, NO_PATH)
            return self.from_body(request, path[len("/openai/v1/") :])
        if path.startswith("/openai/") and version:
            return self.from_body(request, path[len("/openai/") :])
        raise Refused(404, NO_PATH)

    def from_body(self, request, rest):
        match = STORED.match(rest)
        if match:
            return Call("stored", "responses", stored=match.groups())
        if rest == "models" and request.method == "GET":
            return Call("models", "models")
        if rest not in OPERATIONS:
            raise Refused(404, NO_PATH)
        return Call(rest, self.model_in(request))

    def model_in(self, request):
        if (request.header("content-type") or "").startswith("multipart/"):
            for part in self.parts(request):
                if part.name == "model":
                    return part.data.decode()
            return None
        return self.body(request).get("model")

    @staticmethod
    def parts(request):
        try:
            return multipart.parse(
                request.header("content-type"), request.body
            )
        except ValueError as error:
            raise Refused(
                400, openai(str(error), "invalid_request_error")
            ) from error

    @staticmethod
    def body(request):
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refused(
                400,
                openai(
                    "We could not parse the JSON body of your request.",
                    "invalid_request_error",
                ),
            )
        return body

    # --------------------------------------------------------------- answers

    def headers(self, call):
        request_id = str(uuid.uuid4())
        limits = {
            "x-ratelimit-limit-requests": "1000",
            "x-ratelimit-limit-tokens": "100000",
            "x-ratelimit-remaining-requests": "999",
            "x-ratelimit-remaining-tokens": "99800",
        }
        if self.mode == "openai":
            return {
                "Content-Type": "application/json",
                "x-request-id": "req_" + request_id.replace("-", ""),
                "openai-processing-ms": "250",
                "openai-version": "2020-10-01",
                "openai-organization": "org-sim",
                **limits,
                "x-ratelimit-reset-requests": "120ms",
                "x-ratelimit-reset-tokens": "6m0s",
                "Set-Cookie": "__cf_bm=sim; path=/",
            }
        return {
            "Content-Type": "application/json",
            "apim-request-id": request_id,
            "x-request-id": str(uuid.uuid4()),
            "x-ms-region": "East US 2",
            "x-ms-deployment-name": (call and call.deployment) or "none",
            "x-ms-rai-invoked": "true",
            "azureml-model-session": "d016-20250930181259",
            **limits,
            "x-accel-buffering": "no",
            "x-content-type-options": "nosniff",
            "strict-transport-security": "max-age=31536000; includeSubDomains",
            "Set-Cookie": "sim=1; path=/",
        }

    def known(self, call):
        if call.operation not in ("stored", "models"):
            super().known(call)

    async def operate(self, request, call, how, reply):
        if call.operation in OPERATIONS and request.method != "POST":
            raise Refused(404, NO_PATH)
        await super().operate(request, call, how, reply)

    async def do_models(self, request, call, how, reply):
        data = [
            {"id": name, "object": "model", "created": 1, "owned_by": "sim"}
            for name in self.deployments
        ]
        await self.send(call, reply, {"object": "list", "data": data})

    def refusal(self, request, call, error):
        headers, body = super().refusal(request, call, error)
        if self.quirk is not QUIRKS["none"] and "error" in body:
            body = self.quirk.error(error.status, body["error"])
        return headers, body

    def model_name(self, call):
        """Azure answers with the base model and its version."""
        if self.mode == "openai":
            return call.deployment
        return f"{self.deployments[call.deployment]}-2025-04-14"

    async def do_chat_completions(self, request, call, how, reply):
        await self.chat(Chat, "messages", request, call, how, reply)

    async def do_completions(self, request, call, how, reply):
        await self.chat(Completion, "prompt", request, call, how, reply)

    async def chat(self, kind, member, request, call, how, reply):
        body = self.body(request)
        if not body.get(member):
            raise Refused(
                400,
                openai(
                    f"'{member}' is a required property",
                    "invalid_request_error",
                    member,
                    "empty_array" if member in body else None,
                ),
            )
        if body.get("stream_options") and not body.get("stream"):
            raise Refused(
                400,
                openai(
                    "The 'stream_options' parameter is only allowed when "
                    "'stream' is enabled.",
                    "invalid_request_error",
                    "stream_options",
                ),
            )
        base = self.deployments[call.deployment]
        if kind is Chat:
            check.chat_model(body, base, self.mode)
            with understood():
                check.chat_turns(body["messages"])
        with understood():
            if kind is Chat:
                self.quirk.check(body)
            chat = kind(
                body, self.model_name(call), how, self.mode, self.quirk
            )
        self.count(chat.usage())
        if body.get("stream"):
            await self.stream(call, how, reply, chat.events())
        else:
            await self.send(call, reply, chat.document())

    async def do_embeddings(self, request, call, how, reply):
        body = self.body(request)
        if self.quirk.floats:
            body["encoding_format"] = "float"
        document = text.embeddings(body, self.model_name(call))
        document["usage"].update(how.get("usage", {}))
        self.count(document["usage"])
        await self.send(call, reply, document)

    async def do_rerank(self, request, call, how, reply):
        with understood():
            document = rerank(
                self.body(request),
                call.version,
                self.quirk is QUIRKS["vllm"],
            )
        await self.send(call, reply, document)

    async def do_responses(self, request, call, how, reply):
        body = self.body(request)
        previous = body.get("previous_response_id")
        if previous and previous not in self.stored:
            raise Refused(
                400,
                openai(
                    f"Previous response with id '{previous}' not found.",
                    "invalid_request_error",
                    "previous_response_id",
                    "previous_response_not_found",
                ),
            )
        with understood():
            check.responses(body, self.deployments[call.deployment])
            response = Response(body, how, self.stored)
        self.count(response.usage())
        if body.get("stream"):
            await self.stream(call, how, reply, response.events())
        else:
            await self.send(call, reply, response.document())

    async def do_stored(self, request, call, how, reply):
        name, action = call.stored
        response = self.stored.get(name)
        if response is None:
            raise Refused(
                404,
                openai(
                    f"Response with id '{name}' not found.",
                    "invalid_request_error",
                ),
            )
        if action == "input_items":
            items = response.items
            await self.send(call, reply, {
                "object": "list",
                "data": items,
                "first_id": items[0]["id"],
                "last_id": items[-1]["id"],
                "has_more": False,
            })
        elif action == "cancel" and request.method == "POST":
            response.final["status"] = "cancelled"
            await self.send(call, reply, response.document())
        elif request.method == "DELETE" and not action:
            del self.stored[name]
            await self.send(call, reply, {
                "id": name,
                "object": "response.deleted",
                "deleted": True,
            })
        elif request.method in ("GET", "HEAD"):
            response.work()
            await self.send(call, reply, response.document())
        else:
            raise Refused(404, NO_PATH)

    async def do_moderations(self, request, call, how, reply):
        given = self.body(request).get("input")
        count = len(given) if isinstance(given, list) else 1
        names = ("harassment", "hate", "self-harm", "sexual", "violence")
        await self.send(call, reply, {
            "id": "modr-" + uuid.uuid4().hex[:24],
            "model": call.deployment,
            "results": [
                {
                    "flagged": False,
                    "categories": dict.fromkeys(names, False),
                    "category_scores": dict.fromkeys(names, 0.001),
                }
            ] * count,
        })

    async def do_images_generations(self, request, call, how, reply):
        body = self.body(request)
        tokens = text.count(body.get("prompt", ""))
        await self.send(call, reply, self.images(body.get("n") or 1, tokens))

    async def do_images_edits(self, request, call, how, reply):
        parts = self.parts(request)
        answer = self.images(1, 5)
        answer["received"] = [part.report() for part in parts]
        await self.send(call, reply, answer)

    @staticmethod
    def images(number, tokens):
        return {
            "created": 1776328843,
            "data": [{"b64_json": PNG}] * number,
            "usage": {
                "input_tokens": tokens,
                "input_tokens_details": {
                    "image_tokens": 0,
                    "text_tokens": tokens,
                },
                "output_tokens": 272 * number,
                "total_tokens": tokens + 272 * number,
            },
        }

    async def do_audio_transcriptions(self, request, call, how, reply):
        parts = self.parts(request)
        fields = {part.name: part for part in parts}
        if "file" not in fields:
            raise Refused(
                400,
                openai("file is missing", "invalid_request_error", "file"),
            )
        words = "sha256 " + fields["file"].report()["sha256"]
        form = fields.get("response_format")
        if form and form.data in (b"text", b"srt", b"vtt"):
            return await self.send(call, reply, words.encode(), "text/plain")
        return await self.send(call, reply, {
            "text": words,
            "received": [part.report() for part in parts],
            "usage": {
                "type": "tokens",
                "input_tokens": 14,
                "input_token_details": {"audio_tokens": 14, "text_tokens": 0},
                "output_tokens": 2,
                "total_tokens": 16,
            },
        })

    do_audio_translations = do_audio_transcriptions

    async def do_audio_speech(self, request, call, how, reply):
        spoken = self.body(request).get("input", "").encode()
        sound = b"ID3\x04" + hashlib.sha256(spoken).digest() * 64
        await self.send(call, reply, sound, "audio/mpeg")
