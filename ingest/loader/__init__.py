"""
Posts from files into the API, from this machine or another: a client, which knows no server.

    open      unpacking.py   a file or stdin, plain, gzip or zstd
    read      reading.py     its rows: JSON lines, CSV, Parquet
    map       columns.py     which column is which field of a post
    send      sending.py     over several connections, as fast as the server says
    settle    ledger.py      what became of each row, in their order
    remember  journal.py     how far that is, so that the next run goes on from there
    tell      telling.py     a progress bar, and a summary

loading.py takes a file through them, and __main__.py is the command line. A post is always sent
over the same connection, so that of two rows with the same id the later one counts. A row is
through when it and all before it were answered; a run that is killed sends again what was not, and
nothing counts twice.
"""
