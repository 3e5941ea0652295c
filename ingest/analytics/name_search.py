"""The search for a name in every publication."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ingest.analytics.entity_list import DEFAULT_LIMIT, MAX_LIMIT, Family
from ingest.core.name_search import search_words
from ingest.store.base import NameFilter, NameSearch, Order, StoreReader


def _a_search(text: str) -> str:
    if not search_words(text):
        raise ValueError("has no letter or digit")
    return text


class NameQuery(BaseModel):
    """The parameters of a search for names. `q` holds the beginnings of words of a name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_a_search)]
    family: Family | None = None
    order: Order = "mentions"
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


def search_names(store: StoreReader, query: NameQuery) -> NameSearch:
    """Return the names that have a word for each word of a search."""
    return store.find_names(
        NameFilter(
            words=search_words(query.q), limit=query.limit, family=query.family, order=query.order
        )
    )
