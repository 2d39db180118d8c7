"""All ancestors of codes, from tables of parents of which each may leave steps out."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from mime_tf.data.store import ranges
from mime_tf.errors import InputError

MOST = 20_000_000  # pairs of code and ancestor in memory
_BLOCK = 2_000  # codes whose ancestors are looked for together


class Edges(NamedTuple):
    """Relations of nodes, which are numbered from 0.

    Attributes:
        child, parent: int64, (edges,).
        steps: int64, (edges,): at least 1.
    """

    child: np.ndarray
    parent: np.ndarray
    steps: np.ndarray


class Pairs(NamedTuple):
    """Nodes and their ancestors, sorted by node and ancestor; each pair once.

    Attributes:
        node, ancestor: int64, (pairs,).
        steps: int64, (pairs,): on the shortest way.
    """

    node: np.ndarray
    ancestor: np.ndarray
    steps: np.ndarray


def close(edges: Edges, nodes: int, start: np.ndarray, most_steps: int | None = None, most: int = MOST) -> Pairs:
    """Returns all ancestors of some nodes.

    Args:
        edges: the relations, without a cycle (`cycle`).
        nodes: number of nodes.
        start: int64, the nodes, each once.
        most_steps: ancestors farther away are left out; None for none.
        most: number of pairs from which on the hierarchy is refused.

    Raises:
        InputError: there are more than `most` pairs.
    """
    order = np.argsort(edges.child, kind="stable")
    edges = Edges(*(column[order] for column in edges))
    offsets = np.searchsorted(edges.child, np.arange(nodes + 1))
    blocks, pairs = [], 0
    for first in range(0, len(start), _BLOCK):
        blocks.append(_ancestors(edges, offsets, start[first : first + _BLOCK], most_steps, most - pairs))
        pairs += len(blocks[-1].node)
        if pairs > most:
            raise InputError(
                f"hierarchy: found more than {most:,} pairs of a code and an ancestor; must be fewer: --ancestor_steps "
                "leaves out distant ones"
            )
    columns = [np.concatenate(parts) for parts in zip(*blocks, strict=True)] or [np.empty(0, np.int64)] * 3
    order = np.lexsort((columns[1], columns[0]))
    return Pairs(*(column[order] for column in columns))


def _ancestors(edges: Edges, offsets: np.ndarray, start: np.ndarray, most_steps: int | None, most: int) -> Pairs:
    """Returns the ancestors of a block of nodes; it stops early where there are more than `most` pairs."""
    nodes = len(offsets) - 1
    known, distance = np.empty(0, np.int64), np.empty(0, np.int64)  # pairs as position in the block * nodes + ancestor
    origin, node, walked = np.arange(len(start)), start, np.zeros(len(start), np.int64)
    while len(node) and len(known) <= most:
        widths = offsets[node + 1] - offsets[node]
        edge = ranges(offsets[node], widths)
        reached = np.repeat(walked, widths) + edges.steps[edge]
        pair = np.repeat(origin, widths) * nodes + edges.parent[edge]
        if most_steps is not None:
            pair, reached = pair[reached <= most_steps], reached[reached <= most_steps]
        known, distance, fresh = _merged(known, distance, pair, reached)
        origin, node, walked = known[fresh] // nodes, known[fresh] % nodes, distance[fresh]
    return Pairs(start[known // nodes], known % nodes, distance)


def _merged(known, distance, pair, reached):
    """The known pairs and new ones, each once with the least distance, and which are new or nearer than before."""
    pairs, distances = np.concatenate([known, pair]), np.concatenate([distance, reached])
    is_new = np.arange(len(pairs)) >= len(known)
    order = np.lexsort((is_new, distances, pairs))  # of equal distances the known one comes first
    first = order[np.diff(pairs[order], prepend=-1) != 0]
    return pairs[first], distances[first], np.flatnonzero(is_new[first])


def cycle(edges: Edges, nodes: int) -> list[int]:
    """Returns the nodes of a cycle, each a child of the next and the last of the first, or [] if there is none."""
    matrix = sparse.csr_matrix((np.ones(len(edges.child), np.int8), (edges.child, edges.parent)), (nodes, nodes))
    _, component = csgraph.connected_components(matrix, connection="strong")
    inside = component[edges.child] == component[edges.parent]
    if not inside.any():
        return []
    children, parents = edges.child[inside], edges.parent[inside]
    parent_of = dict(zip(children.tolist(), parents.tolist(), strict=True))  # any parent in the component leads on
    walked: dict[int, int] = {}
    node = int(children[0])
    while node not in walked:
        walked[node] = len(walked)
        node = parent_of[node]
    return list(walked)[walked[node] :]
