"""The parts without I/O: ids, routing, intents, replay, limits, codecs, options, ledger."""

import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dev.discord.gateway import intents
from dev.discord.gateway.codec import UnknownCodecError, codec_for
from dev.discord.gateway.handshake import read_identify, read_resume
from dev.discord.gateway.intents import Intents
from dev.discord.gateway.limits import IdentifyBuckets, IdentifyBudget, SlidingWindow
from dev.discord.gateway.opcodes import RefusedError
from dev.discord.gateway.replay import Frame, ReplayBuffer
from dev.discord.gateway.routing import shard_of
from dev.discord.interactions import options
from dev.discord.interactions.options import BadOptionError
from dev.discord.ledger import Ledger
from dev.discord.rest.body import image_size
from dev.discord.rest.nonces import Nonces
from dev.discord.rest.ratelimit import Limit, Limiter
from dev.discord.settings import RestSettings
from dev.discord.snowflake import Snowflakes, epoch_seconds
from dev.discord.wire import Json, loads

NEVER = 10**9


class HandClock:
    """A clock moved by hand."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


def frame(seq: int, at: float = 0.0) -> Frame:
    return Frame(seq, at, "X", seq, b"")


# ---------------------------------------------------------------------- ids and routing


@given(st.lists(st.floats(-2000, 2000), max_size=30))
def test_snowflakes_grow_whatever_the_clock_does(steps: list[float]) -> None:
    clock = HandClock()
    ids = Snowflakes(clock)
    made = [ids.next()]
    for step in steps:
        clock.now += step
        made.append(ids.next())
    assert made == sorted(set(made))


def test_a_snowflake_knows_its_time() -> None:
    clock = HandClock(1_800_000_000.25)
    assert epoch_seconds(Snowflakes(clock).next()) == pytest.approx(1_800_000_000.25, abs=0.001)


@given(st.integers(0, 2**63), st.integers(1, 64))
def test_every_guild_has_one_shard(guild_id: int, count: int) -> None:
    owners = [shard for shard in range(count) if shard == shard_of(guild_id, count)]
    assert owners == [(guild_id >> 22) % count]


def test_direct_messages_go_to_shard_0() -> None:
    assert shard_of(None, 7) == 0


# ---------------------------------------------------------------------- replay


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 60), st.sets(st.integers(1, 60)))
def test_replay_is_exactly_what_was_missed(
    sent: int, seq: int, size: int, unbuffered: set[int]
) -> None:
    """Sequences may have holes (RESUMED takes one and is not kept)."""
    buffer = ReplayBuffer(size, NEVER)
    kept = [number for number in range(1, sent + 1) if number not in unbuffered]
    for number in kept:
        buffer.add(frame(number))
    found = buffer.after(seq)
    forgotten = kept[:-size]
    if forgotten and seq < forgotten[-1]:
        assert found is None
    else:
        assert found is not None
        assert [item.seq for item in found] == [number for number in kept if number > seq]


def test_replay_forgets_by_age() -> None:
    buffer = ReplayBuffer(NEVER, 10.0)
    buffer.add(frame(1, at=0.0))
    buffer.add(frame(2, at=5.0))
    buffer.trim(11.0)
    assert buffer.after(0) is None
    assert [item.seq for item in buffer.after(1) or ()] == [2]


def test_a_cleared_buffer_replays_nothing_it_lost() -> None:
    buffer = ReplayBuffer(10, NEVER)
    buffer.add(frame(1))
    buffer.clear()
    assert buffer.after(0) is None
    assert buffer.after(1) == ()


# ---------------------------------------------------------------------- intents


@pytest.mark.parametrize(
    ("event", "in_guild", "needed"),
    [
        ("MESSAGE_CREATE", True, Intents.GUILD_MESSAGES),
        ("MESSAGE_CREATE", False, Intents.DIRECT_MESSAGES),
        ("MESSAGE_REACTION_ADD", True, Intents.GUILD_MESSAGE_REACTIONS),
        ("MESSAGE_REACTION_ADD", False, Intents.DIRECT_MESSAGE_REACTIONS),
        ("TYPING_START", True, Intents.GUILD_MESSAGE_TYPING),
        ("GUILD_CREATE", True, Intents.GUILDS),
        ("GUILD_ROLE_CREATE", True, Intents.GUILDS),
        ("CHANNEL_CREATE", True, Intents.GUILDS),
        ("GUILD_MEMBER_ADD", True, Intents.GUILD_MEMBERS),
        ("GUILD_BAN_ADD", True, Intents.GUILD_MODERATION),
        ("GUILD_AUDIT_LOG_ENTRY_CREATE", True, Intents.GUILD_MODERATION),
        ("AUTO_MODERATION_ACTION_EXECUTION", True, Intents.AUTO_MODERATION_EXECUTION),
        ("GUILD_MEMBERS_CHUNK", True, None),
        ("INTERACTION_CREATE", True, None),
        ("INTERACTION_CREATE", False, None),
        ("READY", False, None),
    ],
)
def test_which_intent_an_event_needs(event: str, in_guild: bool, needed: Intents | None) -> None:
    assert intents.required_intent(event, in_guild=in_guild) == needed
    every = intents.ALL
    assert intents.wants(event, every, in_guild=in_guild)
    if needed is not None:
        assert not intents.wants(event, every & ~needed, in_guild=in_guild)


MESSAGE: Json = {
    "guild_id": "1",
    "author": {"id": "2"},
    "mentions": [],
    "content": "secret",
    "embeds": [{}],
    "attachments": [{}],
    "components": [{}],
}


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({}, False),
        ({"author": {"id": "9"}}, True),
        ({"mentions": [{"id": "9"}]}, True),
        ({"mentions": [{"id": "8"}]}, False),
        ({"guild_id": None}, True),
    ],
)
def test_who_may_read_content_without_the_intent(change: Json, allowed: bool) -> None:
    assert intents.may_read_content({**MESSAGE, **change}, 0, 9) is allowed
    assert intents.may_read_content({**MESSAGE, **change}, int(Intents.MESSAGE_CONTENT), 9)


def test_without_content_nothing_readable_is_left() -> None:
    stripped = intents.without_content({**MESSAGE, "poll": {}})
    assert stripped["content"] == ""
    assert stripped["embeds"] == stripped["attachments"] == stripped["components"] == []
    assert "poll" not in stripped
    assert MESSAGE["content"] == "secret"


# ---------------------------------------------------------------------- handshake and limits


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"token": None}, 4002),
        ({"intents": None}, 4002),
        ({"intents": True}, 4002),
        ({"properties": None}, 4002),
        ({"intents": 1 << 30}, 4013),
        ({"intents": -1}, 4013),
        ({"shard": [1, 1]}, 4010),
        ({"shard": [0]}, 4010),
        ({"shard": ["0", 1]}, 4010),
        ({"shard": [-1, 2]}, 4010),
    ],
)
def test_identify_refusals(change: Json, code: int) -> None:
    good: Json = {"token": "t", "intents": 1, "properties": {}}
    assert read_identify({**good, "shard": [1, 2]}).shard_id == 1
    with pytest.raises(RefusedError) as refusal:
        read_identify({**good, **change})
    assert refusal.value.code == code


@pytest.mark.parametrize("data", [None, [], {}, {"token": "t"}, {"token": "t", "session_id": "s"}])
def test_resume_refusals(data: object) -> None:
    with pytest.raises(RefusedError) as refusal:
        read_resume(data)
    assert refusal.value.code == 4002


def test_identify_turns_are_per_bucket() -> None:
    buckets = IdentifyBuckets(max_concurrency=2, window=5.0)
    assert buckets.take(0, 0.0)
    assert buckets.take(1, 0.0)
    assert not buckets.take(2, 4.9)
    assert buckets.take(2, 5.0)


def test_the_identify_budget_comes_back() -> None:
    budget = IdentifyBudget(2, 100.0)
    assert [budget.take(0.0), budget.take(1.0), budget.take(2.0)] == [True, True, False]
    assert budget.remaining(99.0) == 0
    assert budget.reset_after(60.0) == 40.0
    assert budget.remaining(100.0) == 2


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.integers(1, 10))
def test_a_sliding_window_never_lets_more_through(times: list[float], limit: int) -> None:
    window = SlidingWindow(limit, 10.0)
    passed = [now for now in sorted(times) if window.take(now)]
    for start in passed:
        assert sum(1 for now in passed if start <= now < start + 10.0) <= limit


def test_rest_buckets_and_global_limit() -> None:
    clock = HandClock()
    limiter = Limiter(RestSettings(global_per_second=5), clock)

    def take(major: str, route: str = "POST /x") -> tuple[bool, dict[str, str]]:
        verdict = limiter.take("bot", route, major, Limit(2, 3.0), count_global=True)
        return verdict.allowed, verdict.headers

    assert take("a")[1]["X-RateLimit-Remaining"] == "1"
    assert take("a")[0]
    allowed, headers = take("a")
    assert not allowed
    assert headers["X-RateLimit-Scope"] == "user"
    assert headers["Via"]
    assert take("b")[0]
    assert take("c")[0]
    allowed, headers = take("d")
    assert not allowed
    assert headers["X-RateLimit-Global"] == "true"
    clock.now += 3.0
    assert take("a")[0]


def test_invalid_requests_ban_an_address_until_the_window_is_over() -> None:
    clock = HandClock()
    limiter = Limiter(RestSettings(invalid_limit=3, invalid_window=60.0), clock)
    assert [limiter.count_invalid("1.2.3.4") for _ in range(3)] == [1, 2, 3]
    assert limiter.banned("1.2.3.4")
    assert not limiter.banned("1.2.3.5")
    clock.now += 60.0
    assert not limiter.banned("1.2.3.4")


def test_nonces_are_forgotten_after_the_window() -> None:
    nonces = Nonces(300.0)
    nonces.remember((1, 2, "a"), 7, now=0.0)
    assert nonces.find((1, 2, "a"), now=299.0) == 7
    assert nonces.find((1, 3, "a"), now=299.0) is None
    assert nonces.find((1, 2, "a"), now=300.0) is None


# ---------------------------------------------------------------------- codecs

PAYLOADS = st.lists(st.binary(max_size=2000), min_size=1, max_size=20)


@given(PAYLOADS)
def test_zlib_stream_is_one_context_flushed_per_payload(payloads: list[bytes]) -> None:
    codec, context = codec_for("zlib-stream"), zlib.decompressobj()
    for payload in payloads:
        piece = codec.encode(payload)
        assert piece.endswith(b"\x00\x00\xff\xff")
        assert context.decompress(piece) == payload


@given(PAYLOADS)
def test_zstd_stream_is_one_frame_with_a_block_per_payload(payloads: list[bytes]) -> None:
    codec, context = codec_for("zstd-stream"), zstandard.ZstdDecompressor().decompressobj()
    for payload in payloads:
        assert context.decompress(codec.encode(payload)) == payload


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(UnknownCodecError, match="zstd-stream"):
        codec_for("brotli")


# ---------------------------------------------------------------------- command options

COMMAND: Json = {
    "name": "warn",
    "options": [
        {"name": "who", "type": 6, "required": True},
        {"name": "points", "type": 4, "min_value": 1, "max_value": 5},
        {"name": "why", "type": 3, "max_length": 10},
        {"name": "level", "type": 3, "choices": [{"name": "Low", "value": "low"}]},
        {"name": "quiet", "type": 5},
        {"name": "ratio", "type": 10},
    ],
}


def test_options_get_the_types_of_the_command() -> None:
    values = {"who": "<@123>", "points": "3", "quiet": "true", "ratio": "0.5", "level": "low"}
    built = options.build(COMMAND, [], values)
    assert {item["name"]: item["value"] for item in built} == {
        "who": "123",
        "points": 3,
        "quiet": True,
        "ratio": 0.5,
        "level": "low",
    }


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "who is required"),
        ({"who": "nina"}, "an id or a mention"),
        ({"who": "1", "points": "many"}, "needs a number"),
        ({"who": "1", "points": 6}, "between 1 and 5"),
        ({"who": "1", "why": "x" * 11}, "0 to 10 characters"),
        ({"who": "1", "level": "high"}, "one of: low"),
        ({"who": "1", "quiet": "maybe"}, "true or false"),
        ({"who": "1", "extra": "x"}, "no option extra"),
    ],
)
def test_options_that_a_client_would_not_send(values: Json, text: str) -> None:
    with pytest.raises(BadOptionError, match=text):
        options.build(COMMAND, [], values)


def test_sub_commands_nest() -> None:
    leaf = {"name": "set", "type": 1, "options": [{"name": "key", "type": 3, "required": True}]}
    group = {"name": "config", "options": [{"name": "bot", "type": 2, "options": [leaf]}]}
    built = options.build(group, ["bot", "set"], {"key": "x"})
    assert built[0]["type"] == 2
    assert built[0]["options"][0]["options"] == [{"name": "key", "type": 3, "value": "x"}]
    with pytest.raises(BadOptionError, match="needs one of its sub-commands: bot"):
        options.build(group, [], {})
    with pytest.raises(BadOptionError, match="no sub-command other"):
        options.build(group, ["other"], {})


def test_a_focused_option_may_be_unfinished() -> None:
    built = options.build(COMMAND, [], {"why": "ab"}, focused="why")
    assert built == [{"name": "why", "type": 3, "value": "ab", "focused": True}]


# ---------------------------------------------------------------------- ledger and files


def test_the_ledger_numbers_filters_and_forgets(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(HandClock(), limit=3, path=path)
    heard: list[Json] = []
    stop = ledger.listen(heard.append)
    for number in range(5):
        ledger.record("even" if number % 2 == 0 else "odd", value=number)
    stop()
    assert ledger.dropped == 2
    assert [item["n"] for item in ledger.query()] == [3, 4, 5]
    assert [item["value"] for item in ledger.query(kinds=frozenset({"even"}))] == [2, 4]
    assert [item["value"] for item in ledger.query(after=4)] == [4]
    assert [item["value"] for item in ledger.query(match={"value": "3"})] == [3]
    assert ledger.counts == {"even": 3, "odd": 2}
    assert len(heard) == 5
    ledger.close()
    lines = path.read_bytes().splitlines()
    assert [loads(line)["n"] for line in lines] == [1, 2, 3, 4, 5]


def test_the_size_of_a_picture_is_read_from_it() -> None:
    header = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (640).to_bytes(4) + (480).to_bytes(4)
    assert image_size(header) == (640, 480)
    assert image_size(b"GIF89a") is None
