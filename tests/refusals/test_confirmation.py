"""What a target says in other ways than by its receipt, or too late, and what does not confirm by it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from remit.adapters.bulk_submit import open_server
from remit.adapters.receipt_post import post_receipt, require_endpoint
from remit.cli import main
from remit.errors import Unavailable, UsageError
from remit.testing.answers import AUDIT, RECOUNT, SUBMIT, Answers, taking
from remit.testing.fhir_server import SimulatedFhirServer
from remit.testing.world import World, by
from remit.ways import Finding


@pytest.fixture(scope="module")
def says(deliver: Any, own_world: World) -> Callable[..., Answers]:
    """A delivered run under an instruction that takes one way; nothing that is refused changes it."""

    def go(level: str, way: str, **described: Any) -> Answers:
        name = f"by-{way.replace('_', '-')}"
        return Answers(own_world, deliver(name, taking(level, way, **described)))

    return go


@pytest.fixture
def own_cli(own_world: World, monkeypatch: pytest.MonkeyPatch, capsys: Any, refuses: Any) -> Any:
    for name, value in own_world.environment.items():
        monkeypatch.setenv(name, value)

    def go(*arguments: str) -> tuple[int, Any]:
        code = main([*arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return go


# --- the table of loads ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def audited_run(says: Any) -> Answers:
    return says("L2", "audit_table", audit_table={**AUDIT, "recount": RECOUNT})


@pytest.fixture
def audited(audited_run: Answers) -> Iterator[Answers]:
    yield audited_run
    audited_run.database.unlink(missing_ok=True)


@pytest.mark.vector("audit-table-failed")
def test_load_that_failed(audited: Answers, refuses: Any) -> None:
    audited.load("failed")
    with refuses(at="load of results", saying="says that it failed"):
        audited.run.confirm(audited.world.landing(), audited.systems())


@pytest.mark.vector("audit-table-differs")
@pytest.mark.parametrize(
    ("what", "saying"),
    [
        ({"short": 1}, "are said to be loaded"),
        ({"short": -1}, "are said to be loaded"),
        ({"lost": 1}, "are counted there"),
        ({"lost": -1}, "are counted there"),
    ],
)
def test_load_of_other_rows(audited: Answers, refuses: Any, what: Any, saying: str) -> None:
    audited.load(**what)
    with refuses(at="results", saying=saying):
        audited.run.confirm(audited.world.landing(), audited.systems())
    assert not audited.run.story.has("confirmed")


@pytest.mark.vector("audit-table-differs")
def test_table_that_is_loaded_twice(audited: Answers, refuses: Any) -> None:
    audited.load()
    audited.load()
    with refuses(at="results", saying="are said to be loaded"):
        audited.run.confirm(audited.world.landing(), audited.systems())


@pytest.mark.vector("confirmation-level")
def test_less_than_is_instructed_is_recorded_by_no_way(audited: Answers, refuses: Any) -> None:
    found = Finding("audit_table", "L1", 1, {})
    with refuses(at=f"audit_table of run {audited.run.id}", saying="shows L1"):
        audited.run._accept_finding(audited.run.instruction(), found, None)


# --- the FHIR server ------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[SimulatedFhirServer]:
    with SimulatedFhirServer() as running:
        yield running


@pytest.fixture(scope="module")
def submitted(says: Any) -> Answers:
    return says("L2", "bulk_submit", bulk_submit=SUBMIT)


def look(answers: Answers, server: SimulatedFhirServer) -> object:
    address = server.base.replace("http://", f"http://:{server.token}@")
    return answers.run.confirm(answers.world.landing(), answers.systems(address))


@pytest.mark.vector("submission-failed")
@pytest.mark.parametrize("severity", ["error", "fatal"])
def test_submission_with_issues(submitted, server, refuses, severity) -> None:
    server.end(submitted.run.id, **{severity: 2, "warning": 1})
    with refuses(at=f"submission {submitted.run.id}", saying=f"2 of severity {severity}"):
        look(submitted, server)


@pytest.mark.vector("submission-unreadable")
@pytest.mark.parametrize(
    "status",
    [
        {},
        [],
        {"submissionId": "another"},
        {"submissionId": None, "outcome": [{"url": "https://x", "countSeverity": []}]},
        {"outcome": [{"url": "https://x"}]},
        {"error": [{"url": "https://x", "countSeverity": [{"code": "error", "count": -1}]}]},
        {"error": [{"url": "https://x", "countSeverity": [{"code": "bad", "count": 1}]}]},
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_status_that_does_not_say_it(submitted, server, refuses, status) -> None:
    own = {"submissionId": submitted.run.id} if isinstance(status, dict) and status else {}
    server.ended[submitted.run.id] = {**own, **status} if isinstance(status, dict) else status
    with refuses(at="status manifest of the target's server", saying="says no counts"):
        look(submitted, server)


@pytest.mark.parametrize("place", ["https://elsewhere.example/status", "http://127.0.0.1:1/x", ""])
def test_token_is_sent_to_no_other_server(submitted, server, place) -> None:
    server.end(submitted.run.id)
    server.place = place
    with pytest.raises(Unavailable, match="where on it the status is"):
        look(submitted, server)
    assert len(server.asked) == 1


def test_server_that_does_not_accept_the_token(submitted, server) -> None:
    address = server.base.replace("http://", "http://:wrong@")
    systems = submitted.systems(address)
    with pytest.raises(Unavailable, match="does not accept the token") as caught:
        submitted.run.confirm(submitted.world.landing(), systems)
    assert "wrong" not in str(caught.value)


@pytest.mark.vector("status-server-insecure")
def test_server_to_which_the_token_would_travel_in_clear(refuses) -> None:
    with refuses(at="http://target.example/fhir", saying="would travel in clear"):
        open_server("http://:secret@target.example/fhir")


@pytest.mark.parametrize(
    "url",
    ["https://target.example/fhir", "ftp://:t@target.example", "https://:@h", "https://:t@h?a=b"],
)
def test_address_of_another_form(url) -> None:
    with pytest.raises(UsageError) as caught:
        open_server(url)
    assert "target.example" not in str(caught.value)


# --- the control file -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def controlled(says: Any) -> Answers:
    return says("L1", "control_file")


@pytest.mark.vector("control-file-differs")
def test_control_file_with_other_rows(controlled, refuses) -> None:
    controlled.control(results=1)
    with refuses(at="control file, results.parquet", saying="1 are listed"):
        controlled.run.confirm(controlled.world.landing(), by=by("Camille Moreau"))


@pytest.mark.vector("control-file-differs")
@pytest.mark.parametrize(
    "other", ["", "more.parquet 1 " + "0" * 64, "results.parquet 1 " + "0" * 64]
)
def test_control_file_with_other_files(controlled, refuses, other) -> None:
    path = controlled.place.with_name("control.txt")
    controlled.control()
    path.write_text("\n".join([other, *path.read_text().splitlines()[1:]]))
    with refuses(at=".parquet", saying=""):
        controlled.run.confirm(controlled.world.landing(), by=by("Camille Moreau"))


@pytest.mark.vector("control-file-not-found")
@pytest.mark.parametrize("digest", ["", "sha256:" + "0" * 64])
def test_person_stands_for_a_file_that_nobody_found(controlled, refuses, digest) -> None:
    run = controlled.run
    with refuses(at=f"run {run.id}", saying="waits for a person"):
        run.stand_for(by("Camille Moreau"), digest)
    assert not run.story.has("vouched")


@pytest.mark.vector("control-file-invalid")
@pytest.mark.parametrize("data", [b"results.parquet 5", b"\xff\xfe", b"x" * (2 << 20), b"a b c d"])
def test_control_file_of_another_form(controlled, refuses, data) -> None:
    controlled.place.with_name("control.txt").write_bytes(data)
    with refuses(at="control file", saying=""):
        controlled.run.confirm(controlled.world.landing(), by=by("Camille Moreau"))


@pytest.mark.vector("control-file-invalid")
def test_control_file_that_names_a_file_twice(controlled, refuses) -> None:
    controlled.control()
    path = controlled.place.with_name("control.txt")
    path.write_text(path.read_text() * 2)
    with refuses(at="control file", saying="a second time"):
        controlled.run.confirm(controlled.world.landing(), by=by("Camille Moreau"))


@pytest.mark.vector("person-not-authorised")
def test_control_file_and_a_person_whom_nobody_named(controlled, own_cli, refuses) -> None:
    controlled.control()
    code, answer = own_cli("confirm", controlled.run.id, "--by", "X")
    assert code == 3
    at = f"instruction {controlled.run.instruction().terms.id}"
    refuses.check(answer["error"], at, "does not name this person")
    [attempted] = controlled.world.deployment().log.records("register:alerts")
    assert (attempted.data["what"], attempted.data["run"]) == (
        "stand for a control file",
        controlled.run.id,
    )
    assert controlled.run.story.records[-1].seq < attempted.seq  # nothing more in the run
    code, answer = own_cli("confirm", controlled.run.id)
    assert code == 4
    assert "somebody named must stand for it" in answer["error"]["message"]
    assert own_cli("confirm", controlled.run.id, "--by", "Camille Moreau")[0] == 0


def test_person_where_no_control_file_is_taken(submitted, own_cli) -> None:
    assert own_cli("confirm", submitted.run.id, "--by", "Camille Moreau")[0] == 2


# --- receipts at the wrong time, and the endpoint -------------------------------------------------


@pytest.mark.vector("receipt-late")
@pytest.mark.vector("receipt-contradicts")
def test_receipt_against_one_that_was_accepted_and_one_after_the_deletion(
    own_world: World, deliver: Any, refuses: Any
) -> None:
    for name, code in (("again", "receipt-contradicts"), ("late", "receipt-late")):
        answers = Answers(own_world, deliver(name, lambda _: None))
        fields = answers.true()
        if name == "again":
            answers.put(answers.signed(fields))
            answers.run.confirm(own_world.landing())
            answers.put(answers.signed(fields, seconds=1, status="rejected"))
        else:
            own_world.clock.advance(days=8)
            answers.run.delete(own_world.landing)
            answers.put(answers.signed(fields))
        with refuses(at=f"run {answers.run.id}", saying="the target confirmed the", code=code):
            answers.run.confirm(own_world.landing())


@pytest.mark.vector("endpoint-insecure")
def test_receipt_sent_in_clear(refuses) -> None:
    with refuses(at="--post", saying="would travel in clear"):
        require_endpoint("http://processor.example/remit/receipts")


@pytest.mark.vector("receipt-not-taken")
def test_receipt_that_the_endpoint_does_not_take(refuses) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(401)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/remit/receipts"
    with refuses(at=url, saying="knows no such run"):
        post_receipt(url, "a-run", b"{}")
    server.shutdown()
    server.server_close()
    with pytest.raises(Unavailable):
        post_receipt(url, "a-run", b"{}")
