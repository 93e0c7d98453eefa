"""The Gemini API and Gemini on Vertex AI: paths, credentials, operations.

What a behaviour may say beside the members that all simulators know:

  block        "SAFETY" or the like: the prompt is refused, no candidates
  image        true: the answer has a picture
  shape        "together": all calls in the chunk that says why it ended
  usage_last   true: a last chunk with nothing but the usage
  array        true: an error in an array, as some of the endpoints do
  expires_in   seconds that a token is good for; its deployment is "token"

Tokens are given out at /token to the service account, and at the path of the
metadata service of an instance to everybody who knows its header. `given` of
/__sim/config takes them back: {"given": {}}.
"""

import json
import re

from simbase import text
from simbase.service import Call, Refused, Service

from gemini_sim.answer import Answer
from gemini_sim.errors import BAD_REQUEST, ERRORS, invalid
from gemini_sim.members import Reader
from gemini_sim.models import Model
from gemini_sim.rules import Broken, Rules, parsed
from gemini_sim.tokens import Denied

GEMINI = re.compile(r"^/(?:v1|v1beta)/models/(.+):([A-Za-z]+)$")
VERTEX = re.compile(
    r"^/(?:v1|v1beta1)/projects/([^/]+)/locations/([^/]+)"
    r"/publishers/google/models/([^/:]+):([A-Za-z]+)$"
)
METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"
OPERATIONS = {
    "generateContent": "generate_content",
    "streamGenerateContent": "stream",
    "countTokens": "count_tokens",
    "embedContent": "embed_content",
    "batchEmbedContents": "batch_embed_contents",
    "predict": "predict",
}
TEXT = {"Content-Type": "text/plain"}
BATCH = 100  # contents to embed at once
INSTANCES = 250  # the same on Vertex


class Gemini(Service):
    settings = ("deployments", "key", "token", "project", "given")
    errors = ERRORS

    def __init__(self, deployments, key, token, project, tokens):
        super().__init__(deployments, key, token)
        self.project = project
        self.tokens = tokens  # None: no service account
        self.signatures = {}  # given out: name of the function

    # ----------------------------------------------------------- credentials

    @property
    def given(self):
        """The tokens that are good: when each expires."""
        return self.tokens.given

    @given.setter
    def given(self, tokens):
        self.tokens.given = tokens

    def bearer(self, request):
        """Whether there is a good token; None if there is none at all."""
        given = request.header("authorization")
        if given is None:
            return None
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer":
            return False
        if self.token and token == self.token:
            return True
        return bool(self.tokens) and self.tokens.good(token)

    def check_key(self, request):
        key = request.header("x-goog-api-key", request.query.get("key"))
        good = self.bearer(request)
        if good is False:
            raise self.error("bad_token")
        if key is None and good is None:
            raise self.error("no_key")
        if key is not None and key != self.key:
            raise self.error("bad_key")

    def check_token(self, request, project):
        if not self.bearer(request):
            raise self.error("bad_token")
        if project != self.project:
            raise self.error("no_permission")

    # ----------------------------------------------------------------- paths

    def metadata(self, request):
        if request.method != "GET":
            raise Refused(405, "Method not allowed", TEXT)
        if request.header("metadata-flavor") != "Google":
            raise Refused(403, "Missing Metadata-Flavor:Google header.", TEXT)
        return Call("metadata", "token", vertex=False)

    def understand(self, request):
        if request.path == METADATA and self.tokens:
            return self.metadata(request)
        if request.method != "POST":
            raise self.error("no_path")
        if request.path == "/token" and self.tokens:
            return Call("token", "token", vertex=False)
        match = GEMINI.match(request.path)
        if match:
            model, method = match.groups()
            self.check_key(request)
        else:
            match = VERTEX.match(request.path)
            if not match:
                raise self.error("no_path")
            project, _, model, method = match.groups()
            self.check_token(request, project)
        vertex = match.re is VERTEX
        if method not in OPERATIONS:
            raise self.error("no_path")
        operation = OPERATIONS[method]
        if operation == "predict" and not vertex:
            raise self.error("no_path")
        return Call(operation, model, vertex=vertex)

    def known(self, call):
        if call.deployment != "token":
            super().known(call)

    def headers(self, call):
        return {
            "Content-Type": "application/json; charset=UTF-8",
            "Vary": ["Origin", "X-Origin", "Referer"],
            "Server": "scaffolding on HTTPServer2",
            "X-XSS-Protection": "0",
            "X-Frame-Options": "SAMEORIGIN",
            "X-Content-Type-Options": "nosniff",
            "Server-Timing": "gfet4t7; dur=812",
        }

    # ---------------------------------------------------------------- errors

    async def give(self, call, refused, reply):
        if refused:
            self.shape(refused, reply)
        await super().give(call, refused, reply)

    async def answer(self, request, call, how, reply):
        try:
            await super().answer(request, call, how, reply)
        except Refused as refused:
            self.shape(refused, reply)
            raise

    @staticmethod
    def shape(refused, reply):
        """A stream that is an array has its errors in it."""
        request = reply.request
        array = request.path.endswith(":streamGenerateContent") and (
            request.query.get("alt") != "sse"
        )
        if reply.how.get("array", array) and isinstance(refused.body, dict):
            refused.body = [refused.body]

    def broken(self, message, details=None):
        status, headers, document = invalid(message, details)
        return Refused(status, document, headers)

    # -------------------------------------------------------------- requests

    def read(self, kind, request, call):
        """The request with the documented names, or Refused."""
        try:
            given = parsed(request.body)
        except Broken as error:
            raise self.broken(str(error)) from error
        reader = Reader(call.vertex)
        body = reader.read(kind, given)
        if reader.problems:
            violations = [
                {"field": path, "description": what}
                for path, what in reader.problems
            ]
            raise self.broken(
                "\n".join(what for _, what in reader.problems),
                [{"@type": BAD_REQUEST, "fieldViolations": violations}],
            )
        return body

    def model(self, call):
        return Model(self.deployments[call.deployment])

    def conversation(self, request, call, how):
        """A request to generate, checked."""
        body = self.read("generate_content", request, call)
        model = self.model(call)
        try:
            Rules(model, call.vertex, self.signatures).check(body)
        except Broken as error:
            raise self.broken(str(error)) from error
        answer = Answer(body, model, how, call.vertex, self.signatures)
        self.count(answer.counts())
        return answer

    # --------------------------------------------------------------- answers

    async def reply_with(self, call, reply, document):
        await self.send(
            call,
            reply,
            json.dumps(document, indent=2, ensure_ascii=False).encode(),
            "application/json; charset=UTF-8",
        )

    async def do_generate_content(self, request, call, how, reply):
        answer = self.conversation(request, call, how)
        await self.reply_with(call, reply, answer.document())

    async def do_stream(self, request, call, how, reply):
        answer = self.conversation(request, call, how)
        sse = request.query.get("alt") == "sse"
        form = server_sent if sse else array
        headers = self.headers(call)
        if sse:
            headers["Content-Type"] = "text/event-stream"
        await reply.parts(headers, form(self.lines(answer, how), how))

    def lines(self, answer, how):
        """The chunks as they are written, spoilt as the script says."""
        for number, chunk in enumerate(answer.chunks()):
            if how.get("error_event") == number:
                name = how.get("event_error", "server")
                yield spaced(self.errors[name][2])
                return
            if how.get("malformed") == number:
                yield b'{"candidates": [{"content": {"par'
            yield spaced(chunk)

    async def do_count_tokens(self, request, call, how, reply):
        body = self.read("count_tokens", request, call)
        body = body.get("generateContentRequest", body)
        if not body.get("contents"):
            raise self.broken(
                "* CountTokensRequest.contents: contents is not specified\n"
            )
        tokens = Answer(
            body, self.model(call), {}, call.vertex, {}
        ).plans[0].input_tokens
        await self.reply_with(call, reply, {
            "totalTokens": tokens,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}],
        })

    async def do_token(self, request, call, how, reply):
        tls = reply.writer.get_extra_info("sslcontext")
        scheme = "https" if tls else "http"
        audience = f"{scheme}://{request.header('host')}{request.path}"
        try:
            document = self.tokens.give(
                request.body, audience, how.get("expires_in")
            )
        except Denied as error:
            raise Refused(error.status, error.document) from error
        await self.reply_with(call, reply, document)

    async def do_metadata(self, request, call, how, reply):
        await self.reply_with(
            call, reply, self.tokens.grant(how.get("expires_in"))
        )

    # ------------------------------------------------------------ embeddings

    def embedded(self, call, one):
        model = one.get("model", "models/" + call.deployment)
        if model != "models/" + call.deployment:
            raise self.broken("* model does not match the one of the URL\n")
        content = one.get("content")
        if not content or not content.get("parts"):
            raise self.broken(
                "* EmbedContentRequest.content: content is not specified\n"
            )
        words = " ".join(part.get("text", "") for part in content["parts"])
        self.count({"prompt_tokens": text.count(words)})
        config = one.get("embedContentConfig", one)
        size = config.get("outputDimensionality")
        return {"values": self.vector(words, size)}

    @staticmethod
    def vector(words, dimensions):
        return text.vector(words, dimensions or text.DEFAULT_DIMENSIONS)

    async def do_embed_content(self, request, call, how, reply):
        body = self.read("embed_content", request, call)
        await self.reply_with(
            call, reply, {"embedding": self.embedded(call, body)}
        )

    async def do_batch_embed_contents(self, request, call, how, reply):
        body = self.read("batch_embed_contents", request, call)
        requests = body.get("requests", [])
        if not 1 <= len(requests) <= BATCH:
            raise self.broken(
                "* BatchEmbedContentsRequest.requests: at most 100 requests "
                "can be in one batch\n"
            )
        for at, one in enumerate(requests):
            if "model" not in one and not call.vertex:
                raise self.broken(
                    f"* BatchEmbedContentsRequest.requests[{at}].model: "
                    "model is not specified\n"
                )
        await self.reply_with(call, reply, {
            "embeddings": [self.embedded(call, one) for one in requests]
        })

    async def do_predict(self, request, call, how, reply):
        body = self.read("predict", request, call)
        instances = body.get("instances", [])
        limit = INSTANCES
        if self.model(call).name.startswith("gemini-embedding"):
            limit = 1
        if not 1 <= len(instances) <= limit:
            raise self.broken(
                f"{len(instances)} instance(s) is not allowed in a request, "
                f"at most {limit} are."
            )
        size = body.get("parameters", {}).get("outputDimensionality")
        predictions = []
        for one in instances:
            if not one.get("content"):
                raise self.broken("The text content is empty.")
            tokens = text.count(one["content"])
            self.count({"prompt_tokens": tokens})
            predictions.append({
                "embeddings": {
                    "values": self.vector(one["content"], size),
                    "statistics": {"token_count": tokens, "truncated": False},
                }
            })
        letters = sum(len(one["content"]) for one in instances)
        await self.reply_with(call, reply, {
            "predictions": predictions,
            "metadata": {"billableCharacterCount": letters},
        })


def spaced(document):
    return json.dumps(document, separators=(",", ": ")).encode()


def server_sent(lines, how):
    eol = how.get("eol", "\r\n").encode()
    for line in lines:
        part = b"data: " + line + eol + eol
        if how.get("comments"):
            part += b": keep-alive" + eol + eol
        yield part


def array(lines, how):
    start = b"["
    for line in lines:
        yield start + line
        start = b"\n,\r\n"
    yield b"]"
