"""Start the simulator: python3 tests/sim/entra_sim --port 8080"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from entra_sim.service import Entra  # noqa: E402
from simbase import program  # noqa: E402


def main():
    parser = program.parser("entra_sim", "", __doc__)
    parser.add_argument("--tenant", default="sim-tenant")
    parser.add_argument("--client", default="sim-client")
    parser.add_argument("--secret", default="sim-secret")
    parser.add_argument("--assertion", help="the federated token that is good")
    parser.add_argument("--header", default="sim-header")
    parser.add_argument(
        "--identities", help="user-assigned ones, comma-separated; all"
    )
    parser.add_argument("--vault", default="", help="name=value,...")
    options = parser.parse_args()
    program.run("entra_sim", Entra(options), options)


if __name__ == "__main__":
    main()
