"""Names of columns that speak of what Art. 9 GDPR protects in particular."""

from __future__ import annotations

from remit.column_names.words import runs, singulars, word_set
from remit.columns import ColumnType

_CATEGORIES = {
    "ethnic-origin": word_set("""
        race racial ethnicity ethnic ethnie ethnique ethnicgroup tribe caste nationality
        nationalite birthcountry countrybirth paysnaissance raza etnia ethnizitat
    """),
    "belief": word_set(
        "religion religious religieux faith belief confession kirche union syndicat"
    ),
    "sex-life": word_set("sexual sexuality sexuel sexuelle orientation contraception partner"),
    "genetic": word_set("genetic genetique genotype genome allele mutation karyotype dna adn"),
    "health": word_set("""
        hiv vih aids sida pregnant pregnancy pregnancies grossesse enceinte gravid gravidity
        abortion avortement ivg miscarriage diagnosis diagnostic diagnose allergy allergie
        causedeath drugabuse alcohol smoker tobacco disability handicap psychiatric
    """),
}
_OTHERWISE = word_set("id order sort screen page label print image landscape trading business lab")
_SEX = word_set("sex sexe sexo gender genre geschlecht")


def special_category(name: str, kind: ColumnType | None = None) -> str | None:
    """The instruction's special category that the column probably belongs to, or None.

    Args:
        name: the column's name.
        kind: its type; a date alone says nothing of these.
    """
    parts = singulars(name)
    if not parts or (kind is not None and kind.name in ("date", "timestamp", "timestamptz")):
        return None
    if not _OTHERWISE.isdisjoint(parts):
        return None
    found = runs(parts)
    return next((name for name, known in _CATEGORIES.items() if not known.isdisjoint(found)), None)


def says_sex(name: str) -> bool:
    """Whether the column probably says a person's sex or gender."""
    parts = singulars(name)
    return bool(parts) and parts[-1] in _SEX and len(parts) <= 2
