"""
Counts in SQL: the whole promise of a store.

writer.py knows how each post counts once, reader.py which queries answer a reader.
"""

from collections.abc import Iterator

from django.db.models import Subquery

from ingest.core.counts import Counts, count_posts
from ingest.core.messages import PostEntities
from ingest.core.posts import publication_id
from ingest.core.revisions import PostRecord
from ingest.store.base import Progress, Recount, no_progress, tell_progress
from ingest.store.sql.counters import read_checkpoint, read_counts
from ingest.store.sql.database import snapshot, unavailable_on_error
from ingest.store.sql.models import PostRow, PublicationRow
from ingest.store.sql.reader import SqlReader
from ingest.store.sql.records import read_record
from ingest.store.sql.writer import SqlWriter

RECOUNT_POSTS = 1000  # posts that a recount reads at once


class SqlStore(SqlReader, SqlWriter):
    """
    The store that needs no more than the database that is there already.

    Args:
        keep_content: whether a post's text is kept beside its entities.
        commit_posts: how many posts go into one commit at the most.
    """

    def get_record(self, post_id: str) -> PostRecord:
        with unavailable_on_error():
            row = PostRow.objects.filter(post_id=post_id).first()
        return read_record(row) if row else PostRecord()

    def post(self, post_id: str) -> PostEntities | None:
        return self.get_record(post_id).post

    def posts(self, name: str, *, limit: int, after: str | None = None) -> list[PostEntities]:
        own = PublicationRow.objects.filter(pub_id=publication_id(name)).values("pk")[:1]
        rows = PostRow.objects.filter(publication=Subquery(own), post_id__gt=after or "")
        with unavailable_on_error():
            records = map(read_record, rows.order_by("post_id")[:limit])
            return [record.post for record in records if record.post]

    def records(self, *, limit: int, after: str | None = None) -> dict[str, PostRecord]:
        with unavailable_on_error():
            rows = PostRow.objects.filter(post_id__gt=after or "").order_by("post_id")[:limit]
            return {row.post_id: read_record(row) for row in rows}

    def recount(self, name: str, *, progress: Progress = no_progress) -> Recount:
        with snapshot():
            publication = PublicationRow.objects.filter(pub_id=publication_id(name)).first()
            if publication is None:
                return Recount(Counts(), Counts())
            counted = count_posts(tell_progress(self._all_posts(name), progress))
            return Recount(read_counts(publication), counted + read_checkpoint(publication))

    def checkpoint(self, name: str) -> Counts:
        with unavailable_on_error():
            publication = PublicationRow.objects.filter(pub_id=publication_id(name)).first()
            return read_checkpoint(publication) if publication else Counts()

    def posts_before(self, day: str, *, limit: int, with_text: bool = False) -> list[str]:
        rows = PostRow.objects.filter(accepted_day__lt=day).order_by("accepted_day")
        if with_text:
            rows = rows.filter(content__isnull=False)
        with unavailable_on_error():
            return list(rows.values_list("post_id", flat=True)[:limit])

    def index_posts(self, name: str) -> int:
        return 0  # a migration has given every row its day

    def _all_posts(self, name: str) -> Iterator[list[PostEntities]]:
        after = None
        while page := self.posts(name, limit=RECOUNT_POSTS, after=after):
            yield page
            after = page[-1].post_id
