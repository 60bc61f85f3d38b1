"""Whatever goes wrong with a key store, no PIN, token, secret or key is in what is said of it."""

from __future__ import annotations

import dataclasses
import http.server
import json
import logging
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remit import hpke
from remit.adapters.key_stores import open_key_store
from remit.errors import RemitError, Unavailable, UsageError
from remit.ports import KeyStore
from remit.signing import PublicKey, load_signer
from remit.testing.kms import KmsServer
from remit.testing.softhsm import SoftHsm
from remit.testing.vault import VaultSimulator
from remit.testing.world import World

pytestmark = pytest.mark.slow
RUN = "run-1"
Fails = Callable[..., None]


@pytest.fixture
def fails(caplog: pytest.LogCaptureFixture) -> Fails:
    """Do something that must fail so, and look for secrets in all that it says."""

    def check(
        act: Callable[[], object], kind: type[RemitError], saying: str, *secrets: str
    ) -> None:
        with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=saying) as caught:
            act()
        said = "".join(printed(caught.value)) + caplog.text
        assert [secret for secret in secrets if secret in said] == []

    return check


def printed(error: BaseException | None) -> Iterator[str]:
    """The error and those that Python prints with it, without the lines of this very file."""
    while error is not None:
        yield from traceback.format_exception_only(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def every_act(keys: KeyStore) -> list[Callable[[], object]]:
    acts = (keys.create, keys.exists, keys.destroy)
    return [*(lambda act=act: act(RUN) for act in acts), lambda: keys.open(RUN, bytes(80), b"")]


def token(uri: str) -> KeyStore:
    return open_key_store(uri, Path("/nowhere"), None, str)


# --- tokens -------------------------------------------------------------------------------------


def test_wrong_pin_is_not_worth_a_retry(softhsm: SoftHsm, tmp_path: Path, fails: Fails) -> None:
    wrong = tmp_path / "pin"
    wrong.write_text("90210-wrong\n")
    wrong.chmod(0o600)
    uri = softhsm.uri.replace(str(softhsm.pin_file), str(wrong))

    for act in every_act(token(uri)):
        fails(act, UsageError, "token remit does not accept the PIN", "90210-wrong", softhsm.pin)
    signer = uri.replace("token=remit", "token=remit;object=any")
    fails(lambda: load_signer(signer), UsageError, "does not accept the PIN", "90210-wrong")


@pytest.mark.parametrize(
    ("there", "instead", "kind", "saying"),
    [
        ("token=remit", "token=absent", Unavailable, "its module knows no such token"),
        ("token=remit", "token=remit;serial=0", Unavailable, "its module knows no such token"),
        ("libsofthsm2.so", "absent.so", UsageError, "there is no PKCS#11 module"),
        ("/pin", "/absent", UsageError, "cannot read the PIN's file .*No such file"),
    ],
)
def test_token_module_or_pin_that_is_not_there(
    softhsm: SoftHsm, fails: Fails, there: str, instead: str, kind: type[RemitError], saying: str
) -> None:
    for act in every_act(token(softhsm.uri.replace(there, instead))):
        fails(act, kind, saying, softhsm.pin)


def test_module_that_is_none_and_pin_that_is_empty(
    softhsm: SoftHsm, tmp_path: Path, fails: Fails
) -> None:
    other = tmp_path / "module.so"
    other.write_text("no module\n")
    other.chmod(0o600)
    uri = softhsm.uri.replace(softhsm.module, str(other))
    fails(lambda: token(uri).create(RUN), UsageError, "cannot be used as a PKCS#11 module")

    other.write_text("\n")
    uri = softhsm.uri.replace(str(softhsm.pin_file), str(other))
    fails(lambda: token(uri).create(RUN), UsageError, "does not hold a PIN")


def test_pin_in_the_uri_is_refused_and_not_repeated(softhsm: SoftHsm, fails: Fails) -> None:
    for uri in (
        f"pkcs11:token=remit?module-path={softhsm.module}&pin-value=314159",
        f"{softhsm.uri}&pin%2Dvalue=314159",
    ):
        fails(lambda given=uri: token(given), UsageError, "put it into a file", "314159")
        fails(lambda given=uri: load_signer(given), UsageError, "put it into a file", "314159")


@pytest.mark.parametrize(
    "uri",
    [
        "pkcs11:",
        "pkcs11:token=t",
        "pkcs11:token=?module-path=/m.so&pin-source=file:/pin",
        "pkcs11:token=t?module-path=m.so&pin-source=file:/pin",
        "pkcs11:token=t?module-path=/m.so&pin-source=/pin",
        "pkcs11:token=t;token=u?module-path=/m.so&pin-source=file:/pin",
        "pkcs11:token=t;slot-id=1?module-path=/m.so&pin-source=file:/pin",
        "pkcs11:token=t;type=public?module-path=/m.so&pin-source=file:/pin",
        "vault:https://vault.example/transit",
        "vault:https://vault.example?token=file:/token",
        "vault:https://user:secret@vault.example/transit?token=file:/token",
        "vault:https://vault.example/transit?token=hvs.secret",
        "vault:https://vault.example/transit?token=file:/token&token=file:/other",
        "vault:https://vault.example/transit?token=file:/token&tls=off",
        "awskms:",
        "awskms:EU?folder=relative",
        "awskms:eu-west-3?folder=relative",
        "awskms:eu-west-3?key=arn",
        "keyring:relative",
        "none:",
        "",
    ],
)
def test_uri_of_another_form(uri: str, tmp_path: Path, fails: Fails) -> None:
    fails(lambda: open_key_store(uri, tmp_path, None, str), UsageError, r"\.$", "secret")


# --- servers ------------------------------------------------------------------------------------


@pytest.fixture
def vault() -> Iterator[VaultSimulator]:
    with VaultSimulator() as server:
        yield server


def test_vault_that_denies_fails_or_answers_something_else(
    vault: VaultSimulator, tmp_path: Path, fails: Fails
) -> None:
    keys = open_key_store(vault.uri(tmp_path / "token"), tmp_path, None, str)
    public = keys.create(RUN)
    sealed = hpke.seal(b"secret", public, b"")
    for status, saying in (
        (403, r"denies access \(Forbidden\)"),
        (500, "could not be asked"),
        (503, "could not be asked"),
        (307, "could not be asked"),
        (200, "could not be asked"),
    ):
        vault.answer = status
        acts = [lambda: keys.create("run-2"), lambda: keys.open(RUN, sealed, b"")]
        for act in acts:
            fails(act, Unavailable, saying, vault.token, "told to")
    vault.answer = 403
    fails(lambda: keys.destroy(RUN), Unavailable, "denies access", vault.token)
    assert keys.exists(RUN)  # so that it stays due

    vault.answer = None
    keys.destroy(RUN)
    assert not keys.exists(RUN)
    assert vault.keys == {}


def test_vault_that_is_down_or_does_not_know_the_token(
    vault: VaultSimulator, tmp_path: Path, fails: Fails
) -> None:
    file = tmp_path / "token"
    keys = open_key_store(vault.uri(file), tmp_path, None, str)
    file.write_text("hvs.another-token")
    fails(lambda: keys.create(RUN), Unavailable, "denies access", "hvs.another-token", vault.token)
    file.write_text("two words\n")
    fails(lambda: keys.create(RUN), UsageError, "does not hold a token", "two words")
    file.unlink()
    fails(lambda: keys.create(RUN), UsageError, "cannot read the token's file")

    down = "vault:http://127.0.0.1:9/transit?token=conn:vault"
    keys = open_key_store(down, tmp_path, None, {"vault": "hvs.of-airflow"}.__getitem__)
    fails(lambda: keys.create(RUN), Unavailable, "could not be asked", "hvs.of-airflow")


class _Denying(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        said = {"__type": "AccessDeniedException", "message": "arn:aws:iam::1:user/lab may not"}
        body = json.dumps(said).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_kms_that_denies_or_is_down(
    tmp_path: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAPLANTED")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Denying)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    uri = f"awskms:eu-west-3?endpoint=http%3A%2F%2F127.0.0.1%3A{server.server_address[1]}"
    keys = open_key_store(uri, tmp_path, None, str)
    secrets = ("AKIAPLANTED", "planted-secret", "user/lab")

    fails(lambda: keys.create(RUN), Unavailable, r"denies access \(AccessDenied", *secrets)
    server.shutdown()
    server.server_close()
    fails(lambda: keys.create(RUN), Unavailable, "could not be asked", *secrets)
    assert list((tmp_path / "keyring").glob("[!.]*")) == []


def test_kms_whose_credentials_are_nowhere(
    tmp_path: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with KmsServer() as kms:
        keys = open_key_store(kms.uri, tmp_path, None, str)
        fails(lambda: keys.create(RUN), Unavailable, "NoCredentialsError")


def test_secret_of_a_connection_without_airflow(tmp_path: Path, fails: Fails) -> None:
    world_free = open_key_store(f"keyring:{tmp_path}/keyring", tmp_path, "conn:ring", _no_airflow)

    fails(lambda: world_free.create(RUN), UsageError, "conn:ring needs Airflow")


def _no_airflow(connection_id: str) -> str:
    raise UsageError(f"conn:{connection_id} needs Airflow; run it as `airflow remit ...`.")


# --- a whole process ----------------------------------------------------------------------------

WATCHED = """
import logging, os, sys
seen = []
CHILDREN = {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.spawn"}
sys.addaudithook(lambda event, given: seen.append(repr(given)) if event in CHILDREN else None)
logging.basicConfig(level=logging.DEBUG)
from remit.cli import main, runs
from remit.ports import Verdict
class Judge:
    engine = "a test's judge; validation is not the subject"
    def check(self, rules): pass
    def judge(self, extract, rules, others=None):
        return [Verdict(rule.id, rule.type, (), True) for rule in rules]
runs.open_judge = Judge
code = main(sys.argv[1:])
print(seen, dict(os.environ), open("/proc/self/cmdline").read(), open("/proc/self/environ").read())
raise SystemExit(code)
"""


@pytest.mark.parametrize("kind", ["keyring", "vault"])
def test_no_secret_in_logs_environments_arguments_or_evidence_of_a_run(
    world: World, softhsm: SoftHsm, vault: VaultSimulator, kind: str
) -> None:
    """The signing key is in a token, so that its PIN is used in both."""
    world.key_store = vault.uri(world.root / "token") if kind == "vault" else ""
    softhsm.new_signing_key(f"watched-{kind}")
    signer = softhsm.key_uri(f"watched-{kind}")
    public = load_signer(signer).public_key.keyval["public"]
    instruction = _instructed(world, public)
    places = ["--source", world.source_url, "--landing", world.landing_path]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, "run", instruction, *places],
        env={
            **world.environment,
            **softhsm.environment,
            "REMIT_SIGNING_KEY": signer,
            "PYTHONPATH": ":".join(filter(None, sys.path)),
            "HOME": str(world.root),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    secrets = [softhsm.pin, vault.token]
    ring = world.root / "processor" / "keys" / "keyring.secret"
    if kind == "keyring":
        secrets.append(ring.read_text().strip())
    evidence = (world.root / "processor" / "evidence.sqlite").read_bytes().decode("latin-1")
    said = done.stdout + done.stderr + evidence
    assert [secret for secret in secrets if secret in said] == []


def _instructed(world: World, public: str) -> Path:
    processor = str(PublicKey("ed25519", bytes.fromhex(public)))
    world.parties = dataclasses.replace(world.parties, processor=processor)
    return world.instruct()
