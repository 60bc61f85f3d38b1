"""The acts on a run's page inside Airflow's application: who may, who may not, and what is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.api_fastapi.app import get_auth_manager

from remit import wiring
from remit.alerts.model import ALERTS
from remit.custody import Run
from remit.evidence import Record
from remit.ports import Verdict
from remit.reviewer.access import Reader
from remit.reviewer.acts import act_token
from remit.testing.answers import Answers, taking
from remit.testing.world import World

OWN = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
WHY = "The complaint of a patient is being looked into"
HOSTILE = "<script>alert(1)</script>"
RUN = "held-run"


class Judge:
    """Finds everything right."""

    engine = "a test's judge"

    def check(self, rules: Any) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: Any, others: Any = None) -> list[Any]:
        return [Verdict(rule.id, rule.type, (), success=True) for rule in rules]


def people(fields: dict[str, Any]) -> None:
    """Alice may hold and confirm; paul is named and may not; the target writes control files."""
    taking("L1", "control_file")(fields)
    fields["expectations"] = []
    fields["contacts"]["shared_accounts"] = ["vera"]
    fields["contacts"]["authorised"] = [
        {"name": "Alice Arnaud", "email": "alice@m.example", "account": "alice"},
        {"name": "Paul Petit", "email": "p@m.example", "account": "paul", "may": ["approve"]},
        {"name": "Camille Moreau", "email": "c@m.example", "may": ["approve"]},
    ]


@pytest.fixture
def shown(make_world: Callable[[str], World], monkeypatch: pytest.MonkeyPatch) -> World:
    """A deployment whose pages show it, on its own clock, with a run of a DAG."""
    world = make_world("shown")
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(wiring, "clock", world.clock)
    monkeypatch.setattr("remit.reviewer.pages.run.clock", world.clock)
    world.open_run(RUN, people, "airflow:known_migration/manual__1")
    return world


def log_in_as(client: Any, name: str) -> Any:
    """The same browser with another login."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    user = SimpleAuthManagerUser(username=name, role="USER")
    client.cookies.set("_token", get_auth_manager().generate_jwt(user), path="/")
    return client


def token_of(client: Any) -> str:
    """What a form of this login has in it, whether the login is shown one or not."""
    login = client.cookies["_token"]
    user = asyncio.run(get_auth_manager().get_user_from_token(login))
    state = SimpleNamespace(reader=Reader(user))
    request: Any = SimpleNamespace(headers={}, cookies={"_token": login}, state=state)
    return act_token(request)


def act(client: Any, what: str, **fields: str) -> Any:
    """Send the page's own form."""
    sent = {"reason": WHY, **fields, "token": token_of(client)}
    return client.post(f"/remit/runs/{RUN}/{what}", data=sent, headers=OWN)


def day(world: World, days: int) -> str:
    return str((world.clock() + timedelta(days=days)).date())


def records(world: World, *kinds: str) -> list[Record]:
    return [one for one in world.deployment().log.records(RUN) if one.kind in kinds]


def attempts(world: World) -> list[tuple[str, str, str]]:
    found = world.deployment().log.records(ALERTS)
    return [
        (r.data["what"], r.data["account"], r.data["why"]) for r in found if r.kind == "attempted"
    ]


def test_a_named_person_holds_a_deletion_and_releases_it(
    logged_in: Callable[..., Any], shown: World
) -> None:
    alice = logged_in("alice")
    page = alice.get(f"/remit/runs/{RUN}").text
    assert f'action="/remit/runs/{RUN}/hold"' in page
    assert f'action="/remit/runs/{RUN}/release"' not in page

    answer = act(alice, "hold", until=day(shown, 9), reason=f"Why, {HOSTILE}\nasks")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/remit/runs/{RUN}")
    [held] = records(shown, "held")
    assert held.by == "airflow-user:alice"
    assert held.data["until"] == f"{day(shown, 10)}T00:00:00Z"
    assert held.data["identity"] == {
        "name": "Alice Arnaud",
        "email": "alice@m.example",
        "account": "alice",
        "via": "airflow",
        "address": "testclient",
    }
    page = alice.get(answer.headers["location"]).text
    assert "“Alice Arnaud”" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert f'action="/remit/runs/{RUN}/release"' in page
    assert act(alice, "release").status_code == 303
    assert [one.kind for one in records(shown, "held", "released")] == ["held", "released"]
    assert attempts(shown) == []


@pytest.mark.parametrize(
    ("what", "fields", "code"),
    [
        ("hold", {"days": "900"}, "hold-too-long"),
        ("hold", {"days": "-2"}, "hold-past"),
        ("hold", {"days": "3", "reason": "n/a"}, "reason-missing"),
        ("release", {}, "not-held"),
        ("confirm", {"digest": HOSTILE}, "control-file-not-found"),
    ],
)
def test_a_refusal_is_shown_with_its_rule_and_what_was_sent(
    logged_in: Callable[..., Any], shown: World, what: str, fields: dict[str, str], code: str
) -> None:
    sent = {"until": day(shown, int(fields["days"]))} if "days" in fields else {}
    sent |= {name: value for name, value in fields.items() if name != "days"}
    answer = act(logged_in("alice"), what, **{"reason": f"{WHY} {HOSTILE}", **sent})
    assert answer.status_code == 409
    assert f"<code>{code}: run {RUN}</code>" in answer.text
    assert "What to do:" in answer.text
    assert "<script>alert" not in answer.text
    if what == "hold":
        assert f'value="{sent["until"]}"' in answer.text
        assert f"{sent.get('reason', WHY)}" in answer.text
    assert records(shown, "held", "released", "vouched") == []
    assert attempts(shown) == []


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("mallory", "person-not-authorised"),
        ("camille", "person-not-authorised"),
        ("admin", "person-account-shared"),
        ("vera", "person-account-shared"),
        ("paul", "act-not-allowed"),
    ],
)
def test_who_may_not_is_told_the_rule_and_is_on_record_once(
    logged_in: Callable[..., Any], shown: World, who: str, code: str
) -> None:
    client = log_in_as(logged_in("alice"), who)
    page = client.get(f"/remit/runs/{RUN}").text
    assert f"/remit/runs/{RUN}/hold" not in page
    assert "does not let this login do it. Who may: alice@m.example" in page
    before = len(shown.deployment().log.records(RUN))
    for _ in range(3):
        for what in ("hold", "release", "confirm"):
            answer = act(client, what, until=day(shown, 3), digest="sha256:0")
            assert answer.status_code == 403
            assert f"<code>{code}: " in answer.text

    assert len(shown.deployment().log.records(RUN)) == before
    assert attempts(shown) == [
        ("hold a deletion", who, code),
        ("stand for a control file", who, code),
    ]


def test_a_form_that_is_not_ours_does_nothing(logged_in: Callable[..., Any], shown: World) -> None:
    alice, path = logged_in("alice"), f"/remit/runs/{RUN}/hold"
    sent = {"reason": WHY, "until": day(shown, 3), "token": token_of(alice)}
    elsewhere = {"origin": "https://elsewhere.example"}
    assert alice.post(path, data=sent, headers=elsewhere).status_code == 403
    assert alice.post(path, data=sent | {"token": "0"}, headers=OWN).status_code == 403
    others = sent | {"token": token_of(logged_in("vera"))}
    assert alice.post(path, data=others, headers=OWN).status_code == 403
    assert alice.post(path, data=sent | {"until": "soon"}, headers=OWN).status_code == 422
    assert alice.post(path, data=sent | {"until": "9999-12-31"}, headers=OWN).status_code == 422
    nowhere = alice.post("/remit/runs/no-such-run/hold", data=sent, headers=OWN)
    assert nowhere.status_code == 404
    assert records(shown, "held") == []


def test_nobody_acts_on_what_they_may_not_see(
    logged_in: Callable[..., Any], shown: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_auth_manager(), "is_authorized_dag", lambda **_: False)
    answer = act(logged_in("alice"), "hold", until=day(shown, 3))
    assert answer.status_code == 403
    assert "Alice" not in answer.text
    assert act(logged_in("admin"), "hold", until=day(shown, 3)).status_code == 403
    assert records(shown, "held") == []
    assert attempts(shown) == [("hold a deletion", "admin", "person-account-shared")]


def test_without_the_signing_key_the_page_says_where_to_act(
    logged_in: Callable[..., Any], shown: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMIT_SIGNING_KEY", str(shown.root / "no-such-key.pem"))
    alice = logged_in("alice")
    answers = [alice.get(f"/remit/runs/{RUN}"), act(alice, "hold", until=day(shown, 3))]
    for answer, status in zip(answers, (200, 503), strict=True):
        assert answer.status_code == status
        assert "this server has no key to record it" in answer.text
        assert f"airflow remit hold {RUN} --reason TEXT --login FILE" in answer.text
        assert f"/remit/runs/{RUN}/hold" not in answer.text
        assert f'href="/remit/runs/{RUN}?language=fr"' in answer.text
    assert records(shown, "held") == []


def test_a_key_that_others_can_read_signs_nothing(
    logged_in: Callable[..., Any], shown: World
) -> None:
    (shown.root / "processor" / "keys" / "processor.pem").chmod(0o644)
    alice = logged_in("alice")
    assert "no key to record it" in alice.get(f"/remit/runs/{RUN}").text
    answer = act(alice, "hold", until=day(shown, 3))
    assert answer.status_code == 409
    assert "key-file-open" in answer.text


def test_forms_are_in_french(logged_in: Callable[..., Any], shown: World) -> None:
    alice = logged_in("alice")
    text = alice.get(f"/remit/runs/{RUN}?language=fr").text
    assert "Suspendre la suppression" in text
    assert "Motif, en une phrase" in text
    answer = act(alice, "release")
    assert "une règle le refuse." in answer.text


def test_a_person_stands_for_a_control_file_and_the_step_takes_it(
    logged_in: Callable[..., Any], shown: World
) -> None:
    run = Run(RUN, shown.deployment(), "airflow:known_migration/manual__1")
    shown.deliver(run, Judge())
    alice = logged_in("alice")
    assert "Stand for the control file" not in alice.get(f"/remit/runs/{RUN}").text
    Answers(shown, run).control()
    assert run.confirm(shown.landing()) is None
    digest = run.story.last("answered")["digest"]
    page = alice.get(f"/remit/runs/{RUN}").text
    assert f'<input type="hidden" name="digest" value="{digest}">' in page

    answer = act(alice, "confirm", digest=digest)

    assert answer.status_code == 303
    page = alice.get(f"/remit/runs/{RUN}").text
    assert "Alice Arnaud stands for this control file" in page
    assert f"/remit/runs/{RUN}/confirm" not in page
    assert records(shown, "confirmed") == []
    assert run.confirm(shown.landing()) is True
    assert run.story.last("confirmed")["identity"]["account"] == "alice"
    run.delete(shown.landing)
    assert f"/remit/runs/{RUN}/hold" not in alice.get(f"/remit/runs/{RUN}").text
