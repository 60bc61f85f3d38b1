"""docs/examples/spark: the key client compiles, and opens the keys of a real delivery and no others."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from remit import canonical, hpke, signing
from remit.manifest import MANIFEST
from remit.sealed_parquet import FileContext
from remit.testing.sample_delivery import TYPES

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "spark"

# What Parquet 1.17 and Hadoop 3.5 declare of these types, as far as the client uses them.
DECLARATIONS = {
    "org/apache/hadoop/conf/Configuration.java": """
package org.apache.hadoop.conf;
public class Configuration {
    private final java.util.Properties values = new java.util.Properties();
    public void set(String name, String value) { values.setProperty(name, value); }
    public String get(String name) { return values.getProperty(name); }
}
""",
    "org/apache/parquet/crypto/KeyAccessDeniedException.java": """
package org.apache.parquet.crypto;
public class KeyAccessDeniedException extends RuntimeException {
    public KeyAccessDeniedException(String message) { super(message); }
}
""",
    "org/apache/parquet/crypto/keytools/KmsClient.java": """
package org.apache.parquet.crypto.keytools;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.crypto.KeyAccessDeniedException;
public interface KmsClient {
    void initialize(Configuration settings, String id, String url, String token)
        throws KeyAccessDeniedException;
    String wrapKey(byte[] key, String masterKey) throws KeyAccessDeniedException;
    byte[] unwrapKey(String wrapped, String masterKey) throws KeyAccessDeniedException;
}
""",
    "Main.java": """
import java.util.HexFormat;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.crypto.KeyAccessDeniedException;
public class Main {
    public static void main(String[] settings) throws Exception {
        Configuration configuration = new Configuration();
        for (int i = 0; i < settings.length; i += 2) configuration.set(settings[i], settings[i + 1]);
        RemitKmsClient client = new RemitKmsClient();
        client.initialize(configuration, "DEFAULT", "DEFAULT", "DEFAULT");
        for (String line : new String(System.in.readAllBytes(), "UTF-8").split("\\n")) {
            String[] key = line.split("\\t");
            try {
                System.out.println(HexFormat.of().formatHex(client.unwrapKey(key[1], key[0])));
            } catch (KeyAccessDeniedException denied) {
                System.out.println("denied");
            }
        }
    }
}
""",
}


@dataclass(frozen=True)
class WrappedKey:
    """A key as a file has it, and what it is."""

    category: str
    wrapped: str
    key: str


class Recording(pe.KmsClient):
    """Opens keys with ours, and keeps what it saw."""

    def __init__(self, private, context: FileContext, seen: list[WrappedKey]) -> None:
        super().__init__()
        self._private, self._context, self._seen = private, context, seen

    def wrap_key(self, key_bytes, master_key_identifier):
        raise NotImplementedError

    def unwrap_key(self, wrapped_key, master_key_identifier):
        own = signing.public_of(self._private).key_id
        sealed = base64.b64decode(json.loads(wrapped_key)["to"][own])
        key = hpke.unseal(sealed, self._private, self._context.info(master_key_identifier))
        self._seen.append(WrappedKey(master_key_identifier, wrapped_key, key.hex()))
        return key


@pytest.fixture(scope="module")
def manifest(sample) -> dict:
    envelope = canonical.loads((sample.folder / MANIFEST).read_bytes())
    return json.loads(base64.b64decode(envelope["payload"]))


@pytest.fixture(scope="module")
def keys(sample, manifest) -> list[WrappedKey]:
    """The keys of the second file: of its footer, and of each column."""
    name, seen = manifest["files"][1]["name"], []
    context = FileContext(manifest["instruction"]["digest"], manifest["run"], name)
    private = signing.load_recipient(str(sample.key))
    factory = pe.CryptoFactory(lambda _: Recording(private, context, seen))
    properties = factory.file_decryption_properties(pe.KmsConnectionConfig())
    with pq.ParquetFile(sample.folder / name, decryption_properties=properties) as file:
        for column in range(len(TYPES)):
            file.metadata.row_group(0).column(column)
    assert len({key.key for key in seen}) == len(TYPES) + 1
    return seen


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("java")
    for name, text in DECLARATIONS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    sources = [folder / name for name in DECLARATIONS] + sorted(EXAMPLES.glob("*.java"))
    line = ["javac", "-Xlint:all,-serial", "-Werror", "-d", folder / "classes", *sources]
    subprocess.run(line, check=True)
    return folder / "classes"


@pytest.fixture
def unwrapped(classes, sample, manifest) -> Callable[..., list[str]]:
    """What the client makes of the keys; its settings are the delivery's, but for those given."""

    def go(keys: list[WrappedKey], **other: object) -> list[str]:
        settings = {
            "key": sample.key,
            "run": manifest["run"],
            "instruction": manifest["instruction"]["digest"],
            "files": ",".join(file["name"] for file in manifest["files"]),
        } | other
        words = [str(word) for pair in settings.items() for word in (f"remit.{pair[0]}", pair[1])]
        lines = "\n".join(f"{key.category}\t{key.wrapped}" for key in keys)
        line = ["java", "-Xshare:auto", "-cp", str(classes), "Main", *words]
        done = subprocess.run(line, input=lines, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    return go


def test_the_clients_keys_are_ours(unwrapped, keys) -> None:
    assert unwrapped(keys) == [key.key for key in keys]


def test_recipient_of_one_category_opens_the_footer_and_its_columns(
    unwrapped, keys, sample
) -> None:
    own = ("footer", "technical")
    expected = [key.key if key.category in own else "denied" for key in keys]

    assert unwrapped(keys, key=sample.registry) == expected
    assert expected.count("denied") == len(TYPES) - 3


@pytest.mark.parametrize(
    "other",
    [{"run": "another"}, {"files": "every_type-part-0001.parquet"}, {"instruction": "sha256:0"}],
    ids=str,
)
def test_key_bound_to_something_else_does_not_open(unwrapped, keys, other) -> None:
    assert set(unwrapped(keys, **other)) == {"denied"}


def test_changed_key_does_not_open(unwrapped, keys, sample) -> None:
    own = signing.public_of(signing.load_recipient(str(sample.key))).key_id
    changed = []
    for byte in (0, 31, 32, 79):  # of the sender's point, and of what is sealed
        fields = json.loads(keys[0].wrapped)
        sealed = bytearray(base64.b64decode(fields["to"][own]))
        sealed[byte] ^= 1
        fields["to"][own] = base64.b64encode(sealed).decode()
        changed.append(WrappedKey("footer", canonical.dumps(fields).decode(), ""))

    assert unwrapped(changed) == ["denied"] * len(changed)
