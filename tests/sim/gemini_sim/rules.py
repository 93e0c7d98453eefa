"""What a request must be, beyond the members it may have."""

import json
import re

from gemini_sim.members import binary

NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$")
DUMMIES = {
    b"skip_thought_signature_validator",
    b"context_engineering_is_the_way_to_go",
}
DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
)
RANGES = {
    "temperature": (0, 2),
    "topP": (0, 1),
    "candidateCount": (1, 8),
    "maxOutputTokens": (1, 2**31 - 1),
    "presencePenalty": (-2, 2),
    "frequencyPenalty": (-2, 2),
    "logprobs": (0, 20),
}
MAX_STOPS = 5
SIGN = (
    "Function call is missing a thought_signature in functionCall parts. "
    "This is required for tools to work correctly, and missing "
    "thought_signature may lead to degraded model performance. Additional "
    "data, function call `default_api:{}` , position {}. Please refer to "
    "https://ai.google.dev/gemini-api/docs/thought-signatures for more "
    "details."
)


class Broken(Exception):
    """The request breaks a rule; what the service says to that."""


def starred(path, what):
    return Broken(f"* GenerateContentRequest.{path}: {what}\n")


class Rules:
    """`known` are the signatures that have been given out, with the name
    of the function: any other is refused; None: all are good."""

    def __init__(self, model, vertex, known):
        self.model = model
        self.vertex = vertex
        self.known = known

    def check(self, body):
        self.system(body)
        self.contents(body.get("contents") or [])
        self.tools(body)
        self.config(body)

    def system(self, body):
        system = body.get("systemInstruction")
        if system is None:
            return
        if self.model.gemma:
            raise Broken(
                "Developer instruction is not enabled for models/"
                + self.model.name
            )
        parts = self.parts("system_instruction", system)
        if any(set(part) != {"text"} for part in parts):
            raise Broken("System instruction only supports text.")

    @staticmethod
    def parts(path, content):
        parts = content.get("parts")
        if not parts:
            raise starred(f"{path}.parts", "contents.parts must not be empty.")
        return parts

    # -------------------------------------------------------------- contents

    def contents(self, contents):
        if not contents:
            raise starred("contents", "contents is not specified")
        before = None
        for at, content in enumerate(contents):
            path = f"contents[{at}]"
            role = content.get("role", "user")
            if role not in ("user", "model"):
                raise Broken("Please use a valid role: user, model.")
            same = before and before.get("role", "user") == role
            # What functions return stands alone.
            if same and not results(before):
                raise Broken(
                    "Please ensure that multiturn requests alternate between "
                    "user and model."
                )
            self.content(path, content)
            self.turns(before, content)
            if self.model.third:
                self.signed(at, content)
            before = content
        if calls(before):
            raise Broken(
                "Please ensure that single turn requests end with a user role "
                "or the role field is empty."
            )

    def content(self, path, content):
        for at, part in enumerate(self.parts(path, content)):
            self.part(f"{path}.parts[{at}]", part, content)

    def part(self, path, part, content):
        held = [name for name in DATA if name in part]
        if len(held) != 1:
            raise starred(
                f"{path}.data",
                "required oneof field 'data' must have one initialized field",
            )
        if held[0] == "inlineData":
            blob = part["inlineData"]
            if not blob.get("mimeType") or not blob.get("data"):
                raise starred(f"{path}.inline_data", "must not be empty")
            if blob["mimeType"] == "image/jpg":
                raise Broken("Unsupported MIME type: image/jpg")
        if held[0] == "fileData":
            linked = part["fileData"]
            if not linked.get("fileUri"):
                raise starred(f"{path}.file_data.file_uri", "is not specified")
            if self.vertex and not linked.get("mimeType"):
                raise Broken(
                    "Unable to submit request because it must have a mimeType "
                    f"parameter in {path}.file_data."
                )
        user = content.get("role", "user") == "user"
        if held[0] == "functionCall":
            self.named(f"{path}.function_call", part["functionCall"])
            if user:
                raise Broken("Function calls are of the model's turns.")
        if held[0] == "functionResponse":
            result = part["functionResponse"]
            self.named(f"{path}.function_response", result)
            if "response" not in result:
                raise starred(
                    f"{path}.function_response.response", "is not specified"
                )
            if not user:
                raise Broken("Function responses are of the user's turns.")
            if self.model.third and not all(
                "functionResponse" in one for one in content["parts"]
            ):
                raise Broken(
                    "Function responses must not be mixed with other parts."
                )

    @staticmethod
    def named(path, given):
        if not given.get("name"):
            raise starred(f"{path}.name", "Name cannot be empty.")

    @staticmethod
    def turns(before, content):
        """Calls come after a user's turn, all their results come next."""
        asked, answered = calls(before), results(content)
        if not asked and not answered:
            return
        if not asked:
            raise Broken(
                "Please ensure that function response turn comes immediately "
                "after a function call turn."
            )
        if len(asked) != len(answered):
            raise Broken(
                "Please ensure that the number of function response parts is "
                "equal to the number of function call parts of the function "
                "call turn."
            )
        if sorted(one["name"] for one in asked) != sorted(
            one["name"] for one in answered
        ):
            raise Broken(
                "Please ensure that function responses have the names of the "
                "function calls."
            )

    def signed(self, at, content):
        """The first call of each turn brings its signature back. The service
        forgives it for turns before the user's last question; a gateway that
        forgets them there is wrong all the same."""
        for position, part in enumerate(content["parts"]):
            given = part.get("thoughtSignature")
            if given is not None:
                self.signature(given, part)
        for part in content["parts"]:
            if "functionCall" in part:
                if "thoughtSignature" not in part:
                    name = part["functionCall"]["name"]
                    raise Broken(SIGN.format(name, at + 1))
                return

    def signature(self, given, part):
        if given.encode() in DUMMIES or binary(given) in DUMMIES:
            return
        if self.known is None:
            return
        name = part.get("functionCall", {}).get("name")
        if self.known.get(binary(given), "") != name:
            raise Broken("Corrupted thought signature.")

    # ----------------------------------------------------------------- tools

    def tools(self, body):
        tools = body.get("tools") or []
        declared = [one for one in tools if "functionDeclarations" in one]
        if len(declared) > 1:
            raise Broken(
                "Multiple tools are supported only when they are all search "
                "tools."
            )
        names = []
        for at, tool in enumerate(tools):
            given = tool.get("functionDeclarations") or []
            for index, one in enumerate(given):
                path = f"tools[{at}].function_declarations[{index}]"
                self.declaration(path, one)
                if one["name"] in names:
                    raise Broken(
                        "Duplicate function declaration found: " + one["name"]
                    )
                names.append(one["name"])
        self.choice(body, names)

    def declaration(self, path, one):
        if not NAME.match(one.get("name", "")):
            raise starred(
                f"{path}.name",
                "[FIELD_INVALID] Invalid function name. Must start with a "
                "letter or an underscore. Must be alphanumeric (a-z, A-Z, "
                "0-9), underscores (_), dots (.), colons (:), or dashes (-), "
                "with a maximum length of 64.",
            )
        if "parameters" in one and "parametersJsonSchema" in one:
            raise starred(
                path,
                "parameters and parameters_json_schema are mutually exclusive",
            )
        if "parameters" in one:
            schema(f"{path}.parameters", one["parameters"])
        if not isinstance(one.get("parametersJsonSchema", {}), dict):
            raise starred(f"{path}.parameters_json_schema", "is no schema")

    @staticmethod
    def choice(body, names):
        config = (body.get("toolConfig") or {}).get("functionCallingConfig")
        if config is None:
            return
        mode = config.get("mode", "AUTO")
        if not names and mode != "NONE":
            raise Broken(
                "Function calling config is set without function_declarations."
            )
        allowed = config.get("allowedFunctionNames") or []
        path = "tool_config.function_calling_config.allowed_function_names"
        if allowed and mode not in ("ANY", "VALIDATED"):
            raise starred(
                path, "only supported when function calling mode is ANY"
            )
        for name in allowed:
            if name not in names:
                raise starred(path, f"{name} is no declared function")

    # --------------------------------------------------------- configuration

    def config(self, body):
        config = body.get("generationConfig") or {}
        for name, (low, high) in RANGES.items():
            if name in config and not low <= config[name] <= high:
                raise starred(
                    f"generation_config.{name}",
                    f"must be in the range [{low}, {high}]",
                )
        if len(config.get("stopSequences") or []) > MAX_STOPS:
            raise starred(
                "generation_config.stop_sequences",
                f"at most {MAX_STOPS} are allowed",
            )
        if config.get("logprobs") and not config.get("responseLogprobs"):
            raise Broken("Logprobs needs response_logprobs.")
        if self.model.thinks and not self.vertex:
            for name in ("presencePenalty", "frequencyPenalty"):
                if name in config:
                    raise Broken(
                        f"Penalty is not enabled for models/{self.model.name}"
                    )
            if config.get("responseLogprobs"):
                raise Broken(
                    f"Logprobs is not enabled for models/{self.model.name}"
                )
        self.form(body, config)
        self.thinking(config.get("thinkingConfig"))

    def form(self, body, config):
        shaped = [
            name
            for name in ("responseSchema", "responseJsonSchema")
            if name in config
        ]
        kind = config.get("responseMimeType", "text/plain")
        if kind not in ("text/plain", "application/json", "text/x.enum"):
            raise starred(
                "generation_config.response_mime_type",
                "allowed mimetypes are `text/plain`, `application/json`, "
                "`application/xml`, `application/yaml` and `text/x.enum`.",
            )
        if len(shaped) == 2:
            raise starred(
                "generation_config",
                "response_schema and response_json_schema are mutually "
                "exclusive",
            )
        if shaped and kind == "text/plain":
            raise starred(
                "generation_config.response_schema",
                "only allowed with response mime type application/json",
            )
        if "responseSchema" in config:
            schema(
                "generation_config.response_schema", config["responseSchema"]
            )
        if kind == "application/json" and not self.model.third:
            if any("functionDeclarations" in t for t in body.get("tools", [])):
                raise Broken(
                    "Function calling with a response mime type: "
                    "'application/json' is unsupported"
                )

    def thinking(self, config):
        if not config:
            return
        name = self.model.name
        if not self.model.thinks:
            raise Broken(f"Thinking is not enabled for models/{name}")
        budget = config.get("thinkingBudget")
        level = config.get("thinkingLevel")
        if budget is not None and level is not None:
            raise Broken(
                "You can only set only one of thinking budget and thinking "
                "level."
            )
        if level is not None and level not in self.model.levels():
            if not self.model.levels():
                raise Broken("Thinking level is not supported for this model.")
            raise Broken(
                f"Thinking level {level} is not supported for this model. "
                "Please retry with other thinking level."
            )
        if budget is not None:
            why = self.model.budget(budget)
            if why:
                raise Broken(why)


def calls(content):
    return [
        part["functionCall"]
        for part in (content or {}).get("parts", [])
        if "functionCall" in part
    ]


def results(content):
    return [
        part["functionResponse"]
        for part in content["parts"]
        if "functionResponse" in part
    ]


def schema(path, given):
    """The subset of OpenAPI, as far as it is strict about itself."""
    kind = given.get("type")
    if kind is None and "anyOf" not in given:
        raise starred(path, "must have a type")
    if "enum" in given and kind != "STRING":
        raise starred(f"{path}.enum", "only allowed for STRING type")
    if "" in given.get("enum", []):
        raise starred(f"{path}.enum[0]", "cannot be empty")
    form = given.get("format")
    if kind == "STRING" and form not in (None, "enum", "date-time"):
        raise starred(
            f"{path}.format",
            "only 'enum' and 'date-time' are supported for STRING type",
        )
    if kind == "ARRAY" and "items" not in given:
        raise starred(f"{path}.items", "missing field.")
    if "properties" in given and kind not in (None, "OBJECT"):
        raise starred(f"{path}.properties", "only allowed for OBJECT type")
    for name in given.get("required", []):
        if name not in given.get("properties", {}):
            raise starred(f"{path}.required[0]", "property is not defined")
    for name, one in given.get("properties", {}).items():
        schema(f"{path}.properties[{name}]", one)
    for at, one in enumerate(given.get("anyOf", [])):
        schema(f"{path}.any_of[{at}]", one)
    if "items" in given:
        schema(f"{path}.items", given["items"])


def parsed(text):
    try:
        return json.loads(text)
    except ValueError as error:
        raise Broken(
            f"Invalid JSON payload received. {error}"
        ) from error
