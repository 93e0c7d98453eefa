"""The chat completions that Bedrock has beside its own API: OpenAI's, with
the reasoning in a member that OpenAI does not have."""

import json

from azure_sim import chat
from bedrock_sim.errors import ERRORS


def worded(status, headers, document):
    """An error of AWS in the form that OpenAI's have."""
    kind = headers["x-amzn-ErrorType"].partition(":")[0]
    return {
        "error": {
            "message": document["message"],
            "type": kind,
            "param": None,
            "code": kind,
        }
    }


class Chat(chat.Chat):
    def __init__(self, body, model, how):
        # The names of the errors are others here.
        self.fails = how.get("error_event")
        how = {name: how[name] for name in how if name != "error_event"}
        super().__init__(body, model, how, "openai")

    def document(self):
        document = json.loads(super().document())
        for choice, plan in zip(document["choices"], self.plans):
            if plan.reasoning:
                choice["message"]["reasoning"] = plan.reasoning
        return chat.dump(document)

    def chunks(self):
        """The reasoning comes after the role of the last choice."""
        left = len(self.plans)
        for chunk in super().chunks():
            yield chunk
            left -= 1
            if left == 0:
                for index, plan in enumerate(self.plans):
                    if plan.reasoning:
                        yield self.one(index, {"reasoning": plan.reasoning})

    def events(self):
        for number, (_, data) in enumerate(super().events()):
            if number == self.fails:
                name = self.how.get("event_error", "server")
                yield None, chat.dump(worded(*ERRORS[name]))
                return
            yield None, data
