"""What tests of alerts share: a world whose people have accounts, and short ways to look."""

from __future__ import annotations

from typing import Any

from remit.alerts.desk import Desk
from remit.alerts.model import Alert
from remit.alerts.supervise import Passed, supervise
from remit.custody import Run
from remit.people import Identity
from remit.ports import Rule, Verdict
from remit.testing.channels import Postbox
from remit.testing.world import World

CAMILLE = Identity("camille", "airflow", "10.1.2.3")
OWNER, DPO = "owner@migrations.example", "dpo@migrations.example"
CONTROLLER = "helene.durand@durand.example"


class Contented:
    engine = "a test's judge, of nothing"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        return [Verdict(rule.id, rule.type, (), success=True) for rule in rules]


class Strict(Contented):
    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        return [Verdict(rule.id, rule.type, (), success=False) for rule in rules]


def supervised(fields: dict[str, Any], **more: Any) -> None:
    """The owner at once, the officer after an hour, the controller after four."""
    fields["contacts"]["authorised"][0]["account"] = "camille"
    fields["supervision"] = {
        "owner": {"name": "Odile Owner", "email": OWNER},
        "escalation": [
            {"name": "Paul Petit", "email": DPO, "after": "PT1H"},
            {"name": "Hélène Durand", "email": CONTROLLER, "after": "PT4H"},
        ],
        **more,
    }


def go(world: World, last: str, run: str = "durand-test", edit: Any = supervised) -> Run:
    opened = world.open_run(run, edit)
    for name, step in world.steps(opened, Contented()).items():
        step()
        if name == last:
            break
    return opened


def look(world: World, *channels: Postbox, by: str = "os:supervisor", **more: Any) -> Passed:
    return supervise(world.deployment(), channels, by, **more)


def kinds(passed: Passed) -> list[str]:
    return sorted(alert.kind for alert in passed.raised)


def desk(world: World) -> Desk:
    return Desk(world.deployment(), "test")


def only(world: World, kind: str) -> Alert:
    [alert] = [one for one in desk(world).alerts() if one.kind == kind]
    return alert
