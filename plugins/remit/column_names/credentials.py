"""Names of columns that hold passwords, tokens or keys. A doubt counts as a yes."""

from __future__ import annotations

from remit.column_names.words import runs, singular, singulars, word_set, words
from remit.columns import ColumnType

# A list's word is matched by a name's word, and by neighbours run together: "motpasse" by
# mot_de_passe, MotPasse and motpasse. Plurals count as singulars.
_CREDENTIALS = word_set("""
    password passphrase passcode passwort kennwort contrasena senha palavrapasse wachtwoord mdp
    motpasse secret secrete secreto secreta pass passe passhash passkey salt pin codepin otp totp
    token jeton jwt bearer cookie cred credential keystore apikey accesskey secretkey privatekey privkey
    encryptionkey enckey signingkey sshkey sslkey authkey connectionkey activationkey sessionkey
    sharedkey masterkey recoverykey cleapi cleprivee cleacces clechiffrement claveacceso
    claveprivada chaveprivada accesscode securitycode activationcode verificationcode recoverycode
    resetcode connectioncode codeacces codesecurite codeconfidentiel codeverification
    codeactivation cvv cvc securityanswer securityquestion reponsesecurite questionsecurite
    websession httpsession jsessionid phpsessid authenticationstring auth crypt
""")
# No harmless word contains these: they count inside a longer one, such as userpassword.
_PARTS = word_set(
    "password passwd motdepasse passphrase passwort contrasen pwd apikey previouscrypt"
)
# Beside these, a word with several meanings has another one.
_HARMLESS_BESIDE = {
    "pass": word_set("rate fail sanitaire vaccinal"),
    "passe": word_set("temps heure date nombre nb sanitaire vaccinal"),
    "salt": word_set("intake diet bile form iodine iodized"),
    "otp": word_set("phone telephone tel email mail"),
    "secret": word_set("medical professionnel statistique"),
    "auth": word_set("method provider level source url uri status mode by"),
}
# At the end of a name they say that it is about a credential: password_expired_at.
_ABOUT = word_set("""
    at dt date time type expired expire expiry expiration lifetime attempt tentative policy required
    length changed enabled accepted consent count
""")
# Tables of credentials, and the columns that hold them there under a name that says nothing.
_TABLES = word_set("login credential apikey secret token keystore")
_OF_THOSE_TABLES = word_set("verification hash value data key code token")
_CANNOT_HOLD_ONE = ("boolean", "date", "timestamp", "timestamptz")


def looks_like_credential(name: str, kind: ColumnType | None = None, table: str = "") -> bool:
    """Whether the column probably holds passwords, tokens or keys.

    Args:
        name: the column's name.
        kind: its type; a boolean or a date holds no credential, nor does a number that is an id.
        table: the table's name.
    """
    parts = words(name)
    if not parts or not _can_hold_one(parts, kind) or singular(parts[-1]) in _ABOUT:
        return False
    if any(part in word for word in parts for part in _PARTS) or "p256dh" in name.lower():
        return True
    if _is_encrypted(parts) or _is_value_of_one(parts, table):
        return True
    harmless = {w for w, beside in _HARMLESS_BESIDE.items() if not beside.isdisjoint(parts)}
    return not (_CREDENTIALS & runs(parts)) <= harmless


def _can_hold_one(parts: list[str], kind: ColumnType | None) -> bool:
    if kind is None or kind.name in ("string", "uuid"):
        return True
    return kind.name not in _CANNOT_HOLD_ONE and parts[-1] != "id"


def _is_encrypted(parts: list[str]) -> bool:
    """Something encrypted, such as encrypted_properties: what was worth it is a secret."""
    rests = ("".join(parts[place:]) for place in range(len(parts)))
    return any(rest.startswith("encrypted") and rest != "encrypted" for rest in rests)


def _is_value_of_one(parts: list[str], table: str) -> bool:
    of_them = not _TABLES.isdisjoint(runs(singulars(table)))
    return of_them and len(parts) == 1 and singular(parts[0]) in _OF_THOSE_TABLES
