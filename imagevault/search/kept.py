"""Which answers of searches are kept (`cache/answers.py`): those that depend on settings and on fresh pages alone."""

import math
from collections.abc import Mapping

from imagevault.cache.answers import Answer, AnswerKey, Answers, Source
from imagevault.cache.freshness import has_upstream
from imagevault.plugins.provider import Provider
from imagevault.search.outcome import ProviderStatus
from imagevault.search.provider_cursor import Event
from imagevault.search.search import SearchRequest, SearchResponse

SEARCH_PATH = "/search"
OF_SETTINGS = {"unconfigured", "unsupported"}  # statuses that the settings decide


class Watch:
    """Watches one search, and keeps its answer if that is the same for the next one.

    Args:
        answers: where it is kept.
        providers: in force when the search begins.

    """

    def __init__(self, answers: Answers, providers: Mapping[str, Provider]) -> None:
        self._answers = answers
        self._providers = providers
        self._generation = answers.generation
        self._sources: list[Source] = []
        self._is_repeatable = True

    def observe(self, event: Event) -> None:
        """Take in what the search read."""
        result = event.result
        if result is None:
            self._is_repeatable = self._is_repeatable and event.error is None
            return
        provider = self._providers[event.provider]
        seconds = min(provider.info.cache_for, provider.info.max_age or math.inf)
        source = Source(
            provider=provider.name,
            key=result.key,
            version=result.version,
            fresh_until=result.version / 1000 + seconds,
            is_shared=has_upstream(provider),
        )
        self._sources.append(source)
        self._is_repeatable = self._is_repeatable and result.status == "hit"

    def keep(self, key: AnswerKey, request: SearchRequest, response: SearchResponse, answer: Answer) -> None:
        """Keep the answer if it may be kept.

        The answer to a walk that goes on depends also on the pages that the walk has passed, so it is not kept.
        """
        begins = request.cursor is None and request.page in {None, 1}
        if begins and self._is_repeatable and all(_is_repeatable(status) for status in response.providers):
            counted = [("provider_answers", status.name, status.status) for status in response.providers]
            self._answers.keep(key, answer, self._sources, self._generation, counted)


def _is_repeatable(status: ProviderStatus) -> bool:
    if status.status == "ok":
        return status.cache == "hit"
    return status.status in OF_SETTINGS
