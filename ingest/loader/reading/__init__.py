"""
From a file to its rows, each of which is a post or a problem. Nothing is guessed.

    find         files.py            a file, stdin or a URL
    unpack       compression.py      gzip, bzip2, xz, zstd, or the only file in a zip
    decode       encoding.py         UTF-8, UTF-16 or another encoding
    split        csv_reader.py, json_reader.py, parquet_reader.py
    map          columns.py          which column is which field of a post
    date         dates.py            the shapes of dates, and their zone
    result       rows.py             one row

readers.py chooses the steps of a file. presets.py names well-known collections.
"""
