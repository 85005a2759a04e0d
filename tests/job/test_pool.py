"""Results come in the items' order, whoever finishes first; few items are under way."""

import threading
import time

import pytest

from spa.job import pool


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_order(threads: int) -> None:
    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3 == 0))
        return item * item

    found = [(item, result()) for item, result in pool.ordered(range(20), work, threads)]
    assert found == [(item, item * item) for item in range(20)]


def test_few_are_under_way() -> None:
    begun: list[int] = []
    for taken, (_, result) in enumerate(pool.ordered(range(30), begun.append, 2, ahead=2)):
        result()
        assert len(begun) <= taken + 1 + 4


def test_items_are_drawn_only_when_wanted() -> None:
    drawn = []
    source = (drawn.append(item) or item for item in range(100))  # type: ignore[func-returns-value]
    for item, _ in pool.ordered(source, abs, 2):
        if item == 3:
            break
    assert len(drawn) <= 8


def test_an_error_is_raised_where_its_result_is_taken() -> None:
    results = list(pool.ordered([1, 0, 2], lambda item: 1 // item, 2))
    assert results[0][1]() == 1 and results[2][1]() == 0
    with pytest.raises(ZeroDivisionError):
        results[1][1]()


def test_a_checkpoint_that_raises_ends_the_work_with_whole_items() -> None:
    begun, done = [], []
    lock = threading.Lock()

    def work(item: int) -> None:
        begun.append(item)
        time.sleep(0.01)
        with lock:
            done.append(item)

    def checkpoint() -> None:
        if len(done) >= 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        for _ in pool.ordered(range(100), work, 2, checkpoint):
            pass
    assert sorted(begun) == sorted(done) and len(done) < 10


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_what_stands_beside_comes_in_order(threads: int) -> None:
    left, slow = threading.Event(), lambda item: (time.sleep(0.02 * (item == 0)), item)[1]
    assert pool.beside(slow, range(4), threads, left) == [0, 1, 2, 3] and not left.is_set()


def test_one_that_fails_beside_others_ends_them() -> None:
    """They are told, and none is begun after it."""
    left, begun = threading.Event(), []

    def work(item: int) -> None:
        begun.append(item)
        if item == 1:
            raise ValueError("no map")
        assert left.wait(5)

    with pytest.raises(ValueError, match="no map"):
        pool.beside(work, range(6), 2, left)
    assert sorted(begun)[:2] == [0, 1] and len(begun) <= 3
