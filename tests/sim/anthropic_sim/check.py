"""What the service refuses. The first fault is reported."""

import base64
import binascii

from anthropic_sim import members
from anthropic_sim.errors import bad
from anthropic_sim.members import at, check, one_of, tagged
from simbase import signature

IMAGES = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
}
MIN_BUDGET = 1024
MAX_CACHED = 4


class Check:
    """A body is taken if this does not raise."""

    def __init__(self, body, family, table=members.MESSAGES):
        self.body = body
        self.family = family
        self.cached = 0
        check("", body, table)
        self.cache("", body)
        self.system()
        self.messages()
        self.turns()
        self.tools()
        if table is members.MESSAGES:
            self.numbers()
        self.thinking()
        self.choice()
        self.output()

    def cache(self, where, given):
        control = given.get("cache_control")
        if control is None:
            return
        where = at(where, "cache_control")
        check(where, control, members.CACHE)
        one_of(at(where, "type"), control["type"], ["ephemeral"])
        one_of(at(where, "ttl"), control.get("ttl") or "5m", ["5m", "1h"])
        self.cached += 1
        if self.cached > MAX_CACHED:
            raise bad(
                f"A maximum of {MAX_CACHED} blocks with cache_control may be "
                f"provided. Found {self.cached}."
            )

    # ------------------------------------------------------------- messages

    def system(self):
        system = self.body.get("system")
        if system is None or isinstance(system, str):
            return
        if not isinstance(system, list):
            raise bad("system: Input should be a valid list")
        for number, block in enumerate(system):
            where = f"system.{number}"
            tagged(where, block, {"text": members.BLOCKS["text"]})
            self.words("system", block)
            self.cache(at(where, "text"), block)

    @staticmethod
    def words(what, block):
        if not block["text"]:
            raise bad(f"{what}: text content blocks must be non-empty")
        if not block["text"].strip():
            raise bad(
                f"{what}: text content blocks must contain non-whitespace text"
            )

    def messages(self):
        messages = self.body["messages"]
        if not messages:
            raise bad("messages: at least one message is required")
        for number, message in enumerate(messages):
            where = f"messages.{number}"
            check(where, message, members.MESSAGE)
            role = message["role"]
            if role == "system" and not self.family.inline:
                raise bad(
                    'messages: Unexpected role "system". The Messages API '
                    "accepts a top-level `system` parameter, not \"system\" "
                    "as an input message role."
                )
            one_of(
                at(where, "role"), role, ["user", "assistant", "system"]
            )
            self.content(where, role, message["content"])
            last = number == len(messages) - 1
            if not message["content"] and not (last and role == "assistant"):
                raise bad(f"{where}: {role} messages must have non-empty "
                          "content")
        if messages[-1]["role"] == "assistant":
            self.prefill(messages[-1]["content"])

    def prefill(self, content):
        if not self.family.prefill:
            raise bad(
                "This model does not support assistant message prefill. The "
                "conversation must end with a user message."
            )
        if isinstance(content, list) and content:
            content = content[-1].get("text", "")
        if content and content != content.rstrip():
            raise bad(
                "messages: final assistant content cannot end with trailing "
                "whitespace"
            )

    def content(self, where, role, content):
        if isinstance(content, str):
            return
        if not isinstance(content, list):
            raise bad(f"{where}.content: Input should be a valid list")
        for number, block in enumerate(content):
            self.block(f"{where}.content.{number}", role, block)

    def block(self, where, role, block):
        tables = {
            kind: table
            for kind, table in members.BLOCKS.items()
            if kind in members.ROLES[role]
        }
        kind = tagged(where, block, tables)
        inside = at(where, kind)
        if kind not in ("thinking", "redacted_thinking"):
            self.cache(inside, block)
        look = getattr(self, "on_" + kind, None)
        if look:
            look(where, inside, block)

    def on_text(self, where, inside, block):
        self.words("messages", block)

    def on_image(self, where, inside, block):
        inside = at(inside, "source")
        source = block["source"]
        kind = tagged(inside, source, {
            name: members.SOURCES[name] for name in ("base64", "url", "file")
        })
        if kind == "url":
            self.url(at(inside, "url.url"), source["url"])
        if kind != "base64":
            return
        inside = at(inside, "base64")
        one_of(at(inside, "media_type"), source["media_type"], list(IMAGES))
        data = self.data(inside, source)
        seen = [
            name for name, start in IMAGES.items() if data.startswith(start)
        ]
        if seen != [source["media_type"]]:
            if not seen:
                raise bad(f"{where}.image: Could not process image")
            raise bad(
                f"{inside}.data: The image was specified using the "
                f"{source['media_type']} media type, but the image appears to "
                f"be a {seen[0]} image"
            )

    def on_document(self, where, inside, block):
        inside = at(inside, "source")
        source = block["source"]
        kind = tagged(inside, source, members.SOURCES)
        if kind == "url":
            self.url(at(inside, "url.url"), source["url"])
        if kind == "base64":
            one_of(
                at(inside, "base64.media_type"),
                source["media_type"],
                ["application/pdf"],
            )
            data = self.data(at(inside, "base64"), source)
            if not data.startswith(b"%PDF-"):
                raise bad(f"{where}.pdf: The PDF specified was not valid.")
        if kind == "text":
            one_of(
                at(inside, "text.media_type"),
                source["media_type"],
                ["text/plain"],
            )

    @staticmethod
    def url(where, url):
        if not url.startswith("https://"):
            raise bad(f"{where}: Only HTTPS URLs are supported.")

    @staticmethod
    def data(where, source):
        try:
            return base64.b64decode(source["data"], validate=True)
        except (binascii.Error, ValueError):
            raise bad(f"{where}.data: Invalid base64 data") from None

    def on_tool_use(self, where, inside, block):
        if not members.IDS.match(block["id"]):
            raise bad(
                f"{inside}.id: String should match pattern "
                f"'{members.IDS.pattern}'"
            )

    def on_tool_result(self, where, inside, block):
        content = block.get("content")
        if content is None or isinstance(content, str):
            return
        if not isinstance(content, list):
            raise bad(f"{inside}.content: Input should be a valid list")
        for number, part in enumerate(content):
            within = f"{inside}.content.{number}"
            kind = tagged(within, part, {
                name: members.BLOCKS[name] for name in members.RESULTS
            })
            look = getattr(self, "on_" + kind, None)
            if look:
                look(within, at(within, kind), part)

    def on_thinking(self, where, inside, block):
        if not signature.good(block["signature"], block["thinking"]):
            raise bad(f"{where}: Invalid `signature` in `thinking` block")

    def on_redacted_thinking(self, where, inside, block):
        if not signature.good(block["data"], "redacted"):
            raise bad(f"{where}: Invalid `data` in `redacted_thinking` block")

    # ---------------------------------------------------------------- turns

    def turns(self):
        """Neighbours of one role are one turn; calls have their results in
        the very next one."""
        turns = []
        for number, message in enumerate(self.body["messages"]):
            role, content = message["role"], message["content"]
            if role == "system":
                continue
            if isinstance(content, str):
                content = [{"type": "text", "text": content}]
            if not turns or turns[-1][1] != role:
                turns.append((number, role, []))
            turns[-1][2].extend(content)
        seen = set()
        for number, turn in enumerate(turns):
            before = turns[number - 1] if number else None
            after = turns[number + 1] if number + 1 < len(turns) else None
            if turn[1] == "assistant":
                self.calls(turn, after, seen)
            else:
                self.results(turn, before)
        self.rethought(turns)

    @staticmethod
    def calls(turn, after, seen):
        number, _, content = turn
        calls = [one["id"] for one in content if one["type"] == "tool_use"]
        for one in calls:
            if one in seen:
                raise bad("messages: `tool_use` ids must be unique")
            seen.add(one)
        results = []
        for block in after[2] if after else []:
            if block["type"] != "tool_result":
                break
            results.append(block["tool_use_id"])
        missing = [one for one in calls if one not in results]
        if missing:
            raise bad(
                f"messages.{number}: `tool_use` ids were found without "
                "`tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a "
                "corresponding `tool_result` block in the next message."
            )

    @staticmethod
    def results(turn, before):
        number, _, content = turn
        calls = [
            one["id"]
            for one in (before[2] if before else [])
            if one["type"] == "tool_use"
        ]
        answered = set()
        for place, block in enumerate(content):
            if block["type"] != "tool_result":
                continue
            call = block["tool_use_id"]
            if call not in calls:
                raise bad(
                    f"messages.{number}.content.{place}: unexpected "
                    f"`tool_use_id` found in `tool_result` blocks: {call}. "
                    "Each `tool_result` block must have a corresponding "
                    "`tool_use` block in the previous message."
                )
            if call in answered:
                raise bad(
                    f"messages.{number}.content.{place}: each tool_use must "
                    "have a single result. Found multiple `tool_result` "
                    f"blocks with id: {call}"
                )
            answered.add(call)

    def rethought(self, turns):
        """Thinking stands first, and with a budget it must be there in the
        turn whose calls are answered."""
        thoughts = ("thinking", "redacted_thinking")
        for number, role, content in turns:
            kinds = [block["type"] for block in content]
            if role == "assistant" and set(kinds) & set(thoughts):
                if kinds[0] not in thoughts:
                    raise bad(
                        f"messages.{number}.content.0.type: If an assistant "
                        "message contains any thinking blocks, the first "
                        "block must be `thinking` or `redacted_thinking`. "
                        f"Found `{kinds[0]}`."
                    )
        thinking = self.body.get("thinking") or {}
        if thinking.get("type") != "enabled" or len(turns) < 2:
            return
        number, _, content = turns[-2]
        kinds = [block["type"] for block in content]
        if "tool_use" in kinds and kinds[0] not in thoughts:
            raise bad(
                f"messages.{number}.content.0.type: Expected `thinking` or "
                f"`redacted_thinking`, but found `{kinds[0]}`. When "
                "`thinking` is enabled, a final `assistant` message must "
                "start with a thinking block (preceeding the lastmost set of "
                "`tool_use` and `tool_result` blocks)."
            )

    # -------------------------------------------------------------- options

    def numbers(self):
        body, family = self.body, self.family
        if body["max_tokens"] < 1:
            raise bad("max_tokens: Input should be greater than or equal to 1")
        if body["max_tokens"] > family.limit:
            raise bad(
                f"max_tokens: {body['max_tokens']} > {family.limit}, which is "
                "the maximum allowed number of output tokens for "
                f"{body['model']}"
            )
        for name in ("temperature", "top_p", "top_k"):
            value = body.get(name)
            if value is None:
                continue
            if not family.sampling:
                raise bad(f"`{name}` is deprecated for this model.")
            if name != "top_k" and not 0 <= value <= 1:
                raise bad(f"{name}: range: 0..1")
        both = body.get("temperature"), body.get("top_p")
        if None not in both and "claude-3" not in body["model"]:
            raise bad(
                "`temperature` and `top_p` cannot both be specified for this "
                "model. Please use only one."
            )
        for number, stop in enumerate(body.get("stop_sequences") or []):
            members.typed(f"stop_sequences.{number}", stop, "string!")
            if not stop.strip():
                raise bad(
                    "stop_sequences: each stop sequence must contain "
                    "non-whitespace"
                )
        if body.get("service_tier") is not None:
            one_of("service_tier", body["service_tier"],
                   ["auto", "standard_only"])
        if body.get("metadata") is not None:
            check("metadata", body["metadata"], members.METADATA)

    def thinking(self):
        body, family = self.body, self.family
        thinking = body.get("thinking")
        if thinking is None:
            return
        kind = tagged("thinking", thinking, members.THINKING)
        one_of(
            f"thinking.{kind}.display",
            thinking.get("display") or "omitted",
            ["summarized", "omitted"],
        )
        if kind == "adaptive" and not family.adaptive:
            raise bad("adaptive thinking is not supported on this model")
        if kind == "enabled":
            self.budget(thinking["budget_tokens"])
        if kind == "disabled":
            return
        if body.get("temperature") not in (None, 1):
            raise bad(
                "`temperature` may only be set to 1 when thinking is enabled."
            )
        if body.get("top_k") is not None:
            raise bad("`top_k` must be unset when thinking is enabled.")
        top_p = body.get("top_p")
        if top_p is not None and not 0.95 <= top_p <= 1:
            raise bad(
                "`top_p` must be greater than or equal to 0.95 or unset when "
                "thinking is enabled."
            )

    def budget(self, budget):
        if not self.family.budget:
            raise bad(
                '"thinking.type.enabled" is not supported for this model. Use '
                '"thinking.type.adaptive" and "output_config.effort" to '
                "control thinking behavior."
            )
        if budget < MIN_BUDGET:
            raise bad(
                "thinking.enabled.budget_tokens: Input should be greater than "
                f"or equal to {MIN_BUDGET}"
            )
        if budget >= self.body.get("max_tokens", budget + 1):
            raise bad(
                "`max_tokens` must be greater than `thinking.budget_tokens`."
            )

    # ---------------------------------------------------------------- tools

    def tools(self):
        names = set()
        for number, tool in enumerate(self.body.get("tools") or []):
            where = f"tools.{number}"
            if not isinstance(tool, dict):
                raise bad(f"{where}: Input should be a valid dictionary")
            if tool.get("type") not in (None, "custom"):
                continue
            where = at(where, "custom")
            check(where, tool, members.TOOL)
            self.cache(where, tool)
            if not members.NAMES.match(tool["name"]):
                raise bad(
                    f"{where}.name: String should match pattern "
                    f"'{members.NAMES.pattern}'"
                )
            if tool["name"] in names:
                raise bad("tools: Tool names must be unique.")
            names.add(tool["name"])
            schema = tool["input_schema"]
            if "type" not in schema:
                raise bad(f"{where}.input_schema.type: Field required")
            one_of(f"{where}.input_schema.type", schema["type"], ["object"])
            for word in ("oneOf", "allOf", "anyOf"):
                if word in schema:
                    raise bad(
                        f"{where}.input_schema: input_schema does not support "
                        "oneOf, allOf, or anyOf at the top level"
                    )
            if tool.get("strict"):
                self.structured(where, schema)

    def choice(self):
        choice = self.body.get("tool_choice")
        if choice is None:
            return
        kind = tagged("tool_choice", choice, members.CHOICES)
        tools = self.body.get("tools")
        if not tools:
            raise bad(
                "tool_choice: tool_choice may only be specified while "
                "providing tools."
            )
        if kind == "tool" and choice["name"] not in [
            tool.get("name") for tool in tools
        ]:
            raise bad(f"Tool '{choice['name']}' not found in provided tools")
        if kind not in ("any", "tool"):
            return
        if not self.family.forced:
            raise bad(
                f'tool_choice: type "{kind}" is not supported for this model.'
            )
        if (self.body.get("thinking") or {}).get("type") == "enabled":
            raise bad(
                "Thinking may not be enabled when tool_choice forces tool use."
            )

    # --------------------------------------------------------------- output

    def output(self):
        output = self.body.get("output_config")
        if output is None:
            return
        check("output_config", output, members.OUTPUT)
        effort = output.get("effort")
        if effort is not None:
            self.effort(effort)
        form = output.get("format")
        if form is not None:
            check("output_config.format", form, members.FORMAT)
            one_of("output_config.format.type", form["type"], ["json_schema"])
            self.structured("output_config.format.schema", form["schema"])

    def effort(self, effort):
        levels = self.family.efforts
        if not levels:
            raise bad("This model does not support the effort parameter.")
        if effort not in levels:
            raise bad(
                f"This model does not support effort level '{effort}'. "
                f"Supported levels: {', '.join(sorted(levels))}."
            )
        off = (self.body.get("thinking") or {}).get("type") == "disabled"
        if off and self.family.thinks and effort in ("xhigh", "max"):
            raise bad(
                f"output_config.effort: '{effort}' requires thinking to be "
                "enabled for this model."
            )

    def structured(self, where, schema):
        if not self.family.structured:
            raise bad("This model does not support structured outputs.")
        self.schema(where, schema)

    def schema(self, where, schema):
        """The part of JSON Schema that an answer can be held to."""
        if not isinstance(schema, dict):
            return
        kind = schema.get("type")
        if kind == "object" and schema.get("additionalProperties") is not False:
            raise bad(
                f"{where}: For 'object' type, 'additionalProperties' must be "
                "explicitly set to false"
            )
        for word in REFUSED:
            if word in schema:
                raise bad(
                    f"{where}: For '{kind}' type, property '{word}' is not "
                    "supported"
                )
        if schema.get("format", FORMATS[0]) not in FORMATS:
            raise bad(
                f"{where}: For 'string' type, format '{schema['format']}' is "
                "not supported"
            )
        for name in ("properties", "$defs", "definitions"):
            for member in (schema.get(name) or {}).values():
                self.schema(where, member)
        for name in ("anyOf", "allOf"):
            for member in schema.get(name) or []:
                self.schema(where, member)
        self.schema(where, schema.get("items"))


REFUSED = (
    "oneOf",
    "not",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
)
FORMATS = (
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
)
