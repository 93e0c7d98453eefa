"""What a Converse request must be, beyond the shape it must have."""

import base64
import json
import re

from bedrock_sim.errors import bad

MAX_DOCUMENTS = 5
MAX_IMAGES = 20
DOCUMENT_NAME = re.compile(r"^[A-Za-z0-9\[\]()-]+( [A-Za-z0-9\[\]()-]+)*$")
MISTRAL_ID = re.compile(r"^[A-Za-z0-9]{9}$")
MAGIC = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff",
    "gif": b"GIF8",
    "webp": b"RIFF",
}
# Who cannot be forced to call a tool, and who to call a certain one.
AUTO_ONLY = ("meta.", "cohere.", "ai21.", "deepseek.", "amazon.titan")
NAMED = ("anthropic.", "amazon.nova")


def blank(text):
    return not text.strip()


class Rules:
    """A body of the right shape is taken if this does not raise."""

    def __init__(self, body, model):
        self.body = body
        self.model = model
        self.names = set()
        self.system()
        self.messages()
        self.results()
        self.tools()
        self.output()
        more = body.get("additionalModelRequestFields", {})
        if not isinstance(more, dict):
            raise bad("additionalModelRequestFields must be an object.")

    def system(self):
        for at, block in enumerate(self.body.get("system", [])):
            if blank(block.get("text", "x")):
                raise bad(
                    "The text field in the SystemContentBlock object at "
                    f"system.{at} is blank. Add text to the text field, and "
                    "try again."
                )

    # -------------------------------------------------------------- messages

    def messages(self):
        messages = self.body.get("messages") or []
        if not messages:
            raise bad("A conversation must have at least one message.")
        before = None
        for at, message in enumerate(messages):
            if message["role"] not in ("user", "assistant"):
                raise bad("The role of a message is user or assistant.")
            if message["role"] == before:
                raise bad(
                    "A conversation must alternate between user and assistant "
                    "roles. Make sure the conversation alternates between "
                    "user and assistant roles and try again."
                )
            before = message["role"]
            self.content(f"messages.{at}", message)

    def content(self, path, message):
        blocks = message["content"]
        if not blocks:
            raise bad(
                f"The content field in the Message object at {path} is empty. "
                "Add a ContentBlock object to the content field and try again."
            )
        for at, block in enumerate(blocks):
            kind = next(iter(block))
            check = getattr(self, "on_" + kind, None)
            if check:
                check(f"{path}.content.{at}", block[kind], message)
        documents = [one for one in blocks if "document" in one]
        if documents and not any("text" in one for one in blocks):
            raise bad(
                "The content field of a message with a document must have a "
                f"text block: {path}"
            )
        if len(documents) > MAX_DOCUMENTS:
            raise bad(f"There are more than {MAX_DOCUMENTS} documents.")
        if sum("image" in one for one in blocks) > MAX_IMAGES:
            raise bad(f"There are more than {MAX_IMAGES} images.")

    def on_text(self, path, text, _):
        if blank(text):
            raise bad(
                f"The text field in the ContentBlock object at {path} is "
                "blank. Add text to the text field, and try again."
            )

    def on_image(self, path, image, message):
        if message["role"] != "user":
            raise bad(f"The image at {path} is not a user's.")
        data = image["source"].get("bytes")
        if data is None:
            return
        if not base64.b64decode(data).startswith(MAGIC[image["format"]]):
            raise bad(
                "The model returned the following errors: Could not process "
                "image"
            )

    def on_document(self, path, document, message):
        if message["role"] != "user":
            raise bad(f"The document at {path} is not a user's.")
        name = document["name"]
        if not DOCUMENT_NAME.match(name):
            raise bad(
                f"The document file name at {path} can only contain "
                "alphanumeric characters, whitespace characters, hyphens, "
                "parentheses, and square brackets. The name can't contain "
                "more than one consecutive whitespace character."
            )
        if name in self.names:
            raise bad(f"Duplicate document names: {name}")
        self.names.add(name)

    def on_toolUse(self, path, use, message):
        if message["role"] != "assistant":
            raise bad(f"The toolUse at {path} is not an assistant's.")
        if not isinstance(use["input"], dict):
            raise bad(
                f"The format of the value at {path}.toolUse.input is invalid. "
                "Provide a json object for the field and try again."
            )
        if "mistral." in self.model and not MISTRAL_ID.match(
            use["toolUseId"]
        ):
            raise bad(
                "The model returned the following errors: Tool call id was "
                f"{use['toolUseId']} but must be a-z, A-Z, 0-9, with a length "
                "of 9."
            )

    def on_toolResult(self, path, result, message):
        if message["role"] != "user":
            raise bad(f"The toolResult at {path} is not a user's.")
        for at, one in enumerate(result["content"]):
            if blank(one.get("text", "x")):
                raise bad(
                    "The text field in the ToolResultContentBlock object at "
                    f"{path}.toolResult.content.{at} is blank."
                )
            if not isinstance(one.get("json", {}), dict):
                raise bad(
                    "The format of the value at "
                    f"{path}.toolResult.content.{at}.json is invalid. Provide "
                    "a json object for the field and try again."
                )

    # ----------------------------------------------------------------- tools

    @staticmethod
    def ids(message, kind):
        return [
            block[kind]["toolUseId"]
            for block in message["content"]
            if kind in block
        ]

    def results(self):
        """Every call has its result in the next turn, and no other."""
        asked = []
        for at, message in enumerate(self.body["messages"]):
            given = self.ids(message, "toolResult")
            path = f"messages.{at}.content"
            if len(given) > len(asked):
                raise bad(
                    f"The number of toolResult blocks at {path} exceeds the "
                    "number of toolUse blocks of previous turn."
                )
            missing = [one for one in asked if one not in given]
            if missing or len(set(given)) < len(given):
                raise bad(
                    f"Expected toolResult blocks at {path} for the following "
                    f"Ids: {', '.join(missing)}"
                )
            asked = self.ids(message, "toolUse")
            if len(set(asked)) < len(asked):
                raise bad(f"Duplicate toolUseIds at {path}")
            if (asked or given) and "toolConfig" not in self.body:
                raise bad(
                    "The toolConfig field must be defined when using toolUse "
                    "and toolResult content blocks."
                )
        if asked:
            raise bad("A conversation must not end with a toolUse block.")

    def tools(self):
        config = self.body.get("toolConfig")
        if config is None:
            return
        names = []
        for at, tool in enumerate(config["tools"]):
            spec = tool.get("toolSpec")
            if spec is None:
                continue
            path = f"toolConfig.tools.{at}.toolSpec"
            if spec["name"] in names:
                raise bad(f"Duplicate tool name at {path}: {spec['name']}")
            names.append(spec["name"])
            schema = spec["inputSchema"]["json"]
            if not isinstance(schema, dict) or schema.get("type") != "object":
                raise bad(
                    f"The value at {path}.inputSchema.json.type must be one "
                    "of the following: object."
                )
        self.choice(config.get("toolChoice", {}), names)

    def choice(self, choice, names):
        able = {
            "auto": True,
            "any": not any(one in self.model for one in AUTO_ONLY),
            "tool": any(one in self.model for one in NAMED),
        }
        for kind in choice:
            if not able[kind]:
                raise bad(
                    f"This model doesn't support the toolConfig.toolChoice."
                    f"{kind} field. Remove toolConfig.toolChoice.{kind} and "
                    "try again."
                )
        name = choice.get("tool", {}).get("name")
        if name is not None and name not in names:
            raise bad(f"toolConfig.toolChoice.tool.name: no tool {name}")

    def output(self):
        form = self.body.get("outputConfig", {}).get("textFormat")
        if form is None:
            return
        try:
            schema = json.loads(form["structure"]["jsonSchema"]["schema"])
        except ValueError:
            schema = None
        if not isinstance(schema, dict):
            raise bad(
                "The value at outputConfig.textFormat.structure.jsonSchema."
                "schema is no JSON schema."
            )
