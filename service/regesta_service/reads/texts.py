"""Free texts by their digests, which they are found by whatever was appended since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg import AsyncCursor


async def texts_of(
    cursor: AsyncCursor[Any], namespace_id: int, digests: Sequence[str]
) -> dict[str, str]:
    """Return texts by digest; those that were erased are not in it."""
    if not digests:
        return {}
    await cursor.execute(_TEXTS, [namespace_id, digests])
    return dict(await cursor.fetchall())


def by_field(
    fields: Sequence[str], digests: Sequence[str], found: Mapping[str, str]
) -> dict[str, str]:
    """Return the texts of a row by field, but for erased ones.

    Args:
        fields: The row's fields that are texts.
        digests: The digest of each.
        found: Texts of this row and others, from `texts_of`.
    """
    return {
        field: found[digest]
        for field, digest in zip(fields, digests, strict=True)
        if digest in found
    }


_TEXTS: Final = (
    "SELECT digest, text FROM regesta.disclosures WHERE namespace_id = %s AND digest = ANY (%s)"
)
