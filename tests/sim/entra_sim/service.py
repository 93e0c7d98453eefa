"""What gives out tokens and keys on Azure.

  GET  /metadata/identity/oauth2/token       a machine's metadata (IMDS)
  GET  /msi/token/                           App Service, Container Apps
  GET  /ml/token                             Azure Machine Learning
  POST /shell/token                          Cloud Shell
  POST /TENANT/oauth2/v2.0/token             Entra, with a secret or an
                                             assertion
  GET  /secrets/NAME, /secrets/NAME/VERSION  Key Vault

The key signs the tokens: other simulators take them with `--entra KEY`. A
script for "metadata" or "token" may have

  expires_in   seconds
  refresh_in   seconds, said beside it
  expires_on   how it is written: "number", "string", "us", "us_pm", "iso",
               "rfc3339"; alone: without expires_in
  skew         seconds that the service's clock is ahead
"""

import datetime
import re
import secrets
import time
from urllib.parse import parse_qsl

from entra_sim.errors import ERRORS, imds, vault
from simbase import entra as tokens
from simbase.service import Call, Refused, Service

TOKEN = re.compile(r"^/([^/]+)/oauth2/v2\.0/token$")
DISCOVERY = re.compile(r"^/([^/]+)/v2\.0/\.well-known/openid-configuration$")
SECRET = re.compile(r"^/secrets/([^/]+)(?:/([^/]+))?/?$")
LIFETIME = 86399
VAULT = "https://vault.azure.net"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
IDENTITIES = {
    "/metadata/identity/oauth2/token": "imds",
    "/msi/token/": "app_service",
    "/ml/token": "machine_learning",
    "/shell/token": "cloud_shell",
}
WHO = {"imds": ("client_id", "object_id", "msi_res_id"),
       "app_service": ("client_id", "object_id", "principal_id", "mi_res_id"),
       "machine_learning": ("clientid",)}
FORMS = {
    "us": "%m/%d/%Y %H:%M:%S",
    "us_pm": "%m/%d/%Y %I:%M:%S %p +00:00",
    "iso": "%Y-%m-%d %H:%M:%S",
    "rfc3339": "%Y-%m-%dT%H:%M:%SZ",
}


class Entra(Service):
    settings = (
        *Service.settings, "secrets", "assertions", "header", "vault"
    )
    errors = ERRORS

    def __init__(self, options):
        super().__init__({}, options.key, options.token)
        self.tenant = options.tenant
        self.client = options.client
        # While one takes another's place both are good.
        self.secrets = [options.secret]
        self.assertions = [options.assertion]
        self.header = options.header
        self.identities = options.identities and options.identities.split(",")
        self.vault = dict(
            one.split("=", 1) for one in options.vault.split(",") if one
        )

    def understand(self, request):
        """What was asked for; who asks is looked at later, so that the
        journal has it either way."""
        path = request.path
        if path in IDENTITIES:
            return Call(IDENTITIES[path], "metadata")
        for operation, name, pattern in (
            ("token", "token", TOKEN),
            ("discovery", "discovery", DISCOVERY),
            ("secret", "secret", SECRET),
        ):
            found = pattern.match(path)
            if found:
                return Call(operation, name, words=found.groups())
        raise self.error("no_path")

    def known(self, call):
        pass

    def grant(self, how, audience, subject):
        lifetime = how.get("expires_in", LIFETIME)
        token = tokens.make(self.key, audience, subject, lifetime)
        return lifetime, token

    # ------------------------------------------------------------ identities

    def check_query(self, request, version, kind):
        query = request.query
        if request.method != "GET":
            raise Refused(405, imds("invalid_request", "Use GET."))
        if query.get("api-version") != version:
            raise self.error("bad_version")
        if not query.get("resource") or query["resource"].endswith("/.default"):
            raise self.error("bad_resource")
        who = [query[name] for name in WHO[kind] if name in query]
        unknown = set(query) - {"api-version", "resource", *WHO[kind]}
        if unknown or len(who) > 1:
            raise Refused(400, imds("invalid_request", "Too many parameters."))
        if who and self.identities and who[0] not in self.identities:
            raise self.error("no_identity")
        return query["resource"], who[0] if who else "system"

    async def do_imds(self, request, call, how, reply):
        if request.header("metadata") != "true":
            raise self.error("no_metadata")
        if request.header("x-forwarded-for") is not None:
            raise self.error("forwarded")
        resource, who = self.check_query(request, "2018-02-01", "imds")
        await self.give_identity(call, how, reply, resource, who, True)

    async def do_app_service(self, request, call, how, reply):
        if request.header("x-identity-header") != self.header:
            raise self.error("bad_header")
        resource, who = self.check_query(request, "2019-08-01", "app_service")
        await self.give_identity(call, how, reply, resource, who, False)

    async def do_machine_learning(self, request, call, how, reply):
        if request.header("secret") != self.header:
            raise self.error("bad_header")
        resource, who = self.check_query(
            request, "2017-09-01", "machine_learning"
        )
        await self.give_identity(call, how, reply, resource, who, False)

    async def do_cloud_shell(self, request, call, how, reply):
        """Who is logged in: nobody can be named."""
        form = dict(parse_qsl(request.body.decode()))
        if request.header("metadata") != "true":
            raise self.error("no_metadata")
        if request.method != "POST" or set(form) != {"resource"}:
            raise Refused(400, imds("invalid_request", "Post a resource."))
        if request.query or form["resource"].endswith("/.default"):
            raise self.error("bad_resource")
        await self.give_identity(
            call, how, reply, form["resource"], "shell", True
        )

    async def give_identity(self, call, how, reply, resource, who, machine):
        lifetime, token = self.grant(how, resource, who)
        document = {
            "access_token": token,
            "resource": resource,
            "token_type": "Bearer",
            "client_id": who,
            "expires_on": self.moment(how, lifetime),
        }
        if machine and "expires_on" not in how:
            document.update(
                expires_in=str(lifetime), refresh_token="", not_before="0"
            )
        if "refresh_in" in how:
            document["refresh_in"] = str(how["refresh_in"])
        await self.send(call, reply, document)

    @staticmethod
    def moment(how, lifetime):
        end = int(time.time() + lifetime + how.get("skew", 0))
        form = how.get("expires_on", "string")
        if form == "number":
            return end
        if form == "string":
            return str(end)
        date = datetime.datetime.fromtimestamp(end, datetime.timezone.utc)
        return date.strftime(FORMS[form])

    # ----------------------------------------------------------------- Entra

    async def do_discovery(self, request, call, how, reply):
        """Libraries ask where everything is."""
        here = f"https://{request.header('host')}/{call.words[0]}"
        await self.send(call, reply, {
            "issuer": f"{here}/v2.0",
            "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
            "token_endpoint": f"{here}/oauth2/v2.0/token",
        })

    def check_client(self, request, tenant):
        kind = (request.header("content-type") or "").split(";")[0]
        if request.method != "POST" or kind != (
            "application/x-www-form-urlencoded"
        ):
            raise self.error("no_grant")
        form = dict(parse_qsl(request.body.decode()))
        if tenant != self.tenant:
            raise self.error("no_tenant")
        if form.get("grant_type") != "client_credentials":
            raise self.error("no_grant")
        if form.get("client_id") != self.client:
            raise self.error("no_client")
        if "client_assertion" in form:
            if form.get("client_assertion_type") != ASSERTION:
                raise self.error("no_grant")
            if form["client_assertion"] not in self.assertions:
                raise self.error("bad_assertion")
        elif form.get("client_secret") not in self.secrets:
            raise self.error("bad_secret")
        return form

    async def do_token(self, request, call, how, reply):
        form = self.check_client(request, call.words[0])
        scope = form.get("scope", "")
        if not scope.endswith("/.default"):
            raise self.error("bad_scope")
        audience = scope[: -len("/.default")]
        lifetime, token = self.grant(how, audience, form["client_id"])
        document = {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": token,
        }
        if "refresh_in" in how:
            document["refresh_in"] = how["refresh_in"]
        await self.send(call, reply, document)

    def refusal(self, request, call, error):
        headers, document = super().refusal(request, call, error)
        if isinstance(document, dict) and "error_codes" in document:
            document = {
                **document,
                "trace_id": secrets.token_hex(16),
                "correlation_id": secrets.token_hex(16),
            }
        return headers, document

    # ------------------------------------------------------------- Key Vault

    async def do_secret(self, request, call, how, reply):
        scheme, _, bearer = (request.header("authorization") or "").partition(
            " "
        )
        if scheme != "Bearer" or not tokens.good(self.key, bearer, [VAULT]):
            raise Refused(
                401,
                vault("Unauthorized", "AKV10000: Request is missing a Bearer "
                                      "or PoP token."),
                {"WWW-Authenticate": f'Bearer authorization="https://'
                                     f'login.microsoftonline.com/'
                                     f'{self.tenant}", resource="{VAULT}"'},
            )
        if "api-version" not in request.query:
            raise self.error("no_version")
        name, version = call.words
        if name not in self.vault:
            raise self.error("no_secret")
        await self.send(call, reply, {
            "value": self.vault[name],
            "id": f"https://sim.vault.azure.net/secrets/{name}/"
                  + (version or secrets.token_hex(16)),
            "attributes": {"enabled": True, "created": 1, "updated": 1},
        })
