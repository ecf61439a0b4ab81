"""Migrations: the pure part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_bot.db.migrate import (
    Migration,
    MigrationError,
    SchemaState,
    load_migrations,
    parse_migrations,
    pending,
)


def make(*versions: int) -> tuple[Migration, ...]:
    return tuple(Migration(v, f"m{v}", f"SELECT {v}") for v in versions)


def test_the_packages_own_files_are_in_order_and_use_our_schema() -> None:
    found = load_migrations()
    assert [m.version for m in found] == sorted({m.version for m in found})
    assert found[0].version == 1
    for migration in found:
        assert "vertice." in migration.sql


@pytest.mark.parametrize("name", ["1_x.sql", "0001-x.sql", "0001_X.sql", "0001_.sql", "x.sql"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(MigrationError, match="NNNN_words"):
        parse_migrations({name: ""})


def test_a_number_used_twice_is_refused() -> None:
    with pytest.raises(MigrationError, match="used twice"):
        parse_migrations({"0001_a.sql": "", "0001_b.sql": ""})


@given(st.sets(st.integers(1, 50), min_size=1), st.data())
def test_what_is_pending_is_what_is_missing(versions: set[int], data: st.DataObject) -> None:
    known = make(*sorted(versions))
    applied = data.draw(st.sets(st.sampled_from(sorted(versions))))
    stored = {m.version: m.checksum for m in known if m.version in applied}
    todo, version = pending(known, stored)
    assert [m.version for m in todo] == sorted(versions - applied)
    assert version.state is (SchemaState.BEHIND if todo else SchemaState.CURRENT)
    assert version.needed == max(versions)


def test_a_newer_database_is_ahead() -> None:
    known = make(1, 2)
    stored = {m.version: m.checksum for m in make(1, 2, 3)}
    todo, version = pending(known, stored)
    assert todo == ()
    assert (version.applied, version.needed, version.state) == (3, 2, SchemaState.AHEAD)
