"""The kustomize install is the rendered chart, split plainly."""

from dev.manifests import files, split

RENDERED = """\
---
# Source: gander/templates/rbac.yaml
# Why.
kind: ClusterRole
---
# Source: gander/templates/deployment.yaml
kind: Deployment
---
# Source: gander/templates/rbac.yaml
kind: ClusterRoleBinding
---
# Source: gander/templates/leave.yaml
kind: Job
metadata:
  name: leave
  annotations:
    helm.sh/hook: pre-delete
    helm.sh/hook-delete-policy: before-hook-creation
spec: {}
"""


def test_each_template_is_a_file_with_its_documents_in_order() -> None:
    parts = split(RENDERED)
    assert list(parts) == ["rbac.yaml", "deployment.yaml", "leave.yaml"]
    assert parts["rbac.yaml"] == "# Why.\nkind: ClusterRole\n---\nkind: ClusterRoleBinding\n"


def test_what_only_helm_reads_is_taken_off() -> None:
    assert split(RENDERED)["leave.yaml"] == "kind: Job\nmetadata:\n  name: leave\nspec: {}\n"


def test_the_kustomization_lists_crds_and_parts_but_not_the_job() -> None:
    made = files(split(RENDERED), ["plans.yaml"])
    assert list(made) == [
        "install/namespace.yaml",
        "install/deployment.yaml",
        "install/rbac.yaml",
        "kustomization.yaml",
        "leave/job.yaml",
    ]
    listed = made["kustomization.yaml"].partition("resources:\n")[2].splitlines()
    assert listed == [
        "- crds/plans.yaml",
        "- install/namespace.yaml",
        "- install/deployment.yaml",
        "- install/rbac.yaml",
    ]


def test_every_file_says_what_makes_it() -> None:
    made = files(split(RENDERED), [])
    assert all(text.startswith("# Made by `python -m dev.manifests`") for text in made.values())
