"""The page Alerts inside Airflow's application: what it shows to whom, its acts, and the banner."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from tests.flow.alerting import supervised

from remit import wiring
from remit.alerts import emergency
from remit.alerts.conditions import Condition
from remit.alerts.model import ALERTS, Alert
from remit.alerts.projection import alerts_in
from remit.alerts.raising import record_alerts
from remit.alerts.supervise import supervise
from remit.errors import EvidenceBroken, Refused
from remit.reviewer.access import Reader
from remit.reviewer.acts import act_token
from remit.testing.channels import Postbox
from remit.testing.world import World

OWN = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
WHY = "The step was started by hand, the vendor knows"
HOSTILE = "<script>alert(1)</script>"
EVERY = timedelta(minutes=5)


def people(fields: dict[str, Any], **more: Any) -> None:
    """Alice may acknowledge; paul is named and may not."""
    supervised(fields, **more)
    fields["contacts"]["authorised"] = [
        {"name": "Alice Arnaud", "email": "alice@m.example", "account": "alice"},
        {"name": "Paul Petit", "email": "p@m.example", "account": "paul", "may": ["hold"]},
    ]
    fields["supervision"]["owner"]["name"] = f"Odile {HOSTILE}"


def refuse(world: World, run: str, by: str, edit: Any = people) -> None:
    """A run with a refusal."""

    def own(fields: dict[str, Any]) -> None:
        fields["id"] = run
        edit(fields)

    opened = world.open_run(run, own, by)
    with pytest.raises(Refused):
        opened.seal()


@pytest.fixture
def shown(make_world: Callable[[str], World], monkeypatch: pytest.MonkeyPatch) -> World:
    """A deployment whose pages show it, on its own clock; nothing has happened yet."""
    world = make_world("shown")
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(wiring, "clock", world.clock)
    for module in ("alerting", "alert_view", "banner", "pages.alerts"):
        monkeypatch.setattr(f"remit.reviewer.{module}.clock", world.clock)
    return world


@pytest.fixture
def alerted(shown: World) -> World:
    """A refusal in a run of a DAG, told to its owner."""
    refuse(shown, "known-run", "airflow:known_migration/manual__1")
    look(shown)
    return shown


def look(world: World, *channels: Any) -> list[Alert]:
    return supervise(world.deployment(), channels or [Postbox()], "os:service", EVERY).raised


def only(world: World, kind: str = "refusal") -> Alert:
    found = alerts_in(world.deployment().log.ledger, world.clock())
    [alert] = [one for one in found if one.kind == kind]
    return alert


def act(client: Any, alert: str, what: str, reason: str = WHY, **headers: str) -> Any:
    """Send the page's own form."""
    sent = {"reason": reason, "token": token_of(client)}
    return client.post(f"/remit/alerts/{alert}/{what}", data=sent, headers=OWN | headers)


def token_of(client: Any) -> str:
    """What a form of this login has in it, whether the login is shown one or not."""
    login = client.cookies["_token"]
    user = asyncio.run(get_auth_manager().get_user_from_token(login))
    state = SimpleNamespace(reader=Reader(user))
    request: Any = SimpleNamespace(headers={}, cookies={"_token": login}, state=state)
    return act_token(request)


def attempts(world: World) -> list[tuple[str, str, str]]:
    records = world.deployment().log.records(ALERTS)
    return [
        (r.data["what"], r.data["account"], r.data["why"]) for r in records if r.kind == "attempted"
    ]


def test_an_alert_says_whose_it_is_who_was_told_and_who_is_next(
    logged_in: Callable[..., Any], alerted: World
) -> None:
    alert = only(alerted)
    text = logged_in("vera").get("/remit/alerts").text
    for said in (
        "A rule refused a step",
        "warning",
        "/remit/runs/known-run",
        "durand/known-run",
        "step-out-of-order",
        "Owner: Odile &lt;script&gt;alert(1)&lt;/script&gt;",
        "If nobody acknowledges it, Paul Petit is told at",
        stamp(alert.raised_at + timedelta(hours=1)),
        f"/remit/alerts/{alert.id}",
    ):
        assert said in text, said
    assert "<script>alert" not in text


def stamp(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%d %H:%M:%S UTC"))


def test_it_says_so_in_french(logged_in: Callable[..., Any], alerted: World) -> None:
    text = logged_in("vera").get("/remit/alerts?language=fr").text
    assert "Une règle a refusé une étape" in text
    assert "en prend acte, Paul Petit en est averti(e) à" in text
    one = logged_in("vera").get(f"/remit/alerts/{only(alerted).id}?language=fr").text
    assert "Prendre acte" in one
    assert "Elle revient à" in one


def test_what_is_late_or_could_not_be_sent_is_told_in_red(
    logged_in: Callable[..., Any], shown: World
) -> None:
    refuse(shown, "known-run", "airflow:known_migration/manual__1")
    postbox = Postbox()
    postbox.down = True
    look(shown, postbox)
    text = logged_in("vera").get("/remit/alerts").text
    odile = "Odile &lt;script&gt;alert(1)&lt;/script&gt;"
    assert f'<strong class="bad">{odile} could not be told</strong>' in text
    shown.clock.advance(hours=2)

    text = logged_in("vera").get("/remit/alerts").text

    assert '<strong class="bad">Paul Petit has not been told, and was to be at' in text


def test_a_named_person_acknowledges_and_closes_it(
    logged_in: Callable[..., Any], alerted: World
) -> None:
    alert, alice = only(alerted).id, logged_in("alice")
    assert "An instruction names you" in alice.get(f"/remit/alerts/{alert}").text

    answer = act(alice, alert, "acknowledge", f"Looked at, {HOSTILE} is asked")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/remit/alerts/{alert}")
    assert only(alerted).state == "acknowledged"
    text = alice.get(answer.headers["location"]).text
    assert "“Alice Arnaud” acknowledged alert" in text
    assert "Looked at, &lt;script&gt;alert(1)&lt;/script&gt; is asked" in text
    assert "Its escalation rests until" in text
    assert act(alice, alert, "close").status_code == 303
    done = only(alerted)
    assert (done.state, done.closed and done.closed.reason) == ("closed", WHY)
    again = act(alice, alert, "close")
    assert again.status_code == 409
    assert "alert-closed" in again.text
    record = alerted.deployment().log.records(ALERTS)[-1]
    assert (record.by, record.data["address"]) == ("airflow-user:alice", "testclient")
    assert attempts(alerted) == []


@pytest.mark.parametrize("what", ["acknowledge", "close"])
@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("vera", "person-not-authorised"),
        ("admin", "person-account-shared"),
        ("paul", "act-not-allowed"),
    ],
)
def test_who_may_not_is_told_the_rule_and_is_on_record(
    logged_in: Callable[..., Any], alerted: World, who: str, code: str, what: str
) -> None:
    alert, client = only(alerted).id, logged_in(who)
    for _ in range(3):
        answer = act(client, alert, what, "" if who == "vera" else WHY)
        assert answer.status_code == 403
        assert f"<code>{code}: " in answer.text
        assert "What to do:" in answer.text

    assert only(alerted).state == "open"
    assert attempts(alerted) == [(f"{what} alert {alert}", who, code)]
    assert "unexpected-principal" in [one.kind for one in look(alerted)]


@pytest.mark.parametrize("reason", ["", "ok", "n/a", "word " * 500])
def test_a_reason_that_says_nothing_is_shown_again_with_the_rule(
    logged_in: Callable[..., Any], alerted: World, reason: str
) -> None:
    answer = act(logged_in("alice"), only(alerted).id, "acknowledge", reason)
    assert answer.status_code == 409
    assert "alert-reason" in answer.text
    assert f"{reason}</textarea>" in answer.text
    assert only(alerted).state == "open"
    assert attempts(alerted) == []


def test_a_form_that_is_not_ours_does_nothing(
    logged_in: Callable[..., Any], alerted: World
) -> None:
    alert, alice = only(alerted).id, logged_in("alice")
    path = f"/remit/alerts/{alert}/acknowledge"
    elsewhere = {"origin": "https://elsewhere.example"}
    sent = {"reason": WHY, "token": token_of(alice)}
    assert alice.post(path, data=sent, headers=elsewhere).status_code == 403
    assert alice.post(path, data={"reason": WHY}, headers=OWN).status_code == 403
    others = sent | {"token": token_of(logged_in("vera"))}
    assert alice.post(path, data=others, headers=OWN).status_code == 403
    assert only(alerted).state == "open"


def test_an_act_from_an_unexpected_address_is_done_and_raises_an_alert(
    logged_in: Callable[..., Any], shown: World
) -> None:
    network = ["10.1.0.0/16"]
    by = "airflow:known_migration/manual__1"
    refuse(shown, "known-run", by, lambda fields: people(fields, addresses=network))
    look(shown)
    alice = logged_in("alice")
    alice._transport.client = ("::ffff:10.1.2.3", 50000)
    assert act(alice, only(shown).id, "acknowledge").status_code == 303
    assert look(shown) == []
    alice._transport.client = ("203.0.113.9", 50000)
    assert act(alice, only(shown).id, "close").status_code == 303

    [alert] = look(shown)

    assert (alert.kind, alert.about) == ("unexpected-address", "address 203.0.113.9")


@pytest.fixture
def without_dags(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody may read any DAG, nor what has none."""
    manager = get_auth_manager()
    monkeypatch.setattr(manager, "is_authorized_dag", lambda **_: False)


@pytest.mark.usefixtures("without_dags")
def test_who_may_not_read_the_dag_sees_no_alert_of_it_but_whom_the_instruction_names(
    logged_in: Callable[..., Any], alerted: World
) -> None:
    alert, vera, alice = only(alerted).id, logged_in("vera"), logged_in("alice")
    assert "step-out-of-order" not in vera.get("/remit/alerts").text
    assert vera.get(f"/remit/alerts/{alert}").status_code == 403
    answer = act(vera, alert, "acknowledge")
    assert answer.status_code == 403
    assert "step-out-of-order" not in answer.text
    assert attempts(alerted) == [(f"acknowledge alert {alert}", "vera", "person-not-authorised")]
    assert logged_in("paul").get(f"/remit/alerts/{alert}").status_code == 403

    assert "step-out-of-order" in alice.get("/remit/alerts").text
    assert act(alice, alert, "acknowledge").status_code == 303
    assert (
        "/remit/runs/known-run" not in alice.get(f"/remit/alerts/{alert}").text
    )  # the run is not hers


@pytest.mark.usefixtures("without_dags")
def test_a_name_that_somebody_chose_is_nobodys_account(
    logged_in: Callable[..., Any], alerted: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimpleAuthManagerUser, "get_name", lambda _: "alice")
    vera = logged_in("vera")
    assert "step-out-of-order" not in vera.get("/remit/alerts").text
    assert vera.get(f"/remit/alerts/{only(alerted).id}").status_code == 403


@pytest.mark.usefixtures("without_dags")
def test_what_concerns_the_deployment_is_for_who_may_see_it_or_answers_for_it(
    logged_in: Callable[..., Any], alerted: World
) -> None:
    emergency.declare(
        alerted.deployment().notes, EvidenceBroken("record 7", "changed."), alerted.clock()
    )
    path = "/remit/alerts/evidence-broken"
    assert logged_in("vera").get(path).status_code == 403
    alice = logged_in("alice")
    assert "record 7" in alice.get(path).text
    assert act(alice, "evidence-broken", "acknowledge").status_code == 303
    assert "acknowledged" in alice.get(path).text
    assert act(alice, "evidence-broken", "close").status_code == 409


def test_a_person_whom_the_next_version_no_longer_names_acts_no_more(
    logged_in: Callable[..., Any], alerted: World
) -> None:
    [received] = alerted.deployment().log.records("register:instructions")
    replaced = {name: received.data["instruction"][name] for name in ("version", "digest")}

    def following(fields: dict[str, Any]) -> None:
        people(fields)
        fields |= {"id": "known-run", "version": 2, "supersedes": replaced}
        del fields["contacts"]["authorised"][0]

    refuse(alerted, "next-run", "airflow:known_migration/manual__2", following)
    answer = act(logged_in("alice"), only(alerted).id, "acknowledge")
    assert answer.status_code == 403
    assert "names nobody who acts by it" in answer.text


def test_overview_and_run_show_their_alerts(logged_in: Callable[..., Any], alerted: World) -> None:
    alert, vera = only(alerted).id, logged_in("vera")
    raise_many(alerted, 7)
    overview = vera.get("/remit/overview").text
    assert "Alerts that are open, the worst first (8)" in overview
    assert overview.count('id="alert-') == 5
    run = vera.get("/remit/runs/known-run").text
    assert "Alerts of this run (1)" in run
    assert f'href="/remit/alerts/{alert}"' in run
    assert "<script>alert" not in overview + run


def test_an_auditor_takes_alerts_along(logged_in: Callable[..., Any], alerted: World) -> None:
    vera = logged_in("vera")
    path = "/remit/record/table?table=alerts&amp;format=csv"
    assert path in vera.get("/remit/alerts").text
    assert only(alerted).id in vera.get(path.replace("&amp;", "&")).text


# --- lists ------------------------------------------------------------------------------------


def raise_many(world: World, count: int) -> None:
    found = [
        (
            f"{n:016x}",
            Condition("orphans" if n % 2 else "dag-late", f"place {n}", f"Found {n}.", "look."),
        )
        for n in range(count)
    ]
    record_alerts(world.deployment().log, found, [], "test")


def test_filters_and_pages(logged_in: Callable[..., Any], alerted: World) -> None:
    raise_many(alerted, 120)
    vera = logged_in("vera")
    first = vera.get("/remit/alerts").text
    assert first.count('class="card"') == 50
    assert "Found 0." in first
    assert "number=2" in first
    last = vera.get("/remit/alerts?number=3").text
    assert last.count('class="card"') == 21
    assert "step-out-of-order" in last  # a warning, after what is high
    assert "number=4" not in last
    assert vera.get("/remit/alerts?kind=orphans&number=2").text.count('class="card"') == 10
    assert vera.get("/remit/alerts?severity=warning").text.count('class="card"') == 1
    assert vera.get("/remit/alerts?run=known-run&controller=durand").text.count('class="card"') == 1
    assert vera.get("/remit/alerts?show=grave&number=3").text.count('class="card"') == 20
    none = vera.get("/remit/alerts", params={"show": "closed", "controller": HOSTILE}).text
    assert "There is no such alert" in none
    assert "<script>alert" not in none
    assert vera.get("/remit/alerts?show=everything").status_code == 404
    assert vera.get("/remit/alerts/0123").status_code == 404


# --- the banner -------------------------------------------------------------------------------


def banner(client: Any, path: str = "/remit/evidence") -> str:
    text = client.get(path).text
    return text[text.find("<aside") : text.find("</aside>")] if "<aside" in text else ""


def test_the_banner_tells_of_grave_alerts_until_they_are_acknowledged(
    logged_in: Callable[..., Any], alerted: World
) -> None:
    alice = logged_in("alice")
    assert banner(alice) == ""  # a warning is none
    raise_many(alerted, 1)
    assert "One alert of high or critical severity is open." in banner(alice)
    assert 'href="/remit/alerts?show=grave"' in banner(alice)
    assert "One alert" in banner(alice, "/remit/no-such-page")
    raise_many(alerted, 3)
    assert "3 alerts of high or critical severity are open." in banner(alice)


@pytest.mark.usefixtures("without_dags")
def test_the_banner_counts_only_what_the_reader_may_see(
    logged_in: Callable[..., Any], alerted: World
) -> None:
    raise_many(alerted, 1)
    assert banner(logged_in("vera")) == ""
    assert "One alert" in banner(logged_in("alice"))


def test_the_banner_tells_of_silence(logged_in: Callable[..., Any], shown: World) -> None:
    refuse(shown, "known-run", "airflow:known_migration/manual__1")
    assert "Supervision has never looked" in banner(logged_in("vera"))
    look(shown)
    assert banner(logged_in("vera")) == ""
    shown.clock.advance(minutes=16)
    assert "Supervision has not looked since" in banner(logged_in("vera"))
    assert "It should have looked since." in logged_in("vera").get("/remit/alerts").text


def test_the_banner_tells_of_evidence_that_does_not_verify(
    logged_in: Callable[..., Any], alerted: World
) -> None:
    broken = EvidenceBroken("record 7", "it was changed.")
    emergency.declare(alerted.deployment().notes, broken, alerted.clock())
    assert "The evidence does not verify" in banner(logged_in("vera"))
    assert 'href="/remit/alerts/evidence-broken"' in banner(logged_in("vera"))


def test_a_log_that_was_written_anew_is_read_anew(
    logged_in: Callable[..., Any], alerted: World
) -> None:
    raise_many(alerted, 2)
    vera = logged_in("vera")
    assert "Found 1." in vera.get("/remit/alerts").text
    with closing(sqlite3.connect(alerted.root / "processor" / "evidence.sqlite")) as database:
        change = "UPDATE remit_record SET body = replace(body, 'Found 1.', 'Found it.')"
        database.execute(f"{change} WHERE seq = (SELECT max(seq) FROM remit_record)")
        database.commit()

    text = vera.get("/remit/alerts").text

    assert "Found it." in text
    assert "Found 1." not in text


def test_what_is_no_alert_in_the_log_is_told_of_as_broken_evidence(
    logged_in: Callable[..., Any], alerted: World
) -> None:
    alerted.deployment().log.append(ALERTS, "closed", {"alert": "never raised"}, "test", step=None)
    answer = logged_in("vera").get("/remit/alerts")
    assert answer.status_code == 500
    assert "it is not what remit writes of an alert" in answer.text
    assert "The evidence does not verify" in banner(logged_in("vera"))
