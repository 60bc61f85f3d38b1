"""The search for planted strings finds exactly what a naive search finds."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.errors import UsageError
from remit.testing import canaries
from remit.testing.canaries import find_planted

pytestmark = pytest.mark.slow


def naive(data: bytes, planted: list[str]) -> list[int]:
    needles = [text.encode(how) for text in planted for how in ("utf-8", "utf-16-le")]
    needles += [text.replace("é", "\\u00e9").encode() for text in planted]
    return [at for at in range(len(data)) if any(data.startswith(n, at) for n in needles)]


def offsets(path: Path, planted: list[str]) -> list[int]:
    found = find_planted([path], planted)
    assert all(where == path for where, _ in found)
    return [offset for _, offset in found]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150
)
@given(
    planted=st.lists(st.text("aé", min_size=8, max_size=20), min_size=1, max_size=6),
    parts=st.lists(st.text("aé\0", max_size=12), max_size=20),
    picks=st.lists(st.integers(0, 5), max_size=6),
    form=st.sampled_from(["utf-8", "utf-16-le", "json"]),
    block=st.integers(1, 40),
)
def test_same_offsets_as_the_naive_search(
    tmp_path: Path, planted: list[str], parts: list[str], picks: list[int], form: str, block: int
) -> None:
    pieces = parts + [planted[pick % len(planted)] for pick in picks]
    pieces.sort(key=len)
    text = "".join(pieces)
    data = json.dumps(text).encode() if form == "json" else text.encode(form)
    path = tmp_path / "data"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canaries, "_BLOCK", block)
        assert offsets(path, planted) == naive(data, planted)


def test_every_alignment_and_both_ends_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "data"
    for lead in range(20):
        path.write_bytes(b"." * lead + b"exactly8")
        assert offsets(path, ["exactly8"]) == [lead]
    path.write_bytes(b"exactly")
    assert offsets(path, ["exactly8"]) == []
    path.write_bytes(b"")
    assert offsets(path, ["exactly8"]) == []


def test_a_string_over_the_edge_of_a_block(tmp_path: Path) -> None:
    path = tmp_path / "data"
    block = canaries._BLOCK
    text = "a long planted string, réf. 1"
    for start in (block - 1, block - len(text), block - len(text.encode()) + 1, 2 * block - 5):
        data = bytearray(2 * block + 100)
        data[start : start + len(text.encode())] = text.encode()
        path.write_bytes(data)
        assert offsets(path, [text, "something quite else" * 20]) == [start]


def test_strings_with_one_start_and_strings_within_strings(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"06 39 98 12 34 / 06 39 98 55 55 / 06 39 98 1")
    assert offsets(path, ["06 39 98 12 34", "06 39 98 00 00", "39 98 12 34"]) == [0, 3]
    assert offsets(path, ["06 39 98 12 34", "06 39 98"]) == [0, 17, 34]


def test_many_strings_in_a_large_file(tmp_path: Path) -> None:
    planted = [f"planted-{number:06}-string" for number in range(100_000)]
    path = tmp_path / "data"
    filler = b"planted-nothing 0123456789 abcdefghijklmnopqrstuvwxyz\n" * 50_000
    path.write_bytes(filler + planted[0].encode() + filler + planted[-1].encode("utf-16-le"))
    first = len(filler)
    assert offsets(path, planted) == [first, 2 * first + len(planted[0])]


def test_folders_are_walked_and_every_file_is_searched_once(tmp_path: Path) -> None:
    (tmp_path / "a" / ".hidden").mkdir(parents=True)
    for place in ("a/.hidden/two", "a/one", "three"):
        (tmp_path / place).write_bytes(b"x plantedplanted")
    paths = [tmp_path / "three", tmp_path, *tmp_path.rglob("*")]
    found = find_planted(paths, ["plantedplanted"])
    assert [(path.relative_to(tmp_path).as_posix(), at) for path, at in found] == [
        ("three", 2),
        ("a/one", 2),
        ("a/.hidden/two", 2),
    ]


def test_a_structured_log_gives_itself_away(tmp_path: Path) -> None:
    path = tmp_path / "log"
    name, comment = "Zoé Noël", 'dit "à jeun"\nréf. 1'
    path.write_text(json.dumps({"event": f"row of {name}"}) + json.dumps([comment]))
    text = path.read_text()
    assert offsets(path, [name, comment]) == [text.index("Zo"), text.index("dit")]


def test_what_python_shows_of_a_text_and_bytes_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(ascii("Zoé Noël").encode() + b"\0" + (8_675_309).to_bytes(8, "little"))
    assert offsets(path, ["Zoé Noël"]) == [1]
    planted = (8_675_309).to_bytes(8, "little")
    assert [at for _, at in find_planted([path], [planted, "Zoé Noël"])] == [
        1,
        len(path.read_bytes()) - 8,
    ]


def test_other_encodings_are_not_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(base64.b64encode(b"plantedplanted") + "é-planted".encode("latin-1"))
    assert offsets(path, ["plantedplanted", "é-planted"]) == []


def test_a_short_string_is_refused_without_being_quoted() -> None:
    with pytest.raises(UsageError) as caught:
        find_planted([], ["long enough", "hunter2"])
    assert "hunter2" not in str(caught.value)


def test_looking_for_nothing_is_refused() -> None:
    with pytest.raises(UsageError):
        find_planted([], [])


def test_a_missing_file_never_counts_as_clean(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        find_planted([tmp_path / "missing"], ["plantedplanted"])
