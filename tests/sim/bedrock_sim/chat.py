"""The chat completions that Bedrock has beside its own API: OpenAI's, with
the reasoning in a member that OpenAI does not have."""

from azure_sim import chat
from azure_sim.quirks import Quirk
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


class Bedrock(Quirk):
    reasoning = "reasoning"


class Chat(chat.Chat):
    def __init__(self, body, model, how):
        # The names of the errors are others here.
        self.fails = how.get("error_event")
        how = {name: how[name] for name in how if name != "error_event"}
        super().__init__(body, model, how, "openai", Bedrock())

    def events(self):
        for number, (_, data) in enumerate(super().events()):
            if number == self.fails:
                name = self.how.get("event_error", "server")
                yield None, chat.dump(worded(*ERRORS[name]))
                return
            yield None, data
