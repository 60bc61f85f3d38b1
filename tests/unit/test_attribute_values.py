"""Which tables have one row per attribute, as real systems have them, and by which column."""

from __future__ import annotations

import pytest

from remit.attribute_values import AttributeTable, attribute_table
from remit.columns import ColumnType
from remit.ports import SourceColumn

TEXT = ColumnType("string")


def columns(text: str) -> list[SourceColumn]:
    """``id! kind>kinds value``: `!` for the primary key, `>` for a foreign key."""
    made = []
    for word in text.split():
        name, _, references = word.partition(">")
        primary = name.endswith("!")
        made.append(SourceColumn(name.rstrip("!"), "text", TEXT, True, primary, references or None))
    return made


FOUND = {
    # by foreign keys
    "observation_history": (
        "id! patient_id>patient sample_id>sample "
        "observation_history_type_id>observation_history_type value_type value",
        ("observation_history_type_id",),
        ("value",),
    ),
    "person_attribute": (
        "person_attribute_id! person_id>person value "
        "person_attribute_type_id>person_attribute_type voided",
        ("person_attribute_type_id",),
        ("value",),
    ),
    "sample_properties": (
        "id! samp_id>samples stpt_id>sample_type_property_types value cvte_id>vocabulary_terms",
        ("stpt_id",),
        ("value",),
    ),
    "person_address": (
        "person_id! address_part_id!>address_part type value",
        ("address_part_id",),
        ("value",),
    ),
    "objectproperty": (
        "objectid! propertyid!>propertydescriptor typetag floatvalue stringvalue datetimevalue",
        ("propertyid",),
        ("floatvalue", "stringvalue", "datetimevalue"),
    ),
    "concept_attribute": (
        "concept_attribute_id! concept_id>concept attribute_type_id>concept_attribute_type "
        "value_reference",
        ("attribute_type_id",),
        ("value_reference",),
    ),
    # by names alone
    "observations": (
        "observation_id patient_id site_code observed_at code value",
        ("code",),
        ("value",),
    ),
    "results": (
        "result_id patient_id site_code loinc_code value_numeric value_text unit",
        ("loinc_code",),
        ("value_numeric", "value_text"),
    ),
    "site_information": ("id! name value value_type description", ("name",), ("value",)),
    "obs": (
        "obs_id! person_id concept_id value_coded value_numeric value_text",
        ("concept_id",),
        ("value_coded", "value_numeric", "value_text"),
    ),
}


@pytest.mark.parametrize("table", FOUND)
def test_found_with_the_column_that_says_which_attribute(table: str) -> None:
    text, codes, values = FOUND[table]

    assert attribute_table(table, columns(text)) == AttributeTable(codes, values)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("patients", "patient_id! nir first_name birth_date"),
        ("blood_pressure", "id! patient_id>patient systolic_value diastolic_value"),
        ("prices", "product_id! value currency"),
        ("patient_photo", "id! patient_id photo_type data value"),
        ("samples", "sample_id! patient_id>patients collected_at site_code"),
        ("kinds", "id! value_type value"),
    ],
)
def test_other_tables_are_none(table: str, text: str) -> None:
    assert attribute_table(table, columns(text)) is None


def test_the_kind_of_the_value_is_never_the_code() -> None:
    found = attribute_table("t", columns("id! patient_id value_type code value"))

    assert found is not None
    assert found.codes == ("code",)
