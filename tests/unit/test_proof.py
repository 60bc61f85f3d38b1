"""The digest of a table's content: the same however rows are split, another for any other value."""

from __future__ import annotations

import hashlib
import hmac
import struct
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit import canonical
from remit.proof import ContentDigest, commitment

CHALLENGE = bytes(range(32))
TYPES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "b": (pa.bool_(), st.booleans()),
    "i": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "f": (pa.float64(), st.floats(allow_nan=False)),
    "s": (pa.string(), st.text(max_size=5)),
    "d": (pa.date32(), st.dates()),
    "t": (pa.timestamp("us", tz="UTC"), st.datetimes(timezones=st.just(UTC))),
    "n": (pa.decimal128(12, 4), st.decimals(-(10**8) + 1, 10**8 - 1, places=4)),
}
SCHEMA = pa.schema([(name, kind) for name, (kind, _) in TYPES.items()])
rows = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, values) in TYPES.items()}),
    max_size=12,
)


def batch(data: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(data, schema=SCHEMA)


def prove(*batches: pa.RecordBatch, challenge: bytes = CHALLENGE) -> str:
    digest = ContentDigest(SCHEMA.names)
    for one in batches:
        digest.update(one)
    return digest.proof(challenge)


@settings(deadline=None)
@given(rows, st.data())
def test_split_of_the_rows_does_not_matter(data, draw) -> None:
    whole = batch(data)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=4)))
    edges = [0, *cuts, len(data)]
    slices = [whole.slice(a, b - a) for a, b in pairwise(edges)]
    copies = [batch(data[a:b]) for a, b in pairwise(edges)]

    assert prove(*slices) == prove(*copies) == prove(whole)


@settings(deadline=None)
@given(rows, rows, rows)
def test_slice_out_of_a_larger_array_is_as_the_rows_themselves(before, data, after) -> None:
    larger = batch([*before, *data, *after])

    assert prove(larger.slice(len(before), len(data))) == prove(batch(data))


@settings(deadline=None)
@given(rows.filter(bool), st.data())
def test_any_other_value_gives_another_digest(data, draw) -> None:
    place = draw.draw(st.integers(0, len(data) - 1))
    name = draw.draw(st.sampled_from(SCHEMA.names))
    value = draw.draw(st.none() | TYPES[name][1])
    other = [dict(row) for row in data]
    other[place][name] = value

    same = batch(other).equals(batch(data))

    if not same:
        assert prove(batch(other)) != prove(batch(data))


@settings(deadline=None)
@given(rows.filter(lambda data: len(data) > 1))
def test_order_and_number_of_rows_matter(data) -> None:
    if batch(data[::-1]) != batch(data):
        assert prove(batch(data[::-1])) != prove(batch(data))
    assert prove(batch(data[:-1])) != prove(batch(data))


def strings(*values: str | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"s": v} for v in values], pa.schema([("s", pa.string())]))


def prove_strings(*values: str | None) -> str:
    digest = ContentDigest(["s"])
    digest.update(strings(*values))
    return digest.proof(CHALLENGE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("", "a"), ("a", "")),
        ((None,), ("",)),
        ((None, ""), ("", None)),
        (("a",), ("a", None)),
        (("a",), ("a\0",)),
        (("é",), ("e\u0301",)),
    ],
)
def test_texts_are_told_apart_by_their_bounds(one, other) -> None:
    assert prove_strings(*one) != prove_strings(*other)


HIDDEN = {
    "number": pa.Array.from_buffers(
        pa.int64(), 2, [pa.py_buffer(b"\x01"), pa.py_buffer(bytes([7] * 16))]
    ),
    "text": pa.Array.from_buffers(
        pa.string(),
        2,
        [
            pa.py_buffer(b"\x01"),
            pa.py_buffer(struct.pack("<3i", 0, 1, 7)),
            pa.py_buffer(b"asecret"),
        ],
    ),
}


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_what_lies_under_a_null_does_not_matter(hidden) -> None:
    plain = pa.array(hidden.to_pylist(), hidden.type)
    assert plain[1].as_py() is None
    proofs = []
    for array in (hidden, plain):
        digest = ContentDigest(["i"])
        digest.update(pa.RecordBatch.from_arrays([array], ["i"]))
        proofs.append(digest.proof(CHALLENGE))

    assert proofs[0] == proofs[1]


def test_names_challenge_and_number_of_rows_are_proven_too() -> None:
    def proof_of(names: list[str], challenge: bytes = CHALLENGE) -> str:
        digest = ContentDigest(names)
        digest.update(strings("a"))
        return digest.proof(challenge)

    assert proof_of(["s"]) != proof_of(["t"])
    assert proof_of(["s"]) != proof_of(["s"], bytes(32))
    assert ContentDigest(["s"]).proof(CHALLENGE) != proof_of(["s"])


def test_empty_batches_change_nothing() -> None:
    full = batch([dict.fromkeys(SCHEMA.names)])

    assert prove(batch([]), full, batch([])) == prove(full)


# --- against the words of docs/formats.md ---------------------------------------------------------


def plain_bytes(name: str, value: Any) -> bytes:
    """A value's bytes, as another language would write them."""
    if name == "b":
        return bytes([value])
    if name == "f":
        return struct.pack("<d", value)
    if name == "d":
        return struct.pack("<i", (value - date(1970, 1, 1)).days)
    if name == "t":
        return struct.pack(
            "<q", (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        )
    if name == "n":
        return int(value.scaleb(4)).to_bytes(16, "little", signed=True)
    return struct.pack("<q", value)


def naive_column(name: str, values: list[Any]) -> str:
    if name == "s":
        texts = [None if value is None else value.encode() for value in values]
        bounds = b"".join(struct.pack("<i", -1 if t is None else len(t)) for t in texts)
        content = b"".join(text or b"" for text in texts)
    else:
        width = TYPES[name][0].bit_width // 8 or 1
        bounds = bytes(value is not None for value in values)
        content = b"".join(
            bytes(width) if value is None else plain_bytes(name, value) for value in values
        )
    parts = [hashlib.sha256(part).digest() for part in (bounds, content)]
    return hashlib.sha256(b"".join(parts)).hexdigest()


@settings(deadline=None)
@given(rows)
def test_proof_is_what_another_implementation_comes_to(data) -> None:
    columns = [[name, naive_column(name, [row[name] for row in data])] for name in TYPES]
    message = canonical.dumps({"columns": columns, "rows": len(data)})

    assert prove(batch(data)) == hmac.new(CHALLENGE, message, hashlib.sha256).hexdigest()


def test_commitment_is_the_digest_of_the_proofs_bytes() -> None:
    shown = prove(batch([]))

    digest = hashlib.sha256(bytes.fromhex(shown)).hexdigest()
    assert commitment(shown) == f"sha256:{digest}"
