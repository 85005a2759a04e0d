"""Rows dealt out to parts."""

import numpy as np

from spa.errors import UsageError


def dealt(n: int, size: int | None, number: int | None, keys: np.ndarray | None, order: np.ndarray) -> np.ndarray:
    """The part, from 0, of each of n rows.

    order: a permutation of the rows (the identity, or a drawn one): parts are cut out of the rows in this order.
    keys: rows of one key stay together; alone they make a part each, with ``number`` whole keys go to the part that
    has the fewest rows so far. UsageError where there are fewer rows or keys than parts, or no rule at all.
    """
    if keys is not None and size is None:
        return _by_key(keys, number, order)
    if keys is not None or (size is None) == (number is None):
        raise UsageError("say one of --size, --number, --by, or --by with --number")
    if number is not None and number > n:
        raise UsageError(f"--number {number}: there are only {n} rows")
    parts = np.empty(n, np.int64)
    if size is not None:
        parts[order] = np.arange(n) // size
    else:
        assert number is not None
        parts[order] = np.arange(n) * number // n
    return parts


def _by_key(keys: np.ndarray, number: int | None, order: np.ndarray) -> np.ndarray:
    codes: dict[str, int] = {}
    code = np.empty(len(keys), np.int64)
    for row in order:
        code[row] = codes.setdefault(str(keys[row]), len(codes))
    if number is None:
        return code
    if number > len(codes):
        raise UsageError(f"--number {number}: there are only {len(codes)} values to keep together")
    counts = np.bincount(code, minlength=len(codes))
    filled = np.zeros(number, np.int64)
    part_of = np.empty(len(codes), np.int64)
    # the largest first: the usual greedy rule, within 4/3 of the best balance (Graham, 1969)
    for key in np.argsort(-counts, kind="stable"):
        part_of[key] = int(np.argmin(filled))
        filled[part_of[key]] += counts[key]
    return part_of[code]
