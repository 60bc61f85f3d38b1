"""Reports for an auditor: what the evidence says of a period, as tables that can be taken along.

Guarantee: a report is made of the evidence up to one checkpoint, which it names, so that it can be
held against the log; the same evidence, time and extent give the same bytes. It holds names that
instructions and persons gave, counts, digests and times; never a value of a data subject.
Not guaranteed: that the log is whole and the checkpoint signed, which `remit evidence verify` tells.
"""

from remit.reports.csv_form import csv_bytes
from remit.reports.pdf import MOST_RUNS, pdf_bytes
from remit.reports.state import Report, audit_report
from remit.reports.tables import TABLES, Table, table_named

__all__ = [
    "MOST_RUNS",
    "TABLES",
    "Report",
    "Table",
    "audit_report",
    "csv_bytes",
    "pdf_bytes",
    "table_named",
]
