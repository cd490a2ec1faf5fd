"""Text of files and users made fit to be shown: nothing in a name acts on a terminal, a table, a picture or a page."""

from __future__ import annotations

import codecs
import re
import sys

# What a terminal acts on or hides: control characters (C0 but tab and line feed, DEL, C1), line and paragraph
# separators, marks of the direction of writing and of zero width, halves of surrogate pairs, tags.
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
                     "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Near characters for terminals that lack the field's own; all others become question marks.
_NEAR = {character: near for characters, near in (
    ("Å", "A"), ("×", "x"), ("·", "."), ("−–—⁻", "-"), ("…≈", "~"), ("µ", "u"), ("°", "o"), ("₀⁰", "0"), ("₁¹", "1"),
    ("₂²", "2"), ("₃³", "3"), ("₄⁴", "4"), ("′’‘", "'"), ("“”", '"'), ("≤◂", "<"), ("≥→▸", ">"), ("±", "+-"))
    for character in characters}


def printable(text: str) -> str:
    """The text with every character that a terminal would act on, or hide, replaced; lines stay lines."""
    return _ACTING.sub(REPLACEMENT, text)


def one_line(text: str) -> str:
    """:func:`printable` on a single line: every run of white space is one blank."""
    return printable(" ".join(text.split()))


def literal(text: str) -> str:
    """:func:`printable` for a picture: matplotlib takes what stands between dollar signs for mathematics."""
    return printable(text).replace("$", r"\$")


def prepare_streams() -> None:
    """Let the standard streams of this process write any text: what their encoding lacks becomes its nearest ASCII."""
    codecs.register_error("zifsim", _nearest)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="zifsim")


def _nearest(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(_NEAR.get(c, "?") for c in error.object[error.start:error.end]), error.end
