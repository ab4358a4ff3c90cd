"""Attributes that check what is assigned to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar, overload

from cnnfs import checks

_T = TypeVar("_T")


class Setting(Generic[_T]):
    """An attribute that checks what is assigned to it."""

    def __init__(self, check: Callable[[object, str], _T]) -> None:
        self._check = check

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[_T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> _T: ...
    def __get__(self, instance: object, owner: type) -> _T | Setting[_T]:
        if instance is None:
            return self
        value: _T = instance.__dict__[self._name]
        return value

    def __set__(self, instance: object, value: _T) -> None:
        instance.__dict__[self._name] = self._check(value, self._name)


not_negative = partial(checks.real, least=0)
