from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vertice_operator.cluster.cache import LiveCache, News
from vertice_operator.cluster.kinds import KindRef

KIND = KindRef("apps", "v1", "Deployment", "deployments")
PLAIN = KindRef("", "v1", "ConfigMap", "configmaps")
BOT = ("demo", "my-bot")


def thing(version: int, uid: str = "u", generation: int | None = 1, **more: Any) -> dict[str, Any]:
    meta = {
        "name": "x", "namespace": "demo", "uid": uid, "resourceVersion": str(version),
        "labels": {"vertice.dev/bot": "my-bot"}, "managedFields": [{"manager": "m"}],
        "ownerReferences": [{"uid": "other"}, {"uid": "owner", "controller": True}],
    }  # fmt: skip
    if generation is not None:
        meta["generation"] = generation
    return {"metadata": meta, "spec": {"é": "🎉"}, "status": {"a": 1}, **more}


def test_what_is_news() -> None:
    cache = LiveCache()
    assert cache.store(KIND, thing(10)) is News.CHANGE
    assert cache.store(KIND, thing(10)) is News.NONE, "the echo of our own write"
    assert cache.store(KIND, thing(9)) is News.NONE, "an older look"
    assert cache.store(KIND, thing(11)) is News.STATUS
    assert cache.store(KIND, thing(12, generation=2)) is News.CHANGE
    assert cache.store(KIND, thing(5, uid="v")) is News.CHANGE, "another object of the name"
    assert cache.store(PLAIN, thing(1, generation=None)) is News.CHANGE
    assert cache.store(PLAIN, thing(2, generation=None)) is News.CHANGE, "no generation, no mercy"


def test_objects_come_back_without_what_nobody_reads() -> None:
    cache = LiveCache()
    cache.store(KIND, thing(1))
    cache.store(PLAIN, thing(1))
    deployment = cache.children(BOT)["Deployment", "x"]
    assert deployment.body["spec"] == {"é": "🎉"}
    assert deployment.body["status"] == {"a": 1}
    assert "managedFields" not in deployment.body["metadata"]
    assert deployment.owner_uid == "owner"
    assert "status" not in cache.children(BOT)["ConfigMap", "x"].body


def test_a_deletion_of_a_former_object_removes_nothing() -> None:
    cache = LiveCache()
    cache.store(KIND, thing(10, uid="new"))
    assert not cache.remove(KIND, thing(9, uid="old"))
    assert cache.remove(KIND, thing(11, uid="new"))
    assert cache.children(BOT) == {}


def test_unlabelled_objects_are_not_ours() -> None:
    cache = LiveCache()
    document = thing(1)
    document["metadata"]["labels"] = {}
    assert cache.store(KIND, document) is News.NONE
    assert len(cache) == 0


@given(
    known=st.sets(st.integers(0, 9)), listed=st.sets(st.integers(0, 9)),
    changed=st.sets(st.integers(0, 9)),
)  # fmt: skip
def test_a_full_list_drops_what_it_lacks_unless_it_is_newer(
    known: set[int], listed: set[int], changed: set[int]
) -> None:
    cache = LiveCache()

    def put(number: int, version: int) -> None:
        document = thing(version, uid=f"u{number}")
        document["metadata"]["name"] = f"x{number}"
        cache.store(KIND, document)

    for number in known:
        put(number, 1)
    before = cache.versions("Deployment")
    for number in changed:
        put(number, 2)
    cache.retain("Deployment", before, {(BOT, f"x{number}") for number in listed})
    left = {int(name[1:]) for _, name in cache.children(BOT)}
    assert left == (known & listed) | changed
