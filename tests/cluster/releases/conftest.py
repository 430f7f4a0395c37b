"""What the tests of whole releases share: a shop with a plan in a namespace of its own.

Gander itself is installed once for all of them, by `python -m dev test`, from our image and chart.
"""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dev.environment import Environment
from dev.jobs import IMAGES_VARIABLE
from dev.shop.deploy import Shop, deploy, remove
from tests.cluster.releases.installed import Installed
from tests.cluster.releases.story import Story


@pytest.fixture(scope="session")
def environment() -> Environment:
    """Return the cluster that the variables name."""
    return Environment.from_variables(os.environ)


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """Return the shop's images by version, as `python -m dev test` pushed them."""
    pushed: dict[str, str] = json.loads(os.environ[IMAGES_VARIABLE])
    return pushed


@pytest.fixture
def installed(environment: Environment) -> Installed:
    """Return Gander as it is installed; who stops it lets it run again."""
    return Installed(environment)


@pytest.fixture
def story(environment: Environment, images: dict[str, str]) -> Iterator[Callable[..., Story]]:
    """Return a function that deploys v1 of a shop and its plan, unless told to do less.

    Words for it: `replicas=3`, and the fields of the plan's spec to replace, as in the YAML.
    """
    told: list[Story] = []

    def tell(*, replicas: int = 3, deployed: bool = True, adopt: bool = True, **spec: Any) -> Story:
        name = f"shop-{uuid.uuid4().hex[:8]}"
        shop = Shop(environment, namespace=name, hostname=f"{name}.example")
        made = Story(shop, images)
        told.append(made)
        if deployed:
            deploy(shop, images["v1"], replicas=replicas)
        if deployed and adopt:
            made.adopt(**spec)
        return made

    yield tell
    for each in told:
        each.close()
        remove(each.shop)
