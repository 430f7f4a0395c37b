"""What makes one Debian machine look like production: `python -m dev up`.

A real Kubernetes with a gateway, Prometheus, Alertmanager and an image registry runs as plain
processes in a network namespace of its own. Demo, tests and benchmarks use the same code. Nothing
here is imported by the controller.
"""

import sys

# Here, because an older Python cannot even read the rest.
if sys.version_info < (3, 11):  # noqa: UP036 - whoever starts this may have any Python
    there = ".".join(map(str, sys.version_info[:2]))
    sys.exit(
        "missing: Python 3.11 or newer; this is " + there + "\n"
        "  Debian 12 brings 3.11: apt-get install python3 python3-venv; or name another one with\n"
        "  make PYTHON=python3.11 ..."
    )
