"""Tokens as Entra gives them out: who has the same key can tell whether one
is good, for what and until when."""

import base64
import hashlib
import hmac
import json
import secrets
import time

HEAD = {"typ": "JWT", "alg": "HS256"}
# Who looks at it without a key of ours looks at this.
ISSUER = "https://sts.windows.net/0a1b2c3d-0000-4000-8000-000000000001/"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(key, text):
    return encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256))


def make(key, audience, subject, lifetime):
    """A token that ends in `lifetime` seconds."""
    now = time.time()
    claims = {
        "aud": audience,
        "iss": ISSUER,
        "appid": subject,
        "iat": now,
        "nbf": now,
        "exp": now + lifetime,
        "uti": secrets.token_urlsafe(8),
    }
    text = ".".join(
        encode(json.dumps(part).encode()) for part in (HEAD, claims)
    )
    return f"{text}.{sign(key, text)}"


def claims_of(key, token):
    """What it says; None if it is not one of ours."""
    text, _, signature = token.rpartition(".")
    if not hmac.compare_digest(sign(key, text), signature):
        return None
    middle = text.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=="))


def good(key, token, audiences, since=0):
    """Is it good now, for one of these, and not taken back? Those from
    before `since` are."""
    claims = key and token.count(".") == 2 and claims_of(key, token)
    return bool(
        claims
        and claims["aud"] in audiences
        and claims["exp"] > time.time()
        and claims["iat"] >= since
    )
