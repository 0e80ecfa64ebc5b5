"""Which nodes of a directed graph can reach each other."""

from __future__ import annotations

from collections.abc import Sequence


def components(successors: Sequence[Sequence[int]]) -> list[int]:
    """The strongly connected component of each node, as a number; nodes of one component reach each other.

    Tarjan 1972, without recursion: chains are long.

    Args:
        successors: For each node the nodes that its edges lead to.
    """
    count = len(successors)
    index, low, group = [-1] * count, [0] * count, [-1] * count
    stack: list[int] = []
    counter = number_of_groups = 0
    for root in range(count):
        work = [(root, 0)] if index[root] < 0 else []
        while work:
            node, position = work.pop()
            if position == 0:
                index[node] = low[node] = counter
                counter += 1
                stack.append(node)
            targets = successors[node]
            while position < len(targets):
                target = targets[position]
                position += 1
                if index[target] < 0:
                    work += [(node, position), (target, 0)]
                    break
                if group[target] < 0:
                    low[node] = min(low[node], index[target])
            else:
                if low[node] == index[node]:
                    _take(stack, node, group, number_of_groups)
                    number_of_groups += 1
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
    return group


def _take(stack: list[int], last: int, group: list[int], number: int) -> None:
    while True:
        node = stack.pop()
        group[node] = number
        if node == last:
            return
