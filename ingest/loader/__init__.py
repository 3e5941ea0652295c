"""
The bulk loader: posts from files to the API of this host or another. A client, without a server.

    read         reading/        the rows of a file, stdin or a URL: JSON, CSV, Parquet
    send         sender.py       over several connections, as fast as the server allows
    track        progress.py     the result of each row, in the order of the rows
    checkpoint   checkpoint.py   the last answered row, where the next load continues
    report       console.py      a progress bar and a summary

run.py takes a file through these steps. __main__.py is the command line, arguments.py its options,
and environment.py reads the environment. A post and its edits always take the same connection, so
the later row counts. A row is done when the server has answered it and all rows before it. After a
kill, the next load sends the other rows again, and no post counts twice.
"""
