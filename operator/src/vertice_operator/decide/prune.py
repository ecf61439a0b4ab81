"""Which live objects are ours and no longer wanted."""

from collections.abc import Collection, Iterable

from vertice_operator.decide.facts import ChildKey, Live


def to_prune(
    live: Iterable[Live], owner_uid: str, wanted: Collection[ChildKey], prunable: Collection[str]
) -> tuple[Live, ...]:
    """Return the objects to delete: our label and our controller reference, and not wanted.

    An object with our label and another controller, or none, is never ours to delete. Kinds that
    are not ``prunable`` (a finished Job goes by its own time to live) are left alone.
    """
    return tuple(
        sorted(
            (
                each
                for each in live
                if each.owner_uid == owner_uid
                and each.kind in prunable
                and (each.kind, each.name) not in wanted
            ),
            key=lambda each: (each.kind, each.name),
        )
    )
