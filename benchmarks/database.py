"""The laboratory's database for benchmarks: one table of results, as large as asked for."""

from __future__ import annotations

import psycopg

from remit.testing.laboratory import Laboratory

RESULTS_PER_PATIENT = 20
MADE = 500_000


def fill(url: str, rows: int) -> None:
    """Make the results of a laboratory, and multiply them in the server up to `rows`."""
    patients = min(rows, MADE) // RESULTS_PER_PATIENT
    Laboratory(patients=patients).write_postgres(url)
    with psycopg.connect(url, autocommit=True) as connection:
        made = connection.execute("SELECT count(*) FROM results").fetchone()[0]
        connection.execute("CREATE TABLE many (LIKE results)")
        for copy in range(-(-rows // made)):
            connection.execute(_COPY.format(key="gen_random_uuid()" if copy else "result_id"))
        connection.execute("DROP TABLE results CASCADE")
        connection.execute("ALTER TABLE many RENAME TO results")
        connection.execute("ALTER TABLE results ADD PRIMARY KEY (result_id)")
        connection.execute("CREATE INDEX ON results (result_date)")
        connection.execute("VACUUM ANALYZE results")


_COPY = """
INSERT INTO many (result_id, sample_id, patient_id, site_code, loinc_code, value_numeric,
                  value_text, unit, reference_low, reference_high, abnormal, result_date,
                  validated_at, comment)
SELECT {key}, sample_id, patient_id, site_code, loinc_code, value_numeric, value_text, unit,
       reference_low, reference_high, abnormal, result_date, validated_at, comment
FROM results
"""
