"""An object that nobody may change: a real admission policy, as administrators have them."""

from collections.abc import Iterator
from contextlib import contextmanager

from dev.errors import DevError
from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.story import Story

FREEZE = "this object is frozen until Monday"


@contextmanager
def frozen(
    shop: Story,
    group: str,
    resource: str,
    *,
    name: str = NAME,
    part: str = "",
    also: tuple[str, ...] = (),
) -> Iterator[None]:
    """Have the API server refuse every update of one object, or of one part of it.

    `name` is the object's, `part` its subresource. `also` names others that need not exist yet.
    """
    namespace = shop.shop.namespace
    policy = {
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "resourceRules": [
                {
                    "apiGroups": [group],
                    "apiVersions": ["*"],
                    "operations": ["UPDATE"],
                    "resources": [f"{resource}/{part}" if part else resource],
                }
            ],
        },
        "matchConditions": [
            {"name": "these", "expression": f"object.metadata.name in {[name, *also]}"}
        ],
        "validations": [{"expression": "false", "message": FREEZE}],
    }
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": namespace}}
    binding = {"policyName": namespace, "validationActions": ["Deny"]}
    shop.apply(
        {**head, "kind": "ValidatingAdmissionPolicy", "spec": policy},
        {**head, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
    )

    def refused() -> bool:
        try:
            # A subresource takes no annotation, but it is asked all the same.
            shop.patch(
                resource, {"metadata": {"annotations": {"trial": "1"}}}, name=name, part=part
            )
        except DevError as error:
            return FREEZE in str(error)
        return False

    kinds = "validatingadmissionpolicybindings,validatingadmissionpolicies"
    try:
        until(f"{resource} {name} to be frozen", refused, seconds=60)
        yield
    finally:
        shop.shop.kubectl("delete", kinds, namespace)
