"""`remit instruction receive` and `revoke`, and `remit record`: what they do, print and refuse."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from remit import signing
from remit.cli import main
from remit.custody import REGISTER
from remit.evidence import timestamp
from remit.instruction import PAYLOAD_TYPE, digest_of, envelope_path
from remit.instruction.revocation import revocation_path, verify_revocation
from remit.testing.controller import Edit
from remit.testing.world import World

pytestmark = pytest.mark.slow

REASON = "The laboratory moves later than planned"
Fields = dict[str, Any]
Remit = Callable[..., "Ran"]


class Ran:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        assert "Traceback" not in out + err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def refused(self, code: str) -> bool:
        return self.code == 3 and f"Refused ({code})" in self.err and "Way out: " in self.err


@pytest.fixture
def remit(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Remit:
    """`remit` as the processor of the world types it."""
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:  # of argparse
            code = int(str(ended.code))
        return Ran(code, *capsys.readouterr())

    return run


def key_of(world: World) -> Path:
    return world.root / "controller" / "controller.pem"


def revoking(world: World, path: Path, *more: object) -> list[object]:
    return ["instruction", "revoke", path, "--key", key_of(world), "--reason", REASON, *more]


def kinds(world: World) -> list[str]:
    return [record.kind for record in world.deployment().log.records(REGISTER)]


def edited(path: Path) -> None:
    path.write_text(path.read_text().replace("maximum: 50000", "maximum: 50001"))


# --- instruction receive ------------------------------------------------------------------------


def test_receive_puts_an_instruction_into_the_register_once(world, remit) -> None:
    path = world.instruct()

    first = remit("instruction", "receive", path, "--json")
    assert (first.code, first.json) == (
        0,
        {
            "id": "durand-2026",
            "version": 1,
            "digest": digest_of(path.read_bytes()),
            "received": True,
            "revoked": False,
        },
    )
    again = remit("instruction", "receive", path)
    assert (again.code, again.out) == (0, "durand-2026 version 1 is already in the register.\n")
    assert kinds(world) == ["received"]
    [record] = world.deployment().log.records(REGISTER)
    assert record.by.startswith("os:")


def test_receive_takes_the_revocation_beside_the_file(world, remit) -> None:
    path = world.instruct()
    remit("instruction", "receive", path)
    assert remit(*revoking(world, path)).code == 0

    received = remit("instruction", "receive", path)

    assert received.code == 0
    assert "Its revocation was received." in received.out
    assert remit("instruction", "receive", path, "--json").json["revoked"] is False
    assert kinds(world) == ["received", "revoked"]


def test_receive_takes_what_is_not_valid_yet_or_no_longer(world, remit) -> None:
    now = world.clock()
    for number, days in ((1, 20), (2, -20)):
        start = now + timedelta(days=days)
        window = {"from": timestamp(start), "until": timestamp(start + timedelta(days=5))}
        path = world.instruct(lambda f, n=number, w=window: f.update(id=f"durand-{n}", valid=w))
        assert remit("instruction", "receive", path).code == 0
    assert kinds(world) == ["received", "received"]


def test_receive_refuses_what_does_not_bind(world, remit) -> None:
    path = world.instruct()
    edited(path)
    assert remit("instruction", "receive", path).refused("instruction-changed")
    envelope_path(path).unlink()
    assert remit("instruction", "receive", path).refused("instruction-unsigned")
    path = world.instruct()
    (world.root / "nobody").mkdir()
    trust = ("--trust", world.root / "nobody")
    assert remit("instruction", "receive", path, *trust).refused("controller-unknown")
    remit("instruction", "receive", path)
    path = world.instruct(lambda f: f["retention"].update(without_confirmation="P30D"))
    assert remit("instruction", "receive", path).refused("instruction-version-reused")
    assert kinds(world) == ["received"]


@pytest.mark.parametrize("content", ["{}", ""])
def test_receive_keeps_the_instruction_but_refuses_what_is_no_revocation(
    world, remit, content
) -> None:
    path = world.instruct()
    revocation_path(path).write_text(content)

    assert remit("instruction", "receive", path).refused("envelope-malformed")
    assert kinds(world) == ["received"]


def test_receive_says_when_the_revocation_cannot_be_read(world, remit) -> None:
    path = world.instruct()
    revocation_path(path).symlink_to(world.root / "not-mounted")

    ran = remit("instruction", "receive", path)

    assert ran.code == 4
    assert "it cannot be read" in ran.err


@pytest.mark.parametrize("arguments", [[], [""], ["missing.yaml"], ["a", "b"]])
def test_receive_with_wrong_arguments_exits_2(world, remit, arguments) -> None:
    assert remit("instruction", "receive", *arguments).code == 2


# --- instruction revoke -------------------------------------------------------------------------


def test_revoke_writes_a_revocation_that_verifies(world, remit) -> None:
    path = world.instruct()

    ran = remit(*revoking(world, path, "--json"))

    assert ran.code == 0
    assert ran.json == {
        "revocation": str(revocation_path(path)),
        "id": "durand-2026",
        "version": 1,
        "digest": digest_of(path.read_bytes()),
        "controller": "durand",
    }
    envelope = revocation_path(path).read_bytes()
    terms = verify_revocation(envelope, world.settings.trust(), "it").terms
    assert (terms.id, terms.version, terms.digest) == ("durand-2026", 1, ran.json["digest"])
    assert (terms.controller, terms.reason) == ("durand", REASON)
    assert {p.name for p in path.parent.iterdir()} == {
        path.name,
        envelope_path(path).name,
        revocation_path(path).name,
    }
    assert not (world.root / "processor" / "evidence.sqlite").exists()  # it is the controller's


def test_revoke_says_what_to_do_with_the_file(world, remit) -> None:
    path = world.instruct()

    ran = remit(*revoking(world, path))

    assert f"in the name of durand: {revocation_path(path)}" in ran.out
    assert "Give this file to the processor." in ran.out


def test_revoke_never_replaces_a_revocation(world, remit) -> None:
    path = world.instruct()
    remit(*revoking(world, path))
    before = revocation_path(path).read_bytes()
    signing.new_key("signing", world.root / "wrong.pem")

    ran = remit(
        "instruction", "revoke", path, "--key", world.root / "wrong.pem", "--reason", REASON
    )

    assert ran.code == 2
    assert "is there already; remove it to sign anew." in ran.err
    assert revocation_path(path).read_bytes() == before


def test_revoke_ends_the_text_that_was_signed_and_no_other(world, remit) -> None:
    path = world.instruct()
    edited(path)  # as for the next version, which was not signed yet

    assert remit(*revoking(world, path)).refused("instruction-changed")
    envelope_path(path).unlink()
    assert remit(*revoking(world, path)).refused("instruction-unsigned")
    assert not revocation_path(path).exists()


def with_martin(fields: Fields) -> None:
    contact = {"name": "Marc Martin", "email": "marc@martin.example"}
    other = {"name": "martin", "legal_name": "Clinique Martin SAS", "contact": contact}
    fields["joint_controllers"] = [other]


def test_revoke_as_a_joint_controller(world, remit) -> None:
    path = world.instruct(with_martin)

    stranger = remit(*revoking(world, path, "--controller", "kalisil"))
    assert stranger.code == 2
    assert "--controller is one of durand, martin" in stranger.err
    ran = remit(*revoking(world, path, "--controller", "martin", "--json"))
    assert (ran.code, ran.json["controller"]) == (0, "martin")


@pytest.mark.parametrize("reason", ["x", "tbd", "...", "?" * 10, "x" * 2001])
def test_revoke_wants_a_reason(world, remit, reason) -> None:
    path = world.instruct()
    ran = remit("instruction", "revoke", path, "--key", key_of(world), "--reason", reason)

    assert ran.refused("revocation-invalid")
    assert "field reason" in ran.err
    assert not revocation_path(path).exists()


@pytest.mark.parametrize("reason", ["breach", "Fehler im Umfang", "violation de données", "fraud!"])
def test_revoke_is_content_with_few_words(world, remit, reason) -> None:
    path = world.instruct()

    assert (
        remit("instruction", "revoke", path, "--key", key_of(world), "--reason", reason).code == 0
    )


def test_revoke_with_wrong_arguments_exits_2(world, remit) -> None:
    path = world.instruct()
    key, reason = ("--key", key_of(world)), ("--reason", REASON)

    for arguments in (
        [*key, *reason],
        [path, *key],
        [path, *reason],
        [path, *key, "--reason", " "],
        [path, "--key", world.root / "missing.pem", *reason],
        [path, "--key", world.root / "target" / "recipient.pem", *reason],
        [world.root / "missing.yaml", *key, *reason],
    ):
        assert remit("instruction", "revoke", *arguments).code == 2, arguments
    assert not revocation_path(path).exists()


def test_revoke_with_a_key_that_others_can_read_is_refused(world, remit) -> None:
    path = world.instruct()
    key_of(world).chmod(0o644)

    assert remit(*revoking(world, path)).refused("key-file-open")


def test_revoke_to_a_full_disk_leaves_nothing(world, remit, monkeypatch) -> None:
    path = world.instruct()
    writing = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        writing(self, data[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        ran = remit(*revoking(world, path))

    assert ran.code == 4
    assert {p.name for p in path.parent.iterdir()} == {path.name, envelope_path(path).name}


# --- record -------------------------------------------------------------------------------------


def test_record_before_anything_was_recorded_exits_2(world, remit) -> None:
    ran = remit("record")

    assert ran.code == 2
    assert "no evidence ledger" in ran.err
    assert not (world.root / "processor" / "evidence.sqlite").exists()


def test_record_lists_instructions_and_the_runs_under_each(world, remit) -> None:
    run = world.open_run("durand-one")
    path = world.root / "include" / "instructions" / "durand.yaml"
    remit(*revoking(world, path))
    remit("instruction", "receive", path)

    text = remit("record").out

    assert text.startswith("# Record of processing on behalf of controllers\n")
    assert "Art. 30(2), 28(3)(a) GDPR" in text
    assert "- Migrations SA; data protection officer Paul Petit, dpo@migrations.example" in text
    assert "## Controller Laboratoires Durand SELAS (durand)" in text
    assert "### durand-2026 version 1: revoked (known since " in text
    assert f"| Digest | {digest_of(path.read_bytes())} |" in text
    assert f": {REASON} |" in text
    assert "| Of these special (Art. 9) | health |" in text
    assert "| Third countries (Art. 30(2)(c)) | none |" in text
    assert "copies deleted at once on confirmation, at the latest 7 days after" in text
    assert f"| {run.id} | {run.story.records[0].at} |" in text
    assert "complian" not in text.lower()


def test_record_says_that_there_was_no_run(world, remit) -> None:
    remit("instruction", "receive", world.instruct())

    assert "No run under it." in remit("record").out


def test_record_as_json_is_the_same_by_either_option(world, remit, monkeypatch) -> None:
    world.open_run()
    monkeypatch.setattr("remit.cli.register.clock", lambda: world.clock.moment)

    one, other = remit("record", "--format", "json"), remit("record", "--json")

    assert (one.code, other.code) == (0, 0)
    assert one.json == other.json == remit("record", "--format", "json", "--json").json
    [controller] = one.json["controllers"]
    [instruction] = controller["instructions"]
    assert instruction["state"] == "in force"
    assert [run["run"] for run in instruction["runs"]] == ["durand-test"]


@pytest.mark.parametrize("arguments", [["--format", "html"], ["--format"], ["extra"]])
def test_record_with_wrong_arguments_exits_2(remit, arguments) -> None:
    assert remit("record", *arguments).code == 2


def test_record_of_broken_evidence_exits_5(world, remit) -> None:
    world.open_run()
    with sqlite3.connect(world.root / "processor" / "evidence.sqlite") as database:
        database.execute(
            "UPDATE remit_record SET body = replace(body, 'controllers', 'cantrollers')"
            " WHERE kind = 'received'"
        )

    for arguments in (["record"], ["record", "--json"], ["record", "--format", "json"]):
        ran = remit(*arguments)
        assert ran.code == 5
        assert "record 0" in ran.out + ran.err


def test_record_can_be_made_without_any_private_key(world, remit) -> None:
    world.open_run()
    (world.root / "processor" / "keys" / "processor.pem").unlink()

    assert remit("record").code == 0


# --- what was signed cannot write the record ----------------------------------------------------

HOSTILE = [
    "a | b || c",
    "a \\| b \\",
    "`code` ``and`` ```more```",
    "**bold** _em_ ~~gone~~ *x*",
    "[link](https://evil.example) ![image](x.png) [ref]: y",
    "<script>alert(1)</script> <b>b</b> <!-- hidden -->",
    "<https://evil.example> https://evil.example www.evil.example WWW.EVIL.example",
    "&lt;b&gt; &#124; &amp; &nbsp;",
    "first\n\n# Heading\n\n- item\n\n| a | b |\n|---|---|",
    "line\r\n| forged | row |",
    "\x1b[31mred\x1b[0m \u202ereversed \u2028 separated",
    "# heading at the start",
    "--- \n***",
    "$x^2$ $$y$$",
]


MORE = "hosts the archive of the laboratory in Lyon"


def hostile(text: str) -> Edit:
    """Says it wherever an instruction takes free words."""

    def edit(fields: Fields) -> None:
        words = f"{text} {MORE}"
        for name in ("subject", "nature"):
            fields[name] = f"{words} {name}"
        fields["data_subjects"] = [words]
        fields["controller"]["legal_name"] = words
        fields["controller"]["contact"]["name"] = words
        fields["processor"]["legal_name"] = words
        fields["processor"]["dpo"]["name"] = words
        fields["processor"]["contract"] = words
        fields["recipients"][0] |= {"legal_name": words, "country": "US", "safeguard": words}
        fields["subprocessors"] = [{"legal_name": words, "country": "FR", "task": words}]

    return edit


@pytest.mark.parametrize("text", HOSTILE)
def test_record_shows_hostile_words_as_they_are_and_makes_no_markup_of_them(
    world, remit, text
) -> None:
    path = world.root / "include" / "instructions" / "durand.yaml"
    path.parent.mkdir(parents=True)
    fields = world.controller.fields(world.parties)
    hostile(text)(fields)
    path.write_text(json.dumps(fields))  # of which YAML takes control characters, escaped
    signer = signing.load_signer(str(key_of(world)))
    envelope_path(path).write_bytes(signing.sign(path.read_bytes(), PAYLOAD_TYPE, signer))
    assert remit("instruction", "receive", path).code == 0
    reason = ("--reason", f"{text} {MORE}")
    assert remit("instruction", "revoke", path, "--key", key_of(world), *reason).code == 0
    assert remit("instruction", "receive", path).code == 0

    ran = remit("record")

    assert ran.code == 0
    words = "".join(c if c.isprintable() else "\ufffd" for c in f"{text} {MORE}")
    tokens = (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(ran.out)
    )
    inline = [child for token in tokens if token.type == "inline" for child in token.children]
    assert {child.type for child in inline} <= {"text", "text_special", "softbreak"}
    said = [
        "".join(child.content for child in token.children)
        for token in tokens
        if token.type == "inline"
    ]
    assert words in said  # in a cell of its own
    assert any(one.endswith(f": {words}") for one in said)
    assert [token.content for token in tokens if token.type == "html_block"] == []
    assert [t.tag for t in tokens if t.type == "heading_open"] == ["h1", "h2", "h2", "h3"]
    assert sum(token.type == "table_open" for token in tokens) == 1
    assert {len(row) for row in rows_of(tokens)} == {2}
    for link in ("://", "www."):
        assert link not in ran.out.lower()


def rows_of(tokens: list[Any]) -> list[list[str]]:
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("td_open", "th_open"):
            rows[-1].append(token.type)
    return rows


def test_a_pipe_beside_the_instruction_is_not_waited_for(world, remit) -> None:
    path = world.instruct()
    os.mkfifo(revocation_path(path))

    assert remit("instruction", "receive", path).code == 4
