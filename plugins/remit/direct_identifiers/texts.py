"""Columns of text: each distinct value is looked at once, and closely only if it may hold something.

Arrow's regular expressions (RE2, linear in the text) pass over what has neither an @ nor a row of
digits; the last word on the rest is that of each kind's own module.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from remit.direct_identifiers import iban, mail, nir, phone
from remit.direct_identifiers.names import NAME, Names, name_spans, rows_to_look_at
from remit.direct_identifiers.spans import Finder, Span, merged

KINDS = ("nir", "email", "phone", "iban")
_FINDERS: Mapping[str, Finder] = {
    "nir": nir.spans, "email": mail.spans, "phone": phone.spans, "iban": iban.spans,
}  # fmt: skip

# What may stand between digits, wider than the kinds themselves allow: nothing may be passed over
# that one of them would find. RE2's \s is ASCII alone.
_SPACES = (
    r"\x{09}-\x{0d}\x{1c}-\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200b}\x{2028}\x{2029}"
    r"\x{202f}\x{205f}\x{2060}\x{3000}"
)
_GAP = rf"[{_SPACES}./_()\x{{2010}}-\x{{2015}}-]{{0,6}}"
_AT = rf"@|\x{{ff20}}|(?i:arobase|[(\[{{][{_SPACES}]?at[{_SPACES}]?[)\]}}])"
_MAY_HOLD = (
    rf"{_AT}|(?:[0-9]{_GAP}){{9}}|\+{_GAP}(?:[0-9]{_GAP}){{7}}|2{_GAP}[ABab]{_GAP}(?:[0-9]{_GAP}){{6}}"
    rf"|[A-Za-z]{{2}}{_GAP}[0-9]{{2}}(?:{_GAP}[0-9A-Za-z]){{11}}"
)


def found(texts: pa.Array, kinds: Collection[str]) -> pa.BooleanArray:
    """True for each text in which a piece of any of the kinds is; NULL for NULL.

    Args:
        texts: strings, also dictionary encoded.
        kinds: some of `KINDS`.

    Raises:
        ValueError: a kind that is none of them.
        TypeError: the array holds something else than text.
    """
    every = list(found_of_each(texts, kinds).values())
    if not every:
        return _where_known(texts, pa.array([False] * len(texts), pa.bool_()))
    result = every[0]
    for more in every[1:]:
        result = pc.or_(result, more)
    return result


def found_of_each(texts: pa.Array, kinds: Collection[str]) -> dict[str, pa.BooleanArray]:
    """The same, kind by kind. Raises like `found`."""
    coded = _coded(texts)
    results = {}
    suspects = _suspects(coded.dictionary, kinds)
    for kind in _known(kinds):
        finder = _FINDERS[kind]
        hits = pa.array([place for place, text in suspects if next(finder(text), None)], pa.int64())
        of_values = pc.is_in(pa.array(range(len(coded.dictionary)), pa.int64()), hits)
        results[kind] = of_values.take(coded.indices)
    return results


def redacted(
    texts: pa.Array, kinds: Collection[str], names: Sequence[pa.Array] = ()
) -> pa.StringArray:
    """The texts, each piece found replaced by its kind in brackets, such as ``[nir]``.

    Args:
        names: as `names_found` takes them; where any are given, they are redacted as well.

    Raises: as `found`.
    """
    coded = _coded(texts)
    finders = [(kind, _FINDERS[kind]) for kind in _known(kinds)]
    changed = {place: _without(text, finders) for place, text in _suspects(coded.dictionary, kinds)}
    plain = _with(coded.dictionary, changed).take(coded.indices)
    if not names:
        return plain
    changed = {}
    for row, text, whose in rows_to_look_at(plain, names):
        also = (NAME, partial(_name_places, whose=whose))
        changed[row] = _without(text, [*finders, also])
    return _with(plain, changed)


def _pieces(text: str, finders: Sequence[tuple[str, Finder]]) -> Iterator[Span]:
    for kind, finder in finders:
        yield from (Span(start, end, kind) for start, end in finder(text))


def _name_places(text: str, whose: Names) -> Iterator[tuple[int, int]]:
    yield from ((start, end) for start, end, _ in name_spans(text, whose))


def _without(text: str, finders: Sequence[tuple[str, Finder]]) -> str:
    """The text without the pieces; looked at again until there are none, which each turn is nearer."""
    while spans := merged(_pieces(text, finders)):
        parts, at = [], 0
        for span in spans:
            parts += [text[at : span.start], f"[{span.kind}]"]
            at = span.end
        text = "".join([*parts, text[at:]])
    return text


def _suspects(values: pa.Array, kinds: Collection[str]) -> list[tuple[int, str]]:
    pattern = _AT if set(kinds) == {"email"} else _MAY_HOLD
    may = pc.fill_null(pc.match_substring_regex(values, pattern), False)
    places = pc.indices_nonzero(may)
    return list(zip(places.to_pylist(), values.take(places).to_pylist(), strict=True))


def _with(values: pa.Array, changed: Mapping[int, str]) -> pa.StringArray:
    if not changed:
        return values
    mask = pc.is_in(pa.array(range(len(values)), pa.int64()), pa.array(changed, pa.int64()))
    ordered = [changed[place] for place in sorted(changed)]
    return pc.replace_with_mask(values, mask, pa.array(ordered, pa.string()))


def _known(kinds: Collection[str]) -> list[str]:
    if unknown := set(kinds) - set(KINDS):
        raise ValueError(f"there is no kind of identifier {sorted(unknown)}")
    return [kind for kind in KINDS if kind in kinds]


def _where_known(texts: pa.Array, values: pa.Array) -> pa.BooleanArray:
    return pc.if_else(pc.is_valid(texts), values, pa.scalar(None, pa.bool_()))


def _coded(texts: pa.Array) -> pa.DictionaryArray:
    """Each distinct text once, as string; NULL is among the indices alone."""
    kind = texts.type.value_type if pa.types.is_dictionary(texts.type) else texts.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise TypeError(f"identifiers are looked for in text, not in {texts.type}")
    return texts.cast(pa.string()).dictionary_encode()


__all__ = ["KINDS", "NAME", "found", "found_of_each", "redacted"]
