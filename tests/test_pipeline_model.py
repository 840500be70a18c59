"""Any filters, with any policies and any failures, come to what a model of twenty lines says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tornado_chat import AlertStaff, Draft, Filter, Hold, Pass, Reject, Replace, Role, Shadow, User, Verdict
from tornado_chat.filters import FilterPolicy, InstalledFilter
from tornado_chat.manual_clock import ManualClock
from tornado_chat.moderation import FILTER_FAILED, HOLD_FAILED, Decision, Deliver, Moderation, Refuse, Withhold
from tornado_chat.supervision import PATIENCE, Supervisor

USERS = [User(1, "alice", Role.MEMBER), User(2, "bob", Role.MOD)]
ACTIONS = st.sampled_from([(), (AlertStaff("look"),)])
VERDICTS: st.SearchStrategy[Any] = st.one_of(
    st.builds(Pass, actions=ACTIONS),
    st.builds(Replace, st.sampled_from(["one", " two "]), actions=ACTIONS),
    st.builds(Reject, st.just("no"), st.sampled_from(["", "CODE"]), actions=ACTIONS),
    st.builds(Hold, st.sampled_from(["", "why"]), actions=ACTIONS),
    st.builds(Shadow, actions=ACTIONS),
    st.sampled_from([None, True, Replace(""), Pass, Hold("\ud800")]),
    st.sampled_from([KeyError("x"), asyncio.CancelledError(), SystemExit(1)]),
)


@dataclass(frozen=True)
class Judge:
    """A filter that answers, or raises, `verdict`; with `waits` a turn of the loop later."""

    verdict: Any
    waits: bool
    policy: FilterPolicy

    @property
    def good(self) -> bool:
        bad = [Replace(""), Hold("\ud800")]
        return isinstance(self.verdict, Pass | Replace | Reject | Hold | Shadow) and self.verdict not in bad

    async def check(self, draft: Draft) -> Verdict:
        if self.waits:
            await asyncio.sleep(0)
        if isinstance(self.verdict, BaseException):
            raise self.verdict
        return self.verdict  # type: ignore[no-any-return]


POLICIES = st.builds(
    FilterPolicy,
    on_error=st.sampled_from(["reject", "allow", "hold"]),
    dry_run=st.booleans(),
    exempt_roles=st.sampled_from([frozenset(), frozenset({Role.MOD})]),
)
JUDGES = st.lists(st.builds(Judge, VERDICTS, st.booleans(), POLICIES), max_size=6)


def model(judges: list[Judge], user: User, text: str) -> tuple[Decision, int]:
    """Return the decision and how many actions are to be taken."""
    held, shadow, actions = None, False, 0
    for index, judge in enumerate(judges):
        if user.role in judge.policy.exempt_roles:
            continue
        verdict = judge.verdict
        if not judge.good:
            verdict = {"reject": Reject(FILTER_FAILED), "allow": Pass(), "hold": Hold(HOLD_FAILED)}[
                judge.policy.on_error
            ]
        if judge.policy.dry_run:
            continue
        actions += len(verdict.actions)
        if isinstance(verdict, Reject):
            return Refuse(f"judge{index}", verdict.code or "MESSAGE_REJECTED", verdict.message), actions
        if isinstance(verdict, Replace):
            text = verdict.text.strip()
        if isinstance(verdict, Hold):
            held = held or (f"judge{index}", verdict.reason)
        shadow = shadow or isinstance(verdict, Shadow)
    if held:
        return Withhold(held[0], text, held[1]), actions
    return Deliver(text, shadow), actions


@given(JUDGES, st.sampled_from(USERS), st.integers(1, 3))
@settings(max_examples=300, deadline=None)
def test_any_filters_come_to_what_the_model_says(judges: list[Judge], user: User, times: int) -> None:
    suspensions: list[str] = []
    supervisor = Supervisor(2, lambda part, seconds, why: suspensions.append(part.plugin), ManualClock().monotonic)
    filters = [
        InstalledFilter(supervisor.part(f"judge{index}", "filter"), Filter(judge.check), judge.policy)
        for index, judge in enumerate(judges)
    ]
    moderation = Moderation(2, {}, filters, monotonic=supervisor.monotonic)

    async def screen() -> None:
        for _ in range(times * 2):  # into suspension and on: that changes nothing of the decision
            screening = await moderation.screen(user, "hello")
            assert (screening.decision, len(screening.actions)) == model(judges, user, "hello")
            for plugin, _action in screening.actions:
                assert plugin.startswith("judge")

    asyncio.run(screen())
    asked = [f"judge{index}" for index, judge in enumerate(judges) if not judge.good]
    assert set(supervisor.failures) <= set(asked)
    assert set(suspensions) == {plugin for plugin, count in supervisor.failures.items() if count >= PATIENCE}
