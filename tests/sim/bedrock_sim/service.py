"""Amazon Bedrock, and where AWS gives out credentials.

  /model/ID/converse, /converse-stream, /invoke,
  /invoke-with-response-stream, /count-tokens
  /rerank                           of bedrock-agent-runtime
  /openai/v1/chat/completions       the key as Bearer, or signed too
  /v2/credentials/sim               of a container; `--container-token`
  /latest/api/token, /latest/meta-data/...        of an instance

Credentials are those of `--access-key ID:SECRET`, or what the last two gave
out. What a behaviour may say beside what all simulators know:

  redacted      true: reasoning that cannot be read
  unknown       true: an event of a type that nobody knows
  rare_headers  true: frames with headers of every type there is
  bad_crc, bad_prelude, bad_payload     number of the frame with a wrong
                checksum, of the end or the start, or with another payload
  truncated     number of the frame in whose middle the body ends
  error_frame   number of the frame that is an error, not an exception
  lifetime      seconds that credentials are good for; their deployments are
                "container" and "metadata"
  revoke        true: those given out before are good no more
"""

import json
import re
import uuid
from urllib.parse import unquote

from azure_sim import check
from simbase.service import Call, Refused, Service

from bedrock_sim import aws, converse, invoke, shapes
from bedrock_sim.chat import Chat, worded
from bedrock_sim.errors import ERRORS, bad
from bedrock_sim.keys import MAX_TOKEN, stamp
from bedrock_sim.rules import Rules

MODEL = re.compile(
    r"^/model/([^/]+)/(converse|converse-stream|invoke|count-tokens|"
    r"invoke-with-response-stream)$"
)
CHAT = "/openai/v1/chat/completions"
CONTAINER = "/v2/credentials/sim"
TOKEN = "/latest/api/token"
METADATA = "/latest/meta-data/"
ROLES = METADATA + "iam/security-credentials/"
ROLE = "gateway-role"
STREAM = "application/vnd.amazon.eventstream"
# Of the calls that need no model.
PLACES = ("container", "metadata")


class Bedrock(Service):
    settings = ("deployments", "key", "region")
    errors = ERRORS

    def __init__(self, deployments, key, token, region, keys, container):
        super().__init__(deployments, key, token)
        self.region = region
        self.keys = keys
        self.container = container  # what a container must say

    # ----------------------------------------------------------- credentials

    def check_credentials(self, request):
        given = request.header("authorization")
        if given is None:
            raise Refused(403, {"message": "Missing Authentication Token"}, {
                "x-amzn-ErrorType": "MissingAuthenticationTokenException"
            })
        scheme, _, rest = given.partition(" ")
        if scheme.lower() == "bearer":
            if rest not in (self.key, self.token):
                raise self.error("bad_token")
            return
        aws.verify(request, self.keys, self.region, "bedrock")

    # ----------------------------------------------------------------- paths

    def understand(self, request):
        path = request.target.partition("?")[0]
        if path == CONTAINER:
            return Call("container", "container")
        if path == TOKEN or path.startswith(METADATA):
            return Call("metadata", "metadata")
        if request.method != "POST":
            raise self.error("no_path")
        self.check_credentials(request)
        if path == CHAT:
            body = self.body(request)
            return Call("chat", body.get("model"), body=body)
        if path == "/rerank":
            return self.reranked(self.body(request))
        match = MODEL.match(path)
        if not match:
            raise self.error("no_path")
        model, operation = match.groups()
        return Call(
            operation.replace("-", "_"),
            unquote(model),
            body=self.body(request),
        )

    @staticmethod
    def reranked(body):
        shapes.check("bedrock-agent-runtime", "RerankRequest", body)
        config = body["rerankingConfiguration"]
        model = config["bedrockRerankingConfiguration"]["modelConfiguration"]
        name = model["modelArn"].rpartition("/")[2]
        return Call("rerank", name, body=body)

    @staticmethod
    def body(request):
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refused(
                400,
                {"message": "The request body is no JSON object"},
                {"x-amzn-ErrorType": "SerializationException"},
            )
        return body

    def known(self, call):
        if call.operation in PLACES:
            return
        if call.deployment not in self.deployments:
            if call.operation == "chat":
                raise self.error("no_model")
            raise bad("The provided model identifier is invalid.")

    def headers(self, call):
        return {
            "Content-Type": "application/json",
            "x-amzn-RequestId": str(uuid.uuid4()),
        }

    def refusal(self, request, call, error):
        """The compatible endpoint has errors in OpenAI's words."""
        headers, body = super().refusal(request, call, error)
        if request.path == CHAT and set(body) == {"message"}:
            body = worded(error.status, headers, body)
        return headers, body

    def model(self, call):
        return self.deployments[call.deployment]

    # -------------------------------------------------------------- Converse

    def conversation(self, call, how):
        shape = "ConverseRequest"
        if call.operation == "converse_stream":
            shape = "ConverseStreamRequest"
        shapes.check("bedrock-runtime", shape, call.body)
        Rules(call.body, self.model(call))
        answer = converse.Answer(call.body, self.model(call), how)
        self.count(answer.counts())
        return answer

    async def do_converse(self, request, call, how, reply):
        answer = self.conversation(call, how)
        await self.send(call, reply, converse.packed(answer.document()))

    async def do_converse_stream(self, request, call, how, reply):
        answer = self.conversation(call, how)
        await self.frames(call, reply, answer.steps())

    async def frames(self, call, reply, steps):
        headers = {**self.headers(call), "Content-Type": STREAM}
        await reply.parts(headers, converse.stream(steps, reply.how))

    async def do_count_tokens(self, request, call, how, reply):
        shapes.check("bedrock-runtime", "CountTokensRequest", call.body)
        given = call.body["input"]
        if "converse" not in given:
            raise bad("Only the tokens of a conversation are counted.")
        body = given["converse"]
        Rules(body, self.model(call))
        ask = converse.asked(body, self.model(call))
        await self.send(call, reply, {"inputTokens": ask.tokens})

    # ---------------------------------------------------------------- Invoke

    async def do_invoke(self, request, call, how, reply):
        model = self.model(call)
        if "anthropic." in model:
            made = invoke.message(call.body, model, how, False)
            self.count(made.total())
            return await self.send(call, reply, made.document())
        for name, embed in (
            ("titan-embed", invoke.titan),
            ("cohere.embed", invoke.cohere),
            ("cohere.rerank", invoke.cohere_rerank),
        ):
            if name in model:
                document, tokens = embed(call.body, model)
                self.count({"prompt_tokens": tokens})
                headers = {
                    **self.headers(call),
                    "X-Amzn-Bedrock-Input-Token-Count": str(tokens),
                    "X-Amzn-Bedrock-Invocation-Latency": "42",
                }
                return await reply.document(
                    200, headers, converse.packed(document)
                )
        raise bad("This model is not simulated for InvokeModel.")

    async def do_invoke_with_response_stream(self, request, call, how, reply):
        model = self.model(call)
        if "anthropic." not in model:
            raise bad("The model is unsupported for response streaming.")
        made = invoke.message(call.body, model, how, True)
        self.count(made.total())
        await self.frames(
            call, reply, invoke.chunks(made, str(uuid.uuid4()))
        )

    async def do_rerank(self, request, call, how, reply):
        await self.send(call, reply, invoke.rerank(call.body))

    # ---------------------------------------------------------------- OpenAI

    async def do_chat(self, request, call, how, reply):
        if not call.body.get("messages"):
            raise bad("'messages' is a required property")
        check.chat_turns(call.body["messages"])
        chat = Chat(call.body, self.model(call), how)
        self.count(chat.usage())
        if call.body.get("stream"):
            return await self.stream(call, how, reply, chat.events())
        await self.send(call, reply, chat.document())

    # ----------------------------------------------------------- credentials

    async def do_container(self, request, call, how, reply):
        if request.method != "GET":
            raise self.error("no_path")
        given = request.header("authorization")
        if self.container is not None and given != self.container:
            raise Refused(401, {
                "code": "AuthorizationFailure",
                "message": "The authorization token is wrong.",
            })
        await self.send(call, reply, {
            "RoleArn": "arn:aws:iam::123456789012:role/" + ROLE,
            **self.keys.give(how),
        })

    async def do_metadata(self, request, call, how, reply):
        path = request.path
        if path == TOKEN:
            return await self.session(request, call, reply)
        if request.method != "GET":
            raise Refused(405, "Method Not Allowed")
        if not self.keys.in_session(
            request.header("x-aws-ec2-metadata-token")
        ):
            raise Refused(401, "Unauthorized")
        if path in (ROLES, ROLES.rstrip("/")):
            return await self.send(call, reply, ROLE.encode(), "text/plain")
        if path == METADATA + "placement/region":
            region = self.region.encode()
            return await self.send(call, reply, region, "text/plain")
        if path != ROLES + ROLE:
            raise Refused(404, "Not Found")
        await self.send(call, reply, {
            "Code": "Success",
            "LastUpdated": stamp(request.time),
            "Type": "AWS-HMAC",
            **self.keys.give(how),
        }, "text/plain")

    async def session(self, request, call, reply):
        if request.method != "PUT":
            raise Refused(405, "Method Not Allowed")
        if request.header("x-forwarded-for") is not None:
            raise Refused(403, "Forbidden")
        wanted = request.header("x-aws-ec2-metadata-token-ttl-seconds", "")
        if not wanted.isdigit() or not 1 <= int(wanted) <= MAX_TOKEN:
            raise Refused(400, "Bad Request")
        token = self.keys.session(int(wanted))
        await self.send(call, reply, token.encode(), "text/plain")
