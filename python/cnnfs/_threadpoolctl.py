"""Lets threadpoolctl see and limit the threads of cnnfs, whichever of the two is imported first."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from cnnfs import _cnnfs_core

_NAME = "threadpoolctl"
_MOST_THREADS = 256


class _Controller:
    user_api = "cnnfs"
    internal_api = "cnnfs"
    filename_prefixes = ("_cnnfs_core",)

    def get_num_threads(self) -> int:
        return _cnnfs_core.get_num_threads()

    def set_num_threads(self, num_threads: int) -> None:
        # A limit for all libraries of the process may be more than cnnfs takes.
        _cnnfs_core.set_num_threads(min(max(num_threads, 1), _MOST_THREADS))

    def get_version(self) -> str:
        return _cnnfs_core.__version__


def _register(threadpoolctl: Any) -> None:
    if hasattr(threadpoolctl, "register"):  # since version 3.2
        bases = (_Controller, threadpoolctl.LibController)
        threadpoolctl.register(type("CnnfsController", bases, {}))


class _WhenImported:
    """Stands in sys.meta_path until threadpoolctl is loaded, then has it know cnnfs."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _NAME:
            return None
        spec = PathFinder.find_spec(_NAME)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                _register(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def register() -> None:
    """Register with threadpoolctl now or when it is imported. It is never imported from here."""
    if _NAME in sys.modules:
        _register(sys.modules[_NAME])
    else:
        sys.meta_path.insert(0, _WhenImported())
