"""Hostile texts, a world that has one wherever somebody outside chooses a text, and ways to look for harm."""

from __future__ import annotations

import re
import shutil
import sqlite3
import unicodedata
from contextlib import closing, suppress
from datetime import timedelta
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from tests.flow.alerting import Contented

from remit import reviewer
from remit.alerts.desk import Desk
from remit.alerts.model import Alert
from remit.alerts.supervise import supervise
from remit.approve import Answer, Origin
from remit.custody import Run, sweep
from remit.custody.attempts import record_attempt
from remit.errors import Refused
from remit.people import Identity
from remit.testing.answers import Answers
from remit.testing.channels import Postbox
from remit.testing.world import World

LITERAL = "<script>alert(1)</script>"
TEXTS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r\nBcc: thief@evil.example\r\n\r\nforged",
    "\nERROR forged line of a log",
    "\x1b[31mred\x1b]0\x07\x9b2J",
    "::group::folded",
    "::endgroup::",
    "::error::marked",
    "\u202etxt.exe\u2066\u200b\u200d\u2060\ufeff\u00ad",
    "a\u2028line\u2029of\x85it",
    "nul\x00nul",
    LITERAL,
    "\"'><img src=x onerror=alert(1)>",
    "\" onmouseover=alert(1) x='",
    "</title></textarea></pre></style>-->]]><svg onload=alert(1)>",
    '</script><script src="//evil.example/x.js"></script>',
    "javascript:alert(1)",
    "[x](javascript:alert(1)) ![y](http://evil.example/y.png) <http://evil.example>",
    "{{1234567*3}} {% raw %} ${1234567*3} #{1234567*3} %s %(x)s {0} {x}",
    '#eval("1234567*3") #read("/proc/1/environ") $ x^2 $ *bold* _it_ <label> @ref // /*',
    "&#8238;&lt;b&gt; www.evil.example https://evil.example/",
    "`code` | cell | **b**\n# heading",
)
COMPUTED = "3703701"
"""What a template, a formula or a typesetter would make of one of them."""
NAMES = tuple(text for text in TEXTS if not re.search(r"[\x00-\x1f\x7f]", text))
"""Those that a name of a table or a site may be."""
COLUMNS = (
    "=1+1\"'><img src=x onerror=alert(1)>",
    "{{1234567*3}} `|` </script>",
    "\x1b[31m\n::group::@\u202e",
)
"""Columns at the source; the first leaves."""
TABLE = '"><img src=x onerror=alert(1)>::group::'
BY = "airflow:known_migration/::group::manual__1"
ALICE = Identity("alice", "airflow", f"10.1.2.3{LITERAL}")
WHOLE, STOPPED = "whole-run", "stopped-run"

_MARKS = count()
MARKS: dict[str, str] = {}
"""Where each text is, by the mark that is in it."""


def text(place: str, filling: str = "") -> str:
    """A text of every hostile text, each place with another one in front, and with a mark of its own."""
    number = next(_MARKS)
    mark = f"zq{number:03}qz"
    MARKS[mark] = place
    first = number % len(TEXTS)
    return " ".join([TEXTS[first], mark, filling, *TEXTS[first + 1 :], *TEXTS[:first]])


def one_long(place: str) -> str:
    """A text as long as an instruction lets it be."""
    whole = text(place)
    return whole + "W" * (2000 - len(whole))


def one_purpose(place: str) -> str:
    """A text that does not read as a list."""
    return text(place, "Continuity of care after a change of system in Lyon").replace(";", ",")


def edit(fields: dict[str, Any]) -> None:
    """A hostile text wherever the controller's instruction takes a free one."""
    fields["id"] = "hostile"
    _parties(fields)
    for name, filling in (
        ("subject", "Results of two sites that move to Lyon"),
        ("nature", "One extraction, transfer to Lyon, deletion"),
        ("changes", "The laboratory's two managers sign a version"),
    ):
        fields[name] = text(name, filling)
    fields["purpose"] = one_purpose("purpose")
    fields["data_subjects"] = [text("data_subjects", "Patients of Lyon")]
    fields["retention"]["backups"] = text("backups", "Staging volumes that no backup reads")
    fields["approval"] = {"within": "PT24H"}
    fields["expectations"] = []
    _tables(*fields["tables"])


def _parties(fields: dict[str, Any]) -> None:
    fields["controller"]["legal_name"] = one_long("controller.legal_name")
    fields["processor"]["legal_name"] = text("processor.legal_name")
    fields["processor"]["contract"] = text("contract")
    fields["recipients"][0]["legal_name"] = text("recipient")
    host = {"country": "FR", "legal_name": text("subprocessor")}
    fields["subprocessors"] = [host | {"task": text("task", "Hosts the landing zone at Lyon")}]
    fields["objections"]["how"] = text("how", "In writing before laboratory Durand runs")
    told = fields["contacts"]
    told["confidentiality"] = text("confidentiality", "Undertaking annexed to contract Durand")
    for person, place in (
        (fields["controller"]["contact"], "controller.contact"),
        (fields["processor"]["dpo"], "dpo"),
        (fields["objections"]["contact"], "objections.contact"),
        *((told[name], name) for name in ("breach", "rights", "audit")),
    ):
        person["name"] = text(place)
    acts = ["approve", "hold", "acknowledge", "confirm", "revoke"]
    told["authorised"] = [
        {"name": text("authorised"), "email": "alice@m.example", "account": "alice", "may": acts},
        {"name": text("other person"), "email": "a'\"><img/onerror=x>@m.example",
         "account": "<svg/onload=alert(1)>::group::\u202e{{1234567*3}}"},
    ]  # fmt: skip
    told["shared_accounts"] = ["javascript:alert(1)//{{1234567*3}}"]
    owner = {"name": text("owner"), "email": "owner@m.example"}
    last = {"name": text("escalation"), "email": fields["controller"]["contact"]["email"]}
    fields["supervision"] = {"owner": owner, "escalation": [last | {"after": "PT4H"}]}


def _tables(results: dict[str, Any], history: dict[str, Any]) -> None:
    results["rows"]["all_codes"] = text("all_codes", "Every earlier analysis of a patient")
    results["rows"]["sites"]["in"] += NAMES
    for number, column in enumerate(results["columns"]):
        column["purpose"] = text(f"purpose of column {number}")
    added = {"name": COLUMNS[0], "type": "string", "category": "technical"}
    results["columns"].append(added | {"purpose": text("purpose of the hostile column")})
    history |= {"at": {"table": history["name"]}, "name": TABLE}


class Hostile(NamedTuple):
    """A deployment, what it told by its channel, and what was planted in it: place by mark."""

    world: World
    postbox: Postbox
    marks: dict[str, str]


def make_hostile(root: Path, laboratory_file: Path) -> Hostile:
    """A run from its opening to its deletion, one that was refused, alerts, an orphan; and what was told."""
    shutil.copyfile(laboratory_file, root / "lis.sqlite")
    with closing(sqlite3.connect(root / "lis.sqlite")) as database:
        for name in COLUMNS:
            quoted = name.replace('"', '""')
            database.execute(f'ALTER TABLE results ADD COLUMN "{quoted}" TEXT')
        database.execute(f'CREATE TABLE "{LITERAL} ::endgroup::" (x TEXT)')
    world, postbox = World(root), Postbox()
    world.clock.advance(hours=-8)
    fields = _same(world)
    stopped = world.open_run(STOPPED, fields, BY)
    with suppress(Refused):
        stopped.seal()
    _alerts(world, postbox)
    world.clock.advance(hours=2)
    _whole(world, world.open_run(WHOLE, fields, BY))
    _left_over(world)
    supervise(world.deployment(), [postbox], BY, timedelta(minutes=5))
    world.open_run("next-run", _second(world, fields), BY)
    return Hostile(world, postbox, dict(MARKS))


def _same(world: World) -> Any:
    """The edit that makes the very same instruction each time."""
    made = world.controller.fields(world.parties)
    edit(made)

    def same(fields: dict[str, Any]) -> None:
        fields.clear()
        fields.update(made)

    return same


def _second(world: World, first: Any) -> Any:
    known = world.deployment().log.records("register:instructions")[0].data["instruction"]

    def second(fields: dict[str, Any]) -> None:
        first(fields)
        fields |= {"version": 2, "purpose": one_purpose("purpose of version 2")}
        fields["supersedes"] = {"version": 1, "digest": known["digest"]}

    return second


def _whole(world: World, run: Run) -> None:
    """Approved, delivered, held, released; answered by a target that says hostile things; deleted."""
    steps = world.steps(run, Contented())
    for name in ("plan", "extract", "validate", "seal"):
        steps[name]()
    origin = Origin((text("the DAG's author"),), text("who started the run"))
    question = run.ask(origin, f"{BY}/{text('reference')}")
    assert question is not None
    answer = Answer("alice", text("the answer's user"), (question.approval,), world.clock())
    run.take_answer(question, answer)
    steps["deliver"]()
    run.hold(ALICE, text("reason of a hold"), world.clock() + timedelta(days=3))
    run.release(ALICE, text("reason of a release"))
    says = Answers(world, run)
    world.clock.advance(minutes=1)
    true = says.true()
    said = {"system": text("the target's system"), "principal": text("the target's principal")}
    says.put(says.signed(true, **said, status="partial"))
    with suppress(Refused):
        run.confirm(world.landing())
    says.put(says.signed(true, seconds=1, **said))
    assert run.confirm(world.landing())
    run.delete(world.landing)


def _left_over(world: World) -> None:
    """Files that nobody recorded, in the processor's staging and at the landing zone."""
    for store in (world.root / "processor" / "staging", world.landing_path):
        (store / "<img src=x onerror=alert(1)>\x1b[31m").mkdir()
        (store / "<img src=x onerror=alert(1)>\x1b[31m" / "::group::\n.csv").write_text("x")
    world.clock.advance(minutes=1)
    sweep(world.deployment(), BY, world.landing)


def _alerts(world: World, postbox: Postbox) -> None:
    deployment = world.deployment()
    account, place = text("account of an attempt"), text("address of an attempt")
    record_attempt(deployment, "hold", account, place, text("why of an attempt"), STOPPED)
    for hours in (0, 1, 5):
        world.clock.advance(hours=hours)
        supervise(world.deployment(), [postbox], BY, timedelta(minutes=5))
    desk = Desk(world.deployment(), BY)
    one, other = alerts(world)[:2]
    desk.acknowledge(one.id, ALICE, text("reason of an acknowledgement"))
    desk.close(other.id, ALICE, text("reason of an end"))


def alerts(world: World) -> list[Alert]:
    return [alert for alert in Desk(world.deployment(), "test").alerts() if alert.chain]


# --- looking for harm -------------------------------------------------------------------------------


_TEMPLATES = "".join(
    path.read_text("utf-8") for path in (Path(reviewer.__file__).parent / "templates").iterdir()
)
_ELEMENTS = frozenset(re.findall(r"<([a-z][a-z0-9]*)", _TEMPLATES))
_ATTRIBUTES = frozenset(re.findall(r"[\s\"]([a-zA-Z][\w:-]*)(?==\"|[\s>])", _TEMPLATES.lower()))
_LINKS = ("href", "src", "action", "formaction", "xlink:href", "data", "poster", "srcset")


class Page(HTMLParser):
    """A page as a browser would take it apart."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.shown = ""
        self.title = ""
        self.scripts = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is not None:
            self.scripts += data
        self.shown += data
        if self.elements and self.elements[-1][0] == "title":
            self.title += data

    def links(self) -> set[str]:
        return {given["href"] for tag, given in self.elements if tag == "a" and "href" in given}


def harm_in_page(markup: str, own: str = "/remit/") -> list[str]:
    """What of a page somebody else has made."""
    page = Page(markup)
    found = [f"script: {page.scripts}"] if page.scripts.strip() else []
    for tag, given in page.elements:
        if tag not in _ELEMENTS:
            found.append(f"element {tag}")
        found += [
            f"attribute {name}"
            for name in given
            if name.startswith("on") or name not in _ATTRIBUTES
        ]
        for name in _LINKS:
            if name in given and not given[name].startswith((own, "#", "?")):
                found.append(f"{name} to {given[name][:60]!r}")
        found += harm_in_text(" ".join(given.values()))
    return found + harm_in_text(page.shown)


def harm_in_text(said: str) -> list[str]:
    """What would move a cursor, begin a line, turn the writing or hide; and what was computed."""
    bad = {c for c in said if c != "\n" and unicodedata.category(c) in _UNSEEN}
    return [f"character {c!r}" for c in bad] + ([COMPUTED] if COMPUTED in said else [])


_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def marks_in(said: str) -> set[str]:
    return set(re.findall(r"zq\d{3}qz", said))
