"""entra_sim, and what stands in the environment of those who use it."""

import contextlib

from simulator import Simulator

TENANT = "0a1b2c3d-0000-4000-8000-000000000001"
CLIENT = "0a1b2c3d-0000-4000-8000-000000000002"
IDENTITY = "0a1b2c3d-0000-4000-8000-000000000003"
SECRET = "entra-CLIENT-SECRET-0123"
ASSERTION = "federated.ASSERTION-0123456789.x"
HEADER = "identity-HEADER-0123456789"
# It signs the tokens: simulators of models take them with --entra KEY.
KEY = "key-of-entra-sim"
# How they begin: {"typ":"JWT","alg":"HS256"}.
MARK = "eyJ0eXAiOiAiSldUIiwgImFsZyI6"
SECRETS = [SECRET, ASSERTION, HEADER, MARK]

NAMES = (
    "AZURE_AUTHORITY_HOST AZURE_CLIENT_ID AZURE_TENANT_ID AZURE_CLIENT_SECRET "
    "AZURE_FEDERATED_TOKEN_FILE AZURE_POD_IDENTITY_AUTHORITY_HOST "
    "IDENTITY_ENDPOINT IDENTITY_HEADER IDENTITY_SERVER_THUMBPRINT IMDS_ENDPOINT "
    "MSI_ENDPOINT MSI_SECRET DEFAULT_IDENTITY_CLIENT_ID"
).split()


def start(where, *arguments, **more):
    return Simulator(
        where, [], KEY, "--tenant", TENANT, "--client", CLIENT, "--secret",
        SECRET, "--assertion", ASSERTION, "--header", HEADER, *arguments,
        provider="entra", **more,
    )


@contextlib.contextmanager
def beside(env, *sims):
    """These are looked at after each test, and end with the module; what it
    sets in the environment is forgotten then."""
    before = env.environment
    env.environment = dict(before)
    env.simulators += sims
    env.secrets += SECRETS
    yield
    env.environment = before
    for sim in sims:
        env.simulators.remove(sim)
        sim.stop()


def app_service(sim):
    """The environment of App Service."""
    return {
        "IDENTITY_ENDPOINT": sim.url + "/msi/token/",
        "IDENTITY_HEADER": HEADER,
    }


def machine_learning(sim):
    """The environment of Azure Machine Learning."""
    return {"MSI_ENDPOINT": sim.url + "/ml/token", "MSI_SECRET": HEADER}


def cloud_shell(sim):
    return {"MSI_ENDPOINT": sim.url + "/shell/token"}


def workload(path):
    """The environment of a pod in AKS."""
    return {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_FEDERATED_TOKEN_FILE": str(path),
    }


def principal():
    return {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_SECRET": SECRET,
    }


def set_environment(env, **variables):
    """Of the next httpd: none of Azure's own but these."""
    for name in NAMES:
        env.environment.pop(name, None)
    env.environment.update(variables, ENTRA_SECRET=SECRET)
