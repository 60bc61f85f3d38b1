"""What names give away, and what they do not: names as real systems have them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.column_names import (
    kind_of_identifier,
    looks_like_credential,
    looks_like_free_text,
    looks_like_identifier,
    words,
)

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
    "mdph_dossier laptop_width step_wd map_i_key topping saltation author authorised_by code cle_etrangere"
).split()
FREE_TEXT = (
    "comment comments Commentaire COMMENTAIRES commentairePatient note notes patient_notes note_text "
    "remark remarque memo narrative description REASONDESCRIPTION conclusion interprétation "
    "interpretation texte_libre textelibre zone_libre observations anamnèse annotation free_text "
    "freeText FREE_TEXT message error_message body renseignements_cliniques antécédents motif "
    "void_reason dosing_instructions clinical_history condition_non_coded lic_comm compte_rendu "
    "Bemerkung Kommentar observaciones descripción precisions original_text"
).split()
NO_FREE_TEXT = (
    "comment_id comment_count note_type note_date reason_code description_key commented_at precision "
    "display_precision observation_id psa_libre kappa_libre footnoted notebook value_text result_text "
    "context textile history_id motif_id communication comm_type"
).split()
PLAIN = (
    "result_id patient_id site_code loinc_code value_numeric unit abnormal result_date spinal_level "
    "compassion opinion notebook keyword tokenised_not pinned footnoted observation_id observed_at code "
    "value descriptor reference_low accession_number status sample_type tube urgent uuid"
).split()


@pytest.mark.parametrize("name", CREDENTIALS)
def test_credential_is_recognised(name) -> None:
    assert looks_like_credential(name)


@pytest.mark.parametrize("name", NO_CREDENTIALS)
def test_what_only_sounds_like_a_credential_is_none(name) -> None:
    assert not looks_like_credential(name)


@pytest.mark.parametrize("name", FREE_TEXT)
def test_free_text_is_recognised(name) -> None:
    assert looks_like_free_text(name)


@pytest.mark.parametrize("name", NO_FREE_TEXT)
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
    "a patient number": "ipp iep mrn IPP_patient chart_number num_patient code_patient medicalRecordNumber",
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
    "an e-mail address": "email e_mail eMail mail courriel adresse_mail email_address contact_email",
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
    assert kind_of_identifier("name", ["test_id", "description", "sort_order"]) is None


def test_identifier_beside_a_patient_is_a_patient_number() -> None:
    beside = ["patient_identifier_id", "patient_id", "identifier_type"]
    assert kind_of_identifier("identifier", beside) == "a patient number"


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
