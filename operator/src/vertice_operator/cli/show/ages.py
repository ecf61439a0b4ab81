"""How long ago something was, in the words of kubectl."""

from datetime import UTC, datetime


def age(moment: str | None, now: datetime) -> str:
    """Give the time since a timestamp of Kubernetes in its two largest units; ``-`` for none."""
    if not moment:
        return "-"
    then = datetime.fromisoformat(moment)
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return duration(max(0, int((now - then).total_seconds())))


def duration(seconds: int) -> str:
    """Give a number of seconds in its two largest units, such as 3m20s or 2d4h."""
    parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m")]
    parts.append((seconds % 60, "s"))
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return "".join(f"{count}{unit}" for count, unit in parts[first : first + 2] if count) or "0s"
