"""Communities: people who hold together more with each other than with the rest, found on the graph of companions."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse
from scipy.sparse import csgraph

COMMUNITY = ibis.schema({"community": "int64", "customer_id": "string", "size": "int64", "ties": "int64"})
"""One row per member; communities are numbered from 1, the largest first. `ties`: with how many in it."""

ROUNDS = 50
"""After so many rounds of asking the neighbours it is enough, even if somebody still wavers."""

_Labels = npt.NDArray[np.int64]
_Graph = Any                                 # a scipy.sparse.csr_matrix, which ships no types


def communities(companions: pa.Table) -> pa.Table:
    """Return COMMUNITY of companions (columns customer_id_1, customer_id_2, tie, is_companion, is_family).

    Everybody takes the label that weighs most among his ties until nobody changes (label propagation, Raghavan et al.
    2007), of equals the first; what a label holds but does not connect is taken apart again, as Leiden does (Traag et
    al. 2019). Order of rows and chance play no part.
    """
    rows = companions.filter(pc.or_(companions["is_companion"], companions["is_family"]))
    pairs = pa.chunked_array(rows["customer_id_1"].chunks + rows["customer_id_2"].chunks, pa.string())
    people = pc.unique(pairs)
    people = people.take(pc.sort_indices(people))
    if not len(people):
        return COMMUNITY.to_pyarrow().empty_table()
    one, other = (pc.index_in(rows[f"customer_id_{n}"], value_set=people).to_numpy() for n in (1, 2))
    weight = np.maximum(rows["tie"].to_numpy(), 1e-9)
    graph = sparse.csr_matrix((np.r_[weight, weight], (np.r_[one, other], np.r_[other, one])), shape=(len(people),) * 2)
    return _numbered(people, graph, _connected(graph, _settled(graph)))


def _settled(graph: _Graph) -> _Labels:
    """Return the label everybody ends with. His own weighs as his heaviest tie does: else two would swap for ever."""
    labels = np.arange(graph.shape[0])
    hold = sparse.diags(graph.max(axis=1).toarray().ravel()).tocsr()
    for _ in range(ROUNDS):
        best = _heaviest(graph + hold, labels)
        if (best == labels).all():
            break
        labels = best
    return labels


def _heaviest(rows: _Graph, labels: _Labels) -> _Labels:
    """Return for each row the label whose ties weigh most; of equals the smallest."""
    size = len(labels)
    member = sparse.csr_matrix((np.ones(size), (np.arange(size), labels)), shape=(size, size))
    weights = (rows @ member).tocoo()
    order = np.lexsort((weights.col, -np.round(weights.data, 9), weights.row))
    first = np.r_[True, np.diff(weights.row[order]) > 0]
    heaviest: _Labels = weights.col[order][first].astype(np.int64)
    return heaviest


def _connected(graph: _Graph, labels: _Labels) -> _Labels:
    """Return labels under which everybody reaches everybody: ties between two labels are cut, then pieces counted."""
    ties = graph.tocoo()
    inside = labels[ties.row] == labels[ties.col]
    kept = sparse.csr_matrix((ties.data[inside], (ties.row[inside], ties.col[inside])), shape=graph.shape)
    _, pieces = csgraph.connected_components(kept, directed=False)
    connected: _Labels = pieces.astype(np.int64)
    return connected


def _numbered(people: pa.Array, graph: _Graph, labels: _Labels) -> pa.Table:
    """Number communities by size, then by their first member; who stands alone is in none."""
    ties = graph.tocoo()
    inside = labels[ties.row] == labels[ties.col]
    degree = np.bincount(ties.row[inside], minlength=len(labels))
    _, first, position, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(1, len(first) + 1)
    number, size = rank[position], sizes[position]
    order = np.lexsort((np.arange(len(labels)), number))
    order = order[size[order] > 1]
    return pa.table({
        "community": number[order], "customer_id": people.take(pa.array(order)), "size": size[order],
        "ties": degree[order],
    }).cast(COMMUNITY.to_pyarrow())
