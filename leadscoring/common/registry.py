"""A registry by name: the one way for an app below to reach what an app above provides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class NameTaken(ValueError):
    """Two things were registered under one name."""


class UnknownName(LookupError):
    """Nothing is registered under this name."""


class Registry(Generic[Item]):
    """Things by name, in order of registration.

    >>> channels: Registry[type] = Registry("channel")
    >>> channels.add("text", str)
    >>> channels.get("text")
    <class 'str'>
    >>> channels.get("fax")
    Traceback (most recent call last):
        ...
    leadscoring.common.registry.UnknownName: There is no channel named 'fax'; expected one of: text.
    """

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._items: dict[str, Item] = {}

    def add(self, name: str, item: Item) -> None:
        """Registers `item`; the same item twice is harmless, another under the same name is refused."""
        known = self._items.setdefault(name, item)
        if known is not item:
            raise NameTaken(f"There is already a {self.noun} named {name!r}: {known!r}.")

    def register(self, name: str) -> Callable[[Item], Item]:
        """Decorator form of :meth:`add`."""

        def keep(item: Item) -> Item:
            self.add(name, item)
            return item

        return keep

    def get(self, name: str) -> Item:
        try:
            return self._items[name]
        except KeyError:
            known = ", ".join(self._items) or "(none)"
            raise UnknownName(f"There is no {self.noun} named {name!r}; expected one of: {known}.") from None

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def items(self) -> list[tuple[str, Item]]:
        return list(self._items.items())
