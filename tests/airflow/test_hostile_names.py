"""Texts that somebody outside chose are refused where they come in, or stay text wherever they go."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pypdf
import pytest
import yaml
from markdown_it import MarkdownIt
from tests.airflow.hostile import (
    BY,
    COLUMNS,
    LITERAL,
    NAMES,
    STOPPED,
    TABLE,
    TEXTS,
    WHOLE,
    Hostile,
    Page,
    edit,
    harm_in_page,
    harm_in_text,
    make_hostile,
    marks_in,
)
from tests.airflow.test_reviewer_gate import routes
from tests.services.test_channels import channel, hook_connection, mail_connection

from remit.cli import main
from remit.errors import Refused
from remit.instruction import parse
from remit.narrative import tell
from remit.operators.telling import logged, tell_records
from remit.reports.csv_form import _ACTIVE
from remit.testing.mail_server import MailServer
from remit.testing.webhook_receiver import WebhookReceiver
from remit.testing.world import World

SCHEME = re.compile(r"\s*(?:javascript|data|vbscript):", re.IGNORECASE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> Hostile:
    root = tmp_path_factory.mktemp("hostile")
    root.chmod(0o700)
    return make_hostile(root, laboratory_file)


@pytest.fixture
def world(made: Hostile, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in made.world.environment.items():
        monkeypatch.setenv(name, value)
    return made.world


# --- pages and downloads ----------------------------------------------------------------------------

SEEDS = (
    "/remit/",
    "/remit/overview",
    "/remit/static/remit.css",
    "/remit/record/report",
    f"/remit/dag-run?dag=known_migration&dag_run={BY.rpartition('/')[2]}",
    f"/remit/runs/{WHOLE}",
    f"/remit/runs/{STOPPED}",
    f"/remit/verify/proofs?run={WHOLE}",
    f"/remit/breach?run={WHOLE}&aware=2026-01-01T08:30",
    f"/remit/breach/draft?run={WHOLE}",
    *(f"/remit/record/table?table={table}&format={form}"
      for table in ("instructions", "runs", "erasures", "holds", "orphans", "alerts")
      for form in ("csv", "json")),
)  # fmt: skip
"""Where the walk through the pages begins; every other page is linked from these."""
NOT_ON_PAGES = {"the answer's user", "the target's system", "address of an attempt"}
"""Texts that evidence holds and no page tells."""


def walk(browser: Any, language: str) -> dict[str, Any]:
    """Every answer that can be reached, by its address."""
    answers: dict[str, Any] = {}
    waiting = list(SEEDS)
    while waiting:
        address = waiting.pop().partition("#")[0]
        if address in answers or "language=" in address:
            continue
        mark = "&" if "?" in address else "?"
        answers[address] = answer = browser.get(f"{address}{mark}language={language}")
        if answer.headers.get("content-type", "").startswith("text/html"):
            links = {link for link in Page(answer.text).links() if link.startswith("/remit/")}
            waiting += sorted(links)
    return answers


def assert_walked(answers: dict[str, Any]) -> None:
    paths = [address.partition("?")[0].removeprefix("/remit") for address in answers]
    for route in routes():
        if "GET" in route.methods:
            assert any(route.path_regex.fullmatch(path) for path in paths), route.path


@pytest.mark.parametrize("language", ["en", "fr"])
def test_on_every_page_and_in_every_download_they_are_text(
    logged_in: Callable[..., Any], made: Hostile, world: World, language: str
) -> None:
    answers = walk(logged_in("alice"), language)

    assert_walked(answers)
    shown = ""
    for address, answer in answers.items():
        assert answer.status_code in (200, 303), address
        assert_harmless(address, answer)
        if answer.headers.get("content-type", "").startswith("text/html"):
            shown += (page := Page(answer.text)).shown
            assert "{" not in page.title, address
    missing = {place for mark, place in made.marks.items() if mark not in shown}
    assert missing == NOT_ON_PAGES
    for literal in (*TEXTS, *COLUMNS, TABLE):
        assert letters(literal) in letters(shown), literal


def letters(said: str) -> str:
    """What is read of a text, however its lines are broken and whatever stands for what cannot be seen."""
    return "".join(c for c in said if c.isprintable() and c not in " \ufffd")


def assert_harmless(address: str, answer: Any) -> None:
    """Nothing in what was answered is anything but text."""
    for name, value in answer.headers.items():
        assert not harm_in_text(value), (address, name)
    assert_named_plainly(answer.headers.get("content-disposition"))
    kind = answer.headers.get("content-type", "").partition(";")[0]
    name, _, _ = address.partition("?")
    if kind == "text/html":
        assert harm_in_page(answer.text) == [], address
    elif kind == "text/csv":
        assert_no_formula(answer.text)
    elif kind == "application/pdf":
        assert_literal(answer.content)
    elif kind == "application/zip":
        assert_bundle(answer.content)
    elif kind == "application/json" or name.endswith(".json"):
        json.loads(answer.content)
    elif kind == "text/markdown":
        assert_plain_markdown(answer.text)
    else:
        assert kind in ("", "text/css", "text/javascript", "text/plain", "application/yaml",
                        "image/svg+xml", "application/octet-stream"), (address, kind)  # fmt: skip


def assert_named_plainly(disposition: str | None) -> None:
    assert disposition is None or re.fullmatch(
        r'attachment; filename="[A-Za-z0-9][A-Za-z0-9._-]*"', disposition
    )


def assert_no_formula(said: str) -> None:
    rows = list(csv.reader(io.StringIO(said.removeprefix("\ufeff"), newline="")))
    for row in rows:
        assert len(row) == len(rows[0])
        for cell in row:
            assert not cell.startswith(_ACTIVE), cell
            assert not harm_in_text(cell)


def assert_literal(pdf: bytes) -> None:
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    said = "".join(page.extract_text() for page in reader.pages)
    closed = re.sub(r"[\s\u200b]", "", said)
    assert '#eval("1234567*3")#read("/proc/1/environ")' in closed
    assert LITERAL in closed
    assert not harm_in_text(closed)
    assert "HOME=" not in closed
    for page in reader.pages:
        for note in page.get("/Annots") or []:
            action = note.get_object().get("/A") or {}
            assert action.get("/S") in (None, "/GoTo"), action


def assert_bundle(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        for name in bundle.namelist():
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", name)
            assert ".." not in name
            said = bundle.read(name)
            if name.endswith(".json"):
                json.loads(said)
        assert_plain_markdown(bundle.read("README.md").decode())


def assert_plain_markdown(said: str) -> None:
    """A reader of Markdown makes neither HTML, nor links, nor pictures of it."""
    assert not harm_in_text(said)
    assert not re.search(r"(?i)(://|www\.)evil", re.sub(r"(`+).*?\1", "", said))  # GFM makes links
    markdown = MarkdownIt("commonmark").enable("table")
    for block in markdown.parse(said):
        for token in [block, *(block.children or [])]:
            assert token.type not in ("html_block", "html_inline", "image"), token.content[:80]
            assert not harm_in_text(token.content)
            if token.type == "link_open":
                assert not SCHEME.match(str(token.attrs["href"]))
                assert "evil.example" not in str(token.attrs["href"])


def test_addresses_that_hold_them_make_nothing_of_them(
    logged_in: Callable[..., Any], world: World
) -> None:
    browser = logged_in("vera")
    for route in routes():
        names = {one.name for one in route.dependant.query_params}
        for hostile in ("".join(NAMES[4:12]), "".join(NAMES[14:17]), "\x1b[31m\r\nX: y\x00"):
            filled = re.sub(r"{\w+(?::\w+)?}", quote(hostile, safe=""), route.path)
            if "GET" not in route.methods:
                continue
            query = {name: hostile for name in names if name != "language"}
            answer = browser.get(f"/remit{filled}", params=query)
            assert answer.status_code in (200, 303, 404, 409, 422), (filled, answer.text)
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert harm_in_page(answer.text) == [], filled
            assert_named_plainly(answer.headers.get("content-disposition"))


# --- what comes in ----------------------------------------------------------------------------------


def _at(*path: Any) -> Callable[[dict[str, Any], str], None]:
    def put(fields: dict[str, Any], value: str) -> None:
        for part in path[:-1]:
            fields = fields[part]
        fields[path[-1]] = value

    return put


@pytest.mark.parametrize(
    ("place", "values"),
    [
        (_at("id"), TEXTS),
        (_at("controller", "name"), TEXTS),
        (_at("recipients", 0, "name"), TEXTS),
        (_at("recipients", 0, "country"), TEXTS),
        (_at("contacts", "authorised", 0, "account"), [t for t in TEXTS if re.search(r"\s", t)]),
        (_at("contacts", "breach", "email"), TEXTS),
        (_at("tables", 0, "name"), set(TEXTS) - set(NAMES) | {"W" * 129}),
        (_at("tables", 0, "columns", 0, "name"), set(TEXTS) - set(NAMES) | {"a,b", "W" * 129}),
        (_at("tables", 0, "columns", 0, "category"), TEXTS),
        (_at("purpose"), ["Care\n- research\n- sale", "Care;<script>sale", "W" * 2001]),
        (_at("controller", "legal_name"), ["W" * 2001, "\u202e\u200b", "<>\x1b[m"[:3]]),
    ],
)
def test_what_is_no_name_is_refused_with_a_text_that_is_harmless(
    reviewed_world: World, place: Any, values: Any
) -> None:
    for value in values:
        fields = reviewed_world.controller.fields(reviewed_world.parties)
        place(fields, value)
        with pytest.raises(Refused) as refused:
            parse(yaml.safe_dump(fields).encode())
        assert refused.value.code in ("instruction-invalid", "instruction-incomplete"), value
        assert not harm_in_text(str(refused.value))
        assert "\n" not in str(refused.value)


def test_airflow_takes_no_such_dag_id_and_its_runs_have_plain_addresses() -> None:
    from airflow.sdk import DAG
    from airflow.sdk.exceptions import AirflowException

    from remit.operators import PlanOperator
    from remit.operators.base import run_of
    from remit.operators.links import RunLink

    for value in TEXTS:
        with pytest.raises((AirflowException, ValueError)):
            DAG(value)
        run = run_of("dág.1-_", value, value)
        assert re.fullmatch(r"[a-z0-9-]+", run)
        key = SimpleNamespace(run_id=value)
        task = PlanOperator(
            task_id="plan", instruction="x.yaml", source_conn_id="a", landing_conn_id="b"
        )
        task.dag = DAG("dág.1-_", schedule=None)
        link = RunLink().get_link(task, ti_key=key)  # type: ignore[arg-type]
        assert re.fullmatch(r"remit/runs/[a-z0-9-]+#scope", link)


# --- logs -------------------------------------------------------------------------------------------


class Log:
    """Keeps the lines of a task's log."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, said: str, *arguments: Any) -> None:
        self.lines.append(said % arguments if arguments else said)

    warning = error = info

    def assert_harmless(self) -> None:
        folds = 0
        for line in self.lines:
            assert not harm_in_text(line), line
            assert "\n" not in line
            if "::group::" in line:
                assert re.fullmatch(r"::group::[A-Z][a-zA-Z ,()-]*", line), line
                folds += 1
            elif "::endgroup::" in line:
                assert line == "::endgroup::"
                folds -= 1
        assert folds == 0


def test_a_tasks_log_has_no_line_and_no_fold_but_ours(made: Hostile, world: World) -> None:
    log, records = Log(), world.deployment().log.records()

    tell_records(log, records)  # type: ignore[arg-type]

    log.assert_harmless()
    said = "\n".join(log.lines)
    for record in records:
        for language in ("en", "fr"):
            assert not any(harm_in_text(one) for one in tell(record, language))
    assert {"reason of a hold", "the target's principal"} <= {made.marks[m] for m in marks_in(said)}
    assert LITERAL in said
    assert ": :group::folded" in said


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("::group::group::x", ": :group: :group::x"),
        (":::group::", ":: :group::"),
        ("::end::group::group::", "::end: :group: :group::"),
        ("a\n::endgroup::", "a\ufffd: :endgroup::"),
        ("::error::a::b", "::error::a::b"),
    ],
)
def test_no_fold_is_left_however_it_is_written(said: str, kept: str) -> None:
    assert logged(said) == kept


def test_a_task_that_is_refused_says_so_in_one_line_each(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from remit.operators.base import RemitOperator

    def asking(fields: dict[str, Any]) -> None:
        edit(fields)
        del fields["approval"]
        fields["tables"][0]["columns"][-1]["name"] = (
            "::endgroup::".replace(":", "\u202e") + COLUMNS[0]
        )

    connected(asking)
    log = Log()
    monkeypatch.setattr(RemitOperator, "log", log, raising=False)
    with pytest.raises(AirflowFailException) as failed:
        tasks["plan"].execute(context | {"run_id": "::group::manual"})

    log.assert_harmless()
    assert "\n" not in str(failed.value)
    assert not harm_in_text(str(failed.value))
    assert COLUMNS[0] in str(failed.value)


def test_metrics_have_names_of_ours(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.observability import stats

    from remit.metrics import METRICS, count

    sent: set[str] = set()
    monkeypatch.setattr(stats, "incr", lambda name, *given: sent.add(name) or map(int, given))
    count(world.deployment().log.records())

    assert sent
    assert sent <= METRICS.keys()


# --- people are asked and told ----------------------------------------------------------------------


def test_who_approves_is_shown_text(
    made: Hostile, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import TaskAwaitingInput
    from airflow.sdk.execution_time import hitl

    from remit.approve import Question
    from remit.custody import Run
    from remit.operators import ApproveOperator
    from remit.operators.base import RemitOperator

    put: dict[str, Any] = {}
    log = Log()
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **given: put.update(given))
    monkeypatch.setattr(RemitOperator, "log", log, raising=False)
    run = Run(WHOLE, world.deployment(), BY)
    question = Question.from_json(run.story.last("asked"))
    task = ApproveOperator(task_id="approve")
    task._instance = str(uuid4())
    task._put(run, question)
    with pytest.raises(TaskAwaitingInput):
        task._park(run, question)

    log.assert_harmless()
    assert (put["params"], put["defaults"]) == ({}, None)
    for line in (put["subject"], *put["options"], *(one["name"] for one in put["assigned_users"])):
        assert not harm_in_text(line)
        assert "\n" not in line
    assert re.fullmatch(r"Deliver \d+ rows of run whole-run to kalisil\?", put["subject"])
    assert_plain_markdown(put["body"])
    shown = {made.marks[mark] for mark in marks_in(put["body"])}
    assert {"the DAG's author", "who started the run", "recipient"} <= shown


def test_mails_and_webhooks_say_them_and_do_nothing_else(
    made: Hostile, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails, hooks = tmp_path / "mail", tmp_path / "hook"
    mails.mkdir()
    hooks.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(mails / "ca.pem"))
    with MailServer(mails) as mail, WebhookReceiver(hooks) as hook:
        ways = [channel("smtp", mail_connection(mail.port))]
        ways.append(channel("webhook", hook_connection(hook, hooks)))
        for notice in made.postbox.notices:
            for way in ways:
                way.send(notice)

    said = ""
    for mailed, notice in zip(mail.mails, made.postbox.notices, strict=True):
        assert mailed.recipients == [notice.email]
        assert mailed.message["Bcc"] is None
        assert not any(harm_in_text(str(value)) for value in mailed.message.values())
        [part] = mailed.message.iter_parts()
        content = part.get_content()
        page = Page(content)
        assert {tag for tag, _ in page.elements} <= {"html", "body", "pre", "p", "br", "head"}
        assert not any(name.startswith("on") for _, given in page.elements for name in given)
        assert page.scripts == ""
        assert not harm_in_text(page.shown)
        said += page.shown
    named: set[str] = set()
    for received in hook.received:
        named |= marks_in(received.body.decode())
        assert json.loads(received.body)["data"]["text"]
        for value in values_of(json.loads(received.body)):
            assert not harm_in_text(value)
        assert not any(harm_in_text(value) for value in received.headers.values())
    assert LITERAL in said
    assert "account of an attempt" in {made.marks[mark] for mark in marks_in(said)}
    assert {"owner", "escalation"} <= {made.marks[mark] for mark in named}


def values_of(data: Any) -> Iterator[str]:
    """Every text in JSON."""
    if isinstance(data, dict):
        for value in data.values():
            yield from values_of(value)
    elif isinstance(data, list):
        for value in data:
            yield from values_of(value)
    elif isinstance(data, str):
        yield data


# --- the command line -------------------------------------------------------------------------------

TOLD = (
    ("instruction", "show", "{file}", "--language", "en"),
    ("instruction", "show", "{file}", "--language", "fr"),
    ("instruction", "lint", "{file}"),
    ("instruction", "verify", "{file}"),
    ("instruction", "diff", "{file}", "{file}"),
    ("instruction", "diff", "{first}", "{file}", "--language", "fr"),
    ("grants", "{file}"),
    ("plan", "{file}", "--source", "{source}"),
    ("plan", "{file}", "--source", "{source}", "--markdown"),
    ("evidence", "show"),
    ("evidence", "show", WHOLE),
    ("evidence", "show", WHOLE, "--language", "fr"),
    ("evidence", "show", STOPPED),
    ("evidence", "show", "\x1b[31m::group::"),
    ("evidence", "verify", "--all"),
    ("alerts", "list"),
    ("alerts", "acknowledge", "\x1b[31m\n::group::", "--reason", LITERAL, "--by", TEXTS[7]),
    ("hold", WHOLE, "--reason", LITERAL, "--by", TEXTS[7]),
    ("breach", WHOLE),
    ("breach", WHOLE, "--language", "fr"),
    ("record",),
    ("record", "--format", "json"),
    ("record", "--format", "csv", "--table", "runs"),
    ("record", "--format", "csv", "--table", "instructions"),
    ("sweep",),
)


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("command", TOLD, ids=" ".join)
def test_a_command_does_nothing_to_a_terminal_nor_to_a_ci_server(
    world: World, command: tuple[str, ...], as_json: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    places = {"{file}": str(world.settings.include / "instructions" / "durand.yaml")}
    places |= {"{source}": world.source_url, "{first}": places["{file}"]}
    arguments = [places.get(part, part) for part in command] + ["--json"] * as_json

    code = main(arguments)

    told = capfd.readouterr()
    assert code in (0, 2, 3), told
    for said in (told.out.replace("\r\n", "\n").removeprefix("\ufeff"), told.err):
        assert not harm_in_text(said)
        assert not re.search(r"^\s*::", said, re.MULTILINE)
        assert not re.search(r"^(ERROR forged|Bcc:|forged)", said, re.MULTILINE)
    if as_json and "csv" not in command:
        json.loads(told.out)
