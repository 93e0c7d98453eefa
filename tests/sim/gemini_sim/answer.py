"""What the model has been asked and what it answers, in Gemini's words."""

import base64
import json
import secrets

from simbase import text
from simbase.plan import Ask, Plan

from gemini_sim.members import binary

FINISH = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
}
# A picture of one pixel.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD"
    "hgGAWjR9awAAAABJRU5ErkJggg=="
)
WORDS = 2  # of a text in each chunk
# Names under which a text is put into the object that a response must be.
RESULTS = ("output", "result", "content")


def lower(schema):
    """The OpenAPI subset as JSON Schema: the same with other types."""
    if isinstance(schema, list):
        return [lower(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {}
    for name, value in schema.items():
        if name == "type":
            found[name] = value.lower()
        elif name == "properties":
            found[name] = {key: lower(one) for key, one in value.items()}
        elif name in ("items", "anyOf"):
            found[name] = lower(value)
        else:
            found[name] = value
    return found


def result_text(response):
    if len(response) == 1:
        name, value = next(iter(response.items()))
        if name in RESULTS and isinstance(value, str):
            return value
    return json.dumps(response, separators=(",", ":"), ensure_ascii=False)


def put(ask, part):
    if part.get("thought"):
        return
    if "text" in part:
        ask.text(part["text"])
    elif "inlineData" in part:
        blob = part["inlineData"]
        note = ask.image if blob["mimeType"].startswith("image/") else ask.file
        note(blob["mimeType"], len(binary(blob["data"])))
    elif "fileData" in part:
        kind = part["fileData"].get("mimeType", "image/")
        image = "image" if kind.startswith("image/") else "file"
        ask.linked(image, part["fileData"]["fileUri"])
    elif "functionCall" in part:
        call = part["functionCall"]
        number = call.get("id", call["name"])
        ask.call(number, call["name"], call.get("args", {}))
    elif "functionResponse" in part:
        result = part["functionResponse"]
        number = result.get("id", result["name"])
        ask.result(number, result_text(result["response"]))


def asked(body):
    ask = Ask()
    for part in (body.get("systemInstruction") or {}).get("parts", []):
        ask.system(part["text"])
    for content in body["contents"]:
        role = content.get("role", "user")
        ask.turn("assistant" if role == "model" else "user")
        for part in content["parts"]:
            put(ask, part)
    offered(ask, body)
    config = body.get("generationConfig") or {}
    ask.limit = config.get("maxOutputTokens")
    ask.stops = config.get("stopSequences") or []
    ask.json = config.get("responseMimeType") == "application/json"
    if "responseSchema" in config:
        ask.schema = lower(config["responseSchema"])
    ask.schema = config.get("responseJsonSchema", ask.schema)
    thinking = config.get("thinkingConfig") or {}
    ask.reasoning = (
        bool(thinking.get("includeThoughts"))
        and thinking.get("thinkingBudget") != 0
    )
    return ask


def offered(ask, body):
    for tool in body.get("tools") or []:
        for one in tool.get("functionDeclarations") or []:
            schema = one.get("parametersJsonSchema")
            if schema is None:
                schema = lower(one.get("parameters"))
            ask.tools.append((one["name"], schema))
    config = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    mode = config.get("mode", "AUTO")
    allowed = config.get("allowedFunctionNames")
    if allowed:
        ask.tools = [tool for tool in ask.tools if tool[0] in allowed]
    ask.choice = {"NONE": "none", "ANY": "any"}.get(mode, "auto")


class Answer:
    """One request to generateContent, ready to be answered either way;
    `known` takes down the signatures that are given out."""

    def __init__(self, body, model, how, vertex, known):
        self.model = model
        self.how = how
        self.vertex = vertex
        self.known = known
        self.id = secrets.token_urlsafe(17)
        ask = asked(body)
        config = body.get("generationConfig") or {}
        self.logprobs = config.get("responseLogprobs")
        self.top = config.get("logprobs", 0)
        self.plans = [
            Plan(ask, how, index)
            for index in range(config.get("candidateCount", 1))
        ]

    # ------------------------------------------------------------------ parts

    def sign(self, part, name=None):
        """As Gemini 3: what the model thought, sealed, for it to come back."""
        if self.model.third:
            seal = secrets.token_bytes(48)
            self.known[seal] = name
            part["thoughtSignature"] = base64.b64encode(seal).decode()
        return part

    def calls(self, plan):
        """Parallel calls share the signature of the first."""
        parts = []
        for name, arguments in plan.calls:
            call = {"name": name, "args": arguments}
            if self.model.third and not self.vertex:
                call["id"] = secrets.token_hex(4)
            part = {"functionCall": call}
            parts.append(part if parts else self.sign(part, name))
        return parts

    def parts(self, plan):
        parts = []
        if plan.reasoning:
            parts.append({"text": plan.reasoning, "thought": True})
        if plan.text is not None:
            parts.append(self.sign({"text": plan.text}))
        if self.how.get("image"):
            parts.append(self.picture())
        return parts + self.calls(plan)

    @staticmethod
    def picture():
        return {"inlineData": {"mimeType": "image/png", "data": PNG}}

    # ------------------------------------------------------------------ usage

    def usage(self, said=None):
        """`said`: the tokens of the text so far, else all of the answer."""
        first = self.plans[0]
        thoughts = sum(plan.reasoning_tokens for plan in self.plans)
        out = sum(plan.output_tokens for plan in self.plans) - thoughts
        if said is not None:
            out = min(out, said)
        prompt = first.input_tokens
        usage = {
            "promptTokenCount": prompt,
            "candidatesTokenCount": out,
            "totalTokenCount": prompt + out + thoughts,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
        }
        if thoughts:
            usage["thoughtsTokenCount"] = thoughts
        if first.cached:
            usage["cachedContentTokenCount"] = first.cached
        if self.vertex:
            usage["trafficType"] = "ON_DEMAND"
        else:
            usage["serviceTier"] = "standard"
        usage.update(self.how.get("usage", {}))
        return usage

    def counts(self):
        usage = self.usage()
        return {
            "prompt_tokens": usage["promptTokenCount"],
            "completion_tokens": usage["candidatesTokenCount"]
            + usage.get("thoughtsTokenCount", 0),
        }

    # -------------------------------------------------------------- documents

    def whole(self, candidates, usage):
        document = {
            "candidates": candidates,
            "usageMetadata": usage,
            "modelVersion": self.model.name,
            "responseId": self.id,
        }
        if not candidates:
            del document["candidates"]
        if self.vertex:
            document["createTime"] = "2026-09-14T09:26:53.589793Z"
        return document

    def blocked(self):
        """The prompt is refused: feedback in place of candidates."""
        document = self.whole([], self.usage(0))
        document["promptFeedback"] = {"blockReason": self.how["block"]}
        return document

    def candidate(self, index, parts, finish=None):
        candidate = {"index": index}
        if parts:
            candidate["content"] = {"parts": parts, "role": "model"}
        if finish:
            candidate["finishReason"] = FINISH.get(finish, finish)
        if finish == "content_filter":
            candidate["safetyRatings"] = [
                {
                    "category": "HARM_CATEGORY_DANGEROUS_CONTENT",
                    "probability": "HIGH",
                    "blocked": True,
                }
            ]
        return candidate

    def probable(self, words):
        chosen = [
            {"token": token, "tokenId": at, "logProbability": -0.25}
            for at, token in enumerate(text.pieces(words))
        ]
        result = {"chosenCandidates": chosen}
        if self.top:
            result["topCandidates"] = [
                {"candidates": [one] * self.top} for one in chosen
            ]
        return result

    def document(self):
        if self.how.get("block"):
            return self.blocked()
        candidates = []
        for index, plan in enumerate(self.plans):
            parts = self.parts(plan)
            candidate = self.candidate(index, parts, plan.finish)
            if self.logprobs and plan.text:
                candidate["logprobsResult"] = self.probable(plan.text)
                candidate["avgLogprobs"] = -0.25
            candidates.append(candidate)
        return self.whole(candidates, self.usage())

    # ----------------------------------------------------------------- stream

    def pieces(self, plan):
        """The parts of each chunk of one candidate but the last."""
        if plan.reasoning:
            words = text.pieces(plan.reasoning)
            for at in range(0, len(words), WORDS):
                piece = "".join(words[at : at + WORDS])
                yield [{"text": piece, "thought": True}]
        words = text.pieces(plan.text or "")
        for at in range(0, len(words), WORDS):
            yield [{"text": "".join(words[at : at + WORDS])}]
        if self.how.get("image"):
            yield [self.picture()]
        if self.how.get("shape") != "together":
            for part in self.calls(plan):
                yield [part]

    def last(self, plan):
        if plan.calls:
            if self.how.get("shape") == "together":
                return self.calls(plan)
            return [{"text": ""}]
        if plan.text is None:
            return []
        return [self.sign({"text": ""})]

    def chunks(self):
        if self.how.get("block"):
            yield self.blocked()
            return
        said = 0
        for index, plan in enumerate(self.plans):
            for parts in self.pieces(plan):
                said += WORDS
                yield self.whole(
                    [self.candidate(index, parts)], self.usage(said)
                )
        for index, plan in enumerate(self.plans):
            candidate = self.candidate(index, self.last(plan), plan.finish)
            yield self.whole([candidate], self.usage())
        if self.how.get("usage_last"):
            yield self.whole([], self.usage())
