"""Checks a remit bundle without remit: python3 check.py RUN.remit.zip CONTROLLER.pub [ANOTHER.pub ...].

Needs Python 3.9 and openssl 3.0 or newer, nothing else. Give the key of each controller whose signature
you ask for. Read this before you run it: whoever made up a bundle would make up its checker too.
"""

import base64
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

PREFIX = bytes.fromhex("302a300506032b6570032100")  # of an Ed25519 public key in DER
OPENSSL = "openssl pkeyutl -verify -pubin -keyform DER -rawin -inkey key -in data -sigfile sig"
FILES = ("records.jsonl", "records.proofs", "keys.jsonl", "keys.proofs", "checkpoint.dsse.json")


def require(holds: object, what: str) -> None:
    """Stop, unless it holds."""
    if not holds:
        sys.exit("NOT VERIFIED: " + what)


def opened(envelope: str, keys: "list[str]", needed: int, what: str) -> bytes:
    """The payload of a DSSE envelope that at least so many of the keys signed, and nobody else."""
    fields, ids = json.loads(envelope), {hashlib.sha256(k.encode()).hexdigest(): k for k in keys}
    kind, payload = fields["payloadType"].encode(), base64.b64decode(fields["payload"])
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    signers = {one["keyid"]: base64.b64decode(one["sig"]) for one in fields["signatures"]}
    allowed = len(signers) >= needed and signers.keys() <= ids.keys()
    require(allowed, what + " is not signed by whom it should be")
    for key_id, signature in signers.items():
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            raw = base64.b64decode(ids[key_id].partition(":")[2])
            for file, data in (("key", PREFIX + raw), ("data", signed), ("sig", signature)):
                (folder / file).write_bytes(data)
            done = subprocess.run(OPENSSL.split(), cwd=folder, capture_output=True)
            require(done.returncode == 0, what + " has a false signature")
    return payload


def root(leaf: bytes, index: int, size: int, path: "list[bytes]") -> str:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    node, last = hashlib.sha256(b"\0" + leaf).digest(), size - 1
    require(0 <= index < size, "a record is beyond the log")
    for sibling in path:
        require(last > 0, "a proof is too long")
        if index & 1 or index == last:
            node = hashlib.sha256(b"\1" + sibling + node).digest()
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\1" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    return node.hex() if last == 0 else ""


def named(text: str, field: str) -> "list[str]":
    """The keys that the instruction gives under a field's name, each on a line of its own."""
    return re.findall(r"(?m)^[\s-]*" + field + r""":\s*["']?(ed25519:[A-Za-z0-9+/=]+)""", text)


def key_in(path: str) -> str:
    """The line of a public key, of which a file may also be the PEM."""
    text = pathlib.Path(path).read_text().strip()
    if text.startswith("-----"):
        der = base64.b64decode("".join(text.splitlines()[1:-1]))
        require(der.startswith(PREFIX) and len(der) == 44, path + " is no Ed25519 key")
        text = "ed25519:" + base64.b64encode(der[len(PREFIX) :]).decode()
    return text


def main(path: str, trusted: "list[str]") -> None:
    """From the controllers' keys down."""
    bundle = zipfile.ZipFile(path)
    require(len(set(bundle.namelist())) == len(bundle.namelist()), "a file is there twice")
    files = {name: bundle.read("evidence/" + name) for name in FILES}
    lines = {name: data.split(b"\n")[:-1] for name, data in files.items()}
    records, keys = ([json.loads(one) for one in lines[name]] for name in (FILES[0], FILES[2]))

    first = next(record for record in records if record["kind"] == "opened")
    text = opened(first["data"]["envelope"], trusted, len(trusted), "the instruction").decode()
    require(len(set(named(text, "signing_key"))) == 1, "the processor's key is not found like this")
    processor, receipts = named(text, "signing_key")[0], named(text, "(?:next_)?receipt_key")
    accepted = {processor, *named(text, "next_signing_key")}

    log = json.loads(base64.b64decode(json.loads(files[FILES[4]])["payload"]))
    for record in (one for one in keys if one["kind"] == "rotated"):
        old, new = record["data"]["old"], record["data"]["new"]
        envelope = record["data"]["endorsement"]
        said = json.loads(opened(envelope, [old, new], 2, "the succession of a key"))
        found = said["log"], said["size"], said["old"], said["new"]
        require(found == (log["log"], record["seq"], old, new), "a succession is another log's")
        processor = new if old == processor else processor
        accepted.add(processor)
    opened(files[FILES[4]].decode(), [processor], 1, "the checkpoint")

    for name, of, run in (("records", records, first["run"]), ("keys", keys, "register:keys")):
        require(len(lines[name + ".proofs"]) == len(of), "a proof is missing")
        for step, record in enumerate(of):
            body, proof = lines[name + ".jsonl"][step], lines[name + ".proofs"][step].split()
            require((record["run"], record["step"]) == (run, step), "a record is missing or moved")
            nodes = [bytes.fromhex(node.decode()) for node in proof]
            led = root(body, record["seq"], log["size"], nodes)
            require(led == log["root"], "a record is not in the log")

    documents = {"manifest": accepted, "certificate": accepted, "receipt": receipts}
    for record in records:
        print(f"record {record['seq']} of {record['at']}: {record['kind']}")
        for field in documents.keys() & (record["data"] or {}):
            value = record["data"][field]
            if isinstance(value, str) and value.startswith('{"payload":'):
                opened(value, list(documents[field]), 1, "the " + field)
                print(f"  {field}: signed by whom the instruction names")
    print(
        f"VERIFIED: these {len(records)} records of run {first['run']} are in the log of "
        f"{log['size']} records whose checkpoint of {log['at']} was signed by the processor that "
        "the controller instructed.\nOnly evidence/ was looked at; that the other files say the same, "
        "remit evidence verify tells."
    )


if __name__ == "__main__":
    require(len(sys.argv) > 2, "name the bundle, and a controller's public key")
    main(sys.argv[1], [key_in(name) for name in sys.argv[2:]])
