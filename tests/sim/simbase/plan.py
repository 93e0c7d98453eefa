"""What is asked, and what every model answers to it: the rules are in
../README.md."""

import json

from simbase import text

REPORT = "SIM-REPORT"
THOUGHT = "Thinking it over."
THOUGHT_TOKENS = 64


class Ask:
    """A request in the words of no provider: filled turn by turn."""

    def __init__(self):
        self.systems = []  # lines of the report
        self.lines = []
        self.names = {}  # id of a call: its name
        self.role = None
        self.texts = []  # of this turn
        self.prompt = ""
        self.tokens = 3
        self.answered = False  # the last thing is a tool result
        self.tools = []  # (name, JSON schema of the arguments or None)
        self.choice = "auto"  # "none", "any", or the name of a tool
        self.parallel = True
        self.schema = None
        self.json = False
        self.reasoning = False
        self.limit = None
        self.stops = []

    def turn(self, role):
        self.role = role
        self.texts = []
        self.tokens += 4

    def note(self, words, answered=False):
        self.lines.append(words)
        self.answered = answered

    def system(self, words):
        self.tokens += text.count(words)
        self.systems += [f"system: {line}" for line in words.split("\n")]

    def text(self, words):
        """A text of this turn."""
        self.tokens += text.count(words)
        for line in words.split("\n"):
            self.note(f"{self.role}: {line}")
        if self.role == "user" and words:
            self.texts.append(words)
            self.prompt = " ".join(self.texts)

    def image(self, kind, size):
        self.note(f"{self.role}: image {kind} {size}")

    def linked(self, kind, url):
        self.note(f"{self.role}: {kind} {url}")

    def file(self, kind, size):
        self.note(f"{self.role}: file {kind} {size}")

    def call(self, number, name, arguments):
        """A tool call of an earlier answer; its arguments as an object."""
        self.names[number] = name
        given = text.dump(arguments)
        self.tokens += text.count(given)
        self.note(f"assistant: call {name} {given}")

    def result(self, number, words):
        """What a tool said; for a provider that knows no ids the number is
        the name of the tool."""
        self.tokens += text.count(words)
        name = self.names.get(number, "?")
        for line in words.split("\n"):
            self.note(f"tool {name}: {line}", True)

    def report(self):
        return "\n".join(self.systems + self.lines)


class Plan:
    """What to answer.

    reasoning  text or None
    text       text or None
    calls      [(name, arguments as an object)]
    finish     "stop", "length", "tool_calls", "content_filter" or a word
               of the script
    stop       the stop sequence that ended the text, or None
    """

    def __init__(self, ask, how, index=0):
        self.ask = ask
        self.how = how
        self.stop = None
        self.text = None
        self.finish = "stop"
        self.reasoning = self.thought()
        self.calls = self.chosen()
        if self.calls:
            self.finish = "tool_calls"
            self.text = how.get("content")
        else:
            self.text = self.words(index)
            self.shorten()
        self.finish = how.get("finish", self.finish)
        if self.finish == "content_filter" and "content" not in how:
            self.text = None
            self.calls = []

    def thought(self):
        given = self.how.get("reasoning", self.ask.reasoning)
        if isinstance(given, str):
            return given
        return THOUGHT if given else None

    def chosen(self):
        ask, how = self.ask, self.how
        if "calls" in how:
            return [(one["name"], one["arguments"]) for one in how["calls"]]
        tools = ask.tools
        number = how.get("tools")
        if number is not None:
            tools = (tools or [("call", None)]) * number
            tools = tools[:number]
        elif ask.choice == "none" or ask.answered:
            tools = []
        else:
            if ask.choice not in ("auto", "any"):
                tools = [tool for tool in tools if tool[0] == ask.choice]
            if not ask.parallel:
                tools = tools[:1]
        return [
            (name, text.sample(schema or {"type": "object"}))
            for name, schema in tools
        ]

    def words(self, index):
        ask, how = self.ask, self.how
        if how.get("long"):
            return "x" * how["long"]
        said = how.get("content")
        if said is not None:
            return said
        if ask.schema is not None:
            return json.dumps(text.sample(ask.schema))
        said = text.answer(ask.prompt, index)
        if ask.json:
            return json.dumps({"answer": said})
        return ask.report() if REPORT in ask.prompt else said

    def shorten(self):
        for stop in self.ask.stops:
            at = self.text.find(stop)
            if at >= 0:
                self.text = self.text[:at]
                self.stop = stop
        tokens = text.pieces(self.text)
        if self.ask.limit and len(tokens) > self.ask.limit:
            self.text = "".join(tokens[: self.ask.limit])
            self.finish = "length"
            self.stop = None

    # ---------------------------------------------------------------- usage

    @property
    def input_tokens(self):
        """All of them, the cached ones too."""
        return self.ask.tokens + self.cached + self.cache_written

    @property
    def cached(self):
        return self.how.get("cached", 0)

    @property
    def cache_written(self):
        return self.how.get("cache_written", 0)

    @property
    def reasoning_tokens(self):
        return THOUGHT_TOKENS if self.reasoning else 0

    @property
    def output_tokens(self):
        """The reasoning included."""
        out = self.reasoning_tokens + text.count(self.text or "")
        for _, arguments in self.calls:
            out += 5 + text.count(json.dumps(arguments))
        return out
