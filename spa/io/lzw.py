"""LZW as TIFF has it: codes of 9 to 12 bits, highest bit first, each a string that has come before.

A string of at most eight bytes, and nearly all of counted electrons are, is kept as one number and stored at once; of a
longer one stands where it lies in what has been decoded. Source: TIFF 6.0 (1992), section 13.
"""

import numpy as np

from spa.compiled import inner, kernel

SPARE = 8  # bytes that are read, and written, beyond the ends
_u8 = np.uint64


def decoded(packed: bytes, out: np.ndarray) -> bool:
    """Whether the strings of packed fill out (n,) uint8, to which ``SPARE`` bytes more belong, exactly."""
    data = np.frombuffer(packed + bytes(SPARE), np.uint8)
    table = np.empty(4096, np.uint64), np.empty(4096, np.int32), np.empty(4096, np.int32)
    return bool(_decode(data, len(packed), *table, out) == len(out) - SPARE)


def is_new_style(packed: bytes) -> bool:
    """False of codes with the lowest bit first, as some programs wrote before TIFF 5: they start with 0, 1."""
    return not (len(packed) > 1 and packed[0] == 0 and packed[1] & 1)


@inner
def _word(data, i):  # type: ignore[no-untyped-def]
    """Eight bytes from i on as one number, the first one highest."""
    word = _u8(data[i]) << _u8(56) | _u8(data[i + _u8(1)]) << _u8(48) | _u8(data[i + _u8(2)]) << _u8(40)
    word |= _u8(data[i + _u8(3)]) << _u8(32) | _u8(data[i + _u8(4)]) << _u8(24) | _u8(data[i + _u8(5)]) << _u8(16)
    return word | _u8(data[i + _u8(6)]) << _u8(8) | _u8(data[i + _u8(7)])


@inner
def _put(out, at, string):  # type: ignore[no-untyped-def]
    """The eight bytes of a string, the lowest one first."""
    out[at], out[at + _u8(1)], out[at + _u8(2)] = string, string >> _u8(8), string >> _u8(16)
    out[at + _u8(3)], out[at + _u8(4)] = string >> _u8(24), string >> _u8(32)
    out[at + _u8(5)], out[at + _u8(6)] = string >> _u8(40), string >> _u8(48)
    out[at + _u8(7)] = string >> _u8(56)


@kernel("i8(u1[::1], i8, u8[::1], i4[::1], i4[::1], u1[::1])")
def _decode(data, size, text, length, place, out):  # type: ignore[no-untyped-def]
    """Bytes that were written; -1 where the code makes no sense or goes on beyond out. text, length and place: of
    strings."""
    clear, end, first, byte, eight = _u8(256), _u8(257), _u8(258), _u8(255), _u8(8)
    for i in range(256):
        text[i], length[i] = i, 1
    bits, known, at, last = _u8(9), first, _u8(0), eight * _u8(size)
    done, most = _u8(0), _u8(len(out) - 8)
    string, long = _u8(0), _u8(0)  # the last string, and how long it is: 0 after a table is cleared
    while at + bits <= last:
        code = (_word(data, at >> _u8(3)) << (at & _u8(7))) >> (_u8(64) - bits)
        at += bits
        if code - clear < _u8(2):
            if code == end:
                break
            bits, known, long = _u8(9), first, _u8(0)
            continue
        before, many = string, long
        if code < known if many else code < clear:
            string, long = text[code], _u8(length[code])
        elif code == known and many:  # the last string and its own first byte
            long = many + _u8(1)
            if many < eight:
                string = before | (before & byte) << (eight * many)
        else:
            return -1
        if done + long > most:
            return -1
        if many and known < _u8(4096):
            grown = before
            if many < eight:
                grown |= (string & byte) << (eight * many)
            text[known], length[known], place[known] = grown, many + _u8(1), done - many
            known += _u8(1)
            if known >= (_u8(1) << bits) - _u8(1) and bits < _u8(12):
                bits += _u8(1)
        if long <= eight:
            _put(out, done, string)
        else:
            source = _u8(place[code])
            for k in range(long):
                out[done + _u8(k)] = out[source + _u8(k)]
        done += long
    return np.int64(done)
