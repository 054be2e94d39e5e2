"""How long and how many things may be, as the comments of the protos promise.

Lengths are in characters (code points). Names, tags' keys and tags' values have theirs
in `regesta.names`; a record's length in bytes is `records.MAX_RECORD_BYTES`.
"""

from __future__ import annotations

from typing import Final

MAX_TAGS: Final = 1_000
#: Longer values of tags are kept beside the log.
MAX_INLINE_TAG_VALUE: Final = 1_024

MAX_PARAMS: Final = 1_000
MAX_PARAM_VALUE: Final = 6_000
MAX_METRICS: Final = 1_000
MAX_PROPERTIES: Final = 1_000
#: Also of a text within a list or an object.
MAX_PROPERTY_TEXT: Final = 10_000
#: Lists and objects within each other; a list of numbers is 1 deep.
MAX_PROPERTY_DEPTH: Final = 32

#: Aliases of one release set.
MAX_MOVES: Final = 100

#: Inputs of a signature; outputs and parameters may be as many each.
MAX_TENSOR_SPECS: Final = 10_000

MAX_SOURCE: Final = 4_096
MAX_OWNER: Final = 250
#: Of who really did something, as an importer claims.
MAX_OCCURRED_BY: Final = 250
MAX_LINEAGE_RUN: Final = 500
#: Any other text on one line.
MAX_LINE: Final = 4_096

#: Of a checkpoint with its signatures, in bytes: two of them fit into an event.
MAX_NOTE_BYTES: Final = 16_384

#: Of a namespace.
MAX_LIFECYCLES: Final = 50
MAX_POLICIES: Final = 100
#: Of a lifecycle.
MAX_STAGES: Final = 32
#: Of a policy: tags, evaluations with their bounds, conditions; and approvals.
MAX_REQUIRED_TAGS: Final = 100
MAX_REQUIREMENTS: Final = 50
MAX_APPROVALS: Final = 10
MAX_APPROVERS: Final = 20
#: Text of one line that stands in the log: meanings, messages, evaluators, datasets.
MAX_SHORT: Final = 500
#: Of an evaluation; a slice has at most as many metrics as there are slices.
MAX_EVALUATION_METRICS: Final = 200
MAX_SLICES: Final = 50
#: Until a request expires, in days.
DEFAULT_REQUEST_DAYS: Final = 14
MAX_REQUEST_DAYS: Final = 366
#: Names and beginnings of names that a lifecycle or policy is for.
MAX_PATTERNS: Final = 500

#: Of the matter that a hold serves, and of the ground for an erasure.
MAX_MATTER: Final = 500
MAX_HOLDS: Final = 1_000
#: Open on one model or version.
MAX_FLAGS: Final = 50
#: Of the word for why a version was revoked.
MAX_CATEGORY: Final = 100
#: An event names as many texts as fit into a record beside everything else.
MAX_ERASED_BY_EVENT: Final = 1_000
MAX_ERASED_AT_ONCE: Final = 20_000

#: Days for which bodies are kept: about a hundred years.
MAX_KEEP_DAYS: Final = 36_500
MAX_COMMENT: Final = 10_000
#: Principals that one comment names.
MAX_MENTIONS: Final = 50
MAX_DOCUMENT: Final = 100_000
MAX_GRANTS: Final = 1_000
#: Of all grants of a namespace together, in bytes: they are read and written as one.
MAX_GRANTS_BYTES: Final = 1 << 20
MAX_GRANT_MODELS: Final = 100
#: Of a grant's condition, in bytes.
MAX_GRANT_CONDITION: Final = 1_000
MAX_GROUP: Final = 250
MAX_DISPLAY: Final = 500
MAX_LABEL: Final = 100
MAX_TOKEN_NAMESPACES: Final = 100
#: The longest time that a token lasts, and that of one without an end, in days.
MAX_TOKEN_DAYS: Final = 366
DEFAULT_TOKEN_DAYS: Final = 90
MAX_BREAK_GLASS_MINUTES: Final = 60

MAX_REASON: Final = 10_000
MAX_DESCRIPTION: Final = 100_000
MAX_CARD: Final = 1_000_000
