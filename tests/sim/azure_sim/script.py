"""What a test may tell the simulator to do, and what it has seen.

A behaviour is a JSON object; every member is optional:

  times        how many requests it is good for (default 1)
  error        a name from ERRORS below: status, headers and body at once
  status, headers, body     an answer of the test's own (body: text or JSON)
  delay        seconds before the head
  slow_head    seconds before each line of the head
  split        bytes per write     trickle    seconds between these writes
  chunk_delay  seconds between events
  hold         "head", or after this many events: silence until
               /__sim/release or /__sim/reset
  cut_after    end after this many events      cut_bytes  ... bytes of a body
  cut          "close" (default) or "reset"
  fault        instead of an answer: "close", "reset", "garbage" (no HTTP),
               "status_line" (no number where the status is)
  endless      "head": header lines until the other side has enough;
               "interim": 1xx answers likewise; "event": one event without
               end; "error": the body of `status`, without end
  bad_chunk    after this many events: a chunk whose size is no number
  protocol     "1.0": an old server, the end of the body is the connection's
  close        end the connection after the answer, and say so
  next         the connection is kept; when its next request is in, this
               happens to it instead of an answer: "close" or "reset"
  idle         the connection is kept; so many seconds later it is ended
  eol          line end of events: "\\n", "\\r\\n" or "\\r"
  shape        "azure", "async" (annotations after the finish), "deepseek",
               "openai"
  error_event  an error event after this many events, then the end:
  event_error  ... the body of the error of this name below
  malformed    event number that is no JSON
  done         false: no [DONE]
  long         one delta of this many bytes
  comments     true: comment lines between events
  finish       finish_reason, for instance "content_filter" or "length"
  content      the text to answer
  tools        how many tool calls (default: one for each tool offered)
  reasoning    true: a reasoning item, reasoning tokens
  outcome      responses: "incomplete", "failed" or "error"
  usage        members to put over the usage
"""

import asyncio
import json
import time

HTML_503 = (
    "<!DOCTYPE html><html><head><title>Service Unavailable</title></head>"
    "<body><h2>Our services aren't available right now</h2></body></html>"
)
RATE_TEXT = (
    "Requests to the ChatCompletions_Create Operation under Azure OpenAI API "
    "version 2024-10-21 have exceeded token rate limit of your current OpenAI "
    "S0 pricing tier. Please retry after 7 seconds."
)


def azure(code, message, **more):
    return {"error": {"code": code, "message": message, **more}}


def openai(message, kind, param=None, code=None):
    return {
        "error": {
            "message": message,
            "type": kind,
            "param": param,
            "code": code,
        }
    }


def category(filtered=False, severity="safe"):
    return {"filtered": filtered, "severity": severity}


BAD_KEY = azure(
    "401",
    "Access denied due to invalid subscription key or wrong API endpoint. "
    "Make sure to provide a valid key for an active subscription and use a "
    "correct regional API endpoint for your resource.",
)
BAD_TOKEN = azure(
    "401",
    "Unauthorized. Access token is missing, invalid, audience is incorrect "
    "(https://cognitiveservices.azure.com), or have expired.",
)
NO_ROLE = azure(
    "PermissionDenied", "Principal does not have access to API/Operation."
)
NO_DEPLOYMENT = azure(
    "DeploymentNotFound",
    "The API deployment for this resource does not exist. If you created the "
    "deployment within the last 5 minutes, please wait a moment and try "
    "again.",
)
NO_PATH = azure("404", "Resource not found")
FILTERED = {
    "error": {
        "message": "The response was filtered due to the prompt triggering "
        "Azure OpenAI's content management policy. Please modify your prompt "
        "and retry.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": category(True, "high"),
                "jailbreak": {"filtered": False, "detected": False},
                "self_harm": category(),
                "sexual": category(),
                "violence": category(),
            },
        },
    }
}
SERVER = openai(
    "The server had an error while processing your request. Sorry about "
    "that!",
    "server_error",
)

# name: (status, headers, body)
ERRORS = {
    "bad_key": (401, {}, BAD_KEY),
    "bad_token": (401, {}, BAD_TOKEN),
    "no_role": (401, {}, NO_ROLE),
    "firewall": (
        403,
        {},
        azure("403", "Access denied due to Virtual Network/Firewall rules."),
    ),
    "no_deployment": (404, {}, NO_DEPLOYMENT),
    "no_path": (404, {}, NO_PATH),
    "rate_ms": (
        429,
        {
            "retry-after-ms": "350",
            "Retry-After": "1",
            "x-ratelimit-remaining-requests": "0",
        },
        azure("429", RATE_TEXT),
    ),
    "rate_seconds": (429, {"Retry-After": "1"}, azure("429", RATE_TEXT)),
    "rate_text": (
        429,
        {
            "x-ratelimit-limit-tokens": "-1",
            "x-ratelimit-remaining-tokens": "-1",
            "x-ratelimit-reset-tokens": "0",
        },
        azure("429", RATE_TEXT),
    ),
    "capacity": (
        429,
        {},
        azure("429", "The service is temporarily unable to process your "
                     "request"),
    ),
    "filtered": (400, {}, FILTERED),
    "too_long": (
        400,
        {},
        openai(
            "This model's maximum context length is 128000 tokens. However, "
            "your messages resulted in 192041 tokens. Please reduce the "
            "length of the messages.",
            "invalid_request_error",
            "messages",
            "context_length_exceeded",
        ),
    ),
    "unsupported": (
        400,
        {},
        azure(
            "OperationNotSupported",
            "The chatCompletion operation does not work with the specified "
            "model, gpt-5.1-codex-max. Please choose different model and try "
            "again.",
        ),
    ),
    "timeout": (408, {}, azure("Timeout", "The operation was timeout.")),
    "server": (500, {}, SERVER),
    "bad_gateway": (
        502,
        {"Content-Type": "text/html"},
        "<html><body>502 Bad Gateway</body></html>",
    ),
    "front_door": (503, {"Content-Type": "text/html"}, HTML_503),
    "overloaded": (529, {}, openai("Overloaded", "overloaded_error")),
}


class Gate:
    """Answers wait before it until a test opens it."""

    def __init__(self):
        self.waiting = []

    async def wait(self):
        passed = asyncio.get_running_loop().create_future()
        self.waiting.append(passed)
        await passed

    def open(self):
        for passed in self.waiting:
            if not passed.done():
                passed.set_result(None)
        self.waiting = []


class Script:
    def __init__(self):
        self.gate = Gate()
        self.reset()

    def reset(self):
        self.forget()
        self.journal = []

    def forget(self):
        """From now on everything is well; what came in stays known."""
        self.gate.open()
        self.queues = {}

    def add(self, deployment, behaviours):
        queue = self.queues.setdefault(deployment, [])
        for behaviour in behaviours:
            for member in ("error", "event_error"):
                name = behaviour.get(member)
                if name is not None and name not in ERRORS:
                    raise ValueError(f"no error named {name}")
            queue.append(dict(behaviour))

    def closed(self, connection):
        """This connection has ended, whoever ended it."""
        for entry in self.journal:
            if entry["connection"] == connection and not entry["closed"]:
                entry["closed"] = time.time()

    def next(self, deployment):
        for name in (deployment, "*"):
            queue = self.queues.get(name)
            if queue:
                times = queue[0].get("times", 1)
                if times <= 1:
                    return queue.pop(0)
                queue[0]["times"] = times - 1
                return queue[0]
        return {}


def text_of(body):
    if isinstance(body, str):
        return body.encode()
    return json.dumps(body, separators=(",", ":")).encode()
