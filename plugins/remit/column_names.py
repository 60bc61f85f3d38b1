"""What a column's name gives away: credentials and free text, in English and French.

A name is only a hint in one direction: a column that looks like a credential is never extracted,
but one that does not may still hold one.
"""

from __future__ import annotations

import re
import unicodedata

_CREDENTIAL_WORDS = frozenset(
    "pwd mdp pin otp pass passe salt secret secrets token tokens cred creds credential credentials "
    "password passwords passwd passphrase motdepasse".split()
)
_CREDENTIAL_PARTS = (
    "motdepasse motpasse password passwd passphrase apikey accesskey secretkey privatekey "
    "clesecrete codepin pincode"
).split()
_FREE_TEXT_WORDS = frozenset(
    "comment comments commentaire commentaires note notes remark remarks remarque remarques memo "
    "memos narrative description descriptions observations freetext texte textelibre libre "
    "conclusion conclusions interpretation interpretations anamnese anamnesis annotation".split()
)
_FREE_TEXT_PARTS = ("freetext", "textelibre")


def words(name: str) -> list[str]:
    """A name's words: split at case changes, digits and punctuation, without accents."""
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    plain = re.sub(r"([a-z])([A-Z])", r"\1 \2", plain)
    return [word.lower() for word in re.findall(r"[A-Za-z]+", plain)]


def looks_like_credential(name: str) -> bool:
    """Whether the column probably holds passwords, tokens or keys."""
    parts = words(name)
    joined = "".join(parts)
    return not _CREDENTIAL_WORDS.isdisjoint(parts) or any(p in joined for p in _CREDENTIAL_PARTS)


def looks_like_free_text(name: str) -> bool:
    """Whether the column probably holds sentences that somebody typed."""
    parts = words(name)
    joined = "".join(parts)
    return not _FREE_TEXT_WORDS.isdisjoint(parts) or any(p in joined for p in _FREE_TEXT_PARTS)
