"""A timeline of events for people: one HTML file that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from regesta.cli.happened import WITHHELD, Happened
from regesta.cli.times import iso
from regesta.cli.words import in_words

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #777; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 56rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: .2rem; }
p.about { color: var(--dim); margin-top: 0; }
ol { list-style: none; padding: 0; border-left: 2px solid var(--line); }
li { padding: .1rem 0 1rem 1.2rem; position: relative; }
li::before { content: ""; position: absolute; left: -6px; top: .55rem; width: 10px; height: 10px;
  border-radius: 5px; background: #4a7; }
h2 { font-size: 1rem; margin: 0; font-weight: 600; }
.facts { color: var(--dim); font-size: .85rem; overflow-wrap: anywhere; }
blockquote { margin: .3rem 0; padding-left: .8rem; border-left: 3px solid var(--line);
  white-space: pre-wrap; overflow-wrap: anywhere; }
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width"><style>{style}</style></head>
<body><h1>{title}</h1>
<p class="about">{about} This page is for reading; open verify.html to see that its events are
genuine.</p>
<ol>
{events}
</ol></body></html>
"""


def render(subject: str, about: str, events: Sequence[Happened]) -> bytes:
    """Return the page. Everything in it that comes from the log is escaped.

    Args:
        subject: What it is of.
        about: A sentence on where it is from.
        events: Oldest first; their texts are those that the page may show.
    """
    return _PAGE.format(
        title=escape(f"Timeline of {subject}"),
        about=escape(about),
        style=_STYLE,
        events="\n".join(map(_event, events)),
    ).encode()


def _event(event: Happened) -> str:
    said = escape(in_words(event))
    recorded = iso(event.recorded_at)
    facts = [f"by {event.actor}", f"request {event.request_id}", f"position {event.position}"]
    if claim := event.claim(iso):
        facts.insert(1, claim)
    texts = "".join(
        f"<blockquote><b>{escape(field)}</b> {escape(text)}</blockquote>"
        for field, text in _texts(event)
    )
    return (
        f'<li><h2>{escape(event.stream)}: {said}</h2><div class="facts">'
        f'<time datetime="{escape(recorded)}">{_for_people(event.recorded_at)}</time> '
        f"{escape(' · '.join(facts))}</div>{texts}</li>"
    )


def _texts(event: Happened) -> list[tuple[str, str]]:
    """Return the texts to show; one that was given and is not here is said to be withheld."""
    texts = dict(event.texts)
    reason = event.reason
    if reason == WITHHELD:
        texts["reason"] = "(withheld or erased)"
    return sorted(texts.items(), key=lambda text: (text[0] != "reason", text[0]))


def _for_people(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
