"""What columns' names give away: credentials, free text, persons, one row per attribute.

English and French, and common words of Spanish, Portuguese and German. A name is only a hint in one
direction: a column that looks like a credential is never extracted, but one that does not may still
hold one. For credentials a doubt counts as a yes, so `author_token` is one. A login is an
identifier, and so is a passport's number. `session_id` is neither: in a laboratory it numbers a
series. `name` is a person's only beside other columns of a person; `nom` always.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence

# Cyrillic and Greek letters that look Latin, then Latin ones that do not decompose.
_LOOK_ALIKES = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0458\u0455"
    "\u0501\u051b\u051d\u04bb\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423"
    "\u0425\u0406\u0408\u0405\u03b1\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u0391"
    "\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u0131\u0142",
    "abekmhopctyxijsdqwhABEKMHOPCTYXIJSaeikvoptuxABEZHIKMNOPTYXil",
)


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SMALL_WORDS = _set("de du des d la le l of the da do del y")  # left out before matching

# A list's word is matched by a name's word, and by neighbours run together: "motpasse" by
# mot_de_passe, MotPasse and motpasse. Plurals count as singulars.
_CREDENTIALS = _set("""
    password passphrase passcode passwort kennwort contrasena senha palavrapasse wachtwoord mdp
    motpasse secret secrete secreto secreta pass passe passhash passkey salt pin codepin otp totp
    token jeton jwt bearer cookie cred credential keystore apikey accesskey secretkey privatekey privkey
    encryptionkey enckey signingkey sshkey sslkey authkey connectionkey activationkey sessionkey
    sharedkey masterkey recoverykey cleapi cleprivee cleacces clechiffrement claveacceso
    claveprivada chaveprivada accesscode securitycode activationcode verificationcode recoverycode
    resetcode codeacces codesecurite codeconfidentiel codeverification codeactivation cvv cvc
    securityanswer securityquestion reponsesecurite questionsecurite websession httpsession
    jsessionid phpsessid authenticationstring
""")
# No harmless word contains these: they count inside a longer one, such as userpassword.
_CREDENTIAL_PARTS = _set("password passwd motdepasse passphrase passwort contrasen pwd apikey")
# Beside these, a word with several meanings has another one.
_HARMLESS_BESIDE = {
    "pass": _set("rate fail sanitaire vaccinal"),
    "passe": _set("temps heure date nombre nb sanitaire vaccinal"),
    "salt": _set("intake diet bile form iodine iodized"),
    "otp": _set("phone telephone tel email mail"),
    "secret": _set("medical professionnel statistique"),
}
# At the end of a name they say that it is about a credential: password_expired_at.
_ABOUT_CREDENTIALS = _set("""
    at dt date time type expired expire expiry expiration lifetime attempt tentative policy required
    length changed enabled accepted consent count
""")

_FREE_TEXT = _set("""
    comment commentary note remark memo narrative observations freetext textelibre zonelibre
    champlibre libre conclusion interpretation anamnese anamnesis annotation antecedent
    renseignement precisions message body corps contenu dictation transcript letter courrier lettre
    compterendu synthese motif reason raison instruction noncoded texte bemerkung notiz kommentar
    beschreibung comentario observacion observaciones observacoes descripcion descricao
""")
_FREE_TEXT_PARTS = _set("description commentaire remarque")
_FREE_TEXT_AT_END = _set("comm history text")
_NOT_FREE_TEXT_AT_END = _set("id type date time at by code count nb user author status state key")
_MEASURED_FREE = _set("psa kappa lambda cortisol testosterone fraction hemoglobine")

# Kinds of identifier, each with its words and the words beside which it is none; the first one that
# fits is taken.
_KINDS = """
an e-mail address
    email mail courriel correo emailid emailaddress
    but not: sent verified server host template subject at type notification enabled
a phone number
    phone telephone tel mobile cellphone homephone phonenumber fax gsm portable msisdn telefono
    telefone telefon telefonnummer celular
    but not: type verified
a login
    login loginname username benutzername identifiantconnexion identifiantportail nomutilisateur
    but not: last date at time count attempt failed
a device or network address
    ip ipaddress ipaddr adresseip macaddress adressemac deviceid imei udid
a photo or signature
    photo photograph avatar signature fingerprint biometric empreinte
    but not: id type date
bank details
    iban bic cardnumber creditcard cartebancaire bankaccount
a place on the map
    gps latitude longitude lat lon lng geolocation
a professional's number
    rpps adeli npi dea lanr cpsid numerocps
a national or insurance number
    nir nia ssn nss insee nhs cpr bsn dni nie curp cpf rut cni cin passport passeport medicare
    medicaid numsecu numerosecu secusociale securitesociale socialsecurity nationalid identitynumber
    identitycard carteidentite cartevitale insurancenumber insuranceid healthcard driver
    driverlicense permisconduire numeroassure matriculeins numeroins versichertennummer
    but not: code commune rate wavelength
a patient number
    ipp iep mrn patientnumber numpatient numeropatient codepatient patientcode chartnumber
    medicalrecordnumber medicalrecordnumeric hospitalnumber patientidentifier dossierpatient
    but not: id type
a person's name
    prenom firstname lastname surname forename givenname familyname middlename midname maiden
    birthname fullname actualname realname nickname initials initiale initiales patronyme vorname
    nachname geburtsname apellido sobrenome nomnaissance nomfamille
    but not: id
a birth date or place
    birth birthdate birthday birthtime birthplace dob naissance naiss datenaiss ddn geburtsdatum
    geburtstag geburtsort nacimiento nascimento nasc
    but not: order rank rang weight poids defect multi multiple length taille control live still
an address
    address addresse adresse addr anschrift direccion endereco street rue numerovoie strasse
    hausnummer calle postcode postal codepostal zip zipcode plz postleitzahl cep city town village
    ville commune quartier codeinsee wohnort ciudad cidade
    but not: id type part order
"""
_ALONE = {
    "nom": "a person's name",
    "doctor": "a person's name",
    "preleveur": "a person's name",
    "collector": "a person's name",
    "cp": "an address",
    "ins": "a national or insurance number",
    "rib": "bank details",
}
_NAMES = _set("name nom nome nombre")
_PERSONS = _set("""
    patient pat person personne doctor physician prescriber practitioner provider nurse contact
    mother father guardian spouse mere pere conjoint epoux epouse medecin prescripteur infirmier
    technicien assure beneficiaire requester reporter receiver paciente medico jf jeune marital
    usage complet
""")
_NAMES_BESIDE_A_PERSON = _set("name nome nombre first last")
_OF_A_PERSON = _set("sex sexe sexo gender geschlecht prenom surname birth birthdate dob naissance")
_NUMBERS_BESIDE_A_PATIENT = _set("identifier identifiant")

_VALUES = _set("value valeur valor wert val")
_OUTCOMES = _set("result resultat resultado ergebnis answer reponse response respuesta resposta")
_OUTCOME_FORMS = _set("""
    text texte string numeric number numerique num coded code raw float double decimal integer
    boolean data
""")
_VALUE_FORMS = _OUTCOME_FORMS | _set("""
    date datetime time obs observation attribute attribut attr field champ property prop param
    parameter parametre measured observed test analyse custom
""")
_NOT_THE_VALUE = _set("""
    type kind unit unite modifier operator comparator status min max low high normal range limit
    count sort order group
""")
_AFFIXES = _set("id code name nom key cle type ref label libelle num number")
_NAMED_BY = ("name", "key", "code", "nom", "cle", "label", "libelle", "type")
# Words of a column that says what a value is of, the surest first.
_CODES = """
    code loinc attribute attribut attr property prop parameter parametre param variable question
    field champ column concept key cle atributo merkmal analyte identity measure mesure
""".split()
_WEAK_CODES = _set("analysis analyse determination exam examen test assay url")
_WEAKEST_CODES = _set("name nom label libelle type system")
_NEVER_CODES = _set("unit unite operator qualifier modifier source error") | _VALUES | _OUTCOMES
_OTHER_CODES = _set("""
    site country pays postal zip city commune currency devise status statut lab laboratory
    laboratoire organisation organization patient person sample specimen language lang display sort
    foreign primary parent barcode user provider group event file color insee role
""")


def words(name: str) -> list[str]:
    """A name's words in lower case: split at case changes, digits and punctuation.

    Accents and invisible characters go; full-width letters and the Cyrillic and Greek ones that
    look Latin become Latin.
    """
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(c for c in plain if unicodedata.category(c) not in ("Mn", "Cf"))
    plain = plain.translate(_LOOK_ALIKES).replace("\u00df", "ss")
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return [word.lower() for word in re.findall(r"[A-Za-z]+", plain)]


def looks_like_credential(name: str) -> bool:
    """Whether the column probably holds passwords, tokens or keys."""
    parts = words(name)
    if not parts or _singular(parts[-1]) in _ABOUT_CREDENTIALS:
        return False
    if _holds_part(parts, _CREDENTIAL_PARTS):
        return True
    harmless = {w for w, beside in _HARMLESS_BESIDE.items() if not beside.isdisjoint(parts)}
    return not (_CREDENTIALS & _runs(parts)) <= harmless


def looks_like_free_text(name: str) -> bool:
    """Whether the column probably holds sentences that somebody typed."""
    parts = words(name)
    if not parts or parts[-1] in _NOT_FREE_TEXT_AT_END:
        return False
    if parts[-1] in _FREE_TEXT_AT_END and parts[0] not in _VALUES | _OUTCOMES:
        return True
    found = _FREE_TEXT & _runs(parts)
    if found == {"libre"} and not _MEASURED_FREE.isdisjoint(parts):
        return False
    return bool(found) or _holds_part(parts, _FREE_TEXT_PARTS)


def kind_of_identifier(name: str, beside: Sequence[str] = ()) -> str | None:
    """What of a person the column probably holds, such as `a birth date or place`, or None.

    Args:
        name: the column's name.
        beside: the names of the table's other columns; only beside a person's does `name` count.
    """
    parts = words(name)
    runs = _runs(parts)
    for kind, known, unless in _PARSED_KINDS:
        if not known.isdisjoint(runs) and unless.isdisjoint(parts):
            return kind
    if not _NAMES.isdisjoint(parts) and not _PERSONS.isdisjoint(runs) and "id" not in parts:
        return "a person's name"
    return _kind_of_one_word(parts[0], beside) if len(parts) == 1 else None


def looks_like_identifier(name: str, beside: Sequence[str] = ()) -> bool:
    """Whether the column probably identifies a person directly (see `kind_of_identifier`)."""
    return kind_of_identifier(name, beside) is not None


def attribute_value_pair(names: Sequence[str]) -> tuple[str, str] | None:
    """The code and the value column of a table with one row per attribute, or None.

    A generic value column must be there, and one that says what the value is of. `product_id` beside
    `value` says whose value it is, not of what: that is no such table.

    Args:
        names: the names of all columns of the table.
    """
    split = _split(names)
    for name, parts in split.items():
        if (code := _named_by(parts, split)) is not None:
            return code, name
    values = [name for name, parts in split.items() if _is_value(parts)]
    ranks = {name: _code_rank(parts) for name, parts in split.items() if name not in values}
    codes = {name: rank for name, rank in ranks.items() if rank is not None}
    if not values or not codes:
        return None
    return min(codes, key=lambda name: codes[name]), min(values, key=lambda name: len(split[name]))


def looks_like_values(names: Sequence[str]) -> list[str]:
    """The columns of a table that are called after nothing but a value, whatever is beside them."""
    return [name for name, parts in _split(names).items() if _is_value(parts)]


def value_columns(names: Sequence[str]) -> list[str]:
    """All columns that hold the values of a table with one row per attribute; [] for others."""
    pair = attribute_value_pair(names)
    if pair is None:
        return []
    split = _split(names)
    return [name for name, parts in split.items() if name == pair[1] or _is_value(parts)]


def _parse_kinds(table: str) -> list[tuple[str, frozenset[str], frozenset[str]]]:
    kinds = []
    for kind, body in re.findall(r"^(\S.*)\n((?:    .*\n)+)", table, re.MULTILINE):
        known, _, unless = body.partition("but not:")
        kinds.append((kind, _set(known), _set(unless)))
    return kinds


_PARSED_KINDS = _parse_kinds(_KINDS)


def _singular(word: str) -> str:
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "acces"))
    return word[:-1] if plural else word


def _runs(parts: Sequence[str]) -> set[str]:
    """The words and their neighbours run together, as written and as singulars."""
    long = [part for part in parts if part not in _SMALL_WORDS]
    return {
        "".join(form[start:end])
        for form in (long, [_singular(part) for part in long])
        for start in range(len(form))
        for end in range(start + 1, min(start + 4, len(form)) + 1)
    }


def _holds_part(those: Sequence[str], parts: Collection[str]) -> bool:
    return any(part in word for word in those for part in parts)


def _kind_of_one_word(word: str, beside: Sequence[str]) -> str | None:
    others = {part for other in beside for part in words(other)}
    if word in _NAMES_BESIDE_A_PERSON and not _OF_A_PERSON.isdisjoint(others):
        return "a person's name"
    if word in _NUMBERS_BESIDE_A_PATIENT and "patient" in others:
        return "a patient number"
    return _ALONE.get(word)


def _split(names: Sequence[str]) -> dict[str, list[str]]:
    """Each name's words, without the first one if all names share it (pfi_key, pfi_value)."""
    split = {name: parts for name in names if (parts := [_singular(w) for w in words(name)])}
    if len({parts[0] for parts in split.values()}) == 1 and len(split) > 1:
        return {name: parts[1:] for name, parts in split.items() if len(parts) > 1}
    return split


def _is_value(parts: Sequence[str]) -> bool:
    if parts[0] in _VALUES:
        return _NOT_THE_VALUE.isdisjoint(parts)
    said = set(parts)
    if _VALUES & said:
        return said <= _VALUES | _OUTCOMES | _VALUE_FORMS
    return bool(_OUTCOMES & said) and said <= _OUTCOMES | _OUTCOME_FORMS


def _named_by(parts: list[str], split: Mapping[str, list[str]]) -> str | None:
    """The column that names this one: cost_name for cost_value, identifier_type for identifier."""
    wanted = []
    if parts[-1] in _VALUES and len(parts) > 1:
        wanted = [[*parts[:-1], word] for word in _NAMED_BY]
    elif parts in (["identifier"], ["identity", "data"]):
        wanted = [[parts[0], "type"], [parts[0], "type", "id"]]
    return next((name for name, other in split.items() if other in wanted), None)


def _code_rank(parts: Sequence[str]) -> int | None:
    """How surely the column says what a value is of: the lower the surer, None for not at all."""
    core = list(parts)
    while core and core[-1] in _AFFIXES:
        core.pop()
    french = bool(core) and core[0] in _AFFIXES
    while core and core[0] in _AFFIXES:
        core.pop(0)
    said = {core[-1], core[0] if french else core[-1]} if core else {parts[0]}
    if not _NEVER_CODES.isdisjoint(parts) or not _OTHER_CODES.isdisjoint(said):
        return None
    type_id = parts[-2:] == ["type", "id"]
    # attribute_type_id is surer than attribute_id, which may number the row.
    sure = [2 * rank + (not type_id) for rank, word in enumerate(_CODES) if word in said]
    signs = (
        type_id,
        not said.isdisjoint(_WEAK_CODES) and "code" in parts,
        not said.isdisjoint(_WEAK_CODES),
        parts[-1] == "type",
        "code" in (parts[0], parts[-1]),
        parts[0] == "type",
        len(parts) == 1 and parts[0] in _WEAKEST_CODES,
    )
    weak = [2 * len(_CODES) + rank for rank, holds in enumerate(signs) if holds]
    return min(sure + weak, default=None)
