"""A campaign of faults: seeded runs, each disturbed at random moments, and held to what must stay true.

    python -m remit.testing.campaign [--seeds 300] [--first 1] [--kinds folder s3 sftp] [--json FILE]

The parts are real: files, SQLite, an S3 API (moto's server), an OpenSSH server, a network in between that
is slow, cut or gone, processes that are killed or halted by signals, a disk that is full because the
kernel says so. The seed decides everything that is decided here; how the system interleaves
processes is its own affair, so that a seed shows the same faults, not the same instructions.
"""
