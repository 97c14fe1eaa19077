"""A dictionary from 64-bit keys to 64-bit numbers in two flat arrays: 32 to 64 bytes an entry at most, where a
`dict` of integers takes about 150. For millions of rows whose ids must be remembered."""

from __future__ import annotations

from array import array

_MASK = (1 << 64) - 1
_SIGN = 1 << 63
_FIRST = 1 << 10


class Tally:
    """Open addressing with linear probing (Knuth, TAOCP vol. 3, §6.4, algorithm L), at most half full. A value of 0
    marks a free place, so values are positive.

    >>> seen = Tally()
    >>> seen.first(7, 2), seen.first(7, 5), seen.add(9), seen.add(9), len(seen)
    (2, 2, 1, 2, 2)
    """

    __slots__ = ("_keys", "_limit", "_values", "_where")

    def __init__(self) -> None:
        self._keys = array("q", bytes(8 * _FIRST))
        self._values = array("q", bytes(8 * _FIRST))
        self._where = _FIRST - 1
        self._limit = 0

    def __len__(self) -> int:
        return self._limit

    def first(self, key: int, value: int) -> int:
        """The value of a key, which becomes `value` where it has none yet."""
        place, key = self._place(key)
        if not self._values[place]:
            self._put(place, key, value)
            return value
        return self._values[place]

    def add(self, key: int) -> int:
        """How often this key was added, this time included."""
        place, key = self._place(key)
        count = self._values[place] + 1
        if count == 1:
            self._put(place, key, 1)
        else:
            self._values[place] = count
        return count

    def _place(self, key: int) -> tuple[int, int]:
        """Where the key stands or would stand, and the key as it is kept."""
        key &= _MASK
        # Fibonacci hashing spreads keys that are themselves no hashes.
        place = (key * 0x9E3779B97F4A7C15 & _MASK) >> 20 & self._where
        key = key - (1 << 64) if key & _SIGN else key
        keys, values, where = self._keys, self._values, self._where
        while values[place] and keys[place] != key:
            place = (place + 1) & where
        return place, key

    def _put(self, place: int, key: int, value: int) -> None:
        self._keys[place], self._values[place] = key, value
        self._limit += 1
        if self._limit * 2 > self._where:
            self._grow()

    def _grow(self) -> None:
        keys, values = self._keys, self._values
        size = (self._where + 1) * 2
        self._keys, self._values = array("q", bytes(8 * size)), array("q", bytes(8 * size))
        self._where = size - 1
        for key, value in zip(keys, values, strict=True):
            if value:
                place, kept = self._place(key)
                self._keys[place], self._values[place] = kept, value
