"""Pages and the forms that they send."""

from urllib.parse import parse_qsl

from imagevault.errors import BadInput

MAX_FIELDS = 40
MAX_USERNAME = 64  # characters of a name that a form takes, or shows again
# What routes of pages say of themselves (`opt`): they are for people, so that the guard refuses API keys.
# A form that has another address than its page names the page (`stands_on`).
PAGE = {"page": True}
OPEN_PAGE = {**PAGE, "open": True}
FORM = {**PAGE, "form": True}


class Form:
    """The fields of a form, which is UTF-8 (`http/guard.py`). Raises BadInput for a form with too many fields."""

    def __init__(self, body: bytes) -> None:
        try:
            self._fields = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
        except ValueError:
            raise BadInput("body", f"must have at most {MAX_FIELDS} fields") from None

    def text(self, name: str) -> str | None:
        """Return the text of a field without blanks around it; None if it is empty or missing.

        Raises:
            BadInput: the field is given twice.

        """
        values = self.texts(name)
        if len(values) > 1:
            raise BadInput(name, "must be given once")
        return values[0] if values else None

    def secret(self, name: str) -> str:
        """Return a password exactly as it was typed. Raises BadInput if it is missing, empty or given twice."""
        values = [value for given, value in self._fields if given == name]
        if len(values) > 1:
            raise BadInput(name, "must be given once")
        if not values or not values[0]:
            raise BadInput(name, "is missing")
        return values[0]

    def texts(self, name: str) -> list[str]:
        """Return the values of a field that may be given several times, without empty ones.

        Browsers send a line break as two characters, CR and LF. Here it is one, LF, as elsewhere in the API.
        """
        values = (value.replace("\r\n", "\n").strip() for given, value in self._fields if given == name)
        return [value for value in values if value]
