"""What several unit tests need."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import pytest

ENGLISH = set(
    "the and of is are was were be been by at from to with without whether it its this that these "
    "which who what when until before after not no none nothing every each all any more rows row "
    "column columns leaves stays missing withheld kept deleted delivered confirmed held target "
    "receipt key keys copy staging hold warning deletion due run runs now gone found looked again "
    "signed said says about for in as may must can could has have had instructed".split()
)
# What is quoted is told as it was written; commands, paths and what holds names are what they are.
_OTHERS_WORDS = re.compile(r"« .*? »|remit [a-z]+( --[a-z]+| impact)?|\S*[/_.:]\S+", re.S)


@pytest.fixture(scope="session")
def english_in() -> Callable[[Iterable[str]], set[str]]:
    """Finds English words in sentences, but in quotations and SQL."""

    def find(sentences: Iterable[str]) -> set[str]:
        text = "\n".join(sentences).partition("SQL ")[0]
        return ENGLISH & set(re.findall(r"\b[a-zà-ÿ']+\b", _OTHERS_WORDS.sub(" ", text).lower()))

    return find
