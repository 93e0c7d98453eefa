"""Start the simulator: python3 tests/sim/databricks_sim --port 8080"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from databricks_sim.service import Databricks  # noqa: E402
from simbase import program  # noqa: E402


def main():
    parser = program.parser(
        "databricks_sim",
        "databricks-claude-sonnet-4-5,databricks-gemini-3-pro,"
        "databricks-gpt-oss-120b,databricks-gte-large-en",
        __doc__,
    )
    parser.add_argument("--client", default="sim-client")
    parser.add_argument("--secret", default="sim-secret")
    options = parser.parse_args()
    service = Databricks(
        program.deployments(options),
        options.key,
        options.token,
        options.client,
        options.secret,
    )
    program.run("databricks_sim", service, options)


if __name__ == "__main__":
    main()
