"""A server that keeps objects and a client of it, for the passes that need one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.reconcile.apiserver import serving
from tests.unit.reconcile.shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with serving(tmp_path) as (api, client):
        yield Shop(api, client)
