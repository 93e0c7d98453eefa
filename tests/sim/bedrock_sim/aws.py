"""Signature version 4, verified over what came over the wire."""

import hashlib
import hmac
import re
import time
from calendar import timegm
from urllib.parse import quote, unquote

from bedrock_sim.errors import ERRORS, refused
from simbase.service import Refused

SKEW = 300  # seconds that two clocks may differ
ALGORITHM = "AWS4-HMAC-SHA256"
FORM = re.compile(
    r"^AWS4-HMAC-SHA256\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),"
    r"\s*Signature=([0-9a-f]{64})$"
)
UNRESERVED = "-_.~"


def named(name):
    status, headers, document = ERRORS[name]
    return Refused(status, document, headers)


def signature_refused(message):
    return refused("InvalidSignatureException", message)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def normal(path):
    """Without dot segments and double slashes, still as it was encoded."""
    kept = []
    for segment in path.split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    last = "/" if path.endswith("/") and kept else ""
    return "/" + "/".join(kept) + last


def canonical_path(target):
    """What is encoded already is encoded again."""
    return quote(normal(target.partition("?")[0]), safe="/" + UNRESERVED)


def canonical_query(target):
    pairs = []
    for pair in filter(None, target.partition("?")[2].split("&")):
        name, _, value = pair.partition("=")
        pairs.append(
            tuple(quote(unquote(one), safe=UNRESERVED) for one in (name, value))
        )
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def canonical_headers(request, names):
    lines = []
    for name in names:
        values = [
            " ".join(value.split())
            for known, value in request.headers
            if known.lower() == name
        ]
        if not values:
            raise signature_refused(f"The signed header {name} is missing.")
        lines.append(f"{name}:{','.join(values)}\n")
    return "".join(lines)


def timely(date):
    try:
        then = timegm(time.strptime(date or "", "%Y%m%dT%H%M%SZ"))
    except ValueError as error:
        raise refused(
            "IncompleteSignatureException",
            "Authorization header requires existence of either a "
            "'X-Amz-Date' or a 'Date' header.",
        ) from error
    age = time.time() - then
    if age > SKEW:
        raise signature_refused(f"Signature expired: {date} is too long ago")
    if age < -SKEW:
        raise signature_refused(f"Signature not yet current: {date}")


def payload_digest(request):
    given = request.header("x-amz-content-sha256")
    found = digest(request.body)
    if given not in (None, found):
        raise signature_refused(
            "The provided 'x-amz-content-sha256' header does not match what "
            "was computed."
        )
    return found


def signed_names(request, text):
    names = text.split(";")
    if names != sorted(set(names)):
        raise signature_refused("SignedHeaders are not in order.")
    wanted = {"host", "x-amz-date"}
    for name, _ in request.headers:
        if name.lower().startswith("x-amz-"):
            wanted.add(name.lower())
    for name in sorted(wanted - set(names)):
        raise signature_refused(
            f"'{name}' must be a 'SignedHeader' in the AWS Authorization."
        )
    return names


def verify(request, keys, region, service):
    """Refused unless one of `keys` has signed it for this region."""
    match = FORM.match(request.header("authorization"))
    if not match:
        raise refused(
            "IncompleteSignatureException",
            "Authorization header requires 'Credential', 'Signature' and "
            "'SignedHeaders' parameters.",
        )
    credential, names, given = match.groups()
    key_id, _, scope = credential.partition("/")
    date = request.header("x-amz-date")
    timely(date)
    secret = keys.secret(key_id, request.header("x-amz-security-token"))
    expected = f"{date[:8]}/{region}/{service}/aws4_request"
    if scope != expected:
        raise signature_refused(
            f"Credential should be scoped to {expected}, not {scope}."
        )
    names = signed_names(request, names)
    canonical = "\n".join([
        request.method,
        canonical_path(request.target),
        canonical_query(request.target),
        canonical_headers(request, names),
        ";".join(names),
        payload_digest(request),
    ])
    text = "\n".join([ALGORITHM, date, scope, digest(canonical.encode())])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = mac(key, part)
    if not hmac.compare_digest(mac(key, text).hex(), given):
        raise named("bad_signature")
