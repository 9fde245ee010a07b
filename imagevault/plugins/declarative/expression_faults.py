"""What is wrong with an expression, in plain words: those of the parser of JMESPath name its tokens, and break off."""

import re
from collections.abc import Mapping

from jmespath import exceptions

from imagevault.config.sources import alternatives

MAX_SHOWN = 300  # characters of a message
DASHED = re.compile(r"[A-Za-z_]\w*(?:-\w+)+")  # image-url
SUM = re.compile(r"[\w)]\s*[-+*/]\s*[0-9]")  # page - 1
TOO_EARLY = "it ends too early; close each [, ( and {"
NO_SUM = "JMESPath does not compute; {page_from_0} counts pages from 0"
# The types of JMESPath -> their names here.
TYPES: Mapping[str, str] = {
    "string": "a text",
    "number": "a number",
    "array": "a list",
    "object": "an object",
    "boolean": "true or false",
    "null": "null",
    "array-number": "a list of numbers",
    "array-string": "a list of texts",
    "expref": "an expression with & before it",
    "str": "a text in the list",
    "bool": "true or false in the list",
    "dict": "an object in the list",
    "list": "a list in the list",
    "NoneType": "null in the list",
}


def syntax_fault(text: str, error: Exception) -> str:
    """Say why a text is not JMESPath, and where, from what the parser raised for it."""
    match error:
        case exceptions.IncompleteExpressionError():
            return TOO_EARLY
        case exceptions.ParseError(lex_position=position) if position >= len(text):
            return TOO_EARLY
        case exceptions.EmptyExpressionError():
            return "it is empty; write the name of a field"
        case exceptions.LexerError(lexer_position=position, message=message):
            return _unknown_character(text, position, message)
        case exceptions.ParseError(token_type="NUMBER", token_value=number):
            if SUM.search(text):
                return f"{NO_SUM}; a name with a dash needs quotes"
            return f"a number stands between backticks: `{number}`"
        case exceptions.ParseError(lex_position=position):
            return f"{text[position : position + 20]!r} cannot stand there (character {position + 1})"
    return plain(error)


def _unknown_character(text: str, position: int, message: str) -> str:
    character = text[position]
    if message.startswith("Unclosed"):
        return f"the {character} of character {position + 1} is not closed"
    dashed = next((found[0] for found in DASHED.finditer(text) if found.start() <= position < found.end()), None)
    if SUM.search(text) and not (dashed and dashed[dashed.index("-") + 1].isalpha()):
        return NO_SUM
    if dashed is not None:
        return f'a name with a dash needs quotes: write \'"{dashed}"\' in the file, or \\"{dashed}\\" in "..."'
    if character == "=":
        return "= is not known; write == to compare"
    return f"{character} is not known (character {position + 1})"


def failure(error: BaseException) -> str:
    """Say why a function of an expression failed."""
    if isinstance(error, exceptions.JMESPathTypeError):
        expected = alternatives(TYPES.get(name, name) for name in error.expected_types)
        found = TYPES.get(error.actual_type, error.actual_type)
        return f"{error.function_name}() takes {expected}, not {found}: {error.current_value!r:.100}"
    return plain(error)


def plain(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return " ".join(str(error).split("\n", 1)[0].split())[:MAX_SHOWN] or type(error).__name__
