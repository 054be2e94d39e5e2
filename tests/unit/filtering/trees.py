"""Hypothesis strategies for filters: any tree the syntax allows, and texts near the language."""

from __future__ import annotations

from hypothesis import strategies as st

from regesta_projections.filtering.syntax import (
    And,
    Boolean,
    Condition,
    Literal,
    Node,
    Not,
    Number,
    Operator,
    Or,
    Pattern,
    Text,
)
from regesta_projections.filtering.tokens import MAX_WILDCARDS

KEYWORDS = {"AND", "OR", "NOT"}

storable_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
words = st.from_regex(r"\A\w[\w-]{0,8}\Z").filter(lambda word: word not in KEYWORDS)
numbers = st.from_regex(r"\A-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?\Z")
pieces = st.tuples(
    st.just("") | storable_text,
    st.lists(storable_text.filter(bool), max_size=MAX_WILDCARDS - 1),
    st.just("") | storable_text,
).map(lambda drawn: (drawn[0], *drawn[1], drawn[2]))
literals: st.SearchStrategy[Literal] = st.one_of(
    st.builds(Text, storable_text),
    st.builds(Pattern, pieces),
    st.builds(Number, numbers),
    st.builds(Boolean, st.booleans()),
)
conditions = st.builds(
    Condition,
    field=words,
    key=st.none() | words | st.sampled_from(sorted(KEYWORDS)) | storable_text,
    operator=st.sampled_from(Operator),
    literal=literals,
)


def trees_of(leaves: st.SearchStrategy[Condition]) -> st.SearchStrategy[Node]:
    """Every shape of tree over some conditions."""

    def grow(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        several = st.lists(nodes, min_size=2, max_size=4).map(tuple)
        return st.one_of(st.builds(Not, nodes), st.builds(And, several), st.builds(Or, several))

    return st.recursive(leaves, grow, max_leaves=12)


trees = trees_of(conditions)

_PIECES = st.one_of(
    st.sampled_from(["AND", "OR", "NOT", "and", "LIKE", "IN", "IS", "name", "tags", "f("]),
    st.sampled_from(list("()=<>:.,*!~-\"'\\é\t\n\u2028\x00")),
    st.sampled_from(["!=", "<=", ">=", "==", "<>", "&&", "||", "a =", "tags.k :", "NOT ("]),
    st.sampled_from(
        ["1", "-2.5e3", "true", '"b"', '"c*"', "churn*", "*a**b", "2026-01-01T00:00:00Z"]
    ),
)
nearly_filters = st.lists(_PIECES, max_size=40).flatmap(
    lambda pieces: st.sampled_from(["", " "]).map(lambda glue: glue.join(pieces))
)
