"""The last duty of the edge: answer a search whose answer is kept, after every check that the ordinary way makes."""

from collections.abc import Callable

from imagevault.cache.answers import AnswerKey, Answers, Headers
from imagevault.errors import Refused
from imagevault.http.guard import check_access
from imagevault.http.problems import HTTPRefusal
from imagevault.http.request import RequestContext
from imagevault.http.response_headers import DEFAULT_HEADERS
from imagevault.search.answer_forms import form_of
from imagevault.search.kept import SEARCH_PATH
from imagevault.upstream.usage import UsageCounter

METHODS = frozenset({"GET", "HEAD"})
ALWAYS = [header for header in DEFAULT_HEADERS if header[0] != b"cache-control"]  # an answer has its own


class KeptAnswers:
    """Finds the response to a request among the kept answers."""

    def __init__(self, answers: Answers, search_is_open: Callable[[], bool], usage: UsageCounter | None = None) -> None:
        self.answers = answers
        self.usage = usage or UsageCounter()
        self.search_is_open = search_is_open

    def find(self, context: RequestContext) -> tuple[int, Headers, bytes] | None:
        """Return status, headers and body; None if the ordinary way has to answer."""
        head = context.head
        if head.path != SEARCH_PATH or head.method not in METHODS or not self._may_search(context):
            return None
        allowed = context.caller.providers if context.caller is not None else None
        answer = self.answers.find(AnswerKey(head.query, allowed))
        if answer is None:
            return None
        if context.caller is not None:
            self.usage.count_search(context.caller.id)
        status, headers, body = form_of(answer, head.if_none_match, head.accept_encoding)
        return status, [*headers, *ALWAYS], body

    def _may_search(self, context: RequestContext) -> bool:
        """Whether `check_caller` would let the caller pass. If not, the ordinary way says why."""
        try:
            check_access(context, ("search",), is_open=self.search_is_open())
        except (Refused, HTTPRefusal):
            return False
        return True
