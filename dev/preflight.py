"""Says all that is missing for a job at once, before anything is done.

`python3 -m dev.preflight` needs nothing but Python, so it runs before there is an environment for
it. It looks at the machine, and with KUBECONFIG set at that cluster instead of what one of ours
would need. It exits with 2 if anything is missing.
"""

import os
from collections.abc import Callable, Mapping

from dev import existing, machine
from dev.layout import DEFAULT_NAME, Layout
from dev.machine import Finding
from dev.programs import cache_folder


def ours(layout: Layout, env: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return what keeps a cluster of ours from running here."""
    return machine.for_cluster(machine.inspect(layout, cache_folder(env)))


def others(env: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return what keeps us from using the cluster that KUBECONFIG names."""
    here = machine.inspect(Layout.of(DEFAULT_NAME, env), cache_folder(env))
    return (*machine.for_images(here), *existing.findings(env, existing.look(env)))


def demand(found: tuple[Finding, ...], say: Callable[[str], None]) -> None:
    """Return if there is nothing, else say everything and exit with 2."""
    for finding in found:
        say(str(finding))
    if found:
        raise SystemExit(2)


if __name__ == "__main__":
    demand(
        others(os.environ)
        if os.environ.get("KUBECONFIG")
        else ours(Layout.of(DEFAULT_NAME, os.environ), os.environ),
        print,
    )
