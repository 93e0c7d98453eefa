"""Checks a request against the service model that AWS publishes, which
comes with botocore."""

import base64
import binascii
import re

from botocore.loaders import Loader

from bedrock_sim.errors import bad

MODELS = {}
NUMBERS = {
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
}


def shapes(service):
    if service not in MODELS:
        loaded = Loader().load_service_model(service, "service-2")
        MODELS[service] = loaded["shapes"]
    return MODELS[service]


class Checker:
    def __init__(self, service):
        self.shapes = shapes(service)
        self.problems = []

    def bad(self, path, constraint):
        self.problems.append(
            f"Value at '{path}' failed to satisfy constraint: Member must "
            + constraint
        )

    def value(self, name, value, path):
        shape = self.shapes[name]
        if value is None:
            self.bad(path, "not be null")
        elif shape.get("document"):
            return
        elif shape["type"] in NUMBERS:
            self.number(shape, value, path)
        else:
            getattr(self, shape["type"])(shape, value, path)

    def number(self, shape, value, path):
        known = isinstance(value, NUMBERS[shape["type"]])
        if isinstance(value, bool) or not known:
            self.bad(path, f"be a {shape['type']}")
        elif value < shape.get("min", value):
            self.bad(path, f"be greater than or equal to {shape['min']}")
        elif value > shape.get("max", value):
            self.bad(path, f"be less than or equal to {shape['max']}")

    def boolean(self, shape, value, path):
        if not isinstance(value, bool):
            self.bad(path, "be a boolean")

    def sized(self, shape, value, path):
        if len(value) < shape.get("min", 0):
            self.bad(path, "have length greater than or equal to "
                     + str(shape["min"]))
        if len(value) > shape.get("max", len(value)):
            self.bad(path, f"have length less than or equal to {shape['max']}")

    def string(self, shape, value, path):
        if not isinstance(value, str):
            self.bad(path, "be a string")
            return
        self.sized(shape, value, path)
        words = shape.get("enum")
        if words and value not in words:
            self.bad(path, f"satisfy enum value set: [{', '.join(words)}]")
        pattern = shape.get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            self.bad(path, f"satisfy regular expression pattern: {pattern}")

    def blob(self, shape, value, path):
        try:
            data = base64.b64decode(value, validate=True)
        except (TypeError, ValueError, binascii.Error):
            self.bad(path, "be base64")
            return
        self.sized(shape, data, path)

    def list(self, shape, value, path):
        if not isinstance(value, list):
            self.bad(path, "be a list")
            return
        self.sized(shape, value, path)
        for at, one in enumerate(value, 1):
            self.value(shape["member"]["shape"], one, f"{path}.{at}.member")

    def map(self, shape, value, path):
        if not isinstance(value, dict):
            self.bad(path, "be a map")
            return
        self.sized(shape, value, path)
        for name, one in value.items():
            self.value(shape["key"]["shape"], name, path)
            self.value(shape["value"]["shape"], one, f"{path}.{name}")

    def structure(self, shape, value, path):
        if not isinstance(value, dict):
            self.bad(path, "be a structure")
            return
        if shape.get("union") and len(value) != 1:
            self.bad(path, "have exactly one member")
        # Those that the URL has are none of the body's.
        members = {
            name: one["shape"]
            for name, one in shape["members"].items()
            if "location" not in one
        }
        for name in shape.get("required", []):
            if name in members and name not in value:
                self.bad(f"{path}.{name}".strip("."), "not be null")
        for name, one in value.items():
            where = f"{path}.{name}".strip(".")
            if name in members:
                self.value(members[name], one, where)
            else:
                self.bad(where, "be known: extraneous key is not permitted")


def check(service, shape, body):
    """Refused if the body is none of this shape."""
    checker = Checker(service)
    checker.value(shape, body, "")
    if checker.problems:
        number = len(checker.problems)
        raise bad(
            f"{number} validation error{'s' * (number > 1)} detected: "
            + "; ".join(checker.problems)
        )
