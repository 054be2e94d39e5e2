"""The statements of lists: of now, and of a moment.

Of now they read the catalog's tables, of a moment relations like them (see `then`). A page of
the past must not cost more the longer ago it was, though most of what there is now was not
there yet. So versions of a model are listed from the last number that it had given out, those
of all models model by model, and what a filter can find by an index of the history it does.
"""

from __future__ import annotations

from enum import Enum, auto
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from psycopg.sql import SQL, Composable, Composed, Identifier

from regesta_projections.filtering import (
    MODEL_ORDER,
    VERSION_ORDER,
    Clause,
    Columns,
    Order,
    compile_filter,
    parse_filter,
)
from regesta_service.reads.list_sql import (
    BYTES_OF_TEXTS,
    COUNT,
    HIDDEN_MODELS,
    HIDDEN_VERSIONS,
    LAST_NUMBER,
    MODEL_BY_MODEL,
    MODELS,
    MODELS_PAGE,
    NAMED,
    NAMES,
    POINTED,
    POINTING,
    VERSIONS,
    VERSIONS_PAGE,
)
from regesta_service.reads.then import found_versions, last_number, relations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from regesta_service.reads.then import AsOf

    Statement = tuple[SQL | Composed, dict[str, object]]

#: So many versions are looked at one by one rather than all in their order.
FEW: Final = 1_000

NO_FILTER: Final = Clause(SQL("TRUE"), {})

#: Filters, and statements of now, that are kept as text, and characters of the longest of them.
_KEPT: Final = 512
_LONGEST_KEPT: Final = 4_000


class Listing(NamedTuple):
    """What a list is asked for."""

    namespace: str
    namespace_id: int
    order: Order
    #: At most this many resources.
    limit: int
    where: Clause = NO_FILTER
    #: Begin behind this place, from `Page.end`.
    after: Sequence[str | int] | None = None
    show_deleted: bool = False
    #: What was so at this moment; None means now. The history must have reached it.
    as_of: AsOf | None = None
    #: Of a moment, what of `where` an index of the history finds, from `compile_found`.
    found: Clause | None = None

    @property
    def by_name(self) -> bool:
        """Whether models are listed in the order of their names."""
        return self.order.keys[0].field is MODEL_ORDER.fields["name"]

    @property
    def by_key(self) -> bool:
        """Whether versions are listed in the order of their primary key."""
        fields = tuple(key.field for key in self.order.keys)
        return fields == VERSION_ORDER.primary_key and not self.order.keys[0].descending


def filter_of_now(text: str, columns: Callable[[Composable], Columns]) -> Clause:
    """Return what a filter says of the present tables.

    Putting SQL together takes longer than a page takes to be sent, and the same few filters
    come again and again, so their text is kept, and so are the statements around them.

    Args:
        text: The filter.
        columns: `model_columns` or `version_columns`.

    Raises:
        InvalidFilter: It is none, or asks what cannot be answered.
    """
    return (_kept_filter if len(text) <= _LONGEST_KEPT else _filter)(text, columns)


def _filter(text: str, columns: Callable[[Composable], Columns]) -> Clause:
    clause = compile_filter(parse_filter(text), columns(relations(None).aliases))
    return Clause(_as_text(clause.sql), clause.params)


_kept_filter = lru_cache(maxsize=_KEPT)(_filter)


def models_statement(listing: Listing) -> Statement:
    """Return the statement of a page of models, and its parameters."""
    behind = _behind(listing)
    query: SQL | Composed
    if listing.as_of is None:
        query = _of_now(listing, behind, _Kind.MODELS)
    else:
        query = _models_query(listing, behind)
    return query, _parameters(listing, behind)


def versions_statement(listing: Listing, model: str | None) -> Statement:
    """Return the statement of a page of versions, and its parameters.

    Args:
        listing: What to list.
        model: A name of the model whose versions they are; None for all models.
    """
    behind = _behind(listing)
    query: SQL | Composed
    if listing.as_of is None:
        query = _of_now(listing, behind, _Kind.VERSIONS if model is None else _Kind.OF_MODEL)
    else:
        query = _versions_query(listing, behind, of_model=model is not None)
    parameters = _parameters(listing, behind)
    if model is not None:
        parameters["name_key"] = model.lower()
    elif _is_model_by_model(listing) and listing.after is not None:
        parameters["after_model"] = listing.after[0]
    return query, parameters


class _Kind(Enum):
    """What is listed."""

    MODELS = auto()
    VERSIONS = auto()
    OF_MODEL = auto()


def _of_now(listing: Listing, behind: Clause, kind: _Kind) -> SQL:
    """Return the query of a list of now."""
    where, begun = listing.where.sql.as_string(), behind.sql.as_string()
    return (_kept_query if len(where) <= _LONGEST_KEPT else _query_of_now)(
        kind,
        listing.order,
        where,
        begun,
        limit=listing.limit,
        show_deleted=listing.show_deleted,
    )


def _query_of_now(
    kind: _Kind, order: Order, where: str, begun: str, *, limit: int, show_deleted: bool
) -> SQL:
    """Return the query of a list of now as text; values are no part of it."""
    condition, behind = Clause(_sql(where), {}), Clause(_sql(begun), {})
    listing = Listing("", 0, order, limit, condition, show_deleted=show_deleted)
    if kind is _Kind.MODELS:
        return _as_text(_models_query(listing, behind))
    return _as_text(_versions_query(listing, behind, of_model=kind is _Kind.OF_MODEL))


_kept_query = lru_cache(maxsize=_KEPT)(_query_of_now)


def _as_text(written: Composable) -> SQL:
    return written if isinstance(written, SQL) else _sql(written.as_string())


def _sql(text: str) -> SQL:
    # Only of what was put together from literals and quoted names; values travel beside it.
    return SQL(text)


def _behind(listing: Listing) -> Clause:
    return NO_FILTER if listing.after is None else listing.order.keyset(listing.after)


def _is_model_by_model(listing: Listing) -> bool:
    return listing.as_of is not None and listing.found is None and listing.by_key


def _models_query(listing: Listing, behind: Clause) -> Composed:
    return _query(MODELS, listing, behind, {})


def _versions_query(listing: Listing, behind: Clause, *, of_model: bool) -> Composed:
    as_of = listing.as_of
    scope: dict[str, Composable] = {"found": SQL("''"), "names": SQL("")}
    limits: dict[str, Composable] = {"of_model": SQL("TRUE")}
    page = VERSIONS_PAGE
    if of_model:
        scope = {"found": SQL("n.model"), "names": NAMES}
        limits = {"of_model": SQL("v.model = n.model")}
        if as_of is not None:
            scope["names"] = NAMES + LAST_NUMBER.format(last_number(as_of, "n"))
            limits = {"of_model": SQL("v.model = n.model AND v.number <= t.number")}
    elif as_of is not None and _is_model_by_model(listing):
        page = MODEL_BY_MODEL
        begun = SQL("TRUE") if listing.after is None else SQL("m.model >= %(after_model)s")
        limits = {"last_number": last_number(as_of, "m"), "begun": begun}
    pointing = (
        POINTING
        if as_of is None
        else POINTED.format(then=as_of.condition_of("a"), later=as_of.condition_of("s"))
    )
    return _query(
        VERSIONS,
        listing,
        behind,
        scope | {"pointing": pointing},
        page=page,
        found=_found(listing, of_model=of_model),
        limits=limits,
    )


def count_statement(listing: Listing, model: str | None) -> Statement:
    """Return the statement that counts what the history finds, up to one more than a few."""
    parameters: dict[str, object] = {"namespace_id": listing.namespace_id, "limit": FEW + 1}
    if model is not None:
        parameters["name_key"] = model.lower()
    if listing.found is not None and listing.as_of is not None:
        parameters |= listing.found.params | listing.as_of.parameters
    found = _found(listing, of_model=model is not None)
    return COUNT.format(found=found or SQL("SELECT")), parameters


def _found(listing: Listing, *, of_model: bool) -> Composable | None:
    if listing.found is None or listing.as_of is None:
        return None
    named = NAMED if of_model else SQL("TRUE")
    return found_versions(listing.found, listing.as_of, named)


def _query(
    statement: SQL,
    listing: Listing,
    behind: Clause,
    scope: Mapping[str, Composable],
    *,
    page: SQL | None = None,
    found: Composable | None = None,
    limits: Mapping[str, Composable] = MappingProxyType({}),
) -> Composed:
    """Return a list's query."""
    order = listing.order
    names = [Identifier(f"sort_{place}") for place in range(len(order.keys))]
    pairs = list(zip(names, order.keys, strict=True))
    where = relations(listing.as_of, found)
    hidden = HIDDEN_MODELS if page is None else HIDDEN_VERSIONS
    inner = (page or MODELS_PAGE).format(
        models=where.listed_models if page is None and listing.by_name else where.models,
        versions=where.versions,
        sort_columns=_commas(SQL("{} AS {}").format(k.field.expression, n) for n, k in pairs),
        join=order.join,
        where=SQL(" AND ").join(
            [listing.where.sql, behind.sql, *([] if listing.show_deleted else [hidden])]
        ),
        order=order.sql(),
        # One more, to know whether another page follows. It stands in the text, because a plan
        # for any number is one for a tenth of all rows: PostgreSQL then rather plans anew for
        # each page, which takes as long as finding it.
        limit=SQL(str(listing.limit + 1)),
        **limits,
    )
    return statement.format(
        aliases=where.aliases,
        bytes_of_texts=BYTES_OF_TEXTS,
        sorts=_commas(SQL("p.{}").format(name) for name in names),
        page=inner,
        outer_order=_commas(
            SQL("p.{} DESC" if key.descending else "p.{}").format(name) for name, key in pairs
        ),
        **scope,
    )


def _parameters(listing: Listing, behind: Clause) -> dict[str, object]:
    """Return the parameters that every list has."""
    parameters: dict[str, object] = {
        "namespace_id": listing.namespace_id,
        **listing.where.params,
        **behind.params,
    }
    if listing.found is not None:
        parameters |= listing.found.params
    if listing.as_of is not None:
        parameters |= listing.as_of.parameters
    return parameters


def _commas(parts: Iterable[Composable]) -> Composable:
    return SQL(", ").join(parts)
