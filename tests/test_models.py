"""Names that are one name, ranks, and whom a mute silences."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from tornado_chat.models import Mute, Role, User, fold

NOW = datetime(2026, 1, 2, tzinfo=UTC)
RANKED = [Role.MEMBER, Role.MOD, Role.OWNER, Role.ADMIN]


def mute(uname: str, by_role: Role) -> Mute:
    return Mute(
        app_id=2,
        uname=uname,
        mins=10,
        expires_at=NOW + timedelta(minutes=10),
        by="bob",
        by_role=by_role,
        reason="",
        at=NOW,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kate", "KATE"),
        ("Kate", "kAtE"),
        ("straße", "STRASSE"),
        ("café", "cafe\u0301"),
        ("σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("kate", "\uff4bate"),
        ("donald duck", "Donald  Duck"),
        ("kate", "kate \u115f"),
        ("\u212a", "k"),  # the Kelvin sign is a K, and nobody shall dodge a mute with it
    ],
)
def test_two_spellings_fold_to_one_name(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_folding_is_the_same_after_upper_casing_a_letter_with_two_marks() -> None:
    # The upper case of U+0390 is three code points, of which NFC joins only the first two.
    assert fold("μα\u0390ου") == fold("μα\u0390ου".upper())


@pytest.mark.parametrize(
    ("one", "other"),
    [("kate", "kate2"), ("admin", "\u0430dmin"), ("a b", "ab"), ("__proto__", "proto")],
)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@pytest.mark.parametrize("name", ["Kate", "STRASSE", "cafe\u0301", "\u0390", "__proto__"])
def test_folding_twice_changes_nothing(name: str) -> None:
    assert fold(fold(name)) == fold(name)


def test_a_user_is_known_by_the_folded_name_and_shown_as_spelled() -> None:
    user = User(1, "Kate", Role.MEMBER)
    assert (user.key, user.uname) == ("kate", "Kate")


def test_ranks_go_from_member_up_to_admin() -> None:
    assert sorted(Role, key=lambda role: role.rank) == RANKED


def test_a_member_has_rank_0_and_an_admin_3() -> None:
    assert (Role.MEMBER.rank, Role.ADMIN.rank) == (0, 3)


@pytest.mark.parametrize(("lower", "higher"), itertools.combinations(RANKED, 2))
def test_a_higher_role_outranks_a_lower_one_and_not_the_reverse(lower: Role, higher: Role) -> None:
    assert higher.outranks(lower)
    assert not lower.outranks(higher)


@pytest.mark.parametrize("role", Role)
def test_a_peer_outranks_no_peer(role: Role) -> None:
    assert not role.outranks(role)


@pytest.mark.parametrize("uname", ["kate", "Kate", "KATE"])
def test_a_mute_binds_the_name_in_any_case(uname: str) -> None:
    assert mute("Kate", Role.MOD).binds(User(1, uname, Role.MEMBER))


def test_a_mute_does_not_bind_another_name() -> None:
    assert not mute("kate", Role.ADMIN).binds(User(1, "kate2", Role.MEMBER))


@pytest.mark.parametrize("role", [Role.MOD, Role.OWNER, Role.ADMIN])
def test_a_mute_by_a_mod_does_not_bind_a_peer_or_a_superior(role: Role) -> None:
    assert not mute("kate", Role.MOD).binds(User(1, "kate", role))


def test_a_mute_by_an_owner_binds_a_mod() -> None:
    assert mute("kate", Role.OWNER).binds(User(1, "kate", Role.MOD))
