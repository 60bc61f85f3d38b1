"""Plans and stories as text for people."""

from __future__ import annotations

from remit.custody import Story
from remit.errors import one_line
from remit.narrative import tell, title, what_next
from remit.plan import Plan


def plan_text(plan: Plan) -> str:
    """The plan, table by table."""
    lines = [
        f"Instruction {plan.instruction} version {plan.version}, digest {plan.digest}",
        f"Source {plan.source}",
    ]
    for table in plan.tables:
        in_scope = "?" if table.rows_in_scope is None else table.rows_in_scope
        lines += ["", f"{table.name}: {in_scope} of {table.rows_total} rows in scope"]
        lines += [f"  limits: {'; '.join(table.limits)}"]
        lines += [f"  + {name}" for name in table.allowed]
        lines += [f"  - {name} (withheld: not in the instruction)" for name in table.withheld]
        lines += [f"  ! {name} (missing at the source)" for name in table.missing]
        lines += [f"  ! {d.column} (declared {d.declared}, is {d.live})" for d in table.drifted]
    if plan.unnamed_tables:
        lines += ["", f"Withheld as a whole: {', '.join(plan.unnamed_tables)}"]
    lines.append("")
    for refusal in plan.refusals:
        lines.append(f"REFUSED {refusal.code} at {refusal.where}: {refusal.message}")
        lines.append(f"  way out: {refusal.way_out}")
    lines.append(f"{len(plan.refusals)} refusals." if plan.refusals else "Nothing is refused.")
    return "\n".join(one_line(line) for line in lines)


def story_text(story: Story) -> str:
    """The run's records as sentences."""
    lines = [f"Run {story.run}"]
    for record in story.records:
        lines.append(f"{record.at}  {title(record)} (by {record.by})")
        lines += [f"    {sentence}" for sentence in tell(record)]
    return "\n".join([*lines, what_next(story.records)])
