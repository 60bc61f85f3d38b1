"""A PKCS#11 token of one's own: SoftHSM2's, in a folder, gone with it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

from remit.errors import UsageError

_MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
_ED25519 = bytes.fromhex("06032b6570")


class SoftHsm:
    """A token below `folder`, with a random PIN in a private file.

    Attributes:
        uri: names it, module and PIN's file included.
        environment: the variable by which SoftHSM finds it; set it before the token is used.
    """

    def __init__(self, folder: Path, label: str = "remit") -> None:
        """Make the token.

        Raises:
            UsageError: SoftHSM2 is not installed.
        """
        module = next((path for path in _MODULES if Path(path).is_file()), None)
        if module is None or shutil.which("softhsm2-util") is None:
            raise UsageError("SoftHSM2 is not installed: apt-get install softhsm2.")
        (folder / "tokens").mkdir(parents=True, mode=0o700)
        configuration = folder / "softhsm2.conf"
        configuration.write_text(
            f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        self.environment = {"SOFTHSM2_CONF": str(configuration)}
        self.module, self.label = module, label
        self.pin, self.pin_file = secrets.token_hex(8), folder / "pin"
        self.pin_file.write_text(f"{self.pin}\n")
        self.pin_file.chmod(0o600)
        self._initialise()
        place = quote(module), quote(str(self.pin_file))
        self.uri = f"pkcs11:token={quote(label)}?module-path={place[0]}&pin-source=file:{place[1]}"

    def _initialise(self) -> None:
        words = ["--init-token", "--free", "--label", self.label]
        pins = ["--pin", self.pin, "--so-pin", secrets.token_hex(8)]
        subprocess.run(  # noqa: S603 - a program of the machine's own
            ["softhsm2-util", *words, *pins],  # noqa: S607
            env={**os.environ, **self.environment},
            check=True,
            capture_output=True,
        )

    def key_uri(self, label: str) -> str:
        """The URI of a signing key in it."""
        return self.uri.replace("?", f";object={quote(label)}?", 1)

    def session(self) -> Any:
        """A session of python-pkcs11's, to set things up and look at them."""
        import pkcs11

        module = pkcs11.lib(self.module)
        return module.get_token(token_label=self.label).open(rw=True, user_pin=self.pin)

    def new_signing_key(self, label: str, **attributes: bool) -> None:
        """Make an Ed25519 pair in the token.

        Args:
            attributes: of the private half, by PKCS#11's names, where they are to be others.
        """
        from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag

        template = {"TOKEN": True, "PRIVATE": True, "SENSITIVE": True, "EXTRACTABLE": False}
        template |= attributes
        with self.session() as session:
            curve = session.create_domain_parameters(
                KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: _ED25519}, local=True
            )
            curve.generate_keypair(
                mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
                label=label,
                id=label.encode(),
                store=True,
                private_template={Attribute[name]: value for name, value in template.items()},
            )
