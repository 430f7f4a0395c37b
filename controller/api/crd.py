"""Makes the CustomResourceDefinitions from the models: `python -m controller.api.crd [--check]`.

One file a kind in manifests/crds, the same in the chart, and the field tables of docs/spec. Each
stays well below what breaks client-side apply. Runs in a clone of the repository: PyYAML comes with
the Kubernetes client.
"""

import argparse
import difflib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from controller.api import reference
from controller.api.base import GROUP, VERSION, Model
from controller.api.metric import ReleaseMetric
from controller.api.plan import ReleasePlan
from controller.api.release import Release
from controller.api.structural import SchemaError, structural

MAX_BYTES = 100_000
CATEGORY = "gander"


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get`; priority 1 shows up with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


@dataclass(frozen=True)
class Kind:
    """One custom resource: its model, its names and the columns that tell its story."""

    model: type[Model]
    plural: str
    short_names: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        """The kind, such as ReleasePlan."""
        return self.model.__name__

    @property
    def crd_name(self) -> str:
        """The name of its CustomResourceDefinition."""
        return f"{self.plural}.{GROUP}"


_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_READY = '.status.conditions[?(@.type=="Ready")]'

KINDS = (
    Kind(
        ReleasePlan,
        "releaseplans",
        ("plan",),
        (
            Column("Phase", ".status.phase"),
            Column("Guard", ".status.guard"),
            Column("Stable", ".status.stable.version"),
            Column("Release", ".status.activeRelease"),
            Column("Ready", f"{_READY}.status"),
            Column("Reason", f"{_READY}.reason"),
            _AGE,
            Column("Message", f"{_READY}.message", priority=1),
        ),
    ),
    Kind(
        Release,
        "releases",
        ("rel",),
        (
            Column("Plan", ".spec.plan"),
            Column("Phase", ".status.phase"),
            Column("Step", ".status.progress"),
            Column("Weight", ".status.weight.confirmed", "number"),
            Column("Verdict", ".status.verdict"),
            Column("Reason", ".status.reason"),
            _AGE,
            Column("Message", ".status.message", priority=1),
        ),
    ),
    Kind(
        ReleaseMetric,
        "releasemetrics",
        ("relm",),
        (
            Column("Total", ".spec.counts.total"),
            Column("Bad", ".spec.counts.bad"),
            Column("Buckets", ".spec.histogram.buckets"),
            Column("Series", ".spec.gauge.series"),
            Column("Per", ".spec.per"),
            _AGE,
        ),
    ),
)


def object_schema(kind: Kind) -> dict[str, Any]:
    """Return the schema of a whole object of this kind."""
    source = kind.model.model_json_schema(by_alias=True, mode="serialization")
    definitions = source.pop("$defs")
    source["properties"].pop("metadata")
    schema = structural(source, definitions, kind.name)
    # A default would give every object a status from birth, one that nobody has written.
    schema["properties"].get("status", {}).pop("default", None)
    schema["properties"] = {
        "apiVersion": {"description": f"Always {GROUP}/{VERSION}.", "type": "string"},
        "kind": {"description": f"Always {kind.name}.", "type": "string"},
        "metadata": {"type": "object"},
        **schema["properties"],
    }
    schema["required"] = ["spec"]
    return schema


def definition(kind: Kind) -> dict[str, Any]:
    """Return the CustomResourceDefinition of one kind."""
    schema = object_schema(kind)
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
        "schema": {"openAPIV3Schema": schema},
    }
    if "status" in schema["properties"]:
        version["subresources"] = {"status": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": list(kind.short_names),
                "categories": [CATEGORY],
            },
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _column(column: Column) -> dict[str, Any]:
    shown = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return {**shown, "priority": column.priority} if column.priority else shown


class _Dumper(yaml.SafeDumper):
    """Writes no anchors: the same schema at two places is written twice."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def manifest(kind: Kind) -> str:
    """Return the YAML of one CRD. SchemaError: over 100 KB."""
    text = "# Made by `python -m controller.api.crd` from controller/api. Edit the models.\n"
    text += yaml.dump(definition(kind), Dumper=_Dumper, sort_keys=False, width=100)
    if len(text.encode()) > MAX_BYTES:
        raise SchemaError(f"{kind.crd_name}: {len(text.encode())} bytes, over {MAX_BYTES}")
    return text


def generated(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file that is made from the models, with its text. Reads the pages in docs."""
    for kind in KINDS:
        text = manifest(kind)
        yield root / "manifests" / "crds" / f"{kind.crd_name}.yaml", text
        yield root / "charts" / "gander" / "files" / "crds" / f"{kind.crd_name}.yaml", text
        page = root / "docs" / "spec" / f"{kind.name.lower()}.md"
        yield page, reference.fill(page.read_text(), object_schema(kind), page.name)


def main(arguments: list[str], root: Path) -> int:
    """Write the files below `root`, or with --check say which are stale. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m controller.api.crd")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")
    check = parser.parse_args(arguments).check
    stale = False
    for path, text in generated(root):
        stored = path.read_text() if path.exists() else ""
        if stored == text:
            continue
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            continue
        stale = True
        name = str(path.relative_to(root))
        sys.stderr.writelines(
            difflib.unified_diff(
                stored.splitlines(keepends=True), text.splitlines(keepends=True), name, "models"
            )
        )
    if stale:
        sys.stderr.write("stale: run `python -m controller.api.crd` and commit what it writes\n")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parents[2]))
