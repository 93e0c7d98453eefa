"""Start the simulator: python3 tests/sim/anthropic_sim --port 8080"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from anthropic_sim.service import Anthropic  # noqa: E402
from simbase import program  # noqa: E402


def main():
    parser = program.parser(
        "anthropic_sim", "claude-sonnet-4-5,claude-opus-5", __doc__
    )
    options = parser.parse_args()
    service = Anthropic(
        program.deployments(options), options.key, options.token
    )
    program.run("anthropic_sim", service, options)


if __name__ == "__main__":
    main()
