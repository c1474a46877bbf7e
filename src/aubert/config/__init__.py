"""The whole config: one tree of option dataclasses, resolved from files and checked."""

from aubert.config.resolve import resolve, resolve_files

__all__ = ["resolve", "resolve_files"]
