"""Errors as Entra, a machine's metadata service and Key Vault word them."""


def entra(status, code, number, words):
    return status, {}, {
        "error": code,
        "error_description": f"AADSTS{number}: {words}",
        "error_codes": [number],
        "timestamp": "2026-11-21 12:00:00Z",
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
    }


def imds(code, words):
    return {"error": code, "error_description": words}


def vault(code, words):
    return {"error": {"code": code, "message": words}}


# name: (status, headers, body)
ERRORS = {
    "no_path": (404, {}, "Not found"),
    "no_metadata": (
        400,
        {},
        imds("bad_request_102", "Required metadata header not specified"),
    ),
    "forwarded": (
        400,
        {},
        imds("invalid_request", "X-Forwarded-For is not allowed."),
    ),
    "bad_version": (400, {}, imds("invalid_request", "Invalid api-version.")),
    "bad_resource": (
        400,
        {},
        imds("invalid_resource", "AADSTS50001: The application was not found."),
    ),
    "no_identity": (400, {}, imds("invalid_request", "Identity not found")),
    "bad_header": (
        401,
        {},
        {"statusCode": 401, "message": "Unauthorized", "correlationId": "0"},
    ),
    "busy": (429, {"Retry-After": "3"}, imds("too_many", "Too many requests")),
    "updating": (410, {}, ""),
    "server": (500, {}, imds("unknown", "Failed to retrieve token.")),
    "no_tenant": entra(
        400, "invalid_request", 90002, "Tenant not found."
    ),
    "no_client": entra(
        400, "unauthorized_client", 700016, "Application not found."
    ),
    "no_grant": entra(
        400, "invalid_request", 900144, "The body must contain more."
    ),
    "bad_secret": entra(
        401, "invalid_client", 7000215, "Invalid client secret provided."
    ),
    "old_secret": entra(
        401, "invalid_client", 7000222, "The client secret has expired."
    ),
    "bad_assertion": entra(
        401, "invalid_client", 700213, "No matching federated identity."
    ),
    "bad_scope": entra(
        400, "invalid_scope", 1002012, "The scope is not valid."
    ),
    "no_version": (
        400,
        {},
        vault("BadParameter", "api-version must be specified"),
    ),
    "no_secret": (404, {}, vault("SecretNotFound", "A secret was not found.")),
    "forbidden": (403, {}, vault("Forbidden", "The user has no permission.")),
    "throttled": (
        429,
        {"Retry-After": "3"},
        vault("Throttled", "Request was not processed."),
    ),
}
