"""One byte form for each JSON value."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit import canonical

SAFE = 2**53 - 1
values = st.recursive(
    st.none() | st.booleans() | st.integers(-SAFE, SAFE) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_what_was_written_is_read_back(value: Any) -> None:
    assert canonical.loads(canonical.dumps(value)) == value


@given(values)
def test_every_other_spelling_is_refused(value: Any) -> None:
    written = canonical.dumps(value)
    for spelt in (
        json.dumps(value, indent=1).encode(),
        json.dumps(value).encode(),
        b" " + written,
        written + b"\n",
    ):
        if spelt != written:
            with pytest.raises(ValueError, match="not in canonical form"):
                canonical.loads(spelt)


@given(st.dictionaries(st.text(), st.integers(0, 9), min_size=2))
def test_order_of_keys_does_not_matter_when_writing(value: dict[str, int]) -> None:
    assert canonical.dumps(dict(reversed(value.items()))) == canonical.dumps(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b"NaN",
        b"Infinity",
        b"1.0",
        b"1e2",
        b"-0",
        b'"\\u0041"',
        b'"\\/"',
        b'"\\ud800"',
        b"9007199254740993",
        b"\xef\xbb\xbf{}",
        b"[1,2,]",
        b"{} {}",
    ],
)
def test_json_that_is_not_in_its_one_form(data: bytes) -> None:
    with pytest.raises(ValueError, match="not"):
        canonical.loads(data)


@pytest.mark.parametrize("depth", [100, 900, 990, 2_000, 5_000, 100_000])
def test_nesting_ends_in_a_value_or_a_value_error(depth: int) -> None:
    data = b"[" * depth + b"]" * depth
    try:
        canonical.loads(data)
    except ValueError:
        return
    assert depth < 1000


def test_keys_are_sorted_by_utf_16_and_text_is_not_escaped() -> None:
    assert canonical.dumps({"é": 1, "z": 2, "a": "\n€"}) == '{"a":"\\n€","z":2,"é":1}'.encode()


def test_digests_of_bytes_and_of_a_file_are_the_same() -> None:
    data = bytes(3 << 20)
    file = io.BytesIO(data)

    assert canonical.sha256(data) == "sha256:" + hashlib.sha256(data).hexdigest()
    assert canonical.sha256_of(file) == canonical.sha256(data)
    assert file.tell() == 0
