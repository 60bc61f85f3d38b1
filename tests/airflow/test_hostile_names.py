"""Names that others choose are text wherever somebody reads them: pages, files, questions, logs.

The names are those of parties, purposes, sites and reasons, of the target's system and account. Each
page is read by a parser, as a browser reads it: markup made of a name would be an element there.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pypdf
import pytest
from tests.airflow.test_approval import APPROVE, DELIVER, Home, client, home
from tests.airflow.test_reviewer_gate import ROUTES
from tests.flow.alerting import Contented, supervised

from remit import canonical, cli, signing
from remit.alerts.desk import Desk
from remit.alerts.projection import alerts_in
from remit.alerts.supervise import supervise
from remit.confirm import PAYLOAD_TYPE
from remit.errors import Refused
from remit.manifest import RECEIPT
from remit.people import Identity
from remit.testing.channels import Postbox
from remit.testing.controller import four_eyes
from remit.testing.world import World

__all__ = ["client", "home"]  # fixtures

MARKUP = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)></textarea></pre>"
    '[go](javascript:alert(3)) {{7*7}} ${7*7} #read("/proc/version")'
)
HOSTILE = f"=HYPERLINK(1) {MARKUP} \r\n::group::forged\n\x1b[31mred\u2028\u202eturned\u200b end"
SITE = "<img src=x onerror=alert(4)>\"'{{7*7}}"
"""As long as the name of a site may be."""
RUN = "known-run"
SHOWING = {"runs/known-run", *"instruction orphans record erasures alerts breach".split()}
GETS = [path for method, path in ROUTES if method == "GET"]
HIDDEN = [character for character in HOSTILE if not character.isprintable()]


class Told(NamedTuple):
    """What was made of the names, and what was told of it."""

    world: World
    box: Postbox


def marred(fields: dict[str, Any]) -> None:
    """Say it wherever an instruction takes a free text."""
    fields["controller"]["legal_name"] = fields["controller"]["contact"]["name"] = HOSTILE
    fields["processor"] |= {"legal_name": HOSTILE, "contract": HOSTILE}
    fields["processor"]["dpo"]["name"] = fields["recipients"][0]["legal_name"] = HOSTILE
    for name in ("subject", "nature", "purpose"):
        fields[name] = f"{HOSTILE} Continuity of care in Lyon, its {name}"
    fields["data_subjects"] = [HOSTILE]
    fields["tables"][0]["rows"]["sites"]["in"].append(SITE)
    fields["tables"][0]["columns"][3]["purpose"] = HOSTILE


def named(fields: dict[str, Any]) -> None:
    """And of those who answer for alerts."""
    supervised(fields)
    marred(fields)
    fields["id"] = RUN
    fields["supervision"]["owner"]["name"] = HOSTILE
    fields["contacts"]["authorised"][0] |= {"name": HOSTILE, "account": "alice"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> Told:
    """A run that was delivered, held, and confirmed by a hostile target; one that was refused."""
    root = tmp_path_factory.mktemp("marred")
    shutil.copyfile(laboratory_file, root / "lis.sqlite")
    world, box = World(root), Postbox()
    run = world.open_run(RUN, named, "airflow:known_migration/manual__1")
    world.deliver(run, Contented())
    whoever = Identity("alice", "airflow")
    run.hold(whoever, HOSTILE, world.clock() + timedelta(days=3))
    confirm(world)
    run.confirm(world.landing())
    with pytest.raises(Refused):
        world.open_run("refused-run", named, "airflow:known_migration/manual__2").seal()
    deployment = world.deployment()
    stray = {"place": HOSTILE, "name": HOSTILE, "why": "stranger", "files": 1, "size": 7}
    found = {"found": [stray | {"oldest": None}]}
    deployment.log.append("register:orphans", "orphans", found, "test", step=None)
    supervise(deployment, [box], "os:service", timedelta(minutes=5))
    for alert in alerts_in(deployment.log.ledger, world.clock()):
        Desk(deployment, "airflow").acknowledge(alert.id, whoever, HOSTILE)
    return Told(world, box)


def confirm(world: World) -> None:
    """The target's receipt, by a system and an account of this name."""
    world.target.ingest(world.landing_path / RUN, world.settings.trust())
    path = world.landing_path / RUN / RECEIPT
    receipt = json.loads(signing.unverified_payload(path.read_bytes(), PAYLOAD_TYPE, RECEIPT))
    receipt |= {"system": HOSTILE, "principal": HOSTILE}
    signer = signing.load_signer(str(world.root / "target" / "receipts.pem"))
    path.write_bytes(signing.sign(canonical.dumps(receipt), PAYLOAD_TYPE, signer))


@pytest.fixture
def world(told: Told, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in told.world.environment.items():
        monkeypatch.setenv(name, value)
    return told.world


class Read(HTMLParser):
    """What a browser would make of a page: its text, and whatever in it could act."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.acting = "", list[str]()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("img", "iframe", "object", "embed", "base", "style"):
            self.acting.append(tag)
        if tag == "script" and not given.get("src", "").startswith("/remit/static/"):
            self.acting.append(f"script {given}")
        self.acting += [name for name in given if name.startswith("on") or name == "style"]
        links = [given.get(name, "") for name in ("href", "src", "action", "formaction")]
        self.acting += [link for link in links if link and link[0] not in "/?#"]

    def handle_data(self, data: str) -> None:
        self.text += data


# --- what reviewers read --------------------------------------------------------------------------


def test_every_page_shows_them_as_text(logged_in: Callable[..., Any], world: World) -> None:
    browser, showing = logged_in("vera"), set()
    [alert, *_] = alerts_in(world.deployment().log.ledger, world.clock())
    for path in (f"/remit/evidence?run={RUN}", *(g.replace("ledger-away", alert.id) for g in GETS)):
        for language in ("en", "fr"):
            address = f"{path}{'&' if '?' in path else '?'}language={language}"
            answer = browser.get(address)
            assert answer.status_code in (200, 303), address
            require_plain_headers(answer, address)
            if not answer.headers.get("content-type", "").startswith("text/html"):
                continue
            read = Read(answer.text)
            assert read.acting == [], address
            assert not [c for c in HIDDEN if c not in "\r\n" and c in answer.text], address
            if "<script>alert(1)</script>" in read.text:
                showing.add(path.partition("?")[0].removeprefix("/remit/"))
    assert showing >= SHOWING


def require_plain_headers(answer: Any, address: str) -> None:
    for name, value in answer.headers.items():
        assert value.isprintable(), (address, name)
        assert "<" not in value, (address, name)


def test_tables_hold_no_formula_and_reports_no_markup(
    logged_in: Callable[..., Any], world: World
) -> None:
    browser, seen = logged_in("vera"), 0
    for table in cli.parser.TABLES:
        rows = csv.reader(
            io.StringIO(browser.get(f"/remit/record/table?table={table}&format=csv").text)
        )
        cells = [cell for row in rows for cell in row]
        assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")], table
        assert not [c for c in HIDDEN if any(c in cell for cell in cells)], table
        seen += any("HYPERLINK(1)" in cell for cell in cells)
        json.loads(browser.get(f"/remit/record/table?table={table}&format=json").content)
    assert seen >= 4
    pdf = pypdf.PdfReader(io.BytesIO(browser.get("/remit/record/report").content))
    text = "".join(page.extract_text() for page in pdf.pages).replace("\n", "")
    assert "alert(1)" in text
    assert "Linux version" not in text
    assert not [
        note for page in pdf.pages for note in page.get("/Annots", []) if "javascript" in str(note)
    ]


def test_the_bundle_holds_them_as_text(logged_in: Callable[..., Any], world: World) -> None:
    answer = logged_in("vera").get(f"/remit/runs/{RUN}/bundle")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as bundle:
        names = bundle.namelist()
        assert not [name for name in names if not name.isprintable() or ".." in name or "<" in name]
        texts = {n: bundle.read(n).decode() for n in names if n.endswith((".md", ".yaml"))}
    signed = texts.pop("documents/00000-opened.instruction.yaml")
    assert "alert(1)" in signed  # byte for byte what the controller signed
    for name, text in texts.items():
        require_lines(text, name)


# --- what operators and engineers read ------------------------------------------------------------


def require_lines(text: str, what: str) -> None:
    """No line is a name's own, and no character of it steers a terminal."""
    assert "\x1b" not in text, what
    assert "\u202e" not in text, what
    assert not [line for line in text.splitlines() if line.strip().startswith("::group::")], what


COMMANDS: list[list[str]] = [
    *(["evidence", "show", RUN, "--language", language] for language in ("en", "fr")),
    ["evidence", "show"],
    ["evidence", "show", RUN, "--json"],
    ["alerts", "list"],
    ["record"],
    ["breach", RUN],
    ["record", "--json"],
    ["alerts", "list", "--json"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_commands_print_them_on_their_own_line(
    world: World, capfd: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert cli.main(command) == 0
    out, err = capfd.readouterr()
    require_lines(out + err, " ".join(command))
    if command != ["evidence", "show"]:
        assert "alert(1)" in out


def test_notices_hold_them_on_one_line(told: Told) -> None:
    assert told.box.notices
    for notice in told.box.notices:
        assert notice.subject.isprintable()
        require_lines(notice.text, notice.kind)


def test_the_question_and_the_tasks_logs_say_them_as_text(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    def edit(fields: dict[str, Any]) -> None:
        four_eyes(fields)
        marred(fields)
        fields["contacts"]["authorised"][0]["name"] = HOSTILE  # Alice's

    home.instruct(edit)
    home.start()
    asked = home.ask("alice", "GET", home.question).json()
    assert asked["subject"].isprintable()
    require_lines(asked["body"], "the question")
    assert "\\<script\\>alert(1)" in asked["body"]
    assert "<script>" not in asked["body"]
    assert home.answer("alice", home.options()[0]) == 200
    home.go()
    assert (home.state(APPROVE), home.state(DELIVER)) == ("success", "success")
    log = "".join(capfd.readouterr())
    assert "alert(1)" in log
    assert "::group::forged" not in log  # Airflow's pages fold at it, wherever in a line it stands
    assert "\u202e" not in log
    assert "\x1b[31mred" not in log
