"""Credentials are recognised by their content, and nothing that a laboratory writes is one."""

from __future__ import annotations

import base64
import hashlib
import random
import uuid
from itertools import accumulate

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.credentials import find_credentials

HEX40 = hashlib.sha1(b"made up", usedforsecurity=False).hexdigest()
HEX64 = hashlib.sha256(b"made up").hexdigest()
HEX32 = HEX64[:32]
B64 = base64.b64encode(bytes(range(40, 130))).decode()
CRYPT = (B64 + B64).replace("+", ".").rstrip("=")
JWT_PART = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")


def _identity_3(prf: int, rounds: int) -> str:
    """ASP.NET Identity 3: a marker, three numbers, salt and hash."""
    head = b"\1" + b"".join(n.to_bytes(4, "big") for n in (prf, rounds, 16))
    return base64.b64encode(head + bytes(range(48))).decode()


# Tokens are put together here, so that no scanner takes this file for a leak.
BY_FORM = {
    "bcrypt": "$2y$10$" + CRYPT[:53],
    "bcrypt, old": "$2a$12$" + CRYPT[:53],
    "crypt with MD5": "$1$" + CRYPT[:8] + "$" + CRYPT[:22],
    "Apache": "$apr1$" + CRYPT[:8] + "$" + CRYPT[:22],
    "crypt with SHA-256": "$5$rounds=535000$" + CRYPT[:16] + "$" + CRYPT[:43],
    "crypt with SHA-512": "$6$" + CRYPT[:16] + "$" + CRYPT[:86],
    "yescrypt": "$y$j9T$" + CRYPT[:22] + "$" + CRYPT[:43],
    "phpass": "$P$B" + CRYPT[:30],
    "Drupal": "$S$D" + CRYPT[:51],
    "Argon2": "$argon2id$v=19$m=65536,t=3,p=4$" + CRYPT[:22] + "$" + CRYPT[:43],
    "passlib": "$pbkdf2-sha256$29000$" + CRYPT[:22] + "$" + CRYPT[:43],
    "Django": "pbkdf2_sha256$600000$" + CRYPT[:22] + "$" + B64[:44],
    "Django, SHA-1": "sha1$a1b2c3$" + HEX40,
    "Django, Argon2": "argon2$argon2id$v=19$m=102400,t=2,p=8$" + CRYPT[:22],
    "Werkzeug": "pbkdf2:sha256:260000$a1B2c3D4$" + HEX64,
    "Werkzeug, scrypt": "scrypt:32768:8:1$a1B2c3D4$" + HEX64,
    "LDAP": "{SSHA}" + B64[:32],
    "LDAP, MD5": "{MD5}" + B64[:22] + "==",
    "LDAP, crypt": "{CRYPT}$6$" + CRYPT[:16] + "$" + CRYPT[:86],
    "SCRAM": "SCRAM-SHA-256$4096:" + B64[:24] + "$" + B64[:44] + ":" + B64[:44],
    "ASP.NET Identity 3": _identity_3(1, 10_000),
    "ASP.NET Identity 3, newer": _identity_3(2, 100_000),
    "ASP.NET Identity 2": base64.b64encode(b"\0" + bytes(range(48))).decode(),
    "PostgreSQL": "md5" + HEX32,
    "PostgreSQL, padded": "md5" + HEX32 + "   ",
    "MySQL": "*" + HEX40.upper(),
    "SQL Server": "0x0100" + HEX40.upper() + HEX32[:8],
    "PEM": "-----BEGIN RSA PRIVATE KEY-----\n" + B64,
    "PEM, encrypted": "-----BEGIN ENCRYPTED PRIVATE KEY-----",
    "OpenSSH": "-----BEGIN OPENSSH PRIVATE KEY-----\n" + B64,
    "PGP": "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "PuTTY": "PuTTY-User-Key-File-3: ssh-ed25519",
    "JWT": f"{JWT_PART}.{JWT_PART}.{B64[:40]}",
    "JWT in a header": f"Authorization: Bearer {JWT_PART}.{JWT_PART}.{B64[:40]}",
    "JWT without a signature": f"{JWT_PART}.{JWT_PART}.",
    "basic authentication": "authorization: basic " + B64[:16],
    "AWS": "AKIA" + "IOSFODNN7EXAMPLE",
    "GitHub": "ghp" + "_" + CRYPT[:36].replace(".", "a").replace("/", "b"),
    "GitLab": "glpat" + "-" + "a1B2c3D4e5F6g7H8i9J0",
    "Slack": "xoxb" + "-123456789012-abcdefGHIJKL",
    "Stripe": "sk" + "_live_" + "a1B2c3D4e5F6g7H8",
    "Google": "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
    "database": "postgres://lis:soleil42@db.example:5432/lis",
    "database, user left out": "redis://:soleil42@cache.example/0",
    "file transfer": "voir ftp://transfert:Ete2024@ftp.example/depot",
    "connection string": "Server=db;Database=lis;User Id=lis;Password=Soleil42;Encrypt=yes",
    "connection string, short": "Data Source=db;uid=sa;pwd=sa1;",
    "storage": "AccountName=x;AccountKey=" + B64[:88],
    "JSON": '{"user": "jdupont", "password": "soleil"}',
    "environment": "DB_PASSWORD=soleil42",
}
SAID = [
    "mdp: xyz",
    "MDP : Soleil42",
    "Mdp:soleil",
    "mot de passe : xyz",
    "Mot de passe\u00a0: Soleil42",
    "MOT DE PASSE\u202f: soleil",
    "mot de passe = Soleil42",
    "patiente rappelée, mot de passe du portail : Soleil42, à changer",
    "mot de passe provisoire: Lyon2024",
    "mdp pour le serveur de résultats : «Lyon2024»",
    "login jdupont / mdp : changeme",
    "mdp oublié. nouveau mdp : Soleil42",
    "password: xyz",
    "Password => 'hunter22'",
    "passwords: hunter22",
    "Kennwort: Sonne42",
    "Passwort: Sonne42",
    "contraseña: sol42",
    "senha: sol42",
    "code PIN : 1234",
    "mot de passe\uff1a Soleil42",
]
HARMLESS = [
    "",
    " ",
    "718-7",
    "2345-7",
    "LYO1",
    "POS",
    "mmol/L",
    "10*9/L",
    "$",
    "12 $ 50",
    "{nom}",
    "{SHA}",
    "*",
    "< 0,5",
    "24A0012345",
    "PRE-2024-000123",
    "2 85 03 75 123 456 78",
    str(uuid.UUID(int=0x12345678123456781234567812345678)),
    HEX32,
    HEX40,
    HEX64,
    HEX64.upper(),
    "sha256:" + HEX64,
    "0x" + HEX40,
    B64,
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk" + B64,
    "AQAAAAEAAAAB" + B64,
    "-----BEGIN CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI",
    "eyJ",
    "http://www.loinc.org/718-7",
    "https://portail.example:8443/patient?id=12@lyon",
    "ftp://depot.example/lyon",
    "postgres://lis@db.example/lis",
    "postgres://lis:****@db.example/lis",
    "helene.durand@durand.example",
    "Prélèvement difficile, sérum légèrement hémolysé : à contrôler.",
    "Patient à jeun : oui ; traitement : Kardégic 75 mg/j",
    "Passage aux urgences : 12h30",
    "Passe : 3e",
    "QC pass: yes",
    "passeport : 12AB34567",
    "Patient a oublié son mot de passe, rappeler demain",
    "mot de passe : oublié",
    "Mot de passe : oublié, le patient rappellera.",
    "mdp : changé",
    "mdp: voir secrétariat",
    "mdp : à demander",
    "mdp :",
    "mdp : ********",
    "password: expired",
    "password: reset",
    "Password=;",
    "MDPH : dossier en cours",
    "Spin : 3000 tours",
    "Compass: north",
    "Salmonelle : absence. Hémoculture : positive à E. coli (BLSE)",
    "clé : 42",
    "basic electroencephalographically",
]


@pytest.mark.parametrize("value", BY_FORM.values(), ids=BY_FORM.keys())
def test_credential_is_found_by_its_form(value) -> None:
    assert find_credentials(pa.array([value])) == 1


@pytest.mark.parametrize(
    "value", [BY_FORM[name] for name in ("bcrypt", "JWT", "AWS", "LDAP", "PEM")]
)
def test_credential_is_found_inside_a_text(value) -> None:
    assert find_credentials(pa.array([f"résultat reçu ; {value} (à garder)"])) == 1


@pytest.mark.parametrize("value", SAID)
def test_password_that_somebody_wrote_down_is_found(value) -> None:
    assert find_credentials(pa.array([value])) == 1


@pytest.mark.parametrize("value", HARMLESS)
def test_what_a_laboratory_writes_is_no_credential(value) -> None:
    assert find_credentials(pa.array([value])) == 0


def test_random_identifiers_and_digests_are_no_credentials() -> None:
    rng = random.Random(20240101)
    values = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(5_000)]
    values += [rng.randbytes(size).hex() for size in (16, 20, 32, 64) for _ in range(2_000)]
    values += [base64.b64encode(rng.randbytes(32)).decode() for _ in range(5_000)]
    values += [f"{rng.randrange(10**6)}-{rng.randrange(10)}" for _ in range(5_000)]
    assert find_credentials(pa.array(values)) == 0


def test_every_value_counts_also_when_repeated() -> None:
    default = ["mdp : changeme"] * 3
    assert find_credentials(pa.array([*default, None, "à jeun", BY_FORM["bcrypt"], None])) == 4


def test_two_credentials_in_one_value_count_once() -> None:
    assert find_credentials(pa.array(["mdp : Soleil42, ancien mdp : Lune41"])) == 1


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_every_kind_of_text_is_searched(kind) -> None:
    assert find_credentials(pa.array(["LYO1", None, "mdp: xyz"], kind)) == 1


def test_dictionary_encoded_text_is_searched() -> None:
    array = pa.array(["mdp: xyz", "LYO1", "mdp: xyz"]).dictionary_encode()
    assert find_credentials(array) == 2
    assert find_credentials(pa.chunked_array([array, array])) == 4


def test_chunks_and_slices_are_searched() -> None:
    array = pa.array(["mdp: avant", "LYO1", "mdp: xyz", "mdp: après"])
    assert find_credentials(array.slice(1, 2)) == 1
    assert find_credentials(pa.chunked_array([array, array.slice(2)])) == 5


@pytest.mark.parametrize(
    "empty",
    [
        pa.array([], pa.string()),
        pa.array([None, None], pa.string()),
        pa.chunked_array([], pa.string()),
    ],
)
def test_nothing_in_it_is_no_credential(empty) -> None:
    assert find_credentials(empty) == 0


@pytest.mark.parametrize("array", [pa.array([1]), pa.array([b"mdp: xyz"]), pa.array([None])])
def test_what_is_not_text_cannot_be_judged(array) -> None:
    with pytest.raises(TypeError, match="looked for in text"):
        find_credentials(array)


def test_text_that_is_not_utf8_is_searched_all_the_same() -> None:
    values = [b"pr\xe9l\xe8vement", b"\xe9t\xe9 ; mdp: xyz", b"oubli\xe9"]
    offsets = pa.array([0, *accumulate(map(len, values))], pa.int32()).buffers()[1]
    text = pa.py_buffer(b"".join(values))
    assert find_credentials(pa.Array.from_buffers(pa.string(), 3, [None, offsets, text])) == 1


SIGNS = st.text("$1256aeyJ.:/@{SHA}=mdp *éo\u00a0")
FOUND = st.sampled_from([*BY_FORM.values(), *SAID])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.none() | st.text() | SIGNS))
def test_no_text_makes_it_fail(values) -> None:
    assert 0 <= find_credentials(pa.array(values, pa.string())) <= len(values)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(HARMLESS)), st.lists(FOUND), st.lists(st.sampled_from(HARMLESS)))
def test_harmless_values_around_change_nothing(before, found, after) -> None:
    assert find_credentials(pa.array([*before, *found, *after], pa.string())) == len(found)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.none() | st.text() | SIGNS), st.lists(st.sampled_from(HARMLESS)))
def test_harmless_values_change_no_count(values, harmless) -> None:
    alone = find_credentials(pa.array(values, pa.string()))
    assert find_credentials(pa.array([*values, *harmless], pa.string())) == alone


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "unit", ["$", "eyJ", "mdp ", "mdp: oublié ", "http://a:", "{SSHA}", "$6$a"]
)
def test_a_hostile_value_of_megabytes_is_judged_at_once(unit) -> None:
    assert find_credentials(pa.array([unit * (4_000_000 // len(unit))])) == 0
