"""Makes the kustomize install from the chart: `python -m dev.manifests [--check]`.

`kubectl apply -k manifests` installs what `helm install` installs with default values. There is one
source: the chart is rendered, split by template, and a namespace and a list of the files are added.
The Job that helm runs before an uninstall is a file of its own, for people to run by hand. CRDs
are those of manifests/crds.
"""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dev import programs
from dev.commands import run

NAMESPACE: Final = "gander-system"
KUBE_VERSION: Final = "1.36.3"
_ROOT: Final = Path(__file__).resolve().parent.parent
_HEADER: Final = "# Made by `python -m dev.manifests` from charts/gander. Edit the chart.\n"
_SOURCE: Final = re.compile(r"# Source: gander/templates/(\S+)\n")
_HOOK: Final = re.compile(r"( +annotations:\n)?(?:^ +helm\.sh/hook\S*: .*\n)+", re.MULTILINE)
_NAMESPACE: Final = f"""\
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
"""
_KUSTOMIZATION: Final = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
"""


def render(helm: str, chart: Path) -> str:
    """Return what the chart makes of its default values, without CRDs."""
    flags = (f"--namespace={NAMESPACE}", f"--kube-version={KUBE_VERSION}")
    return run(helm, "template", "gander", str(chart), *flags, "--set=crds.install=false")


def split(rendered: str) -> dict[str, str]:
    """Return the rendered documents by the name of their template, such as `rbac.yaml`.

    Documents of one template keep their order. What tells helm when to run a Job is taken off.
    """
    found: dict[str, list[str]] = {}
    for document in re.split(r"^---\n", rendered, flags=re.MULTILINE):
        source = _SOURCE.match(document)
        if source:
            found.setdefault(source[1], []).append(_HOOK.sub("", document[source.end() :]))
    return {name: "---\n".join(documents) for name, documents in found.items()}


def files(parts: Mapping[str, str], crds: list[str]) -> dict[str, str]:
    """Return all files below manifests, but for the CRDs, by path."""
    parts = dict(parts)
    leave = parts.pop("leave.yaml")
    made = {f"install/{name}": text for name, text in sorted(parts.items())}
    made = {"install/namespace.yaml": _NAMESPACE, **made}
    resources = "".join(f"- {name}\n" for name in (*(f"crds/{crd}" for crd in crds), *made))
    made |= {"kustomization.yaml": _KUSTOMIZATION + resources, "leave/job.yaml": leave}
    return {path: _HEADER + text for path, text in made.items()}


def main(arguments: list[str], root: Path) -> int:
    """Write the files below `root`, or with --check say which are stale. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dev.manifests")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")
    check = parser.parse_args(arguments).check
    helm = str(programs.build(programs.cache_folder(os.environ), print)["helm"])
    folder = root / "manifests"
    crds = sorted(path.name for path in (folder / "crds").glob("*.yaml"))
    wanted = files(split(render(helm, root / "charts" / "gander")), crds)
    there = {
        str(path.relative_to(folder)): path.read_text()
        for place in ("*.yaml", "install/*.yaml", "leave/*.yaml")
        for path in folder.glob(place)
    }
    stale = [name for name in {**there, **wanted} if there.get(name) != wanted.get(name)]
    for name in stale:
        path = folder / name
        if check:
            old, new = (each.get(name, "").splitlines(keepends=True) for each in (there, wanted))
            sys.stderr.writelines(difflib.unified_diff(old, new, f"manifests/{name}", "chart"))
        elif name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name])
        else:
            path.unlink()
    if check and stale:
        sys.stderr.write("stale: run `make manifests` and commit what it writes\n")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], _ROOT))
