"""What must not be printed."""

from __future__ import annotations


class Secret:
    """A string that can't be printed by accident. It is false where it is empty."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the string itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(***)"
