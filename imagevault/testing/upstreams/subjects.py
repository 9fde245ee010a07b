"""What the records of a simulated upstream are about: the words of the search that found them."""

from collections.abc import Iterable

from cachetools import LRUCache

MAX_LENGTH = 60  # characters
MAX_KEPT = 20_000  # records


class Subjects:
    """Remembers, by the number of a record, the words of the last search that showed it: a look-up says the same."""

    def __init__(self) -> None:
        self._subjects: LRUCache[int, str] = LRUCache(MAX_KEPT)

    def show(self, numbers: Iterable[int], words: str) -> None:
        """Let these records be about the words, from now on."""
        subject = " ".join(words.split())[:MAX_LENGTH].strip()
        for number in numbers:
            self._subjects[number] = subject

    def of(self, number: int) -> str:
        """Return what a record is about; an empty text if no search has shown it."""
        return self._subjects.get(number, "")


def capitalized(subject: str) -> str:
    """Return a subject as the start of a title: "Red fox", and "NASA" as it is."""
    return subject[:1].upper() + subject[1:]


def slug(subject: str) -> str:
    """Return a subject as a part of an address, its words apart by one hyphen; empty if it has no letter or digit."""
    letters = [char if char.isalnum() else " " for char in subject.casefold()]
    return "-".join("".join(letters).split())
