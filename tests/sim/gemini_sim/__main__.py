"""Start the simulator: python3 tests/sim/gemini_sim --port 8080"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gemini_sim.service import Gemini  # noqa: E402
from gemini_sim.tokens import Tokens  # noqa: E402
from simbase import program  # noqa: E402

MODELS = "gemini-2.5-flash,gemini-3-pro-preview,gemini-embedding-001"


def main():
    parser = program.parser("gemini_sim", MODELS, __doc__)
    parser.add_argument(
        "--project", default="sim-project", help="the one of Vertex"
    )
    parser.add_argument(
        "--service-account", help="file of the one that may have tokens"
    )
    options = parser.parse_args()
    tokens = None
    if options.service_account:
        account = json.loads(Path(options.service_account).read_text())
        tokens = Tokens(account)
    service = Gemini(
        program.deployments(options),
        options.key,
        options.token,
        options.project,
        tokens,
    )
    program.run("gemini_sim", service, options)


if __name__ == "__main__":
    main()
