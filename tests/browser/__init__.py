"""A package, so that its Airflow starts once and ends with the last of its files."""
