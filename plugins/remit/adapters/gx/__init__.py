r"""Great Expectations as the judge of an extract, on an in-memory DuckDB.

Guarantee: what leaves `GxJudge.judge` is `remit.ports.Verdict`, that is rule ids, names, counts and
a yes or no. No value of the extract is in a verdict, an exception, a log record or on stdout, and
none is written to disk: DuckDB has no temporary directory and no access to files, GX has no
context, store, checkpoint or Data Docs. A rule that raises, or of which GX says nothing, fails.

What is held does not grow with the rows.

Not guaranteed: `memory_limit` bounds DuckDB, not the batches that pyarrow decodes for it nor the
importing of GX (about 250 MB); the operating system may swap. Counts can identify a person where
they are very small.

The caller must still: call `check` when the rules are read, refuse a table for which a verdict is
missing or false, run `judge` inside a task (the import takes seconds), and decide which small
counts may be shown.

Types are the declared ones (``boolean integer double string date timestamp timestamptz
decimal(p,s)``; a uuid is text in the extract, so ask for a regular expression). Dates and times in
arguments are ISO 8601 texts of the column's own type: a date for a date, no offset for a timestamp,
an offset for a timestamptz.

What is asked of GX here is contract-tested against GX on pandas. Where the two differ, on purpose:

* ``NULL`` and ``NaN`` are both missing; rules on values skip them. Rules on two columns skip a row
  in which either is missing, on several columns one in which any is.
* A rule on values of an empty extract, or of a column that is all missing, passes, as in GX: add a
  rule on the number of rows. A rule on a mean, sum, min or max of no value fails; on pandas the sum
  of nothing is 0.
* Regular expressions are those of RE2, matched anywhere in the text: no lookaround and no
  backreference, ``\d \w \s \b`` know ASCII alone, and ``$`` is the very end of the text.
* A length is a number of code points.
* A rule whose values do not fit the column's declared type is an error, not a comparison of texts.
* Bounds on numbers are compared as doubles, so 15 digits count.
"""

from remit.adapters.gx.judge import GxJudge

__all__ = ["GxJudge"]
