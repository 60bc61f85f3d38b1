"""What names give away, and what they do not: names as real systems have them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.column_names import (
    FREE_TEXT,
    MESSAGES,
    PERHAPS,
    kind_of_identifier,
    kind_of_text,
    looks_like_credential,
    looks_like_free_text,
    looks_like_identifier,
    says_sex,
    special_category,
    words,
)
from remit.columns import ColumnType

CREDENTIALS = (
    "password PASSWORD portal_password userPassword userpassword passwd pwd pwd1 PWD_HASH dhs_pwd "
    "lite_report_pwd User_password hash_password password_hash hashedPassword password2 password_salt "
    "mdp mdp_portail motDePasse mot_de_passe MOT_PASSE motpasse motdepasse mots_de_passe passphrase "
    "pass user_pass passe pin code_pin pinCode pin_number otp otp_seed totp_secret salt secret secrets "
    "clientSecret client_secret api_key apiKey APIKEY userAPIKey accessKey access_key secret_key "
    "private_key Ssl_key activation_key blis_cloud_connection_key encryption_key cle_secrete cle_api "
    "cléPrivée token auth_token access_token refresh_token refreshTokens session_token SESSION_TOKEN "
    "author_token reset_token_hash password_reset_token jwt cookie session_key jsessionid credential "
    "credentials user_credentials secret_question secret_answer security_answer reponse_secrete "
    "crypt previouscrypts encryptedproperties encrypted_data pf_auth pf_p256dh connection_code "
    "question_de_securite code_acces code_d_acces code_confidentiel kennwort passwort Kennwörter_pwd "
    "contraseña contrasena senha palavra_passe clave_de_acceso authentication_string cvv"
).split()
NO_CREDENTIALS = (
    "shipping shipping_type opinion pinned spinal_level passage passages compass compassion passenger "
    "passport passport_number passeport bypass keyword key public_key pub_key primary_key display_key "
    "secretary secretariat secretion_date secret_medical tokenised_not login portal_login username "
    "session_id session_num identifiant password_expired password_expired_dt password_last_changed "
    "password_lifetime password_changed_at token_expires_at token_type CookieEnabled otp_phone_number "
    "pass_rate pass_sanitaire temps_passe salt_intake bile_salts signature hash hash_value sha256 "
    "encrypted encryption decryption_date auth_method auth_type authorised author_id verification "
    "mdph_dossier laptop_width step_wd map_i_key topping saltation author authorised_by code cle_etrangere"
).split()
SENTENCES = (
    "comment comments Commentaire COMMENTAIRES commentairePatient note notes patient_notes note_text "
    "remark remarque memo narrative description REASONDESCRIPTION conclusion interprétation "
    "interpretation texte_libre textelibre zone_libre observations anamnèse annotation free_text "
    "freeText FREE_TEXT message error_message body renseignements_cliniques antécédents motif "
    "void_reason dosing_instructions clinical_history condition_non_coded lic_comm compte_rendu "
    "protocoldescription qualitycontrolcomments errormessage exceptionmessage error_msg error_details "
    "additional_detail gross_exam microscopy_exam suspected_causes proposed_action corrective_action "
    "immediate_action justification other source_other content objective hypothesis summary "
    "collection_conditions hl7_data hl7_message raw_message payload merged_data serialized_data xml_data "
    "descriptorxml xml definition_json "
    "Bemerkung Kommentar observaciones descripción precisions original_text"
).split()
NO_SENTENCES = (
    "comment_id comment_count note_type note_date reason_code description_key commented_at precision "
    "display_precision observation_id psa_libre kappa_libre footnoted notebook value_text result_text "
    "descriptionrenderertype experimentdescriptionurl message_template footnotes action exam cause data "
    "subject title stringvalue other_id summary_date xml_id json_type "
    "context textile history_id motif_id communication comm_type"
).split()
PLAIN = (
    "result_id patient_id site_code loinc_code value_numeric unit abnormal result_date spinal_level "
    "compassion opinion notebook keyword tokenised_not pinned footnoted observation_id observed_at code "
    "value descriptor reference_low status sample_type tube urgent uuid"
).split()


@pytest.mark.parametrize("name", CREDENTIALS)
def test_credential_is_recognised(name) -> None:
    assert looks_like_credential(name)


@pytest.mark.parametrize("name", NO_CREDENTIALS)
def test_what_only_sounds_like_a_credential_is_none(name) -> None:
    assert not looks_like_credential(name)


@pytest.mark.parametrize("name", SENTENCES)
def test_free_text_is_recognised(name) -> None:
    assert looks_like_free_text(name)


@pytest.mark.parametrize("name", NO_SENTENCES)
def test_what_only_sounds_like_free_text_is_none(name) -> None:
    assert not looks_like_free_text(name)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_name_is_nothing(name) -> None:
    assert not looks_like_credential(name)
    assert not looks_like_free_text(name)
    assert not looks_like_identifier(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("motDePasse2", ["mot", "de", "passe"]),
        ("Clé_SECRÈTE", ["cle", "secrete"]),
        ("NIR", ["nir"]),
        ("NIRPatient", ["nir", "patient"]),
        ("userAPIKey", ["user", "api", "key"]),
        ("eMail", ["e", "mail"]),
        ("a1b2", ["a", "b"]),
        ("Straße", ["strasse"]),
        ("", []),
        ("数", []),
    ],
)
def test_words_of_a_name(name, expected) -> None:
    assert words(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "p\u0430ssword",  # Cyrillic a
        "\u0440\u0430\u0455sw\u043erd",  # Cyrillic er, a, dze, o
        "PASSW\u041eRD",  # Cyrillic O
        "PASSW\u039fRD",  # Greek omicron
        "mo\u03c4_de_passe",  # Greek tau
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44",  # full-width
        "pass\u200bword",  # zero-width space
        "pass\u00adword",  # soft hyphen
        "pa\u0301ssword",  # combining accent
        "\U0001d429\U0001d422\U0001d427",  # mathematical letters: pin
    ],
)
def test_letters_that_only_look_latin_hide_no_credential(name) -> None:
    assert looks_like_credential(name)


KINDS = {
    "a person's name": (
        "nom prenom Prénom first_name lastName LAST_NAME surname family_name given_name maiden_name "
        "MAIDEN nom_naissance nom_de_naissance nom_usage nom_jf nom_jeune_fille birth_name patient_name "
        "nomPatient PatName contact_nom mothers_name name_of_reporter prescriber_name nom_du_medecin "
        "technicien_nom actualname full_name initials preleveur Vorname nachname apellido1 nome_paciente"
    ),
    "a national or insurance number": (
        "nir NIR nir_assure insee numero_insee ssn SSN nhs_number securite_sociale num_secu num_secu_sociale "
        "numero_de_securite_sociale ins passport passport_number passeport cin numero_cin PatCNI "
        "national_id medicare_id DRIVERS driver_license carte_vitale dni cpf pac_cpf"
    ),
    "a sample number": "accession_number accession barcode specimenglobaluniqueid sample_identifier",
    "a date of death": "death_date deathdate date_of_death date_deces",
    "a scanned document": "document_data thumbnail_data",
    "a member of staff": "recorded_by printed_by requested_by",
    "a patient number": (
        "participantid alternateid upid_code identity_data ipp iep mrn IPP_patient chart_number "
        "num_patient code_patient medicalRecordNumber"
    ),
    "a birth date or place": (
        "birth_date birthdate BIRTHDATE dob date_of_birth year_of_birth ddn date_naissance "
        "date_de_naissance datenaiss lieu_naissance birthplace Geburtsdatum fecha_nacimiento "
        "pac_data_nasc entered_birth_date"
    ),
    "an address": (
        "address adresse_1 adresses street street_address rue postcode postal_code code_postal zip "
        "zip_code cp city ville commune code_commune_insee quartier plz Straße endereco city_name "
        "nom_ville address15 city_village"
    ),
    "a phone number": (
        "phone tel tel2 num_tel telephone TelephoneMobile home_phone cell_phone otp_phone_number gsm fax "
        "mobile portable telefono telefone"
    ),
    "an e-mail address": (
        "email e_mail eMail mail courriel adresse_mail email_address contact_email requestedemail"
    ),
    "a login": "login username user_name portal_login login_name identifiant_portail nom_utilisateur",
    "a device or network address": "ip_address IP_Address adresse_ip backup_ip mac_address device_id imei",
    "a photo or signature": "photo patient_photo signature avatar empreinte",
    "bank details": "iban IBAN bic credit_card card_number rib",
    "a place on the map": "latitude longitude lat lon gps gps_position",
    "a professional's number": "rpps numero_rpps adeli npi cps_id",
}
NOBODY = (
    "name test_name file_name filename nom_fichier table_name nom_analyse fournisseur_nom db_name "
    "description species genre patient_id person_id address_id id_adresse id_ville address_part_id "
    "person_name_id birth_order multi_birth poids_naissance email_sent_at email_template phone_type "
    "last_login login_count nombre_enfants cell_count tension zipped shipping_date voie_administration "
    "ins_date rib_fracture identifier identifiant first last bp latency ipsilateral skin telemetry "
    "login_logo_path use_header_logo_for_login signature_meaning internet_address edms_address "
    "storage_device_id parent_device_id patient_identifier_id patient_identifier_type_id "
    "birthdate_estimated gps_accuracy_meters gps_capture_method barcode_type external_id sort_by state "
    "group_by_age "
    "mailbox_count patient_type cpt latex photosensitive immunology pinned"
).split()


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for kind, names in KINDS.items() for name in names.split()]
)
def test_kind_of_an_identifier_is_told(name, kind) -> None:
    assert kind_of_identifier(name) == kind
    assert looks_like_identifier(name)


@pytest.mark.parametrize("name", NOBODY)
def test_what_identifies_nobody_has_no_kind(name) -> None:
    assert kind_of_identifier(name) is None
    assert not looks_like_identifier(name)


@pytest.mark.parametrize("name", ["name", "NAME", "FIRST", "last", "nome"])
@pytest.mark.parametrize("beside", [["patient_id", "sex", "age"], ["dob"], ["date_naissance"]])
def test_bare_name_is_a_persons_beside_what_only_persons_have(name, beside) -> None:
    assert kind_of_identifier(name, beside) == "a person's name"


def test_bare_name_in_a_reference_table_is_nobodys() -> None:
    assert kind_of_identifier("name", ["id", "description"], table="patient_type") is None
    assert kind_of_identifier("name", ["test_id", "description", "sort_order"]) is None


def test_identifier_beside_a_patient_is_a_patient_number() -> None:
    beside = ["patient_identifier_id", "patient_id", "identifier_type"]
    assert kind_of_identifier("identifier", beside) == "a patient number"


WHOLE = ColumnType("integer")
FLAG = ColumnType("boolean")
TEXT = ColumnType("string")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("haspassword", FLAG), ("pass", FLAG), ("backup_encryption_key_id", WHOLE),
     ("password_set_on", ColumnType("date"))],
)  # fmt: skip
def test_a_flag_a_date_or_a_keys_id_is_no_credential(name: str, kind: ColumnType) -> None:
    assert looks_like_credential(name)
    assert not looks_like_credential(name, kind)
    assert looks_like_credential(name, TEXT)


def test_a_number_may_be_a_pin() -> None:
    assert looks_like_credential("pin", WHOLE)


def test_a_table_of_logins_holds_credentials_under_harmless_names() -> None:
    assert looks_like_credential("verification", TEXT, "logins")
    assert looks_like_credential("value", TEXT, "api_tokens")
    assert not looks_like_credential("value", TEXT, "results")
    assert not looks_like_credential("username", TEXT, "logins")


@pytest.mark.parametrize("kind", [WHOLE, FLAG, ColumnType("date")])
def test_only_text_is_free_text(kind: ColumnType) -> None:
    assert not looks_like_free_text("order_reason", kind)
    assert looks_like_free_text("order_reason", TEXT)


@pytest.mark.parametrize(
    ("native", "free"),
    [("character(1)", False), ("character varying(5)", False), ("character varying(6)", True),
     ("character varying", True), ("text", True), ("varchar(3)", True)],
)  # fmt: skip
def test_what_holds_a_few_characters_is_no_free_text(native: str, free: bool) -> None:
    """Only PostgreSQL says `character varying`, and keeps to the width."""
    assert looks_like_free_text("other", TEXT, native) is free


@pytest.mark.parametrize(
    ("name", "table", "kind"),
    [
        ("comment", "", FREE_TEXT),
        ("hl7_data", "", MESSAGES),
        ("data", "hl7_message_out", MESSAGES),
        ("data", "electronic_order", MESSAGES),
        ("data", "keys", None),
        ("value_text", "obs", PERHAPS),
        ("stringvalue", "", PERHAPS),
        ("subject", "", PERHAPS),
        ("result_code", "", None),
    ],
)
def test_sort_of_text_is_told(name: str, table: str, kind: str | None) -> None:
    assert kind_of_text(name, table=table) == kind


@pytest.mark.parametrize(
    ("name", "table", "kind"),
    [
        ("city", "person", "an address"),
        ("city", "organization", None),
        ("phone", "location", None),
        ("phone", "organization_contact", "a phone number"),
        ("ip_address", "analyzer", None),
        ("address", "external_data_management_systems", None),
        ("name", "patient", "a person's name"),
        ("name", "lab_config", None),
        ("identifier", "provider", "a professional's number"),
        ("external_id", "patient", "a patient number"),
        ("external_id", "sample_item", "a sample number"),
        ("external_id", "analyte", None),
        ("barcode", "inventory_lot", None),
    ],
)
def test_a_table_says_whose_it_is(name: str, table: str, kind: str | None) -> None:
    assert kind_of_identifier(name, ["sex", "dob"], TEXT, table) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [("notify_email", FLAG), ("hide_patient_name", WHOLE), ("created_by", WHOLE),
     ("birthdate_estimated", FLAG)],
)  # fmt: skip
def test_what_cannot_hold_it_identifies_nobody(name: str, kind: ColumnType) -> None:
    assert kind_of_identifier(name, (), kind) is None


def test_a_state_is_an_address_beside_a_city() -> None:
    assert kind_of_identifier("state", ["city", "zip_code"]) == "an address"
    assert kind_of_identifier("state", ["job_name"]) is None


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("race", "ethnic-origin"),
        ("ethnicity", "ethnic-origin"),
        ("religion", "belief"),
        ("sexual_orientation", "sex-life"),
        ("hivStatus", "health"),
        ("pregnancy_complication", "health"),
        ("date_grossesse", "health"),
        ("genotype", "genetic"),
        ("gender", None),
        ("trace", None),
        ("embrace", None),
        ("page_orientation", None),
        ("unit", None),
    ],
)
def test_special_categories_are_told(name: str, category: str | None) -> None:
    assert special_category(name) == category
    assert special_category(name, ColumnType("date")) is None


def test_sex_is_told_apart_from_what_only_contains_it() -> None:
    assert says_sex("sex")
    assert says_sex("patient_gender")
    assert not says_sex("sextant")
    assert not says_sex("group_by_gender_flag")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=40), unique=True, max_size=6))
def test_no_name_makes_them_fail(names) -> None:
    for name in names:
        assert looks_like_identifier(name, names) == (kind_of_identifier(name, names) is not None)
        assert looks_like_credential(name) in (True, False)
        assert looks_like_free_text(name) in (True, False)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(CREDENTIALS), st.sampled_from(["patients_", "T2", "x_", "lis."]))
def test_a_prefix_hides_no_credential(name, prefix) -> None:
    assert looks_like_credential(f"{prefix}{name}")
