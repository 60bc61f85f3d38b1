"""The words of a name, whatever its spelling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# Cyrillic and Greek letters that look Latin, then Latin ones that do not decompose.
_LOOK_ALIKES = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0458\u0455"
    "\u0501\u051b\u051d\u04bb\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423"
    "\u0425\u0406\u0408\u0405\u03b1\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u0391"
    "\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u0131\u0142"
    "\u00f8\u0111",
    "abekmhopctyxijsdqwhABEKMHOPCTYXIJSaeikvoptuxABEZHIKMNOPTYXilod",
)
_LIGATURES = str.maketrans(
    {"\u00df": "ss", "\u00e6": "ae", "\u0153": "oe", "\u00c6": "AE", "\u0152": "OE"}
)


def word_set(text: str) -> frozenset[str]:
    """The words of a list that is written as one text."""
    return frozenset(text.split())


_SMALL_WORDS = word_set("de du des d la le l of the da do del y")  # left out before matching


def words(name: str) -> list[str]:
    """A name's words in lower case: split at case changes, digits and punctuation.

    Accents and invisible characters go; full-width letters and the Cyrillic and Greek ones that
    look Latin become Latin.
    """
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(c for c in plain if unicodedata.category(c) not in ("Mn", "Cf"))
    plain = plain.translate(_LOOK_ALIKES).translate(_LIGATURES)
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return [word.lower() for word in re.findall(r"[A-Za-z]+", plain)]


def singular(word: str) -> str:
    """The word without its plural's s."""
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "acces"))
    return word[:-1] if plural else word


def singulars(name: str) -> list[str]:
    """The words of a name, each as a singular."""
    return [singular(word) for word in words(name)]


def runs(parts: Sequence[str]) -> set[str]:
    """The words and their neighbours run together, as written and as singulars.

    So "motpasse" of a list is found in mot_de_passe, MotPasse and motpasse.
    """
    long = [part for part in parts if part not in _SMALL_WORDS]
    return {
        "".join(form[start:end])
        for form in (long, [singular(part) for part in long])
        for start in range(len(form))
        for end in range(start + 1, min(start + 4, len(form)) + 1)
    }
