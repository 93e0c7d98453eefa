"""Access keys: one that is always good, and those that are given out for a
while by the container's endpoint or the instance's metadata."""

import secrets
import time

from bedrock_sim.aws import named

LIFETIME = 3600  # seconds
MAX_TOKEN = 21600  # seconds, of a token of the metadata service


def stamp(when):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


class Temporary:
    def __init__(self, lifetime):
        self.secret = secrets.token_urlsafe(30)
        self.token = "IQoJ" + secrets.token_urlsafe(300) + "=="
        self.expires = time.time() + lifetime


class Keys:
    def __init__(self, key_id, secret):
        self.key_id = key_id
        self.fixed = secret
        self.temporary = {}  # access key id: Temporary
        self.sessions = {}  # token of the metadata service: its end

    def secret(self, key_id, token):
        """The secret of a key that is good, or Refused."""
        if key_id == self.key_id:
            if token is not None:
                raise named("bad_key")
            return self.fixed
        known = self.temporary.get(key_id)
        if known is None or token != known.token:
            raise named("bad_key")
        if known.expires <= time.time():
            raise named("expired")
        return known.secret

    def give(self, how):
        """New ones: `lifetime` in seconds, `revoke` for those before."""
        if how.get("revoke"):
            self.temporary = {}
        key_id = "ASIA" + secrets.token_hex(8).upper()
        made = Temporary(how.get("lifetime", LIFETIME))
        self.temporary[key_id] = made
        return {
            "AccessKeyId": key_id,
            "SecretAccessKey": made.secret,
            "Token": made.token,
            "Expiration": stamp(made.expires),
        }

    def session(self, seconds):
        token = secrets.token_urlsafe(40)
        self.sessions[token] = time.time() + seconds
        return token

    def in_session(self, token):
        return self.sessions.get(token, 0) > time.time()
