"""What the pages say, in English and French: one file of words for each page.

    [title]
    en = "Evidence"
    fr = "Preuves"

A template has the words of its page, and those of ``common``, as ``w.title``; with a place to fill,
``{{ w.title(log=name) }}`` fills ``{log}``. What is filled in is escaped like everything else.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "fr")
_FOLDER = Path(__file__).parent


class Phrase(str):
    """Words, with places that may be filled by calling them."""

    __slots__ = ()

    def __call__(self, **values: object) -> str:
        """The words with their places filled."""
        return self.format(**values)


class Words:
    """The words of one page in one language. KeyError for what it has no words for."""

    def __init__(self, phrases: dict[str, Phrase]) -> None:
        self._phrases = phrases

    @classmethod
    @cache
    def of(cls, page: str, language: str) -> Words:
        """The words of a page, with those that all pages share."""
        both = _read("common") | _read(page)
        return cls({key: Phrase(said[language]) for key, said in both.items()})

    def __contains__(self, key: str) -> bool:
        return key in self._phrases

    def __getitem__(self, key: str) -> Phrase:
        return self._phrases[key]


def files() -> list[str]:
    """The pages that have words, and ``common``."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


@cache
def _read(page: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((_FOLDER / f"{page}.toml").read_text("utf-8"))
