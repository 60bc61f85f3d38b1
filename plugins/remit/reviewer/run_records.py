"""A run's records as its pages read them, and the documents in them that can be checked byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import HTTPException

from remit import canonical
from remit.custody import Story
from remit.custody.guard import RUN_ID
from remit.errors import EvidenceBroken, Refused
from remit.instruction.trust import payload_of
from remit.merkle import leaf_hash
from remit.reviewer.access import Reader
from remit.reviewer.reading import ledger

_JSON, _YAML = "application/json", "application/yaml"


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes that a digest is of.

    Attributes:
        what: of which words it is called; of a record `seq` is its place in the log, otherwise None.
        digest: as the evidence or the tree has it, in hex.
        leaf: whether it is that of a leaf of the tree: a zero byte comes before the text.
    """

    name: str
    what: str
    content: bytes
    digest: str
    media_type: str = _JSON
    seq: int | None = None
    leaf: bool = False


def story_of(run: str, reader: Reader) -> Story:
    """What happened to a run, for a reader; see `known_story`.

    Raises:
        HTTPException: 404, there is no such run; 403, the reader may not see it.
        EvidenceBroken: one of its records is damaged.
    """
    story = known_story(run)
    reader.require(next((one.by for one in story.records if one.kind == "opened"), None))
    return story


def known_story(run: str) -> Story:
    """What happened to a run; its pieces are left out, for they are many and told again as files.

    Raises:
        HTTPException: 404, there is no such run.
        EvidenceBroken: one of its records is damaged.
    """
    kept = list(ledger().kept(run)) if RUN_ID.fullmatch(run) else []
    if not kept:
        raise HTTPException(404)
    return Story(run, [one.record() for one in kept if one.kind != "piece"])


def documents(story: Story) -> Iterator[Document]:
    """Every document of a run, in the order in which they came to be.

    Raises:
        EvidenceBroken: one cannot be read.
    """
    try:
        if story.has("opened"):
            yield from _instruction(story)
        if story.has("planned"):
            yield _document("plan.json", "plan", canonical.dumps(story.last("planned")["plan"]))
        for kind in ("validated", "invalid"):
            if story.has(kind):
                report = canonical.dumps(story.last(kind)["report"])
                yield _document("report.json", "report", report)
                break
        if story.has("sealing"):
            yield _document("manifest.dsse.json", "manifest", story.manifest_envelope)
        if story.has("confirmed") and (receipt := story.last("confirmed").get("receipt")):
            yield _document("receipt.dsse.json", "receipt", str(receipt).encode())
        if story.has("deleted"):
            certificate = str(story.last("deleted")["certificate"]).encode()
            yield _document("certificate.dsse.json", "certificate", certificate)
    except (KeyError, TypeError, AttributeError, Refused):
        raise EvidenceBroken(f"run {story.run}", "a document in it cannot be read.") from None
    for record in story.records:
        body = record.body()
        name = f"record-{record.seq}.json"
        yield Document(name, "record", body, leaf_hash(body).hex(), seq=record.seq, leaf=True)


def _instruction(story: Story) -> Iterator[Document]:
    text, envelope = payload_of(story.instruction_envelope), story.instruction_envelope
    yield _document("instruction.yaml", "instruction", text, _YAML)
    yield _document("instruction.dsse.json", "signature", envelope)


def _document(name: str, what: str, content: bytes, media_type: str = _JSON) -> Document:
    digest = canonical.sha256(content).removeprefix("sha256:")
    return Document(name, what, content, digest, media_type)
