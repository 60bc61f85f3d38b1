"""What columns' names give away: credentials, free text, persons, special categories.

English and French, and common words of Spanish, Portuguese and German. A name is only a hint in one
direction: a column that looks like a credential is never extracted, but one that does not may still
hold one. For credentials a doubt counts as a yes, so `author_token` is one. A login is an
identifier, and so is a passport's number. `session_id` is neither: in a laboratory it numbers a
series. `name` is a person's only beside other columns of a person; `nom` always.

A column's type and its table's name, where the caller has them, take away what cannot be.
"""

from remit.column_names.categories import says_sex, special_category
from remit.column_names.credentials import looks_like_credential
from remit.column_names.free_text import (
    FREE_TEXT,
    MESSAGES,
    PERHAPS,
    kind_of_text,
    looks_like_free_text,
)
from remit.column_names.identifiers import kind_of_identifier, looks_like_identifier
from remit.column_names.words import words

__all__ = [
    "FREE_TEXT",
    "MESSAGES",
    "PERHAPS",
    "kind_of_identifier",
    "kind_of_text",
    "looks_like_credential",
    "looks_like_free_text",
    "looks_like_identifier",
    "says_sex",
    "special_category",
    "words",
]
