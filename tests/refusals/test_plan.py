"""What the plan refuses, before a row is read."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from remit.adapters.sql_source.sqlite import SQLiteSource
from remit.landing import require_apart
from remit.ports import Account, Relation
from remit.testing.world import World
from remit.wiring import open_judge, open_landing

Fields = dict[str, Any]
WHY = "The biologist's interpretation, which the treating doctor must still see"
LOOKED_FOR = {"treatment": "stop", "kinds": ["nir", "email", "phone", "iban"]}


@pytest.fixture
def plan(world: World, left_nothing: Callable[[World], None]) -> Callable[..., None]:
    """Plan under a changed instruction; whatever comes of it, nothing is staged or sent."""

    def go(edit: Callable[[Fields], object] | None = None) -> None:
        run = world.open_run(edit=edit)
        try:
            run.plan(world.source(), world.landing(), open_judge())
        finally:
            left_nothing(world)
        assert not run.story.has("planned")

    return go


def column(name: str, kind: str, **more: Any) -> Fields:
    return {"name": name, "type": kind, "category": "health", "purpose": "A reason", **more}


def free_text(name: str, kind: str = "string") -> Fields:
    more = {"identifiers": LOOKED_FOR} if kind == "string" else {}
    return column(name, kind, free_text=WHY, **more)


def add(*columns: Fields, table: int = 0) -> Callable[[Fields], object]:
    return lambda fields: fields["tables"][table]["columns"].extend(columns)


def ddl(world: World, *statements: str) -> None:
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        for statement in statements:
            database.execute(statement)


@pytest.mark.vector("table-missing")
def test_table_that_the_source_has_not(plan, refuses) -> None:
    def edit(fields: Fields) -> None:
        fields["tables"][0]["name"] = fields["expectations"][0]["table"] = "Results"

    with refuses(at="Results", saying="no such table or view"):
        plan(edit)


@pytest.mark.vector("column-missing")
def test_column_that_the_source_has_not(plan, refuses) -> None:
    with refuses(at="results.shoe_size", saying="not at the source"):
        plan(add(column("shoe_size", "integer")))


@pytest.mark.vector("column-missing")
def test_column_in_another_case(plan, refuses) -> None:
    with refuses(at="results.Comment", saying="not at the source"):
        plan(add(free_text("Comment")))


@pytest.mark.vector("column-retyped")
@pytest.mark.parametrize(
    ("name", "declared", "live"),
    [
        ("sample_id", "string", "INTEGER"),
        ("comment", "uuid", "TEXT"),
        ("sample_id", "decimal(12,4)", "INTEGER"),
    ],
)
def test_column_of_another_type(plan, refuses, name, declared, live) -> None:
    with refuses(at=f"results.{name}", saying=f"declared {declared}, but {live}"):
        plan(add(free_text(name, declared)))


@pytest.mark.vector("column-retyped")
def test_decimal_of_another_scale(plan, refuses) -> None:
    def edit(fields: Fields) -> None:
        fields["tables"][0]["columns"][4]["type"] = "decimal(12,2)"

    with refuses(at="results.value_numeric", saying="but DECIMAL(12,4) at the source"):
        plan(edit)


@pytest.mark.vector("column-credential")
@pytest.mark.parametrize("name", ["portal_password", "mdp", "motDePasse", "api_key", "code_pin"])
def test_credential_like_column(world, plan, refuses, name) -> None:
    ddl(world, f"ALTER TABLE results ADD COLUMN {name} TEXT")

    with refuses(at=f"results.{name}", saying="whatever is instructed"):
        plan(add(free_text(name)))


@pytest.mark.vector("column-free-text")
def test_free_text_without_its_justification(plan, refuses) -> None:
    with refuses(at="results.comment", saying="anything may have been typed"):
        plan(add(column("comment", "string")))


@pytest.mark.vector("rows-over-maximum")
def test_rows_over_the_ceiling(plan, refuses) -> None:
    def edit(fields: Fields) -> None:
        fields["tables"][0]["rows"]["maximum"] = 3

    with refuses(at="results", saying="the instruction allows at most 3"):
        plan(edit)


@pytest.mark.vector("scope-column-unfit")
def test_rows_limited_by_a_column_that_is_not_there(plan, refuses) -> None:
    def edit(fields: Fields) -> None:
        fields["tables"][0]["rows"]["sites"]["column"] = "site"

    with refuses(
        at="results.site", saying="for sites and codes, as string, but it is not at the source"
    ):
        plan(edit)


@pytest.mark.vector("scope-column-unfit")
def test_rows_limited_by_a_column_of_another_type(plan, refuses) -> None:
    def edit(fields: Fields) -> None:
        fields["tables"][0]["rows"]["window"]["column"] = "validated_at"
        fields["tables"][0]["columns"] = fields["tables"][0]["columns"][:-1]

    at = "results.validated_at"
    with refuses(at=at, saying="for the window, as date, but it is TIMESTAMP WITH TIME ZONE"):
        plan(edit)


@pytest.mark.vector("scope-column-unfit")
def test_codes_in_a_column_that_holds_no_text(plan, refuses) -> None:
    def edit(fields: Fields) -> None:
        fields["tables"][0]["rows"]["only"] = [{"column": "sample_id", "in": ["1"]}]

    with refuses(at="results.sample_id", saying="for sites and codes, as string"):
        plan(edit)


def suite(text: str) -> Callable[[World], Callable[[Fields], None]]:
    """Pins the text as the suite of `results`."""

    def write(world: World) -> Callable[[Fields], None]:
        path = world.root / "include" / "expectations" / "laboratory_results.yaml"
        path.write_text(text)

        def edit(fields: Fields) -> None:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            fields["expectations"][0]["sha256"] = digest

        return edit

    return write


@pytest.mark.vector("suite-missing")
def test_suite_that_is_not_there(world, plan, refuses) -> None:
    def edit(_: Fields) -> None:
        (world.root / "include/expectations/laboratory_results.yaml").unlink()

    with refuses(at="laboratory_results.yaml", saying="cannot be read"):
        plan(edit)


@pytest.mark.vector("suite-changed")
def test_suite_other_than_the_pinned_one(world, plan, refuses) -> None:
    def edit(_: Fields) -> None:
        path = world.root / "include/expectations/laboratory_results.yaml"
        path.write_text(path.read_text() + "# harmless\n")

    with refuses(at="laboratory_results.yaml", saying="not the file that the instruction pins"):
        plan(edit)


RULE = "{id: a, type: expect_column_values_to_not_be_null, kwargs: {column: unit}, reason: r}"
FILE = "laboratory_results.yaml"
NO_SUITES = {
    "not YAML": ("{", f"{FILE} line 1", "not YAML"),
    "empty": ("", FILE, "list of `expectations`"),
    "a list": ("[]", FILE, "list of `expectations`"),
    "no rule": ("name: x\nexpectations: []\n", FILE, "one rule or more"),
    "unknown field": (f"name: x\nexpectations: [{RULE}]\nmostly: 1\n", FILE, "nothing else"),
}
NO_RULES = {
    "rule without reason": ("{id: a, type: b, kwargs: {}}", "rule a", "`reason` is not given"),
    "severity that there is not": (RULE[:-1] + ", severity: low}", "rule a", "`severity`"),
    "another field": (RULE[:-1] + ", level: low}", "rule a", "`level` is no field"),
    "an id of remit's own": (RULE.replace("id: a", "id: remit.a"), "rule remit.a", "begins with"),
    "an id that is a list": (RULE.replace("id: a", "id: [a]"), "rule number 1", "`id`"),
    "an id that is a number": (RULE.replace("id: a", "id: 1"), "rule number 1", "`id`"),
    "a rule that is text": ("abc", "rule number 1", "not a group"),
    "kwargs that are a list": (RULE.replace("{column: unit}", "[column]"), "rule a", "`kwargs`"),
    "a type that is a list": (
        RULE.replace("type: expect_column_values_to_not_be_null", "type: [x]"), "rule a", "`type`"
    ),
    "names of two kinds": (
        RULE.replace("{column: unit}", "{1: unit, other: unit}"), f"{FILE} line 2", "plain text"
    ),
}  # fmt: skip


@pytest.mark.vector("suite-invalid")
@pytest.mark.parametrize(("text", "at", "saying"), NO_SUITES.values(), ids=NO_SUITES)
def test_suite_that_is_none(world, plan, refuses, text, at, saying) -> None:
    with refuses(at=at, saying=saying):
        plan(suite(text)(world))


@pytest.mark.vector("suite-invalid")
@pytest.mark.parametrize(("rule", "at", "saying"), NO_RULES.values(), ids=NO_RULES)
def test_rule_that_is_none(world, plan, refuses, rule, at, saying) -> None:
    with refuses(at=at, saying=saying):
        plan(suite(f"name: x\nexpectations: [{rule}]\n")(world))


@pytest.mark.vector("expectation-unknown")
@pytest.mark.parametrize(
    ("rule", "saying"),
    [
        (RULE.replace("not_be_null", "be_lucky"), "not on the allowlist"),
        (RULE.replace("column: unit", "column: unit, row_condition: x"), "may have"),
        (RULE.replace("column: unit", ""), "column is not given"),
        (RULE.replace("column: unit", "column: unit, mostly: 0"), "mostly is not of the form"),
    ],
)
def test_expectation_off_the_allowlist(world, plan, refuses, rule, saying) -> None:
    with refuses(at="rule a", saying=saying):
        plan(suite(f"name: x\nexpectations: [{rule}]\n")(world))


@pytest.mark.vector("expectation-duplicate")
def test_two_rules_of_one_id(world, plan, refuses) -> None:
    with refuses(at="rule a", saying="used twice"):
        plan(suite(f"name: x\nexpectations: [{RULE}, {RULE}]\n")(world))


@pytest.mark.vector("expectation-none")
def test_judge_without_a_rule(refuses) -> None:
    with refuses(at="rules", saying="nothing would be checked"):
        open_judge().check([])


@pytest.mark.vector("column-credential")
@pytest.mark.vector("rows-over-maximum")
@pytest.mark.vector("column-missing")
def test_plan_shows_every_refusal_at_once_and_exits_3(world, cli, refuses, left_nothing) -> None:
    ddl(world, "ALTER TABLE results ADD COLUMN pwd TEXT")

    def edit(fields: Fields) -> None:
        add(column("pwd", "string"), column("gone", "string"))(fields)
        fields["tables"][1]["rows"]["maximum"] = 1

    code, answer = cli("plan", world.instruct(edit), "--source", world.source_url)

    assert code == 3
    missing, credential, rows = answer["refusals"]
    refuses.check(missing, "results.gone", "not at the source", "column-missing")
    refuses.check(credential, "results.pwd", "credentials", "column-credential")
    refuses.check(rows, "observation_history", "allows at most 1", "rows-over-maximum")
    assert answer["tables"][0]["missing"] == ["gone"]
    left_nothing(world)


@pytest.mark.vector("column-free-text")
def test_run_that_the_plan_refuses_exits_3_and_says_how_many_more(world, cli, left_nothing) -> None:
    def edit(fields: Fields) -> None:
        add(column("comment", "string"))(fields)
        fields["tables"][1]["rows"]["maximum"] = 1

    arguments = (world.instruct(edit), "--source", world.source_url)
    at, saying = "results.comment", "(1 more in the plan.)"
    cli.refused("run", *arguments, "--landing", world.landing_path, at=at, saying=saying)
    left_nothing(world)


@pytest.mark.vector("column-free-text")
def test_same_refusal_met_again_is_recorded_once(world, refuses) -> None:
    run = world.open_run(edit=add(column("comment", "string")))
    counts = []

    for _ in range(3):
        with refuses(at="results.comment", saying="anything may have been typed"):
            run.plan(world.source(), world.landing(), open_judge())
        counts.append(len(run.story.records))

    assert counts[0] == counts[1] == counts[2]


# --- the account that reads the source ----------------------------------------------------------


def accountable(asked: str, *shared: str) -> Callable[[Fields], None]:
    def edit(fields: Fields) -> None:
        fields["security"]["account"] = {"overprivileged": asked, "shared": list(shared)}

    return edit


@pytest.fixture
def plan_as(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Plan on a source that takes us for the account given; its plan, as recorded."""

    def go(account: Account, edit: Callable[[Fields], None]) -> dict[str, Any]:
        monkeypatch.setattr(SQLiteSource, "account", lambda self, relations: account)
        run = world.open_run(edit=edit)
        run.plan(world.source(), world.landing(), open_judge())
        return dict(run.story.last("planned")["plan"])

    return go


NEEDED = {
    Relation(None, "results"): frozenset({"result_id", "patient_id", "result_date", "site_code"}),
    Relation(None, "observation_history"): frozenset({"observation_id", "site_code"}),
}
READER = Account("remit_durand", (), NEEDED)


def test_account_that_can_read_what_is_instructed_alone_is_fine(plan_as) -> None:
    assert plan_as(READER, accountable("refuse"))["warnings"] == []


@pytest.mark.parametrize("through", [None, "patients"])
def test_what_leads_to_the_data_subject_is_needed(plan_as, through) -> None:
    key = {"column": "patient_id", "to": "patient_id", "type": "uuid"}
    way = {"through": [{"table": through, "join": [key]}]} if through else {}
    patients = {Relation(None, "patients"): frozenset({"patient_id", "nir"} if through else set())}

    def edit(fields: Fields) -> None:
        accountable("warn")(fields)
        fields["tables"][1]["data_subject"] = {"column": "nir" if through else "patient_id",
                                               "type": "string" if through else "uuid", **way}  # fmt: skip

    assert plan_as(Account("remit_durand", (), NEEDED | patients), edit)["warnings"] == []


@pytest.mark.vector("account-overprivileged")
def test_account_that_could_read_withheld_columns_or_tables(plan_as, refuses) -> None:
    patients = {Relation(None, "patients"): frozenset({"nir", "first_name"})}
    results = {Relation(None, "results"): frozenset({"result_id", "comment"})}
    curious = Account("lis_reader", (), NEEDED | patients | results)

    at, saying = (
        "account lis_reader",
        "3 withheld columns: patients.first_name, patients.nir, results.comment.",
    )
    with refuses(at=at, saying=saying):
        plan_as(curious, accountable("refuse"))


@pytest.mark.vector("account-overprivileged")
def test_account_that_can_do_more_than_read(plan_as, refuses) -> None:
    powerful = Account("dba", ("is a superuser", "may create roles"), NEEDED)

    with refuses(at="account dba", saying="more than read: is a superuser; may create roles."):
        plan_as(powerful, accountable("refuse"))


@pytest.mark.vector("account-shared")
@pytest.mark.parametrize("name", ["postgres", "LABO", "admin"])
def test_account_that_several_people_use(plan_as, refuses, name) -> None:
    with refuses(at=f"account {name}", saying="nobody answers for what it does"):
        plan_as(Account(name, (), NEEDED), accountable("refuse", "labo"))


@pytest.mark.vector("account-unknown")
def test_source_without_accounts_where_the_instruction_asks_for_a_narrow_one(plan, refuses) -> None:
    with refuses(at="lis.sqlite", saying="who can open it reads all of it"):
        plan(accountable("refuse"))


def test_what_is_not_refused_is_a_warning_with_its_way_out(plan_as) -> None:
    found = plan_as(Account("postgres", ("is a superuser",), NEEDED), accountable("warn"))

    assert found["refusals"] == []
    assert [one["code"] for one in found["warnings"]] == [
        "account-shared",
        "account-overprivileged",
    ]
    assert all("remit grants" in one["way_out"] for one in found["warnings"])


@pytest.mark.vector("list-names-persons")
@pytest.mark.parametrize(
    ("column", "kind", "value"),
    [("patient_id", "uuid", "123e4567-e89b-12d3-a456-426614174000"), ("sample_id", "integer", 7)],
)
def test_rows_listed_by_person(plan, refuses, column, kind, value) -> None:
    def edit(fields: Fields) -> None:
        fields["tables"][0]["data_subject"] = {"column": column, "type": kind}
        fields["tables"][0]["rows"]["only"] = [{"column": column, "type": kind, "in": [value]}]

    with refuses(at=f"results.{column}", saying="plans, logs and evidence show lists"):
        plan(edit)


# --- the landing zone ---------------------------------------------------------------------------


@pytest.mark.vector("landing-not-instructed")
def test_landing_zone_of_another_kind_than_instructed(plan, refuses) -> None:
    with refuses(at="/landing", saying="reached by folder, the instruction says sftp"):
        plan(lambda fields: fields["security"].update(transport="sftp"))


@pytest.mark.vector("landing-not-instructed")
def test_landing_zone_other_than_the_one_pinned(plan, refuses) -> None:
    with refuses(at="/landing", saying="not the endpoint that the instruction pins"):
        plan(lambda fields: fields["security"].update(endpoint="0123456789abcdef"))


def test_landing_zone_that_is_pinned_by_its_own_name(world) -> None:
    name = world.landing().claim()
    run = world.open_run(edit=lambda fields: fields["security"].update(endpoint=name))

    run.plan(world.source(), world.landing(), open_judge())

    assert run.story.has("planned")


@pytest.mark.vector("landing-in-staging")
@pytest.mark.parametrize("place", ["staging", "staging/landing", "", "link/landing"])
def test_landing_zone_that_overlaps_staging(world, refuses, place) -> None:
    (world.root / "link").symlink_to(world.root / "processor" / "staging")
    home = world.root if place.startswith("link") else world.root / "processor"
    run = world.open_run()

    with refuses(at=str(home / place), saying="so each has the other's files"):
        run.plan(world.source(), open_landing(str(home / place)), open_judge())


@pytest.mark.vector("landing-in-staging")
def test_delivery_into_staging(world, judge, refuses) -> None:
    run = world.open_run()
    steps = world.steps(run, judge)
    for name in ("plan", "extract", "validate", "seal"):
        steps[name]()
    inside = world.root / "processor" / "staging" / "landing"

    with refuses(at=str(inside), saying="it lies in the staging store"):
        run.deliver(open_landing(str(inside)))
    assert not inside.exists()
    assert not run.story.has("delivering")


@pytest.mark.vector("landing-in-staging")
def test_landing_prefix_of_stagings_bucket(refuses) -> None:
    for one, other in [("s3://bucket", "s3://bucket/landing"), ("s3://b/x", "s3://b/x")]:
        for pair in ((one, other), (other, one)):
            with refuses(at=pair[0], saying="so each has the other's files"):
                require_apart(*pair)
    require_apart("s3://bucket/staging", "s3://bucket/staging-2")
    require_apart("s3://bucket/landing", "s3://other/landing")
    require_apart("sftp://host/staging", "/staging")


# --- what a plan compares with ------------------------------------------------------------------


def test_new_columns_and_tables_are_withheld_and_reported(world) -> None:
    first = world.open_run("first")
    first.plan(world.source(), world.landing(), open_judge())
    ddl(world, "ALTER TABLE results ADD COLUMN shoe_size INTEGER", "CREATE TABLE extra (a TEXT)")
    second = world.open_run("second")

    second.plan(world.source(), world.landing(), open_judge())

    found = second.story.last("planned")["plan"]
    assert found["previous"] == "first"
    assert [(one["where"], one["what"]) for one in found["drift"]] == [
        ("extra", "is a new table, withheld"),
        ("results.shoe_size", "is a new column (INTEGER), withheld"),
    ]
    assert "shoe_size" in found["tables"][0]["withheld"]
    assert "extra" in found["withheld_tables"]


def test_plan_since_a_run_says_what_differs_and_needs_that_run(world, cli, refuses) -> None:
    world.open_run("first").plan(world.source(), world.landing(), open_judge())
    file = world.instruct(lambda fields: fields["tables"][0]["columns"].pop())

    code, answer = cli("plan", file, "--source", world.source_url, "--since", "first")

    assert code == 3  # another text of version 1 was received before
    assert ("results.validated_at", "leaves no more") in [
        (one["where"], one["what"]) for one in answer["differences"]
    ]
    assert cli("plan", file, "--source", world.source_url, "--since", "none")[0] == 3
