"""Make the synchronous face of the client from the asynchronous one.

usage: tools/sync_client.py [--check]

Every module of client/regesta/_aio becomes one of client/regesta/_sync: the words of
asyncio go, names lose their `Async`. Token by token, so that texts stay texts, but for
docstrings, where the names change too.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from generate_client import formatted

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "client/regesta/_aio"
TARGET = ROOT / "client/regesta/_sync"

#: Words that stand for nothing in the synchronous face.
DROPPED = {"async", "await"}

NAMES = {
    "AsyncIterator": "Iterator",
    "AsyncClient": "Client",
    "AsyncCalls": "Calls",
    "AsyncTransport": "Transport",
    "AsyncSilence": "Silence",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "_aio": "_sync",
    "asyncio": "time",
}

#: `grpc.aio.insecure_channel` and its like live one step higher.
_AIO = re.compile(r"\bgrpc\.aio\.")
_WORD = re.compile(r"\b(?:" + "|".join(NAMES) + r")\b")


def words(source: str) -> Iterator[tuple[int, str]]:
    """Yield the tokens of the synchronous face."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind, text = token.type, token.string
        if kind == tokenize.NAME and text in DROPPED:
            continue
        if kind == tokenize.NAME:
            text = NAMES.get(text, text)
        elif kind == tokenize.STRING and text.startswith('"""'):
            text = _WORD.sub(lambda match: NAMES[match[0]], text)
            text = text.replace("asynchronous face", "synchronous face")
        yield kind, text


def made(path: Path) -> str:
    """Return a module's synchronous face."""
    source = _AIO.sub("grpc.", path.read_text())
    text: str = tokenize.untokenize(words(source))
    return formatted(text)


def main() -> int:
    """Write the synchronous face, or with `--check` say whether it is fresh."""
    stale = 0
    for path in sorted(SOURCE.glob("*.py")):
        target = TARGET / path.name
        source = made(path)
        if "--check" not in sys.argv:
            TARGET.mkdir(exist_ok=True)
            target.write_text(source)
        elif not target.exists() or target.read_text() != source:
            print(f"{target.relative_to(ROOT)} is not what {path.relative_to(ROOT)} makes")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
