"""CityHash64 in its first published form, by which CatBoost names the levels of a category.

Source: G. Pike & J. Alakuijala, CityHash 1.0 (2011). CatBoost keeps the low 32 bits, signed. Only texts of at most
64 bytes are hashed here; longer levels are left to the caller to name.
"""

from __future__ import annotations

LONGEST = 64
_MASK = (1 << 64) - 1
_K0, _K1 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273
_K2, _K3 = 0x9AE16A3B2F90404F, 0xC949D7C7509E6557
_MULTIPLIER = 0x9DDFEA08EB382D69


def level_hash(level: str) -> int | None:
    """The number CatBoost writes for a level, or None for one of more than 64 bytes.

    >>> level_hash("")
    797982799
    """
    data = level.encode()
    if len(data) > LONGEST:
        return None
    low = _city(data) & 0xFFFFFFFF
    return low - (1 << 32) if low >= 1 << 31 else low


def _city(s: bytes) -> int:
    n = len(s)
    if n <= 16:
        return _short(s, n)
    if n <= 32:
        return _middle(s, n)
    return _long(s, n)


def _short(s: bytes, n: int) -> int:
    if n > 8:
        a, b = _u64(s, 0), _u64(s, n - 8)
        return _pair(a, _turn(b + n, n)) ^ b
    if n >= 4:
        return _pair(n + (_u32(s, 0) << 3), _u32(s, n - 4))
    if n > 0:
        y = s[0] + (s[n >> 1] << 8)
        z = n + (s[n - 1] << 2)
        return _mix(y * _K2 & _MASK ^ z * _K3 & _MASK) * _K2 & _MASK
    return _K2


def _middle(s: bytes, n: int) -> int:
    a, b = _u64(s, 0) * _K1 & _MASK, _u64(s, 8)
    c, d = _u64(s, n - 8) * _K2 & _MASK, _u64(s, n - 16) * _K0 & _MASK
    return _pair(_turn(a - b, 43) + _turn(c, 30) + d, a + _turn(b ^ _K3, 20) - c + n)


def _long(s: bytes, n: int) -> int:
    first = _half(_u64(s, 24), _u64(s, 0) + (n + _u64(s, n - 16)) * _K0, (_u64(s, 8), _u64(s, 16)))
    second = _half(_u64(s, n - 8), _u64(s, 16) + _u64(s, n - 32), (_u64(s, n - 24), _u64(s, n - 16)))
    r = _mix((first[0] + second[1]) * _K2 + (second[0] + first[1]) * _K0 & _MASK)
    return _mix(r * _K0 + first[1] & _MASK) * _K2 & _MASK


def _half(z: int, a: int, rest: tuple[int, int]) -> tuple[int, int]:
    b, c = _turn(a + z, 52), _turn(a, 37)
    a += rest[0]
    c += _turn(a, 7)
    a += rest[1]
    return a + z & _MASK, b + _turn(a, 31) + c & _MASK


def _pair(low: int, high: int) -> int:
    low, high = low & _MASK, high & _MASK
    a = _mix((low ^ high) * _MULTIPLIER & _MASK)
    b = _mix((high ^ a) * _MULTIPLIER & _MASK)
    return b * _MULTIPLIER & _MASK


def _mix(value: int) -> int:
    return value ^ value >> 47


def _turn(value: int, by: int) -> int:
    value &= _MASK
    return (value >> by | value << 64 - by) & _MASK


def _u64(s: bytes, at: int) -> int:
    return int.from_bytes(s[at : at + 8], "little")


def _u32(s: bytes, at: int) -> int:
    return int.from_bytes(s[at : at + 4], "little")
