"""What a person who is asked to approve a delivery reads: what would leave, and no value of it."""

from __future__ import annotations

from remit.approve import Question
from remit.custody.story import Story
from remit.evidence import timestamp
from remit.plan.markdown import bullets, cell, code, plan_markdown


def request(story: Story, question: Question) -> tuple[str, str]:
    """Subject, and body in Markdown; names from outside show as text."""
    plan, files = story.last("planned")["plan"], story.last("extracted")["files"]
    rows = sum(file["rows"] for file in files)
    readers = ", ".join(one["name"] for one in plan["recipients"])
    lines = [
        *(
            f"{code(file['name'])}: {file['rows']} rows of {code(file['table'])}, "
            f"{file['size']} bytes, encrypted"
            for file in files
        ),
        f"Manifest {code(question.manifest)}",
        f"Evidence: {code(f'remit evidence show {story.run}')}",
        f"The DAG's author, as the DAG says: {cell(', '.join(question.authors))}",
        f"Started by {cell(question.trigger or 'its schedule')}",
        f"Without an answer until {timestamp(question.until)} the run is refused, and its copies "
        "are deleted",
    ]
    # A page of the UI shows no folded parts, so that the SQL would hide what is to be read.
    plain = {**plan, "tables": [{**table, "sql": None} for table in plan["tables"]]}
    body = f"## What would leave\n\n{bullets(lines)}\n\n{plan_markdown(plain)}"
    return f"Deliver {rows} rows of run {story.run} to {readers}?", body
