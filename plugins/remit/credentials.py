"""Credentials by their content, whatever the column is called.

What is recognised has a form of its own: password hashes, private keys, tokens, connection strings
with a password, and `mot de passe : ...` inside a text. A bare hexadecimal digest is not counted:
an unsalted password hash looks the same as a document's digest or a pseudonym made by remit. A
password without anything around it has no form, so only the column's name can tell.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from remit.errors import Refused

# The patterns are RE2's: time is linear in the text, whatever is in it.
_B64 = "[./A-Za-z0-9]"
_SPACE = r"[\s\x{00A0}\x{202F}]"  # French types a no-break space before a colon

_HASHES = (
    rf"\$2[abxy]?\$\d\d\${_B64}{{53}}",  # bcrypt
    rf"\$(?:1|apr1)\${_B64}{{1,8}}\${_B64}{{22}}",  # crypt with MD5
    rf"\$5\$(?:rounds=\d+\$)?{_B64}{{1,16}}\${_B64}{{43}}",  # crypt with SHA-256
    rf"\$6\$(?:rounds=\d+\$)?{_B64}{{1,16}}\${_B64}{{86}}",  # crypt with SHA-512
    rf"\$(?:y|gy|7)\${_B64}+\${_B64}+\${_B64}{{43}}",  # yescrypt, scrypt
    rf"\$[PHS]\${_B64}{{31}}",  # phpass, Drupal
    r"\$argon2(?:id|i|d)\$v=\d+\$",
    r"\$(?:scrypt|s0|pbkdf2|pbkdf2-sha\d+)\$[^\s$]+\$[^\s$]{8,}",
    r"\b(?:pbkdf2|bcrypt|scrypt|argon2)_sha\d+\$[^\s$]+\$[^\s$]{8,}",  # Django
    r"\b(?:md5|sha1|scrypt|argon2|bcrypt)\$[^\s$]+\$[^\s$]{8,}",
    r"\b(?:pbkdf2:sha\d+(?::\d+)?|scrypt:\d+:\d+:\d+)\$[^\s$]+\$[0-9a-f]{32,}",  # Werkzeug
    r"(?i:\{(?:S?SHA(?:256|384|512)?|S?MD5|(?:BLF-)?CRYPT|ARGON2\w*|PBKDF2[-\w]*)\})[+/=$.:,\w]{12,}",
    r"\bSCRAM-SHA-(?:1|256)\$\d+:",
    r"\A\s*AQAAAA[A-Za-z0-9+/]{6}AAAAE[A-Za-z0-9+/]{64,}={0,2}\s*\z",  # ASP.NET Identity 3
    r"\A\s*A[A-P][A-Za-z0-9+/]{64}==\s*\z",  # ASP.NET Identity 2
    r"\A\s*md5[0-9a-f]{32}\s*\z",  # PostgreSQL
    r"\A\s*\*[0-9A-F]{40}\s*\z",  # MySQL
    r"\A\s*0x0(?:100[0-9A-Fa-f]{48}|200[0-9A-Fa-f]{136})\s*\z",  # SQL Server
)
_KEYS_AND_TOKENS = (
    r"-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY",
    r"\bPuTTY-User-Key-File-\d",
    r"\bAGE-SECRET-KEY-1[0-9A-Z]{20,}",
    r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}",  # JWT, JWE
    r"\beyJ[\w-]{8,}\.eyJ[\w-]{4,}\.",  # JWT without a signature
    r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b",  # AWS
    r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22,}|glpat-[\w-]{20})",
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",  # Slack
    r"\b(?:[sr]k_(?:live|test)_|whsec_)[A-Za-z0-9]{16,}",  # Stripe
    r"\bAIza[\w-]{35}\b",  # Google
    r"\bSG\.[\w-]{16,}\.[\w-]{16,}",  # SendGrid
    r"""(?i:authorization["']?\s*[:=]\s*["']?(?:bearer|basic|token)) +[\w+/.~=-]{8,}""",
)
_IN_URL = r"\b[A-Za-z][A-Za-z0-9+.-]+://[^\s/:@?#]*:[^\s/@]*[^\s/@*][^\s/@]*@[^\s@]"
_CALLED = (
    r"(?i:(?:password|passwort|motdepasse)s?|(?:\b|_)(?:passwd|passphrase|passcode|pwd|mdp|senha"
    r"|mots?[ _-]?de[ _-]?passe|code pin|pin code|kennwort|contrase(?:ñ|n)a|wachtwoord"
    r"|(?:api|secret|access|account|sharedaccess)[ _-]?key))"
)
# Between the word and the colon: `mot de passe du portail :`.
_OF_WHAT = (
    rf"(?i:{_SPACE}+(?:du|de|des|le|la|pour|for|the|portail|portal|patient|serveur|server|site|web"
    r"|internet|wifi|r[ée]sultats?|compte|account|acc[èe]s|session|provisoire|temporaire|initial"
    r"|admin|utilisateur|user|m[ée]decin)){0,6}"
)
_IS = rf"""["']?{_SPACE}*(?:=>?|:=?|\x{{FF1A}}){_SPACE}*["'«]?{_SPACE}*"""
_NAMED = _CALLED + _OF_WHAT + _IS
_SAID = _NAMED + r"""[^\s"'«»;,]{3,}"""
# What follows in a text that only speaks of a password.
_SPOKEN_OF = _NAMED + (
    r"(?i:(?:oubli|expir|chang|r[ée]initialis|envoy|erron|modifi|supprim)[ée]e?r?s?|perdue?|inconnue?"
    r"|non|aucun|n[ée]ant|voir|cf|demander|transmis|incorrect|none|null|n/a|unknown|forgotten|lost"
    rf"""|expired|reset|changed|required|[*.•x_-]+)(?:{_SPACE}|[.,;!?)"'<]|\z)"""
)
_STRONG = "|".join((*_HASHES, *_KEYS_AND_TOKENS, _IN_URL))
_ANY = f"{_STRONG}|{_SAID}"


_REMEMBERED = 10_000


def find_credentials(array: pa.Array | pa.ChunkedArray) -> int:
    """Count the values that look like a credential by their content.

    Args:
        array: text, also dictionary encoded; missing values do not count.

    Raises:
        TypeError: the array holds something else than text.
    """
    # Distinct values: most columns repeat themselves, and a default password may be in every row.
    counted = _as_text(array).drop_null().value_counts()
    values, counts = counted.field("values"), counted.field("counts")
    suspect = pc.match_substring_regex(values, _ANY)
    if not pc.any(suspect).as_py():
        return 0
    values, counts = values.filter(suspect), counts.filter(suspect)
    plainer = pc.replace_substring_regex(values, _SPOKEN_OF, " ")
    return pc.sum(pc.filter(counts, pc.match_substring_regex(plainer, _ANY))).as_py() or 0


def require_no_credentials(values: pa.Array, where: str) -> None:
    """Refuse values of which any looks like a credential.

    Args:
        where: table and column, as the refusal names them.

    Raises:
        Refused: column-credential.
    """
    if found := find_credentials(values):
        raise Refused(
            "column-credential",
            where,
            f"{found} of {len(values)} values look like credentials (passwords, tokens, keys).",
            "nothing was kept; leave the column out, or have the controller empty it.",
        )


class CredentialCheck:
    """Looks through batches of one column, at each value that comes again only once.

    Args:
        where: table and column, as refusals name them.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._cleared: pa.Array | None = None

    def require(self, values: pa.Array) -> None:
        """Refuse (column-credential) a batch of which any value looks like a credential."""
        distinct = pc.unique(values)
        fresh = distinct
        if self._cleared is not None:
            fresh = distinct.filter(pc.invert(pc.is_in(distinct, self._cleared)))
        if len(fresh) and find_credentials(fresh):
            require_no_credentials(values, self._where)
        # Columns of long texts hardly repeat, and are not worth remembering.
        self._cleared = distinct if len(distinct) <= _REMEMBERED else None


def _as_text(array: Any) -> Any:
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _as_text(array.cast(kind.value_type))
    if pa.types.is_string_view(kind):
        return array.cast(pa.large_string())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return array
    raise TypeError(f"credentials are looked for in text, not in {kind}")
