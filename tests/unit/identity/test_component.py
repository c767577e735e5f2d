"""What hangs together is one component, called by its first node, whatever the order of what is told of it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from regulars.identity.component import components

NODES = 40
ENDS = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), max_size=60)


@given(links=ENDS)
def test_components_are_those_of_scipy_numbered_by_their_first_node(links: list[tuple[int, int]]) -> None:
    left, right = np.array(links, dtype=np.int64).reshape(-1, 2).T

    count, part = components(left, right, count=NODES)

    graph = coo_array((np.ones(len(left)), (left, right)), shape=(NODES, NODES))
    expected, label = connected_components(graph, directed=False)
    firsts = np.sort(np.unique(label, return_index=True)[1])
    assert count == expected
    assert part[firsts].tolist() == list(range(count))
    assert len({*zip(label.tolist(), part.tolist(), strict=True)}) == count


def test_a_long_chain_in_any_order_is_one_component() -> None:
    chain = np.random.default_rng(1).permutation(50_000)

    count, part = components(chain[:-1], chain[1:], count=len(chain))

    assert count == 1
    assert not part.any()
