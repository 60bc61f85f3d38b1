"""Which tables have one row per attribute, as real systems have them, and by which column."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.attribute_values import (
    AttributeTable,
    attribute_table,
    naming_columns,
    with_keys_of_others,
)
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
        "id! samp_id>samples stpt_id>sample_type_property_types value cvte_id>vocabulary_terms "
        "mate_prop_id>materials",
        ("stpt_id",),
        ("value", "cvte_id"),
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
    "patient_identity": (
        "id! identity_type_id>patient_identity_type patient_id>patient identity_data",
        ("identity_type_id",),
        ("identity_data",),
    ),
    "result": (
        "id! analysis_id>analysis analyte_id>analyte parent_id>result result_type value",
        ("analyte_id", "analysis_id"),
        ("value",),
    ),
    "test": (
        "test_id! test_type_id>test_type specimen_id>specimen result",
        ("test_type_id",),
        ("result",),
    ),
    "user_property": (
        "user_id!>users property! property_value",
        ("property",),
        ("property_value",),
    ),
    "global_property": ("property! property_value uuid", ("property",), ("property_value",)),
    "file_property": (
        "id! file_id>file property_id>property unit_id>unit_of_measure value",
        ("property_id",),
        ("value",),
    ),
    "measurement": (
        "measurement_id! person_id>person measurement_concept_id>concept unit_concept_id>concept "
        "measurement_type_concept_id>concept measurement_source_concept_id>concept "
        "operator_concept_id>concept value_as_number value_as_concept_id>concept",
        ("measurement_concept_id",),
        ("value_as_number", "value_as_concept_id"),
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
    "protocolparameter": (
        "rowid! protocolid name valuetype stringvalue integervalue doublevalue",
        ("name",),
        ("stringvalue", "integervalue", "doublevalue"),
    ),
    "objectview": ("objectid name propertyid typetag floatvalue", ("propertyid",), ("floatvalue",)),
    "contact_part": (
        "person_id address_part_id type value",
        ("address_part_id",),
        ("value",),
    ),
    "config_property": ("config_property_id! name value config_id", ("name",), ("value",)),
    "keys": ("id! name type data created_at", ("name",), ("data",)),
    # that there is one row per attribute is plain, by which column is not
    "changes": ("id! nce_id activity old_value new_value", (), ("old_value", "new_value")),
    "requests": ("id! sample_id status type value", (), ("value",)),
    "properties_history": ("id! samp_id stpt_id value", (), ("value",)),
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
        ("test_result", "id! test_id>test tst_rslt_type value sort_order"),
        ("method_result", "id! method_id>method methres_type value"),
        ("dbsequences", "rowid! container name id value"),
        ("calculation", "id! name sample_id test_id result"),
        ("notebook_file", "id! notebook_id>notebook file_name file_data file_type"),
        ("qrtz_job_details", "job_name! job_group! description job_data"),
        ("attachment_contents", "id! value"),
        ("well", "rowid! lsid value dilution plateid>plate sampleid>material"),
    ],
)
def test_other_tables_are_none(table: str, text: str) -> None:
    assert attribute_table(table, columns(text)) is None


def test_the_kind_of_the_value_is_never_the_code() -> None:
    found = attribute_table("t", columns("id! patient_id value_type code value"))

    assert found is not None
    assert found.codes == ("code",)


@pytest.mark.parametrize(
    "kind", ["value_type", "result_type", "tst_rslt_type", "typetag", "valuetype"]
)
def test_what_sort_of_value_it_is_says_no_attribute(kind: str) -> None:
    found = attribute_table("t", columns(f"id! patient_id {kind} code value"))

    assert found is not None
    assert found.codes == ("code",)


def test_flags_are_neither_codes_nor_values() -> None:
    flag = SourceColumn("is_value", "boolean", ColumnType("boolean"), True)
    code = SourceColumn("code", "boolean", ColumnType("boolean"), True)

    assert attribute_table("t", [*columns("id! name"), flag]) is None
    assert attribute_table("t", [*columns("id! value"), code]) is None


def test_a_view_has_the_keys_of_the_tables_behind_it() -> None:
    view = columns("id samp_id stpt_id relation_type value vocabulary_term")
    schema = {
        "sample_properties": columns("id! stpt_id>sample_type_property_types value"),
        "other": columns("id! stpt_id>sample_type_property_types samp_id>samples"),
        "third": columns("id! samp_id>materials relation_type>types"),
        "view": view,
    }

    known = with_keys_of_others(view, schema)

    assert [c.references for c in known if c.name == "samp_id"] == [None]  # tables disagree
    found = attribute_table("sample_history_view", known)
    assert found is not None
    assert found.codes == ("stpt_id",)
    with_keys = schema["other"]
    assert with_keys_of_others(with_keys, schema) is with_keys


@pytest.mark.parametrize(
    ("table", "text", "names"),
    [
        ("observation_type", "id! type_name description lastupdated", ["type_name", "description", "id"]),
        ("property_types", "id! code label data_type schema", ["code", "label", "id"]),
        ("propertydescriptor", "propertyid! name propertyuri rangeuri", ["name", "propertyid"]),
        ("patient_type", "id! type", ["type", "id"]),
        ("analysis", "id! status analysis_type type_of_sample_name revision", ["id"]),
        ("test", "id! name unit_name local_code section_name", ["name", "local_code", "id"]),
    ],
)  # fmt: skip
def test_names_of_a_catalogues_rows(table: str, text: str, names: list[str]) -> None:
    assert naming_columns(table, columns(text)) == names


# Name of the system, its columns, the code column, the value columns.
ATTRIBUTE_VALUE = {
    "remit's laboratory, attributes": (
        "observation_id patient_id site_code observed_at code value",
        "code",
        "value",
    ),
    "remit's laboratory, results": (
        "result_id sample_id patient_id site_code loinc_code value_numeric value_text unit "
        "reference_low reference_high abnormal result_date validated_at comment",
        "loinc_code",
        "value_numeric value_text",
    ),
    "OpenELIS, history": (
        "id patient_id sample_id observation_history_type_id value_type value lastupdated "
        "sample_item_id",
        "observation_history_type_id",
        "value",
    ),
    "OpenELIS, result": (
        "id analysis_id sort_order is_reportable result_type value analyte_id test_result_id "
        "lastupdated min_normal max_normal parent_id significant_digits grouping",
        "analyte_id",
        "value",
    ),
    "OpenELIS, identity": (
        "id identity_type_id patient_id identity_data lastupdated",
        "identity_type_id",
        "identity_data",
    ),
    "OpenELIS, analyser": (
        "id analyzer_id accession_number test_name result units status_id iscontrol complete_date "
        "test_result_type test_id",
        "test_name",
        "result",
    ),
    "OpenMRS, obs": (
        "obs_id person_id concept_id encounter_id obs_datetime obs_group_id value_group_id "
        "value_coded value_drug value_datetime value_numeric value_modifier value_text value_complex "
        "comments creator date_created",
        "concept_id",
        "value_coded value_drug value_datetime value_numeric value_text value_complex",
    ),
    "OpenMRS, person": (
        "person_attribute_id person_id value person_attribute_type_id creator date_created",
        "person_attribute_type_id",
        "value",
    ),
    "OpenMRS, visit": (
        "visit_attribute_id visit_id attribute_type_id value_reference uuid creator",
        "attribute_type_id",
        "value_reference",
    ),
    "OpenMRS, identifier": (
        "patient_identifier_id patient_id identifier identifier_type preferred location_id",
        "identifier_type",
        "identifier",
    ),
    "OMOP": (
        "measurement_id person_id measurement_concept_id measurement_date measurement_type_concept_id "
        "operator_concept_id value_as_number value_as_concept_id unit_concept_id range_low range_high "
        "measurement_source_value unit_source_value value_source_value",
        "measurement_concept_id",
        "value_as_number value_as_concept_id value_source_value",
    ),
    "BLIS, test": (
        "test_id test_type_id result comments user_id verified_by ts specimen_id date_verified",
        "test_type_id",
        "result",
    ),
    "BLIS, fields": ("id field_id patient_id field_value ts", "field_id", "field_value"),
    "LabBook": (
        "id_data id_owner id_analyse ref_variable valeur obligatoire res_recovery",
        "ref_variable",
        "valeur",
    ),
    "LabBook, form": (
        "pfi_ser pfi_date pfi_user pfi_pat pfi_act pfi_key pfi_value",
        "pfi_key",
        "pfi_value",
    ),
    "a French laboratory": (
        "id_demande_analyse id_demande code_analyse statut_validation valeur unite date_validation",
        "code_analyse",
        "valeur",
    ),
    "Synthea": (
        "DATE PATIENT ENCOUNTER CATEGORY CODE DESCRIPTION VALUE UNITS TYPE",
        "CODE",
        "VALUE",
    ),
    "FHIR, extension": ("url value_string", "url", "value_string"),
    "FHIR, camel case": ("id code valueString valueQuantity", "code", "valueString valueQuantity"),
    "settings": ("id name lastupdated value", "name", "value"),
    "a questionnaire": ("reponse_id patient_id question reponse", "question", "reponse"),
    "paired names": ("database_name stat_name stat_value size", "stat_name", "stat_value"),
    "German": ("id patient merkmal wert einheit", "merkmal", "wert"),
    "Portuguese": ("id paciente atributo valor", "atributo", "valor"),
}
NO_ATTRIBUTE_VALUE = {
    "prices": "product_id value currency",
    "blood pressure": "systolic_value diastolic_value",
    "a unit's code is no attribute": "id patient_id unit_code value",
    "a site's code is no attribute": "id site_code country_code value",
    "the kind of value is no attribute": "id patient_id value_type value",
    "OMOP, a dose": "dose_era_id person_id drug_concept_id unit_concept_id dose_value",
    "OMOP, a visit": "visit_occurrence_id person_id visit_concept_id visit_source_value provider_id",
    "OpenELIS, limits": "id test_id test_result_type_id min_age gender low_normal high_normal",
    "OpenELIS, links": "id result_id system_user_id is_supervisor lastupdated",
    "OpenMRS, attribute types": "person_attribute_type_id name description format sort_weight",
    "a file": "id uuid value",
    "patients": "patient_id nir last_name birth_date site_code",
    "codes without values": "id code description",
    "dates of results": "result_id code result_date result_status",
    "nothing": "",
}


def named(names: str) -> list[SourceColumn]:
    return [SourceColumn(name, "unknown", None, True) for name in names.split()]


@pytest.mark.parametrize(
    ("names", "code", "values"), ATTRIBUTE_VALUE.values(), ids=ATTRIBUTE_VALUE.keys()
)
def test_names_alone_tell_a_table_with_one_row_per_attribute(names, code, values) -> None:
    found = attribute_table("t", named(names))

    assert found is not None
    assert found.codes[0] == code
    assert found.values == tuple(values.split())


@pytest.mark.parametrize("names", NO_ATTRIBUTE_VALUE.values(), ids=NO_ATTRIBUTE_VALUE.keys())
def test_table_without_a_column_that_says_of_what_is_none(names) -> None:
    assert attribute_table("t", named(names)) is None


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=20),
    st.lists(
        st.text(max_size=20) | st.sampled_from(["value", "code", "type"]), unique=True, max_size=6
    ),
)
def test_no_name_makes_it_fail(table, names) -> None:
    found = attribute_table(table, [SourceColumn(name, "text", TEXT, True) for name in names])

    assert found is None or set(found.values) <= set(names) - set(found.codes)
    assert found is None or set(found.codes) <= set(names)
