"""The reviewer's pages in Airflow: what left, under whose instruction, what is overdue, what is gone.

Guarantee: nothing below /remit but the endpoint for receipts is answered before Airflow's own auth
manager said who asks, static files and unknown paths included; whoever asks sees of a run no more
than of the DAG that made it; every answer carries the headers of `remit.reviewer.gate`.
Not guaranteed: what an auth manager decides. The pages ask it, and keep no list of their own.

To add a page, add a module to `remit.reviewer.pages` (see there), its words to `words/NAME.toml`
and its template to `templates/`.
"""
