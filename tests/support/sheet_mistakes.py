"""Mistakes that authors of TOML files make, for the test that the contract suite finds each one.

They are changes of the example provider `sheet`; `contract_mistakes` has those of Python modules.
"""

from tests.support.contract_mistakes import LOADS, LOOKUP, PAGES, RECORD, Mistake, change

EXPRESSIONS = "test_every_expression_finds_something"
JOINED = "\"join('', ['https://img.sheet.example/', file])\""
BASE_URL = 'base_url = "https://api.sheet.example/v1/"\n'


def _mistake(name: str, check: str, old: str, new: str, words: str) -> Mistake:
    return Mistake(name, check, change(old, new), words, "sheet")


LOAD_MISTAKES = [
    _mistake(
        "no base_url",
        LOADS,
        BASE_URL,
        "",
        "sheet.toml, line 1: provider: has no base_url; add the https address of the API",
    ),
    _mistake(
        "a name that [image.let] has not",
        LOADS,
        '"let.person"',
        '"let.persons"',
        "sheet.toml, line 31: image.author.name: [image.let] has no persons. Did you mean person?",
    ),
]

EMPTY_EXPRESSIONS = [
    _mistake(
        "tags by a wrong name",
        EXPRESSIONS,
        'tags = "subjects"',
        'tags = "subject"',
        "sheet.toml, line 30: image.tags: `subject` found nothing in any of 25 records; it has no subject; it has: nr",
    ),
    _mistake(
        "the total by a wrong name",
        EXPRESSIONS,
        'total = "count"',
        'total = "counts"',
        "sheet.toml, line 13: search.total: `counts` found nothing in any of 4 answers; it has no counts; it has: ",
    ),
    _mistake(
        "a total in words",
        EXPRESSIONS,
        'total = "count"',
        'total = "counted"',
        "search.total: `counted` found '25 hits', which is no number; `number(before(x, ' '))` reads a number",
    ),
    _mistake(
        "the licence by a wrong name",
        EXPRESSIONS,
        'word = "rights"',
        'word = "licence"',
        "sheet.toml, line 39: image.license.word: `licence` found nothing in any of 25 records; it has no licence; ",
    ),
    _mistake(
        "a licence's word that no record has",
        EXPRESSIONS,
        "values.ours",
        "values.our",
        "image.license.values: none of the words that `rights` found stands here: 'ours'; add them",
    ),
    _mistake(
        "a file by a wrong name",
        EXPRESSIONS,
        "{thumb}",
        "{tumb}",
        "image.renditions[0].url: `https://img.sheet.example/{tumb}` found nothing in any of 25 records; "
        "it has no tumb; it has: nr (text)",
    ),
    _mistake(
        "an author in a list, by a wrong name",
        EXPRESSIONS,
        "people[0].name",
        "people[0].nam",
        "image.let.person: `people[0].nam` found nothing in any of 25 records; people[0] has no nam; it has: ",
    ),
    _mistake(
        "a path whose slash is encoded",
        EXPRESSIONS,
        JOINED,
        '"https://img.sheet.example/{file}"',
        "`https://img.sheet.example/{file}` makes %2F of each / in 'b/p0.jpg', a dead link; "
        "write join('', ['https://img.sheet.example/', file])",
    ),
]

RECORD_MISTAKES = [
    _mistake(
        "records in a list by a wrong name",
        RECORD,
        "groups[].hits[]",
        "groups[].hitz[]",
        "the upstream reports 25 results for 'cat', but no record was found: correct where the records stand",
    ),
    _mistake(
        "a condition that is never true",
        RECORD,
        "kind == 'photo'",
        "kind == 'foto'",
        "'cat' found 10 records, and none of them is shown: image.when: `kind == 'foto'` is not true; it has: nr",
    ),
    Mistake(
        "no word of a licence is known",
        RECORD,
        change('word = "rights"', 'word = "rigths"', ('otherwise = "unknown"\n', "")),
        "none of them is shown: image.license.word: `rigths` found nothing; it has no rigths",
        "sheet",
    ),
    _mistake(
        "a host without a slash behind it",
        RECORD,
        JOINED,
        '"https://img.sheet.example{file}"',
        "lead to img.sheet.exampleb%2Fp0.jpg: a path was url-encoded behind the host; put / behind the host",
    ),
    _mistake(
        "null among the texts of join",
        RECORD,
        "'https://img.sheet.example/', file]",
        "'https://img.sheet.example/', empty]",
        "join() got null among its texts; write `x && join(...)`, where x may be null",
    ),
    _mistake(
        "markup in a title",
        RECORD,
        'title = "name"',
        "title = \"'<b>Cat</b>'\"",
        "title of p0 holds markup: '<b>Cat</b>'; texts are shown letter by letter: write html(...) around the path",
    ),
    _mistake(
        "a field that is of another kind in many records",
        RECORD,
        'title = "name"',
        "title = \"((nr == 'p3' || nr == 'p5' || nr == 'p7') && people) || name\"",
        "3 of 10 records of page 1 are dropped: image.title: `",
    ),
    Mistake(
        "a licence's word that many records have is not listed",
        RECORD,
        change('word = "rights"', "word = \"(ends_with(nr, '0') && rights) || name\"", ('otherwise = "unknown"\n', "")),
        "9 of 10 records of page 1 are dropped: image.license: 'Cat 1' is neither in values nor an address of Creative "
        'Commons; add it to [image.license.values], set otherwise = "unknown", or leave such records out by image.when',
        "sheet",
    ),
    _mistake(
        "the page is not sent",
        PAGES,
        "{page}",
        "{`1` || page}",
        "page 2 makes the same call as page 1: send {page}",
    ),
    _mistake(
        "an id that is null",
        RECORD,
        'id = "nr"',
        'id = "empty"',
        "image.id: `empty` found nothing; empty is null; it has: nr (text)",
    ),
]

LOOKUP_MISTAKES = [
    _mistake(
        "a pattern that no id has",
        LOOKUP,
        "p[0-9]{1,3}",
        "q[0-9]{1,3}",
        "its outcome is None: no call was made: lookup.id does not match 'p0'",
    ),
    _mistake("a look-up at a wrong path", LOOKUP, "photos/{id}", "photo/{id}", "the answer to /v1/photo/p0 was 404"),
    _mistake(
        "a looked-up record by a wrong name",
        LOOKUP,
        'record = "photo"',
        'record = "foto"',
        "sheet.toml, line 23: lookup.record: `foto` found nothing; it has no foto; it has: photo (object)",
    ),
]

SHEET_MISTAKES = [*LOAD_MISTAKES, *EMPTY_EXPRESSIONS, *RECORD_MISTAKES, *LOOKUP_MISTAKES]
