"""Pages of instructions, orphans, the record, breach drafts; and verifying in a real browser."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pypdf
import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from remit import canonical, signing
from remit.bundle.making import gather
from remit.evidence import timestamp
from remit.merkle import leaf_hash
from remit.reviewer.access import Reader
from remit.testing.world import World
from remit.wiring import open_ledger

HOSTILE = "</textarea></pre><script>alert(1)</script><img src=x onerror=alert(2)>"
CHROMIUM = "/usr/bin/chromium"
NO_NETWORK = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
TABLES = ("instructions", "runs", "erasures", "holds", "orphans", "alerts")


@pytest.fixture(scope="module")
def told_world(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> World:
    """A run of a hostile instruction in two versions, an orphan, and a run of a known DAG."""
    root = tmp_path_factory.mktemp("told")
    shutil.copyfile(laboratory_file, root / "lis.sqlite")
    world = World(root)
    world.open_run("told-run", _hostile, by="airflow:known_migration/manual__1")
    first = world.deployment().log.records("register:instructions")[0].data["instruction"]

    def second(fields: dict[str, Any]) -> None:
        _hostile(fields)
        fields["version"] = 2
        fields["supersedes"] = {"version": 1, "digest": first["digest"]}
        fields["retention"]["without_confirmation"] = "P30D"

    world.open_run("second-run", second)
    orphan = {"place": HOSTILE, "name": "told-run", "why": "deleted", "files": 1, "size": 7}
    found = {"found": [orphan | {"oldest": None}]}
    world.deployment().log.append("register:orphans", "orphans", found, "test", step=None)
    _duties(world)
    return world


def _duties(world: World) -> None:
    """A run that is overdue, one that is held, one that is due later, and one that is gone."""
    log = world.deployment().log
    asked = log.records("told-run")[0].data
    later = timestamp(world.clock() + timedelta(days=3))
    past = timestamp(world.clock() - timedelta(days=3))
    held = {"until": later, "person": HOSTILE, "reason": HOSTILE}
    gone = {"certificate": HOSTILE, "copies": 7}
    for run, due, more in (
        ("overdue-run", past, ()), ("held-run", past, (("held", held),)), ("later-run", later, ()),
        ("gone-run", past, (("deleted", gone),)),
    ):  # fmt: skip
        dag = "airflow:known_migration/manual__2" if run != "later-run" else "os:operator"
        log.append(run, "opened", asked, dag, step=None)
        obliged = {"due": due, "reason": "maximum age without confirmation"}
        for kind, data in (("obliged", obliged), *more):
            log.append(run, kind, data, dag, step=None)


def _hostile(fields: dict[str, Any]) -> None:
    fields["id"] = "told"
    fields["recipients"][0]["legal_name"] = HOSTILE
    fields["purpose"] = f"Continuity of care {HOSTILE}"


@pytest.fixture
def told(told_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in told_world.environment.items():
        monkeypatch.setenv(name, value)
    return told_world


PAGES = {
    "erasures": "/remit/erasures",
    "instructions": "/remit/instructions",
    "one": "/remit/instruction?controller=durand&id=told&version=1",
    "differences": "/remit/instruction/differences?controller=durand&id=told&old=1&new=2",
    "orphans": "/remit/orphans",
    "record": "/remit/record",
    "breach": "/remit/breach?run=told-run&aware=2026-01-01T08:30",
    "verify": "/remit/verify?run=told-run",
}


# --- what they show -------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("path", PAGES.values(), ids=list(PAGES))
def test_hostile_names_are_text_on_every_page(
    logged_in: Callable[..., Any], told: World, path: str, language: str
) -> None:
    mark = "&" if "?" in path else "?"
    answer = logged_in("vera").get(f"{path}{mark}language={language}")

    assert answer.status_code == 200
    for active in ("<script>", "<img", "</textarea></pre>"):
        assert active not in answer.text


def test_instructions_are_listed_with_their_state_and_lead_on(
    logged_in: Callable[..., Any], told: World
) -> None:
    browser = logged_in("vera")
    text = browser.get(PAGES["instructions"]).text

    assert "superseded" in text
    assert "by version 2" in text
    assert "in force" in text
    one = browser.get(PAGES["one"]).text
    assert "IN PLAIN LANGUAGE" in one
    assert "compare with version 2" in one
    differing = browser.get(PAGES["differences"] + "&language=fr").text
    assert "était 7 jours, est maintenant 30 jours" in differing
    assert differing.index("ÉLARGI") < differing.index("MODIFIÉ")


def test_erasures_tell_what_must_go_what_keeps_it_and_what_is_gone(
    logged_in: Callable[..., Any], told: World
) -> None:
    text = logged_in("vera").get(PAGES["erasures"]).text
    parts = re.split(r'<h2 id="', text)
    sections = {part.partition('"')[0]: part for part in parts[1:]}

    assert list(sections) == ["overdue", "locked", "held", "pending", "gone"]
    runs = {
        "overdue-run": "overdue",
        "held-run": "held",
        "later-run": "pending",
        "gone-run": "gone",
    }
    for run, where in runs.items():
        assert [name for name, part in sections.items() if f'runs/{run}"' in part] == [where]
    assert canonical.sha256(HOSTILE.encode()) in sections["gone"]


def test_erasures_of_a_dag_that_may_not_be_read_are_not_shown(
    logged_in: Callable[..., Any], told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Runs that no DAG made, and no other.
    monkeypatch.setattr(Reader, "seen", lambda _, asked: [one is None for one in asked])
    text = logged_in("vera").get(PAGES["erasures"]).text

    assert ("later-run" in text, "overdue-run" in text, "gone-run" in text) == (True, False, False)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/remit/instruction?controller=durand&id=told&version=3", 404),
        ("/remit/instruction?controller=martin&id=told&version=1", 404),
        ("/remit/instruction?controller=durand&id=told&version=x", 422),
        ("/remit/breach?run=no-such-run", 404),
        ("/remit/breach?run=register:orphans", 404),
        ("/remit/breach?run=told-run&aware=yesterday", 422),
        ("/remit/breach?run=told-run&aware=2126-01-01T08:30", 422),
        ("/remit/verify?run=no-such-run", 404),
        ("/remit/record/table?table=other&format=csv", 422),
        ("/remit/record/table?table=runs&format=xlsx", 422),
        ("/remit/record/report?since=2026-13-01", 422),
    ],
)
def test_what_is_not_there_is_not_found(
    logged_in: Callable[..., Any], told: World, path: str, status: int
) -> None:
    assert logged_in("vera").get(path).status_code == status


def test_exports_are_files_that_do_nothing(logged_in: Callable[..., Any], told: World) -> None:
    browser = logged_in("vera")
    for name in TABLES:
        answer = browser.get(f"/remit/record/table?table={name}&format=csv")
        assert answer.headers["content-disposition"] == f'attachment; filename="remit-{name}.csv"'
        rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
        fields = browser.get(f"/remit/record/table?table={name}&format=json").json()
        assert len(rows) == len(fields[name])
    answer = browser.get("/remit/record/report?controller=durand&language=fr")
    assert answer.headers["content-type"] == "application/pdf"
    assert pypdf.PdfReader(io.BytesIO(answer.content)).trailer["/Root"]["/Lang"] == "fr"
    assert (
        browser.get("/remit/record/table?table=runs&format=json&until=2020-01-01").json()["runs"]
        == []
    )


def test_the_draft_can_be_taken_along(logged_in: Callable[..., Any], told: World) -> None:
    answer = logged_in("vera").get("/remit/breach/draft?run=told-run&language=fr")

    assert answer.headers["content-disposition"] == 'attachment; filename="breach-told-run.md"'
    assert answer.text.startswith("# PROJET")
    assert "<script>" not in answer.text.replace("\\<script\\>", "")


def test_what_belongs_to_no_dag_asks_for_the_audit_log(
    logged_in: Callable[..., Any], told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    decide = SimpleAuthManager.is_authorized_dag

    def decided(self: Any, *, details: Any = None, access_entity: Any = None, **asked: Any) -> bool:
        if details is None and access_entity.name == "AUDIT_LOG":
            return False
        return decide(self, details=details, access_entity=access_entity, **asked)

    monkeypatch.setattr(SimpleAuthManager, "is_authorized_dag", decided)
    browser = logged_in("vera")
    assert "later-run" not in browser.get(PAGES["erasures"]).text
    for path in (PAGES["instructions"], PAGES["one"], PAGES["orphans"], PAGES["record"]):
        assert browser.get(path).status_code == 403
    for path in ("/remit/record/report", "/remit/record/table?table=runs&format=csv"):
        assert browser.get(path).status_code == 403
    assert browser.get("/remit/breach?run=second-run").status_code == 403
    assert browser.get("/remit/verify/proofs?run=second-run").status_code == 403
    assert browser.get(PAGES["breach"]).status_code == 200
    assert browser.get(PAGES["verify"]).status_code == 200


# --- verifying in the browser ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", *NO_NETWORK]
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(
    chromium: Browser, logged_in: Callable[..., Any], told: World
) -> Iterator[Callable[[str], Page]]:
    """Opens a page of ours in the browser; whatever it asks for is answered by the application."""
    context = chromium.new_context(base_url="http://localhost")
    asked: list[str] = []
    server = logged_in("vera")

    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        asked.append(url.netloc)
        found = server.get(f"{url.path}?{url.query}")
        route.fulfill(status=found.status_code, headers=dict(found.headers), body=found.content)

    context.route("**/*", answer)

    def go(path: str) -> Page:
        page = context.new_page()
        page.goto(path)
        return page

    yield go
    assert set(asked) == {"localhost"}
    context.close()


def key_of(world: World) -> str:
    return str(signing.load_public(world.root / "processor/keys/processor.pem.pub"))


def verdict(page: Page, key: str, proofs: str | None = None) -> tuple[str, str]:
    page.fill("#key", key)
    if proofs is not None:
        page.fill("#proofs", proofs)
    page.click("button")
    page.wait_for_function("document.querySelector('#verdict').className !== ''")
    return page.inner_text("#verdict"), page.inner_text("#steps")


def test_a_run_verifies_in_the_browser_with_the_figures_of_the_command(
    opened: Callable[[str], Page], told: World
) -> None:
    page = opened(PAGES["verify"])
    said, steps = verdict(page, key_of(told))
    evidence = gather(open_ledger(told.settings), "told-run")
    size = told.deployment().log.ledger.state()[0]

    assert said == "Everything that was looked at holds."
    last = len(evidence.records.records) - 1
    assert f"Records 0 to {last} of run told-run are in the log of {size} records" in steps
    leaves = page.text_content("#leaves") or ""
    assert all(leaf_hash(record.body()).hex() in leaves for record in evidence.records.records)


def test_the_key_and_the_download_can_be_files(
    opened: Callable[[str], Page], told: World, logged_in: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "told-run.proofs.json"
    file.write_bytes(logged_in("vera").get("/remit/verify/proofs?run=told-run").content)
    page = opened(PAGES["verify"] + "&language=fr")
    page.fill("#proofs", "")
    page.set_input_files("#proofs-file", file)
    page.set_input_files("#key-file", told.root / "processor/keys/processor.pem.pub")
    page.wait_for_function("document.querySelector('#key').value !== ''")
    page.wait_for_function("document.querySelector('#proofs').value !== ''")
    page.click("button")
    page.wait_for_selector("#verdict.good")
    assert page.inner_text("#verdict") == "Tout ce qui a été contrôlé est conforme."


def edited(proofs: str, edit: Callable[[dict[str, Any]], object]) -> str:
    fields = json.loads(proofs)
    edit(fields)
    return json.dumps(fields)


def swap_first_two(fields: dict[str, Any]) -> None:
    fields["records"][:2] = fields["records"][1::-1]


TAMPERED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "changed": (
        lambda f: f["records"][0].update(
            body=f["records"][0]["body"].replace("Continuity", "Discontinuity")
        ),
        "is not in the log that the checkpoint signs",
    ),
    "proof": (
        lambda f: f["records"][0]["proof"].__setitem__(0, "0" * 64),
        "is not in the log that the checkpoint signs",
    ),
    "short proof": (
        lambda f: f["records"][0]["proof"].pop(),
        "is not in the log that the checkpoint signs",
    ),
    "no hex": (lambda f: f["records"][0]["proof"].__setitem__(0, HOSTILE), "64 hexadecimal digits"),
    "another run": (lambda f: f.update(run="second-run"), "is not in its place"),
    "none": (lambda f: f.update(records=[]), "not as remit writes them"),
    "checkpoint": (
        lambda f: f.update(checkpoint=f["checkpoint"].replace('"payload":"e', '"payload":"f')),
        "is not made by the key",
    ),
    "no checkpoint": (lambda f: f.update(checkpoint="{}"), "not as remit writes them"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_what_was_changed_does_not_verify(
    opened: Callable[[str], Page], told: World, name: str
) -> None:
    page = opened(PAGES["verify"])
    edit, why = TAMPERED[name]
    said, steps = verdict(page, key_of(told), edited(page.input_value("#proofs"), edit))

    assert said == "Something does not hold."
    assert why in steps
    assert page.locator("#steps img").count() == 0


def test_another_key_or_none_does_not_verify(opened: Callable[[str], Page], told: World) -> None:
    page = opened(PAGES["verify"])
    other = str(signing.load_public(told.root / "target/receipts.pem.pub"))
    assert "Another key signed the checkpoint" in verdict(page, other)[1]
    page = opened(PAGES["verify"])
    assert "no public key of the form" in verdict(page, HOSTILE)[1]
    assert page.locator("#steps img").count() == 0
