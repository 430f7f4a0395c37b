"""How many releases are made, when some do not count and time runs out."""

import time

from bench.shops import Turns

LATER = time.monotonic() + 3600


def test_there_are_as_many_turns_as_wanted() -> None:
    turns = Turns(2, LATER)
    assert [turns.take() for _ in range(3)] == [True, True, False]


def test_a_release_that_does_not_count_is_made_again_within_bounds() -> None:
    turns = Turns(2, LATER)
    made = 0
    while turns.take():
        made += 1
        turns.give_back()
    assert made == 2 + 3


def test_none_is_begun_after_the_deadline() -> None:
    assert not Turns(2, time.monotonic() - 1).take()
