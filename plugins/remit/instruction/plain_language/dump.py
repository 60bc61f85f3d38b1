"""The form of a dump in files, and what becomes of the files."""

from __future__ import annotations

from collections.abc import Iterator

from remit.instruction.dump import Dump, DumpFile
from remit.instruction.plain_language.voice import Voice


def dump(form: Dump, say: Voice) -> Iterator[str]:
    """How the files are read."""
    yield say(
        "The source is a dump in files, which is read whole; it is a copy, and is deleted like one.",
        "La source est un export en fichiers, lu en entier ; c'est une copie, effacée comme telle.",
    )
    yield _fields(form, say)
    yield say(
        "Encoding {encoding}; decimals behind {mark}; dates as {dates}; moments as {moments}; true is "
        "{yes} and false {no}; no value is {missing}.",
        "Encodage {encoding} ; décimales après {mark} ; dates {dates} ; instants {moments} ; vrai est "
        "{yes} et faux {no} ; sans valeur : {missing}.",
        encoding=form.encoding,
        mark=say.quoted(form.decimal_mark),
        dates=form.dates,
        moments=form.timestamps,
        yes=say.quoted(form.true_text),
        no=say.quoted(form.false_text),
        missing=_missing(form, say),
    )
    for file in form.files:
        yield from _file(file, say)


def _fields(form: Dump, say: Voice) -> str:
    if form.kind == "fixed":
        return say("Its fields have fixed widths.", "Ses champs ont une largeur fixe.")
    quote = say("nothing", "rien") if form.quote == "none" else say.quoted(form.quote)
    return say(
        "Its fields are separated by {separator} and quoted with {quote}.",
        "Ses champs sont séparés par {separator} et protégés par {quote}.",
        separator=_separator(form, say),
        quote=quote,
    )


def _separator(form: Dump, say: Voice) -> str:
    match form.separator:
        case ";":
            return say("a semicolon", "un point-virgule")
        case "|":
            return say("a bar", "une barre")
        case "\t":
            return say("a tabulator", "une tabulation")
        case _:
            return say("a comma", "une virgule")


def _missing(form: Dump, say: Voice) -> str:
    texts = [
        say.quoted(text) if text else say("the empty field", "le champ vide")
        for text in form.missing
    ]
    said = say.one_of(texts) if texts else say("nothing", "rien")
    return said + (say(", in quotes too", ", même entre guillemets") if form.quoted_missing else "")


def _file(file: DumpFile, say: Voice) -> Iterator[str]:
    if not file.columns:
        yield say(
            "- {table} is the file {file}.",
            "- {table} est le fichier {file}.",
            table=say.name(file.table),
            file=say.name(file.file),
        )
        return
    yield say(
        "- {table} is the file {file}, in lines of {line} characters: {columns}.",
        "- {table} est le fichier {file}, en lignes de {line} caractères : {columns}.",
        table=say.name(file.table),
        file=say.name(file.file),
        line=str(file.line),
        columns=", ".join(
            say(
                "{name} from {start}, {width} wide",
                "{name} à partir de {start}, {width} de large",
                name=say.name(column.name),
                start=str(column.start),
                width=str(column.width),
            )
            for column in file.columns
        ),
    )
