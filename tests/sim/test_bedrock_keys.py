"""The Bedrock simulator verifies signatures, and gives out credentials as
AWS does: botocore signs and fetches."""

import datetime
import json
import time
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import ContainerMetadataFetcher, InstanceMetadataFetcher
from simulator import Simulator
from wire import send

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = (
    "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/"
    "sim0123456789"
)
KEY = "bedrock-api-key-sim"
KEY_ID = "AKIASIMULATOR0000001"
SECRET = "simulated/secret+key"
REGION = "eu-west-1"
CONTAINER_TOKEN = "container-token-sim"
BODY = json.dumps(
    {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
).encode()
METADATA = "/latest/meta-data/iam/security-credentials/"


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    sim = Simulator(
        tmp_path_factory.mktemp("keys"),
        [MODEL, PROFILE],
        KEY,
        "--access-key",
        f"{KEY_ID}:{SECRET}",
        "--region",
        REGION,
        "--container-token",
        CONTAINER_TOKEN,
        provider="bedrock",
    )
    yield sim
    sim.stop()


@pytest.fixture(autouse=True)
def clean(sim):
    sim.reset()


def path_of(model=MODEL, safe=""):
    return f"/model/{quote(model, safe=safe)}/converse"


def signed(sim, key_id=KEY_ID, secret=SECRET, token=None, region=REGION,
           service="bedrock", path=None, headers=None):
    """(path, headers) that botocore has signed."""
    path = path or path_of()
    request = AWSRequest(
        "POST",
        sim.url + path,
        data=BODY,
        headers={"Content-Type": "application/json", **(headers or {})},
    )
    credentials = Credentials(key_id, secret, token)
    SigV4Auth(credentials, service, region).add_auth(request)
    return path, dict(request.headers)


def refused(sim, path, headers, body=BODY):
    """The type of the error."""
    status, answer, data = send(sim, path, body, headers)
    assert status in (400, 403)
    assert json.loads(data)["message"]
    assert answer.getheader("x-amzn-requestid")
    return answer.getheader("x-amzn-errortype").partition(":")[0]


def good(sim, path, headers):
    assert send(sim, path, BODY, headers)[0] == 200


# ---------------------------------------------------------------- signatures


@pytest.mark.parametrize(
    "path",
    [
        path_of(),
        path_of(safe=":"),
        path_of(PROFILE),
        path_of(PROFILE, safe=":"),
        path_of() + "?a=2&a=1&b=x%20y",
    ],
)
def test_signed_by_botocore(sim, path):
    good(sim, *signed(sim, path=path))
    assert sim.last()["operation"] == "converse"


def test_headers_with_spaces(sim):
    good(sim, *signed(sim, headers={"X-Amz-Meta": "  a   b  "}))


INVALID = "InvalidSignatureException"
UNKNOWN = "UnrecognizedClientException"


@pytest.mark.parametrize(
    "how, kind",
    [
        ({"secret": "other"}, INVALID),
        ({"region": "us-east-1"}, INVALID),
        ({"service": "bedrock-runtime"}, INVALID),
        ({"key_id": "AKIANOBODY"}, UNKNOWN),
        ({"token": "a-token-for-a-fixed-key"}, UNKNOWN),
    ],
    ids=str,
)
def test_wrong_signers(sim, how, kind):
    assert refused(sim, *signed(sim, **how)) == kind


def test_signed_once_encoded(sim):
    """The classic fault: the path is signed as it is, not encoded again."""
    path, _ = signed(sim)
    request = AWSRequest("POST", sim.url + path, data=BODY)
    signer = SigV4Auth(Credentials(KEY_ID, SECRET), "bedrock", REGION)
    signer._normalize_url_path = lambda given: given
    signer.add_auth(request)
    assert refused(sim, path, dict(request.headers)) == INVALID


def test_changed_on_the_way(sim):
    path, headers = signed(sim)
    assert refused(sim, path, headers, BODY + b" ") == INVALID
    other = path_of(PROFILE)
    assert refused(sim, other, headers) == INVALID
    changed = {**headers, "Content-Type": "text/plain"}
    assert refused(sim, path, changed) == INVALID
    assert refused(sim, path, {**headers, "X-Amz-New": "1"}) == INVALID
    without = {**headers, "X-Amz-Content-SHA256": "0" * 64}
    assert refused(sim, path, without) == INVALID
    gone = {k: v for k, v in headers.items() if k != "Content-Type"}
    assert refused(sim, path, gone) == INVALID
    good(sim, path, headers)


@pytest.mark.parametrize(
    "seconds, taken", [(-360, False), (-240, True), (240, True), (360, False)]
)
def test_clocks(sim, monkeypatch, seconds, taken):
    now = datetime.datetime.now(datetime.timezone.utc)
    then = now + datetime.timedelta(seconds=seconds)
    monkeypatch.setattr(
        "botocore.auth.get_current_datetime", lambda *given: then
    )
    request = signed(sim)
    if taken:
        good(sim, *request)
    else:
        assert refused(sim, *request) == INVALID


@pytest.mark.parametrize(
    "authorization, kind",
    [
        (None, "MissingAuthenticationTokenException"),
        ("AWS4-HMAC-SHA256 Credential=a", "IncompleteSignatureException"),
        ("Bearer wrong", "AccessDeniedException"),
    ],
)
def test_other_authorizations(sim, authorization, kind):
    headers = {"Authorization": authorization} if authorization else {}
    assert refused(sim, path_of(), headers) == kind


def test_no_date(sim):
    path, headers = signed(sim)
    del headers["X-Amz-Date"]
    assert refused(sim, path, headers) == "IncompleteSignatureException"


def test_bearer(sim):
    good(sim, path_of(), {"Authorization": "Bearer " + KEY})


# --------------------------------------------------------------- credentials


def from_container(sim, token=CONTAINER_TOKEN):
    return ContainerMetadataFetcher().retrieve_full_uri(
        sim.url + "/v2/credentials/sim", {"Authorization": token}
    )


def from_instance(sim):
    return InstanceMetadataFetcher(
        base_url=sim.url + "/"
    ).retrieve_iam_role_credentials()


def test_container(sim):
    given = from_container(sim)
    names = (given["AccessKeyId"], given["SecretAccessKey"], given["Token"])
    good(sim, *signed(sim, *names))
    assert refused(sim, *signed(sim, *names[:2])) == UNKNOWN
    assert refused(sim, *signed(sim, *names[:2], "other")) == UNKNOWN
    # Each time others; those before are still good.
    assert from_container(sim)["AccessKeyId"] != given["AccessKeyId"]
    good(sim, *signed(sim, *names))


@pytest.mark.parametrize("token", [{}, {"Authorization": "wrong"}], ids=str)
def test_container_wants_its_token(sim, token):
    status, _, data = send(
        sim, "/v2/credentials/sim", None, token, "GET"
    )
    assert status == 401 and json.loads(data)["code"]


def test_instance(sim):
    given = from_instance(sim)
    assert given["role_name"] == "gateway-role"
    good(sim, *signed(
        sim, given["access_key"], given["secret_key"], given["token"]
    ))
    asked = [(one["method"], one["path"]) for one in sim.journal()[:3]]
    assert asked == [
        ("PUT", "/latest/api/token"),
        ("GET", METADATA),
        ("GET", METADATA + "gateway-role"),
    ]


def session(sim, **headers):
    return send(sim, "/latest/api/token", None, headers, "PUT")


TTL = "X-aws-ec2-metadata-token-ttl-seconds"


def test_instance_wants_a_session(sim):
    assert session(sim)[0] == 400
    assert session(sim, **{TTL: "0"})[0] == 400
    assert session(sim, **{TTL: "21601"})[0] == 400
    assert session(sim, **{TTL: "60", "X-Forwarded-For": "10.0.0.1"})[0] == 403
    status, _, token = session(sim, **{TTL: "60"})
    assert status == 200
    headers = {"X-aws-ec2-metadata-token": token.decode()}

    def get(path, headers):
        status, _, data = send(sim, path, None, headers, "GET")
        return status, data

    assert get(METADATA, headers) == (200, b"gateway-role")
    assert get(METADATA, {})[0] == 401
    assert get(METADATA + "other", headers)[0] == 404
    place = "/latest/meta-data/placement/region"
    assert get(place, headers) == (200, REGION.encode())


def test_credentials_run_out(sim):
    sim.script({"lifetime": 0}, deployment="container")
    given = from_container(sim)
    names = (given["AccessKeyId"], given["SecretAccessKey"], given["Token"])
    then = datetime.datetime.fromisoformat(given["Expiration"])
    assert then.timestamp() <= time.time()
    assert refused(sim, *signed(sim, *names)) == "ExpiredTokenException"


def test_credentials_are_revoked(sim):
    given = from_container(sim)
    sim.script({"revoke": True}, deployment="container")
    other = from_container(sim)
    names = ("AccessKeyId", "SecretAccessKey", "Token")
    assert refused(sim, *signed(sim, *(given[n] for n in names))) == UNKNOWN
    good(sim, *signed(sim, *(other[n] for n in names)))


@pytest.mark.parametrize("place", ["container", "metadata"])
def test_places_that_fail(sim, place):
    sim.script({"status": 500, "body": "no"}, deployment=place)
    path = "/v2/credentials/sim" if place == "container" else METADATA
    assert send(sim, path, None, {}, "GET")[0] == 500
