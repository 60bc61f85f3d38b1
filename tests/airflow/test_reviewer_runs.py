"""The pages of runs: overview, list, one run with its documents; and the links from tasks to them."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from remit.bundle import verify_bundle
from remit.custody import Run
from remit.errors import Refused
from remit.evidence import Fact
from remit.instruction import read_signed
from remit.merkle import leaf_hash
from remit.narrative.timeline import timeline
from remit.ports import Rule, Verdict
from remit.reviewer.access import Reader
from remit.reviewer.picture import MARGIN, WIDTH, picture
from remit.testing.world import World, by

HOSTILE = "<img src=x onerror=alert(1)>\"'\u202e\n{{ 1234567*3 }}"
BY = "airflow:known_migration/"


class Judge:
    engine = "a test's judge"

    def __init__(self, good: bool = True) -> None:
        self.good = good

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        return [Verdict(rule.id, rule.type, (), success=self.good) for rule in rules]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> World:
    """A processor with runs in several states, and one whose every text is hostile."""
    root = tmp_path_factory.mktemp("played")
    shutil.copyfile(laboratory_file, root / "lis.sqlite")
    world = World(root)
    done = opened(world, "done-run", BY + "scheduled__1")
    world.deliver(done, Judge())
    world.ingest(done)
    done.confirm(world.landing())
    done.delete(world.landing)
    stopped = opened(world, "stopped-run", BY + "scheduled__2")
    with suppress(Refused):
        world.deliver(stopped, Judge(good=False))
    waiting = opened(world, "waiting-run", BY + "scheduled__3")
    world.deliver(waiting, Judge())
    waiting.hold(by("Camille Moreau"), "Asked to wait", world.clock() + timedelta(days=3))
    opened(world, "other-run", "os:operator")
    log = world.deployment().log
    records = [record for run in ("done-run", "waiting-run") for record in log.records(run)]
    facts = [Fact("hostile-run", one.kind, hostile(one.kind, one.data), None) for one in records]
    log.append_all(facts, BY + HOSTILE)
    return world


def opened(world: World, name: str, principal: str) -> Run:
    run = Run(name, world.deployment(), principal)
    path = world.settings.include / "instructions" / "durand.yaml"
    envelope = read_signed(path if path.exists() else world.instruct())
    run.open(envelope, world.source().label, str(world.landing_path))
    return run


_TEXTS = frozenset(
    "purpose name source landing reason person principal relation engine rule legal_name type "
    "delivered transformation to where controller limits withheld allowed withheld_tables "
    "columns_of message".split()
)


def hostile(kind: str, data: Any, key: str = "") -> Any:
    """The data with every text that people or systems outside choose replaced."""
    if isinstance(data, dict):
        return {name: hostile(kind, value, name) for name, value in data.items()}
    if isinstance(data, list):
        return [hostile(kind, value, key) for value in data]
    return HOSTILE if isinstance(data, str) and key in _TEXTS else data


@pytest.fixture
def shown(played: World, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in played.environment.items():
        monkeypatch.setenv(name, value)
    return played


def forbid(monkeypatch: pytest.MonkeyPatch, *dags: str) -> None:
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    decide = SimpleAuthManager.is_authorized_dag

    def decided(self: Any, *, details: Any = None, **asked: Any) -> bool:
        refused = details is not None and details.id in dags
        return False if refused else decide(self, details=details, **asked)

    monkeypatch.setattr(SimpleAuthManager, "is_authorized_dag", decided)


def plain(text: str) -> str:
    """What is read: tags apart, but for those within a sentence."""
    text = re.sub(r"</?(?:span|code|time)\b[^>]*>", "", text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


# --- overview and list ----------------------------------------------------------------------------


def test_overview_counts_what_is_there_under_each_controller(
    logged_in: Callable[..., Any], shown: World
) -> None:
    text = plain(logged_in("vera").get("/remit/overview").text)

    assert re.search(r"durand 5 1 1 0 1 ", text)  # runs, copies here, waiting, overdue, refused
    assert "Nothing is overdue." in text
    assert "validation-failed" in text
    assert "deletion suspended" in text


def test_overview_in_french(logged_in: Callable[..., Any], shown: World) -> None:
    text = logged_in("vera").get("/remit/overview?language=fr").text

    assert '<html lang="fr">' in text
    assert "est en retard." in text
    assert "suppression suspendue" in text


def test_what_is_overdue_is_told_red(
    logged_in: Callable[..., Any], shown: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from remit.reviewer.pages import overview, runs

    later = shown.clock() + timedelta(days=9)
    for module in (overview, runs):
        monkeypatch.setattr(module, "clock", lambda: later)
    browser = logged_in("vera")

    text = browser.get("/remit/overview").text
    assert 'class="state bad">copies are there that should be gone' in text
    assert "/remit/runs/waiting-run" in text.partition('id="overdue"')[2].partition("<section")[0]
    listed = browser.get("/remit/runs?show=overdue").text
    assert ("/remit/runs/waiting-run" in listed, "/remit/runs/done-run" in listed) == (True, False)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"done-run", "stopped-run", "waiting-run", "other-run", "hostile-run"}),
        ("show=deleted", {"done-run", "stopped-run", "hostile-run"}),
        ("show=refused", {"stopped-run"}),
        ("show=held", {"waiting-run"}),
        ("show=waiting", {"waiting-run"}),
        ("show=opened", {"other-run"}),
        ("dag=known_migration&show=held", {"waiting-run"}),
        ("instruction=durand-2026&show=refused", {"stopped-run"}),
        ("controller=durand&show=opened", {"other-run"}),
        ("controller=dupont", set()),
    ],
)
def test_list_is_narrowed(
    logged_in: Callable[..., Any], shown: World, query: str, found: set[str]
) -> None:
    text = logged_in("vera").get(f"/remit/runs?{query}").text

    assert set(re.findall(r'href="/remit/runs/([a-z-]+)"', text)) == found
    assert f"Runs found: {len(found)}" in text


def test_list_is_paged_and_refuses_what_it_does_not_know(
    logged_in: Callable[..., Any], shown: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from remit.reviewer.pages import runs

    monkeypatch.setattr(runs, "ROWS", 2)
    browser, at, seen = logged_in("vera"), "/remit/runs", []
    assert "Page plus ancienne" in browser.get("/remit/runs?language=fr").text
    for _ in range(3):
        text = browser.get(at).text
        seen += re.findall(r'href="/remit/runs/([a-z-]+)"', text)
        at = text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    assert seen == ["hostile-run", "other-run", "waiting-run", "stopped-run", "done-run"]
    assert 'rel="next"' not in text

    assert browser.get("/remit/runs?show=nothing").status_code == 404
    for query in ("before=-1", "before=x", "controller=" + "a" * 201):
        assert browser.get(f"/remit/runs?{query}").status_code == 422


# --- a run ----------------------------------------------------------------------------------------


def test_run_tells_what_left_of_how_much_and_what_became_of_it(
    logged_in: Callable[..., Any], shown: World
) -> None:
    story = Run("done-run", shown.deployment(), "test").story
    text = plain(logged_in("vera").get("/remit/runs/done-run").text)

    for table in story.last("planned")["plan"]["tables"]:
        assert f"{table['rows_in_scope']} of {table['rows_total']}" in text
        assert all(column in text for column in (*table["allowed"], *table["withheld"]))
    for said in (
        "Continuity of care after the change of laboratory system in Lyon",
        "kalisil: technical, administrative, health",
        "Judged by a test&#39;s judge",
        "Nobody was asked",
        "level L3",
        "Every copy was deleted on",
        "confirmed by the target",
        "remit evidence verify done-run.remit.zip",
    ):
        assert said in text, said
    assert story.last("opened")["instruction"]["digest"] in text


def test_run_in_french(logged_in: Callable[..., Any], shown: World) -> None:
    text = plain(logged_in("vera").get("/remit/runs/done-run?language=fr").text)

    for said in ("Toutes les copies ont été supprimées", "Colonnes retenues", "niveau L3"):
        assert said in text


@pytest.mark.parametrize(
    ("language", "said"), [("en", "in plain words"), ("fr", "en langage clair")]
)
def test_run_leads_to_its_instruction_as_a_lawyer_reads_it(
    logged_in: Callable[..., Any],
    shown: World,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    said: str,
) -> None:
    browser = logged_in("vera")
    at = f"/remit/runs/done-run?language={language}"
    (address,) = re.findall(rf'href="([^"]+)">{said}</a>', browser.get(at).text)

    assert address.startswith(
        "/remit/instruction?controller=durand&amp;id=durand-2026&amp;version="
    )
    read = browser.get(address.replace("&amp;", "&"))
    assert read.status_code == 200
    assert "Continuity of care" in read.text

    monkeypatch.setattr(Reader, "sees_deployment", property(lambda _: False))
    assert said not in browser.get(at).text  # who may not read the instructions gets no link there


def test_stopped_run_says_at_which_rule(logged_in: Callable[..., Any], shown: World) -> None:
    text = plain(logged_in("vera").get("/remit/runs/stopped-run").text)

    assert "validation-failed" in text
    assert "Nothing was delivered." in text


def test_held_run_says_who_holds_it_until_when(logged_in: Callable[..., Any], shown: World) -> None:
    text = plain(logged_in("vera").get("/remit/runs/waiting-run").text)

    assert "Camille Moreau: Asked to wait" in text
    assert "Copies may still be there." in text


def test_picture_has_a_text_and_nothing_of_its_own_to_run_or_to_load(
    logged_in: Callable[..., Any], shown: World
) -> None:
    text = logged_in("vera").get("/remit/runs/done-run").text
    (svg,) = re.findall(r"<svg.*?</svg>", text, re.DOTALL)

    assert 'role="img" aria-labelledby="picture-title picture-text"' in svg
    assert "Deleted: " in svg
    assert not re.search(r"style|script|href|on[a-z]+=", svg)
    assert svg.count("<circle") == len(Run("done-run", shown.deployment(), "test").story.records)


def test_each_digest_shown_is_that_of_the_file_beside_it(
    logged_in: Callable[..., Any], shown: World
) -> None:
    browser = logged_in("vera")
    text = browser.get("/remit/runs/done-run").text
    checks = text.partition('id="checks"')[2]
    rows = re.findall(
        r'title="([0-9a-f]{64})".*?href="(/remit/runs/done-run/files/([^"]+))"', checks, re.DOTALL
    )
    story = Run("done-run", shown.deployment(), "test").story
    assert len(rows) == 7 + len(story.records)

    for digest, address, name in rows:
        answer = browser.get(address)
        assert answer.status_code == 200
        zero = b"\0" if name.startswith("record-") else b""
        assert hashlib.sha256(zero + answer.content).hexdigest() == digest, name
        disposition = answer.headers["content-disposition"]
        assert disposition == f'attachment; filename="done-run-{name}"'
        assert answer.headers["x-content-type-options"] == "nosniff"
    by_name = {name: digest for digest, _, name in rows}
    said = {
        "instruction.yaml": story.last("opened")["instruction"]["digest"],
        "manifest.dsse.json": story.last("delivered")["manifest"],
        "receipt.dsse.json": story.last("confirmed")["digest"],
    }
    for name, digest in said.items():
        assert f"sha256:{by_name[name]}" == digest
    leaves = {leaf_hash(kept.body).hex() for kept in shown.deployment().log.ledger.kept("done-run")}
    assert leaves <= set(by_name.values())


def test_bundle_is_downloaded_and_verifies(logged_in: Callable[..., Any], shown: World) -> None:
    answer = logged_in("vera").get("/remit/runs/done-run/bundle")

    assert answer.headers["content-disposition"] == 'attachment; filename="done-run.remit.zip"'
    assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None
    assert verify_bundle(answer.content, shown.settings.trust()).run == "done-run"


def test_run_of_a_dag_that_may_not_be_read_is_nowhere(
    logged_in: Callable[..., Any], shown: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, "known_migration")
    browser = logged_in("vera")

    for path in ("", "/files/instruction.yaml", "/files/nothing", "/bundle"):
        answer = browser.get(f"/remit/runs/done-run{path}")
        assert answer.status_code == 403
        assert "Continuity of care" not in answer.text
    assert browser.get("/remit/runs/other-run").status_code == 200
    for export in ("table?table=runs&format=csv", "table?table=alerts&format=json", "report"):
        assert browser.get(f"/remit/record/{export}").status_code == 403
    listed = browser.get("/remit/runs").text
    assert ("other-run" in listed, "done-run" in listed) == (True, False)
    assert "known_migration" not in listed
    seen = browser.get("/remit/overview").text
    assert "stopped-run" not in seen
    assert re.search(r"durand 1 0 0 0 0 ", plain(seen))
    dag_run = "/remit/dag-run?dag=known_migration&dag_run=scheduled__1"
    assert browser.get(dag_run).status_code == 403


def test_unknown_runs_and_documents_are_not_found(
    logged_in: Callable[..., Any], shown: World
) -> None:
    browser = logged_in("vera")
    for path in (
        "no-such-run",
        "register:instructions",
        "%3Cb%3E",
        "done-run/files/nothing",
        "done-run/files/..%2F..%2Fevidence.sqlite",
        "done-run/files/record-0.json",  # the register's
        "other-run/files/manifest.dsse.json",
    ):
        assert browser.get(f"/remit/runs/{path}").status_code == 404, path


def test_hostile_texts_are_text(logged_in: Callable[..., Any], shown: World) -> None:
    browser = logged_in("vera")
    pages = [
        browser.get(f"/remit/{path}")
        for path in (
            "overview",
            "runs",
            "runs/hostile-run",
            "runs/hostile-run?language=fr",
            "runs?controller=%3Cimg%20src%3Dx%3E&instruction=%22%3E%3Cimg&dag=%3Cimg",
            "evidence?run=hostile-run",
        )
    ]
    for answer in pages:
        assert answer.status_code == 200
        assert "<img" not in answer.text
        assert "\u202e" not in answer.text
        assert "3703701" not in answer.text  # nothing is a template but ours
    whole = pages[2].text
    assert whole.count("&lt;img src=x onerror=alert(1)&gt;&#34;&#39;") > 20
    for section in ("asked", "scope", "validation", "receipt", "deletion", "story"):
        own = whole.partition(f'id="{section}"')[2].partition("</section>")[0]
        assert "&lt;img" in own, section


def test_changed_record_is_a_red_page_and_the_lists_name_the_run(
    logged_in: Callable[..., Any], shown: World
) -> None:
    path = shown.settings.home / "evidence.sqlite"
    whole = path.read_bytes()
    try:
        with sqlite3.connect(path) as database:
            database.execute(
                "UPDATE remit_record SET body = replace(body, 'LYO1', 'LYO9') "
                "WHERE run = 'done-run' AND kind = 'planned'"
            )
        from remit.reviewer.boards import _board

        _board.cache_clear()
        browser = logged_in("vera")
        for page in ("overview", "runs"):
            text = browser.get(f"/remit/{page}").text
            assert "Damaged evidence" in text
            assert "done-run" in text.partition("Damaged evidence")[2].partition("</section>")[0]
            assert "/remit/runs/waiting-run" in text
    finally:
        path.write_bytes(whole)
        _board.cache_clear()


def test_while_the_evidence_is_read_the_page_says_so_and_looks_again(
    logged_in: Callable[..., Any], shown: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from remit.board import BeingRead, Board

    def ask(self: Any, _: Any) -> None:
        raise BeingRead("the ledger", 10, 100)

    monkeypatch.setattr(Board, "_ask", ask)
    answer = logged_in("vera").get("/remit/overview")

    assert answer.status_code == 503
    assert "The evidence is being read" in answer.text
    assert "10 / 100" in answer.text
    assert answer.headers["refresh"] == "3"


# --- links from tasks -----------------------------------------------------------------------------


SECTIONS = {
    "plan": "scope",
    "extract": "scope",
    "validate": "validation",
    "deliver": "receipt",
    "confirm": "receipt",
}


def test_each_task_links_to_its_place_on_the_runs_page_though_it_has_not_run(
    run_dag: Callable[[str], Any],
    logged_in: Callable[..., Any],
    connected: Callable[..., World],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def edit(fields: dict[str, Any]) -> None:
        fields["tables"][0]["columns"][0]["name"] = "no_such_column"

    world = connected(edit)  # so that the first task is refused, and the others never begin
    done = run_dag("quick_migration")
    browser = logged_in("vera")
    [page] = set(world.deployment().log.ledger.runs()) & {
        (seq, run) for seq, run in world.deployment().log.ledger.runs() if ":" not in run
    }
    tasks = f"/api/v2/dags/quick_migration/dagRuns/{done.run_id}/taskInstances"

    for task, section in SECTIONS.items():
        answer = browser.get(f"{tasks}/migration.{task}/links")
        assert answer.json()["extra_links"] == {
            "remit: this run": f"remit/runs/{page[1]}#{section}"
        }
    shown = browser.get(f"/remit/runs/{page[1]}")
    assert shown.status_code == 200
    assert all(f'id="{section}"' in shown.text for section in SECTIONS.values())
    xcoms = browser.get(f"{tasks}/migration.plan/xcomEntries").json()["xcom_entries"]
    assert xcoms == []


# --- the picture ----------------------------------------------------------------------------------


def test_everything_in_the_picture_is_in_order_and_inside_it(shown: World) -> None:
    for run in ("done-run", "waiting-run", "stopped-run", "other-run"):
        story = Run(run, shown.deployment(), "test").story
        for days in (0, 2, 5, 30):
            now = shown.clock() + timedelta(days=days)
            drawn = picture(timeline(story.records, story.obligation(), now), now)
            edges = [edge for bar in drawn.bars for edge in (bar.x, bar.x + bar.width)]
            assert edges == sorted(edges)
            assert edges[0] == MARGIN
            assert edges[-1] == pytest.approx(WIDTH - MARGIN, abs=1)
            for points in (drawn.points, drawn.marks):
                placed = [point.x for point in sorted(points, key=lambda point: point.at)]
                assert placed == sorted(placed)
                assert all(MARGIN <= x <= WIDTH - MARGIN for x in placed)
            assert drawn.now is not None
            assert MARGIN <= drawn.now <= WIDTH - MARGIN
