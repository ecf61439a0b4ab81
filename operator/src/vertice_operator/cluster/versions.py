"""Compares resourceVersions: text to everybody else, growing numbers on a real API server."""


def newer(version: str, known: str, *, unordered: bool = True) -> bool:
    """Tell whether ``version`` comes after ``known``.

    ``unordered`` is the answer for two different texts that are no numbers.
    """
    if version.isdigit() and known.isdigit():
        return int(version) > int(known)
    return unordered and version != known


def ordinal(version: str) -> int:
    """Return a version as a number to sort by; 0 where it is none."""
    return int(version) if version.isdigit() else 0
