"""What names give away, in English and French, and what they do not."""

from __future__ import annotations

import pytest

from remit.column_names import looks_like_credential, looks_like_free_text, words

CREDENTIALS = (
    "password PASSWORD portal_password userPassword passwd pwd PWD_HASH mdp mdp_portail motDePasse "
    "mot_de_passe MOT_PASSE passphrase pin code_pin pinCode otp salt secret clientSecret client_secret "
    "api_key apiKey APIKEY accessKey access_key secret_key private_key cle_secrete token auth_token "
    "refreshTokens credential credentials"
).split()
FREE_TEXT = (
    "comment comments Commentaire COMMENTAIRES note notes patient_notes remark remarque memo narrative "
    "description conclusion interprétation interpretation texte_libre observations "
    "anamnèse annotation"
).split()
PLAIN = (
    "result_id patient_id site_code loinc_code value_numeric unit abnormal result_date spinal_level "
    "compassion passenger opinion notebook keyword tokenised_not pinned footnoted "
    "observation_id observed_at code value descriptor"
).split()


@pytest.mark.parametrize("name", CREDENTIALS)
def test_credential_is_recognised(name) -> None:
    assert looks_like_credential(name)


@pytest.mark.parametrize("name", FREE_TEXT)
def test_free_text_is_recognised(name) -> None:
    assert looks_like_free_text(name)


@pytest.mark.parametrize("name", ["free_text", "freeText", "FREE_TEXT"])
def test_free_text_by_its_very_name(name) -> None:
    assert looks_like_free_text(name)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_name_is_neither(name) -> None:
    assert not looks_like_credential(name)
    assert not looks_like_free_text(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("motDePasse2", ["mot", "de", "passe"]),
        ("Clé_SECRÈTE", ["cle", "secrete"]),
        ("NIR", ["nir"]),
        ("a1b2", ["a", "b"]),
        ("", []),
        ("数", []),
    ],
)
def test_words_of_a_name(name, expected) -> None:
    assert words(name) == expected
