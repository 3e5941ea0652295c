"""
From a posted article to counts of the names in it.

    request   api.py        posts come in over HTTP
    validate  posts.py      is it a post?
    accept    intake.py     may it come in now: is the gate open, is the broker there?
    enqueue   pipeline.py   the order of the steps, and the only module that knows it
    extract   extract.py    which entities does it mention?       (queue: extract)
    merge     counts.py     add posts up                          (queue: save)
    save      store/        add the sums to Firestore, once       (queue: save)
    read      reading.py    which entities does a publication mention most?   (over HTTP)
    look      web/          the same, on pages

tasks.py puts extract, merge and save on the queues; none of the three knows it.
cleaning.py, names.py and mentions.py say what a model is given, and what becomes of what it finds.
messages.py says what travels between them, gather.py takes more of it at a time,
aliases.py and runs.py let operators say which entities are one,
settling.py lets go of a message only when its task has come to its end, poison.py lays
aside what cannot be processed and replay.py puts it back, gate/ tells when all is
through, story.py tells the log what became of posts, metrics.py counts them, broker.py
is the door to the broker, and stack/ starts and stops all of it on one machine.
load/ is a client: it brings posts in from files.
"""
