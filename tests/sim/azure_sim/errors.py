"""Errors as Azure OpenAI and OpenAI word them."""

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
    "no_permission": (
        403,
        {},
        azure("403", "Access denied due to Virtual Network/Firewall rules."),
    ),
    "no_model": (404, {}, NO_DEPLOYMENT),
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
    "bad_request": (
        400,
        {},
        openai(
            "Invalid value: 'banana'.",
            "invalid_request_error",
            "messages[0].role",
            "invalid_value",
        ),
    ),
    "too_large": (413, {}, azure("413", "Request body too large.")),
    "rate": (429, {"Retry-After": "1"}, azure("429", RATE_TEXT)),
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
