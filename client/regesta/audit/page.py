"""The page that verifies a pack in a browser: what is evidence in the pack, embedded."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping
from typing import Final

from regesta.audit.packs import Manifest

_TEMPLATE: Final = "verify.html"
_MARK: Final = "__PACK__"


def page(manifest: Manifest, files: Mapping[str, bytes]) -> bytes:
    """Return the page, whole in one file.

    Args:
        manifest: What the pack says of itself; of its files nothing.
        files: Those that are evidence, and `policy.txt`; UTF-8 all of them.
    """
    document = {
        "kind": manifest.kind,
        "namespace": manifest.namespace,
        "origin": manifest.origin,
        "size": manifest.size,
        "root": manifest.root.hex(),
        "subject": manifest.subject,
        "files": {name: data.decode() for name, data in files.items()},
    }
    # Inside of a script element only `<` could end it; U+2028 is white space to old parsers.
    embedded = (
        json.dumps(document, ensure_ascii=False)
        .replace("<", "\\u003c")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )
    template = (importlib.resources.files("regesta.audit") / _TEMPLATE).read_text("utf-8")
    return template.replace(_MARK, embedded, 1).encode()
