"""What a test may tell the simulator to do, and what it has seen.

A behaviour is a JSON object; every member is optional:

  times        how many requests it is good for (default 1)
  error        the name of an error of this provider: status, headers and
               body at once
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
  outcome      responses: "incomplete", "failed" or "error"

What the model says, by the rules of ../README.md:

  calls        the tool calls: [{"name": ..., "arguments": {...}}]
  tools        how many tool calls (default: one for each tool offered)
  content      the text to answer
  finish       why it ended, for instance "content_filter" or "length"
  reasoning    true: reasoning, asked for or not; or its text
  cached, cache_written     input tokens that are counted so
  usage        members to put over the usage
"""

import asyncio
import json
import time


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
    def __init__(self, errors):
        self.errors = errors
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
                if name is not None and name not in self.errors:
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
