"""A step begins when what it waits for has ended, and never before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from regulars.runs.order import startable, waited_for
from regulars.runs.run import Step, Steps, Work


def nothing() -> Steps:
    yield from ()
    return Work()


def step(name: str, *, needs: tuple[str, ...] = (), after: tuple[str, ...] | None = None) -> Step:
    return Step(name=name, do=nothing, needs=needs, after=after)


@st.composite
def plans(draw: st.DrawFn) -> list[Step]:
    names = [str(number) for number in range(draw(st.integers(1, 8)))]
    some = st.lists(st.sampled_from(names), max_size=3).map(tuple)      # later ones too, and the step itself
    return [step(name, needs=draw(some), after=draw(st.none() | some)) for name in names]


def test_sources_do_not_wait_for_each_other_but_what_joins_them_waits_for_all() -> None:
    steps = [
        step("pull:a", after=()), step("pull:b", after=()), step("read:a", needs=("pull:a",), after=()),
        step("read:b", needs=("pull:b",), after=()), step("resolve", after=("read:a", "read:b")), step("check"),
    ]

    assert [each.name for each in startable(steps, begun=(), ended=())] == ["pull:a", "pull:b"]
    assert [each.name for each in startable(steps, begun={"pull:a", "pull:b"}, ended={"pull:b"})] == ["read:b"]
    read = {"pull:a", "pull:b", "read:a", "read:b"}
    assert [each.name for each in startable(steps, begun=read, ended=read)] == ["resolve"]


def test_a_step_that_says_nothing_waits_for_all_before_it() -> None:
    assert waited_for(step("check"), before=["pull", "read"]) == {"pull", "read"}


@given(plans(), st.randoms(use_true_random=False), st.integers(1, 4))
def test_in_whatever_order_steps_end_each_begins_after_what_it_waits_for_and_all_do(
    steps: list[Step], rng: object, hands: int
) -> None:
    places = [each.name for each in steps]
    ended: list[str] = []
    under_way: list[str] = []
    while len(ended) < len(steps):
        for each in startable(steps, begun={*ended, *under_way}, ended=ended)[: hands - len(under_way)]:
            assert waited_for(each, before=places[: places.index(each.name)]) <= set(ended)
            under_way.append(each.name)

        assert under_way, "nothing may begin, and nothing is under way"
        ended.append(under_way.pop(rng.randrange(len(under_way))))  # type: ignore[attr-defined]  # a Random

    assert sorted(ended) == sorted(places)
