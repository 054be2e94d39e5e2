"""The statements of lists: of now, and of a moment.

Of now they read the catalog's tables, of a moment relations like them (see `then`). A page of
the past must not cost more the longer ago it was, though most of what there is now was not
there yet. So versions of a model are listed from the last number that it had given out, those
of all models model by model, and what a filter can find by an index of the history it does.
"""

from __future__ import annotations

from enum import Enum, auto
from functools import cache, lru_cache
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
    compile_found,
    parse_filter,
    version_columns,
)
from regesta_service.reads.list_sql import (
    ALIASES,
    BYTES_OF_TEXTS,
    COUNT,
    CURSOR,
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
    REACHED,
    VERSIONS,
    VERSIONS_PAGE,
)
from regesta_service.reads.then import found_versions, last_number, relations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from regesta_service.reads.then import AsOf

    Statement = tuple[SQL, dict[str, object]]

#: So many versions are looked at one by one rather than all in their order.
FEW: Final = 1_000

NO_FILTER: Final = Clause(SQL("TRUE"), {})

#: Filters, and statements, that are kept as text, and characters of the longest filter of them.
_KEPT: Final = 512
_LONGEST_KEPT: Final = 4_000


class Conditions(NamedTuple):
    """What a filter says, as text and values."""

    #: Of rows of now, or of those that held at a moment.
    where: Clause
    #: Of a moment, what of it an index of the history finds, from `compile_found`.
    found: Clause | None = None


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
    #: What was so at this moment; None means now.
    as_of: AsOf | None = None
    #: As in `Conditions`; None looks at versions in their order, which is right too.
    found: Clause | None = None


def conditions_of(
    text: str, columns: Callable[[Composable], Columns], as_of: AsOf | None = None
) -> Conditions:
    """Return what a filter says of the tables of now, or of a moment.

    Putting SQL together takes longer than a page takes to be sent, and the same few filters
    come again and again, so their text is kept, and so are the statements around them.

    Args:
        text: The filter.
        columns: `model_columns` or `version_columns`.
        as_of: The moment; None is now.

    Raises:
        InvalidFilter: It is none, or asks what cannot be answered.
    """
    form = None if as_of is None else as_of.form
    return (_kept_conditions if len(text) <= _LONGEST_KEPT else _conditions)(text, columns, form)


def _conditions(
    text: str, columns: Callable[[Composable], Columns], form: AsOf | None
) -> Conditions:
    node = parse_filter(text)
    where = compile_filter(node, columns(relations(form).aliases))
    found = compile_found(node) if form is not None and columns is version_columns else None
    return Conditions(_as_text(where), None if found is None else _as_text(found))


_kept_conditions = lru_cache(maxsize=_KEPT)(_conditions)


def models_statement(listing: Listing) -> Statement:
    """Return the statement of a page of models, and its parameters."""
    behind = _behind(listing)
    return _text_of(_shape(_Kind.MODELS, listing, behind)), _parameters(listing, behind)


def versions_statement(listing: Listing, model: str | None) -> Statement:
    """Return the statement of a page of versions, and its parameters.

    Args:
        listing: What to list.
        model: A name of the model whose versions they are; None for all models.
    """
    behind = _behind(listing)
    shape = _shape(_versions_of(model), listing, behind)
    parameters = _parameters(listing, behind)
    if model is not None:
        parameters["name_key"] = model.lower()
    elif shape.model_by_model and listing.after is not None:
        parameters["after_model"] = listing.after[0]
    return _text_of(shape), parameters


def aliases_statement(as_of: AsOf | None) -> SQL:
    """Return the statement of a page of a model's aliases, now or at a moment."""
    return _aliases_statement(None if as_of is None else as_of.form)


@cache
def _aliases_statement(form: AsOf | None) -> SQL:
    where = relations(form)
    query = ALIASES.format(models=where.models, aliases=where.aliases, **_reached(form))
    return _sql(query.as_string())


def count_statement(listing: Listing, model: str | None) -> Statement:
    """Return the statement that counts what the history finds, up to one more than a few."""
    parameters: dict[str, object] = {"namespace_id": listing.namespace_id, "limit": FEW + 1}
    if model is not None:
        parameters["name_key"] = model.lower()
    if listing.found is not None and listing.as_of is not None:
        parameters |= listing.found.params | listing.as_of.parameters
    return _text_of(_shape(_versions_of(model), listing, None), _count), parameters


class _Kind(Enum):
    """What is listed."""

    MODELS = auto()
    VERSIONS = auto()
    OF_MODEL = auto()


class _Shape(NamedTuple):
    """What the text of a statement depends on; values are no part of it."""

    kind: _Kind
    order: Order
    limit: int
    where: str
    #: Condition on what comes behind a place; None for the first page.
    behind: str | None
    show_deleted: bool
    #: The form of the moment; None is now.
    as_of: AsOf | None
    found: str | None

    @property
    def by_name(self) -> bool:
        """Whether models are listed in the order of their names."""
        return self.order.keys[0].field is MODEL_ORDER.fields["name"]

    @property
    def model_by_model(self) -> bool:
        """Whether versions of all models are listed in the order of their primary key."""
        if self.kind is not _Kind.VERSIONS or self.as_of is None or self.found is not None:
            return False
        fields = tuple(key.field for key in self.order.keys)
        return fields == VERSION_ORDER.primary_key and not self.order.keys[0].descending


def _versions_of(model: str | None) -> _Kind:
    return _Kind.VERSIONS if model is None else _Kind.OF_MODEL


def _shape(kind: _Kind, listing: Listing, behind: Clause | None) -> _Shape:
    as_of, found = listing.as_of, listing.found
    return _Shape(
        kind,
        listing.order,
        listing.limit,
        listing.where.sql.as_string(),
        None if behind is None else behind.sql.as_string(),
        listing.show_deleted,
        None if as_of is None else as_of.form,
        None if as_of is None or found is None else found.sql.as_string(),
    )


def _behind(listing: Listing) -> Clause | None:
    return None if listing.after is None else listing.order.keyset(listing.after)


def _page(shape: _Shape) -> SQL:
    """Return the statement of a page."""
    query = _models_query(shape) if shape.kind is _Kind.MODELS else _versions_query(shape)
    return _sql(query.as_string())


def _count(shape: _Shape) -> SQL:
    """Return the statement that counts."""
    return _sql(COUNT.format(found=_found(shape) or SQL("SELECT")).as_string())


@lru_cache(maxsize=_KEPT)
def _kept_text(write: Callable[[_Shape], SQL], shape: _Shape) -> SQL:
    return write(shape)


def _text_of(shape: _Shape, write: Callable[[_Shape], SQL] = _page) -> SQL:
    """Return a statement as text, kept if it is not too long."""
    return _kept_text(write, shape) if len(shape.where) <= _LONGEST_KEPT else write(shape)


def _as_text(clause: Clause) -> Clause:
    return Clause(_sql(clause.sql.as_string()), clause.params)


def _sql(text: str) -> SQL:
    # Only of what was put together from literals and quoted names; values travel beside it.
    return SQL(text)


def _models_query(shape: _Shape) -> Composed:
    return _query(MODELS, shape, {})


def _versions_query(shape: _Shape) -> Composed:
    as_of = shape.as_of
    scope: dict[str, Composable] = {"found": SQL("''"), "names": SQL("")}
    limits: dict[str, Composable] = {"of_model": SQL("TRUE")}
    page = VERSIONS_PAGE
    if shape.kind is _Kind.OF_MODEL:
        scope = {"found": SQL("n.model"), "names": NAMES}
        limits = {"of_model": SQL("v.model = n.model")}
        if as_of is not None:
            scope["names"] = NAMES + LAST_NUMBER.format(last_number(as_of, "n"))
            limits = {"of_model": SQL("v.model = n.model AND v.number <= t.number")}
    elif as_of is not None and shape.model_by_model:
        page = MODEL_BY_MODEL
        begun = SQL("TRUE") if shape.behind is None else SQL("m.model >= %(after_model)s")
        limits = {"last_number": last_number(as_of, "m"), "begun": begun}
    pointing = (
        POINTING
        if as_of is None
        else POINTED.format(then=as_of.condition_of("a"), later=as_of.condition_of("s"))
    )
    return _query(
        VERSIONS,
        shape,
        scope | {"pointing": pointing},
        page=page,
        found=_found(shape),
        limits=limits,
    )


def _found(shape: _Shape) -> Composable | None:
    if shape.found is None or shape.as_of is None:
        return None
    named = NAMED if shape.kind is _Kind.OF_MODEL else SQL("TRUE")
    return found_versions(_sql(shape.found), shape.as_of, named)


def _query(
    statement: SQL,
    shape: _Shape,
    scope: Mapping[str, Composable],
    *,
    page: SQL | None = None,
    found: Composable | None = None,
    limits: Mapping[str, Composable] = MappingProxyType({}),
) -> Composed:
    """Return a list's query."""
    order = shape.order
    names = [Identifier(f"sort_{place}") for place in range(len(order.keys))]
    pairs = list(zip(names, order.keys, strict=True))
    where = relations(shape.as_of, found)
    conditions = [_sql(text) for text in (shape.where, shape.behind) if text is not None]
    if not shape.show_deleted:
        conditions.append(HIDDEN_MODELS if page is None else HIDDEN_VERSIONS)
    inner = (page or MODELS_PAGE).format(
        models=where.listed_models if page is None and shape.by_name else where.models,
        versions=where.versions,
        sort_columns=_commas(SQL("{} AS {}").format(k.field.expression, n) for n, k in pairs),
        join=order.join,
        where=SQL(" AND ").join(conditions),
        order=order.sql(),
        # One more, to know whether another page follows. It stands in the text, because a plan
        # for any number is one for a tenth of all rows: PostgreSQL then rather plans anew for
        # each page, which takes as long as finding it.
        limit=SQL(str(shape.limit + 1)),
        **limits,
    )
    return statement.format(
        **_reached(shape.as_of),
        aliases=where.aliases,
        bytes_of_texts=BYTES_OF_TEXTS,
        sorts=_commas(SQL("p.{}").format(name) for name in names),
        page=inner,
        outer_order=_commas(
            SQL("p.{} DESC" if key.descending else "p.{}").format(name) for name, key in pairs
        ),
        **scope,
    )


def _reached(form: AsOf | None) -> dict[str, Composable]:
    """Return what tells how far the history reaches; of now it does not matter."""
    if form is None:
        return {"reached": SQL("0"), "cursor": SQL("")}
    return {"reached": REACHED, "cursor": CURSOR}


def _parameters(listing: Listing, behind: Clause | None) -> dict[str, object]:
    """Return the parameters that every list has."""
    parameters: dict[str, object] = {
        "namespace_id": listing.namespace_id,
        **listing.where.params,
    }
    if behind is not None:
        parameters |= behind.params
    if listing.found is not None:
        parameters |= listing.found.params
    if listing.as_of is not None:
        parameters |= listing.as_of.parameters
    return parameters


def _commas(parts: Iterable[Composable]) -> Composable:
    return SQL(", ").join(parts)
