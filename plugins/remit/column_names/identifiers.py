"""Names of columns that identify a person, and how."""

from __future__ import annotations

import re
from collections.abc import Sequence

from remit.column_names.words import runs, singular, singulars, word_set, words
from remit.columns import ColumnType

# Kinds of identifier, each with its words and the words beside which it is none; the first one that
# fits is taken.
_KINDS = """
an e-mail address
    email mail courriel correo emailid emailaddress
    but not: sent verified server host template subject at type notification enabled
a phone number
    phone telephone tel mobile cellphone homephone phonenumber fax gsm portable msisdn telefono
    telefone telefon telefonnummer celular pager
    but not: type verified
a login
    login loginname username benutzername identifiantconnexion identifiantportail nomutilisateur
    but not: last date at time count attempt failed logo header non
a device or network address
    ip ipaddress ipaddr adresseip macaddress adressemac deviceid imei udid
    but not: storage parent analyzer freezer
a photo or signature
    photo photograph avatar signature fingerprint biometric empreinte
    but not: id type date meaning
a scanned document
    documentdata thumbnail thumbnaildata scan scandata
    but not: id type date
bank details
    iban bic cardnumber creditcard cartebancaire bankaccount
a place on the map
    gps latitude longitude lat lon lng geolocation
    but not: accuracy method timestamp
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
    medicalrecordnumber medicalrecordnumeric hospitalnumber patientidentifier dossierpatient upid
    participantid participantnumber alternateid identitydata
    but not: type
a sample number
    accession barcode accessionnumber samplenumber samplenum specimennumber numechantillon
    numeroechantillon labnumber numerodossier specimenglobaluniqueid globaluniqueid
    sampleidentifier specimenidentifier
    but not: type label prefix info ontology format count id
a person's name
    prenom firstname lastname surname forename givenname familyname middlename midname maiden
    birthname fullname actualname realname nickname initials initiale initiales patronyme vorname
    nachname geburtsname apellido sobrenome nomnaissance nomfamille
    but not: id
a birth date or place
    birth birthdate birthday birthtime birthplace dob naissance naiss datenaiss ddn geburtsdatum
    geburtstag geburtsort nacimiento nascimento nasc
    but not: order rank rang weight poids defect multi multiple length taille control live still
    estimated
a date of death
    deathdate datedeath deathtime deceaseddate datedeces decesdate sterbedatum
    but not: estimated
an address
    address addresse adresse addr anschrift direccion endereco street rue numerovoie strasse
    hausnummer calle postcode postal codepostal zip zipcode plz postleitzahl cep city town village
    ville commune quartier codeinsee wohnort ciudad cidade stateprovince county
    but not: id type part order internet web url edms http fips
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
# Kinds that only text holds, and those that are an organisation's own in a table of organisations.
_ONLY_TEXT = ("a person's name", "a login", "an e-mail address", "a photo or signature")
_ORGANISATIONS_OWN = (
    "an address", "a phone number", "an e-mail address", "a place on the map",
    "a device or network address",
)  # fmt: skip
_ORGANISATIONS = word_set("""
    organization organisation location facility site laboratory laboratoire lab company institution
    supplier manufacturer department ward hospital freezer storage analyzer device box inventory lot
    plate label city region system
""")
_NAMES = word_set("name nom nome nombre")
_PERSONS = word_set("""
    patient pat person personne doctor physician prescriber practitioner provider nurse contact
    mother father guardian spouse mere pere conjoint epoux epouse medecin prescripteur infirmier
    technicien assure beneficiaire requester reporter receiver paciente medico jf jeune marital
    usage complet signer
""")
_STAFF = word_set("provider doctor physician prescriber practitioner user employee staff medecin")
_SAMPLES = word_set("sample specimen order echantillon prelevement")
_NAMES_BESIDE_A_PERSON = word_set("name nome nombre first last displayname displayed")
_OF_A_PERSON = word_set(
    "sex sexe sexo gender geschlecht prenom surname firstname birth birthdate dob naissance"
)
_NUMBERS = word_set("identifier identifiant")
_NOT_WHO = word_set("group sort order divided followed")


def _parse(table: str) -> list[tuple[str, frozenset[str], frozenset[str]]]:
    kinds = []
    for kind, body in re.findall(r"^(\S.*)\n((?:    .*\n)+)", table, re.MULTILINE):
        known, _, unless = body.partition("but not:")
        kinds.append((kind, word_set(known), word_set(unless)))
    return kinds


_PARSED_KINDS = _parse(_KINDS)


def kind_of_identifier(
    name: str, beside: Sequence[str] = (), kind: ColumnType | None = None, table: str = ""
) -> str | None:
    """What of a person the column probably holds, such as `a birth date or place`, or None.

    Args:
        name: the column's name.
        beside: the names of the table's other columns; only beside a person's does `name` count.
        kind: its type; a boolean identifies nobody.
        table: the table's name; an organisation's address is no person's.
    """
    parts = words(name)
    if not parts or (kind is not None and kind.name == "boolean"):
        return None
    of = _last(table)
    found = _known(parts) or _persons_name(parts, beside, of) or _of_whom(parts, beside, of)
    if found in _ONLY_TEXT and kind is not None and kind.name != "string":
        return None
    if found is None:
        return _member_of_staff(parts, kind)
    about_persons = not (_PERSONS | _STAFF).isdisjoint(singulars(table))
    organisation = not _ORGANISATIONS.isdisjoint(singulars(table)) and not about_persons
    lent = found in _ORGANISATIONS_OWN or name.lower() in ("name", "barcode", "doctor", "dob")
    return None if organisation and lent else found


def looks_like_identifier(
    name: str, beside: Sequence[str] = (), kind: ColumnType | None = None, table: str = ""
) -> bool:
    """Whether the column probably identifies a person directly (see `kind_of_identifier`)."""
    return kind_of_identifier(name, beside, kind, table) is not None


def _known(parts: list[str]) -> str | None:
    found = runs(parts)
    for kind, known, unless in _PARSED_KINDS:
        if not known.isdisjoint(found) and unless.isdisjoint(parts):
            # participant_id is the very number; patient_identifier_id is a key.
            if kind == "a patient number" and parts[-1] == "id" and "identifier" in parts:
                continue
            return kind
    # Run together with whose it is: administratoremail.
    return "an e-mail address" if parts[-1].endswith("email") else None


def _persons_name(parts: list[str], beside: Sequence[str], table: str) -> str | None:
    """A name with a person's word, or alone in a table of persons or beside what they have."""
    if not _NAMES.isdisjoint(parts) and not _PERSONS.isdisjoint(runs(parts)):
        return "a person's name" if "id" not in parts else None
    together = "".join(parts)
    if together in _NAMES_BESIDE_A_PERSON:
        others = {part for other in beside for part in words(other)}
        of_persons = table in _PERSONS | _STAFF and together in _NAMES
        if of_persons or not _OF_A_PERSON.isdisjoint(others):
            return "a person's name"
    return None


def _of_whom(parts: list[str], beside: Sequence[str], table: str) -> str | None:
    """A word that alone says little, and what the table says of it."""
    others = {part for other in beside for part in words(other)}
    if len(parts) == 1 and parts[0] in _NUMBERS:
        if table in _STAFF:
            return "a professional's number"
        return "a patient number" if "patient" in others else None
    if parts == ["external", "id"] or parts[-1:] == ["extid"]:
        if table in _PERSONS | _STAFF:
            return "a patient number" if table not in _STAFF else "a professional's number"
        return "a sample number" if table in _SAMPLES else None
    if parts == ["state"] and not word_set("city zip street").isdisjoint(others):
        return "an address"
    return _ALONE.get(parts[0]) if len(parts) == 1 else None


def _member_of_staff(parts: list[str], kind: ColumnType | None) -> str | None:
    """Who did something, written out: recorded_by, signer_name."""
    texts = kind is None or kind.name == "string"
    by = len(parts) > 1 and parts[-1] == "by" and _NOT_WHO.isdisjoint(parts)
    return "a member of staff" if texts and by else None


def _last(table: str) -> str:
    """What a table's rows are: its last word but `data` or `item`."""
    parts = [singular(word) for word in words(table)]
    while len(parts) > 1 and parts[-1] in ("data", "item", "all", "human"):
        parts.pop()
    return parts[-1] if parts else ""
