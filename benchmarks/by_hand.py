"""The best script that we could write by hand: as fast as the parts allow, and nothing looked at.

No instruction, no check of rows or columns, no reconciliation, no evidence, one key for the file.
"""

from __future__ import annotations

import secrets
import threading
from pathlib import Path

from benchmarks.rules import raw_sql

COLUMNS = (
    "result_id, patient_id, site_code, loinc_code, value_numeric::text AS value_numeric, "
    "value_text, unit, reference_low::text AS reference_low, "
    "reference_high::text AS reference_high, abnormal, result_date, validated_at"
)
DECIMALS = ("value_numeric", "reference_low", "reference_high")
REPEATING = ["site_code", "loinc_code", "value_text", "unit", *DECIMALS]


def extract(url: str, scope: str, folder: Path) -> tuple[int, bytes]:
    """Two connections on one exported snapshot, half of the table's blocks each."""
    import psycopg

    key, counts, threads = secrets.token_bytes(32), [], []
    with psycopg.connect(url) as holder:
        holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        shared = holder.execute("SELECT pg_export_snapshot()").fetchone()[0]
        half = holder.execute("SELECT pg_relation_size('results') / 8192 / 2").fetchone()[0]
        for number, part in enumerate((f"ctid < '({half},0)'", f"ctid >= '({half},0)'")):
            sql = f"SELECT {COLUMNS} {scope} AND {part}"
            work = (url, shared, sql, folder / f"{number}.parquet", key, counts)
            threads.append(threading.Thread(target=_write, args=work))
            threads[-1].start()
        for thread in threads:
            thread.join()
    return sum(counts), key


def _write(url: str, shared: str, sql: str, path: Path, key: bytes, counts: list[int]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pyarrow.parquet.encryption as pe
    from adbc_driver_postgresql import dbapi

    properties = pe.create_encryption_properties(key)
    writer, waiting, held = None, [], 0
    with dbapi.connect(url, autocommit=True) as connection:
        cursor = connection.cursor(
            adbc_stmt_kwargs={"adbc.postgresql.batch_size_hint_bytes": str(16 << 20)}
        )
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(f"SET TRANSACTION SNAPSHOT '{shared}'")
        cursor.execute(sql)
        for batch in cursor.fetch_record_batch():
            batch = _typed(batch)
            waiting.append(batch)
            held += batch.num_rows
            counts.append(batch.num_rows)
            if writer is None:
                writer = pq.ParquetWriter(
                    path,
                    batch.schema,
                    compression="zstd",
                    compression_level=1,
                    use_dictionary=REPEATING,
                    encryption_properties=properties,
                )
            if held >= 131_072:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting, held = [], 0
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting))
        writer.close()


def _typed(batch):
    import pyarrow as pa

    arrays, fields = [], []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if field.name in DECIMALS:
            column = column.cast(pa.decimal128(12, 4))
        elif isinstance(column.type, pa.UuidType):
            column = column.storage  # 16 bytes, not the text that readers know
        arrays.append(column)
        fields.append(pa.field(field.name, column.type))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def judge(folder: Path, key: bytes) -> None:
    """The rules as raw SQL of DuckDB's, over what was decrypted; uniqueness by DuckDB as well."""
    import duckdb
    import pyarrow.dataset as ds
    import pyarrow.parquet.encryption as pe

    options = ds.ParquetFragmentScanOptions(
        decryption_properties=pe.create_decryption_properties(key)
    )
    layout = ds.ParquetFileFormat(default_fragment_scan_options=options)
    duck = duckdb.connect(":memory:", config={"temp_directory": ""})
    duck.register("extract", ds.dataset(sorted(folder.glob("*.parquet")), format=layout))
    sql = raw_sql("extract").replace("length(patient_id) <> 36", "octet_length(patient_id) <> 16")
    failures = duck.execute(sql).fetchone()
    twice = duck.execute(
        "SELECT count(*) FROM (SELECT 1 FROM extract GROUP BY result_id HAVING count(*) > 1)"
    ).fetchone()
    if any(failures) or twice[0]:
        raise SystemExit("the rules fail by hand")
