"""The mix of baskets that a load sends."""

import random
from collections import Counter

import pytest

from dev.errors import DevError
from dev.shop.baskets import Mix, draw


def kinds(mix: Mix, count: int, seed: int = 1) -> list[str]:
    chance = random.Random(seed)
    return [draw(mix, chance).kind for _ in range(count)]


def test_kinds_come_in_their_shares() -> None:
    drawn = Counter(kinds(Mix(samples=0.04, suppliers=0.10, flaky=0.01), 20_000))
    # Four standard deviations of a binomial share around each.
    for kind, share in (("samples", 0.04), ("suppliers", 0.10), ("flaky", 0.01), ("plain", 0.85)):
        assert drawn[kind] == pytest.approx(20_000 * share, abs=4 * (20_000 * share) ** 0.5)


def test_the_same_seed_draws_the_same_baskets() -> None:
    assert kinds(Mix(), 100, seed=3) == kinds(Mix(), 100, seed=3)
    assert kinds(Mix(), 100, seed=3) != kinds(Mix(), 100, seed=4)


@pytest.mark.parametrize("mix", [Mix(samples=0, suppliers=0), Mix(1, 0, 0), Mix(0, 0, 1)])
def test_a_share_of_all_or_nothing_is_exact(mix: Mix) -> None:
    drawn = set(kinds(mix, 1000))
    assert drawn == {"samples" if mix.samples else "flaky" if mix.flaky else "plain"}


@pytest.mark.parametrize("shares", [(0.5, 0.4, 0.2), (-0.1, 0, 0)])
def test_shares_that_cannot_be_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(DevError, match="together at most 1"):
        Mix(*shares)
