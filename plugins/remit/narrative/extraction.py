"""What is told of reading the source: the duty to delete, pieces, the extract, what the rules found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remit.instruction.plain_language.voice import Voice
from remit.narrative.words import moment, rows, size, vague, warning

Data = Mapping[str, Any]

_KINDS = {
    "nir": ("nir", "numéro de sécurité sociale"),
    "email": ("email", "adresse électronique"),
    "phone": ("phone", "numéro de téléphone"),
    "iban": ("iban", "numéro de compte bancaire"),
    "name": ("name", "nom de la personne concernée"),
}
_DONE = {
    "count": ("left as they are", "laissés tels quels"),
    "redact": ("redacted", "remplacés"),
    "stop": ("none may leave", "aucun ne peut sortir"),
}


def obliged(data: Data, say: Voice) -> Iterator[str]:
    """The duty to delete."""
    yield say(
        "Every copy is deleted at the latest on {due}, whether confirmed or not.",
        "Toutes les copies sont supprimées au plus tard le {due}, avec ou sans confirmation.",
        due=moment(data["due"], say),
    )
    yield say(
        "Recorded before anything was extracted; staging is {staging}.",
        "Obligation enregistrée avant toute extraction ; l'espace de transit est {staging}.",
        staging=data["staging"],
    )
    for file in data.get("dump", []):
        yield say(
            "The dump is a copy too: {path}.",
            "Le fichier d'export est aussi une copie : {path}.",
            path=file["path"],
        )


def divided(data: Data, say: Voice) -> Iterator[str]:
    """A large extract was divided."""
    yield say(
        "{pieces}, read from one state of the source: {rows}.",
        "{pieces}, lus dans un seul état de la source : {rows}.",
        pieces=say.count(len(data["pieces"]), ("piece", "pieces"), ("lot", "lots")),
        rows=", ".join(f"{table} {rows(count, say)}" for table, count in data["rows"].items()),
    )


def piece(data: Data, say: Voice) -> Iterator[str]:
    """One piece of it is staged."""
    yield say(
        "Piece {number}, {file}: {rows}, {size}.",
        "Lot {number}, {file} : {rows}, {size}.",
        number=say.number(data["number"]),
        file=data["file"]["name"],
        rows=rows(data["file"]["rows"], say),
        size=size(data["file"]["size"], say),
    )


def extracted(data: Data, say: Voice) -> Iterator[str]:
    """Every table is staged, encrypted."""
    for file in data["files"]:
        yield _file(file, say)
        for column in file.get("free_text", []):
            yield f"  {_scanned(column, say)}"
    for table, columns in data["reconciled"].items():
        names = ", ".join(columns)
        sums = say(", and the sums of {names}", " et sommes ({names})", names=names)
        yield say(
            "{table}: rows{sums} are those that the source found in the same state.",
            "{table} : lignes{sums} conformes à ce que la source a trouvé dans le même état.",
            table=table,
            sums=sums if columns else "",
        )


def _file(file: Data, say: Voice) -> str:
    left_out = ""
    if file["suppressed"]:
        number = rows(file["suppressed"], say)
        left_out = say(" Suppressed: {n}.", " Exclues : {n}.", n=number)
    return say(
        "{table}: {rows}, {size}, encrypted, {sha}.{left_out}",
        "{table} : {rows}, {size}, chiffré, {sha}.{left_out}",
        table=file["table"],
        rows=rows(file["rows"], say),
        size=size(file["size"], say),
        sha=file["sha256"],
        left_out=left_out,
    )


def _scanned(column: Data, say: Voice) -> str:
    """What was found in a column of free text."""
    each = ", ".join(
        say("{kind} in {n}", "{kind} : {n}", kind=say(*_KINDS[kind]), n=vague(count, say))
        for kind, count in column["kinds"].items()
        if count
    )
    told = say(
        "{column}: direct identifiers in {found} of {texts} texts{each}, {done}.",
        "{column} : textes avec des identifiants directs : {found} sur {texts}{each}, {done}.",
        column=column["column"],
        found=vague(column["identifying"], say),
        texts=vague(column["texts"], say),
        each=f" ({each})" if each else "",
        done=say(*_DONE[column["treatment"]]),
    )
    if not column["unchecked"]:
        return told
    unknown = (" Of {n} no name is known.", " Sans nom connu : {n}.")
    return told + say(*unknown, n=vague(column["unchecked"], say))


def report(data: Data, say: Voice) -> Iterator[str]:
    """What the rules found, table by table."""
    engine = data["report"]["engine"]
    judge = say.pick(engine, say.quoted(engine))
    yield say("Judged by {engine}.", "Vérifié par {engine}.", engine=judge)
    for table in data["report"]["tables"]:
        total = table["passed"] + table["failed"] + table.get("warned", 0)
        yield say(
            "{table}: {passed} of {total} rules hold, {rows}.",
            "{table} : règles respectées : {passed} sur {total} ; {rows}.",
            table=table["table"],
            passed=say.number(table["passed"]),
            total=say.number(total),
            rows=rows(table["rows"], say),
        )
        yield from (_verdict(one, say) for one in table["verdicts"] if not one["success"])


def _verdict(verdict: Data, say: Voice) -> str:
    said = say(
        "{rule} ({type} on {columns}) {what}.",
        "{rule} ({type} sur {columns}) {what}.",
        rule=verdict["rule"],
        type=verdict["type"],
        columns=", ".join(verdict["columns"]) or say("the table", "la table"),
        what=_failure(verdict, say),
    )
    if verdict.get("severity") == "warn" and not verdict["error"]:
        return warning(said + say(" The run goes on.", " L'exécution continue."), say)
    return f"  {said}"


def _failure(verdict: Data, say: Voice) -> str:
    if verdict["error"]:
        return say("could not be judged", "n'a pas pu être vérifiée")
    if verdict["unexpected"] is None:
        return say("does not hold", "n'est pas respectée")
    if verdict["elements"] is None:
        found = rows(verdict["unexpected"], say)
        return say("does not hold on {rows}", "n'est pas respectée : {rows} en défaut", rows=found)
    return say(
        "does not hold on {found} of {rows}",
        "n'est pas respectée : {wrong} en défaut sur {total}",
        found=vague(verdict["unexpected"], say),
        rows=rows(verdict["elements"], say),
        wrong=rows(verdict["unexpected"], say),
        total=vague(verdict["elements"], say),
    )
