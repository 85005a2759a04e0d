"""A map over items in threads, its results in the items' order, with a bounded number of items under way."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

from spa.errors import DataError
from spa.job.threads import single_blas

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered(
    items: Iterable[Item],
    work: Callable[[Item], Result],
    threads: int,
    checkpoint: Callable[[], None] = lambda: None,
    ahead: int = 2,
) -> Iterator[tuple[Item, Callable[[], Result]]]:
    """(item, its result as a call that returns or raises), in the items' order.

    At most ``ahead * threads`` items are begun and not yet taken. ``checkpoint`` is called before each item is handed
    out; when it or the taker raises, items under way are finished and the others never begun.
    """
    source = iter(items)
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    executor = ThreadPoolExecutor(threads, thread_name_prefix="spa")
    finish = True
    try:
        while True:
            while len(waiting) < ahead * threads:
                try:
                    item = next(source)
                except StopIteration:
                    break
                waiting.append((item, executor.submit(work, item)))
            if not waiting:
                return
            checkpoint()
            item, future = waiting[0]
            future.exception()
            waiting.popleft()
            yield item, future.result
    except KeyboardInterrupt:
        finish = False
        raise
    finally:
        executor.shutdown(wait=finish, cancel_futures=True)


@contextlib.contextmanager
def mapping(threads: int) -> Iterator[Callable[..., Iterable]]:
    """A `map` that calls in threads, each with one BLAS thread, and gives results in the items' order."""
    with single_blas(), ThreadPoolExecutor(threads, thread_name_prefix="spa") as executor:
        yield executor.map


@contextlib.contextmanager
def in_order(threads: int, checkpoint: Callable[[], None] = lambda: None) -> Iterator[Callable[..., Iterable]]:
    """A `map` as above that begins only a few items ahead of the one taken, so that results do not pile up."""

    def mapped(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        for _, result in ordered(items, work, threads, checkpoint):
            yield result()

    with single_blas():
        yield mapped


def beside(work: Callable[[Item], Result], items: Sequence[Item], threads: int, left: Event) -> list[Result]:
    """What work makes of a few items, in their order, so many of them at once: each is long, and hands most of itself
    to a map of its own. left is set where one has raised, or the taker was interrupted: the others are to end then."""
    if min(threads, len(items)) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(threads, len(items)), thread_name_prefix="spa") as executor:
        begun = [executor.submit(work, item) for item in items]
        try:
            for one in wait(begun, return_when=FIRST_EXCEPTION).done:
                one.result()
            return [one.result() for one in begun]
        except BaseException:
            left.set()
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def distinct(keys: list[str], unit: str) -> list[str]:
    """The keys. DataError naming one that is there twice."""
    if len(set(keys)) < len(keys):
        twin = next(key for key in keys if keys.count(key) > 1)
        raise DataError(f"{unit} {twin} is there twice")
    return keys
