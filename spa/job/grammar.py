"""One of a thing is not many: counts in what a job says agree with their nouns."""

import re

IRREGULAR = {"classes": "class", "copies": "copy", "halves": "half", "patches": "patch"}
NOUNS = (
    "classes|copies|columns|degrees|duplicates|exposures|figures|files|frames|groups|halves|images|latents|lines|maps|"
    "micrographs|movies|parts|particles|patches|picks|rounds|rows|seeds|steps|tables|templates|views|volumes"
)
VERBS = {"are": "is", "do": "does", "have": "has", "hold": "holds", "lie": "lies", "look": "looks", "were": "was"}
_ONE = re.compile(rf"(?<![\d.,@/-])1 ((?:[a-z]+ )?)({NOUNS})\b(?!/)(?: ({'|'.join(VERBS)})\b)?")


def agreeing(text: str) -> str:
    """The text, where "1 movies" is "1 movie" and "1 good classes are" is "1 good class is"."""
    return _ONE.sub(lambda found: found[0] if found[1] == "of " else _one(*found.groups()), text)


def _one(which: str, noun: str, verb: str | None) -> str:
    return f"1 {which}{singular(noun)}" + (f" {VERBS[verb]}" if verb else "")


def singular(noun: str) -> str:
    """One of what the noun says."""
    return IRREGULAR.get(noun) or noun.removesuffix("s")
