"""How much there may be at a time, and a second."""

from __future__ import annotations

from tornado_chat.quota import Allowance, Quota


def test_a_quota_counts_what_is_taken_and_who_was_refused() -> None:
    quota = Quota(2)
    assert [quota.take() for _ in range(3)] == [True, True, False]
    quota.give()
    assert quota.take()
    assert (quota.used, quota.refused) == (2, 1)


def test_an_allowance_gives_so_many_at_once_and_then_so_many_a_second() -> None:
    allowance = Allowance(3, 2.0, 100.0)
    assert [allowance.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert [allowance.take(100.5) for _ in range(2)] == [True, False]
    assert [allowance.take(200.0) for _ in range(4)] == [True, True, True, False]


def test_what_an_allowance_refuses_costs_nothing() -> None:
    allowance = Allowance(1, 1.0, 0.0)
    assert allowance.take(0.0)
    assert not any(allowance.take(0.1 * tenth) for tenth in range(1, 10))
    assert allowance.take(1.001)
