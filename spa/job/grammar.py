"""One of a thing is not many: counts in what a job says agree with their nouns."""

import re

IRREGULAR = {"classes": "class", "copies": "copy", "halves": "half", "patches": "patch"}
NOUNS = (
    "classes|copies|columns|degrees|duplicates|exposures|figures|files|frames|groups|halves|images|latents|lines|maps|"
    "micrographs|movies|parts|particles|patches|picks|rounds|rows|seeds|steps|tables|templates|views|volumes"
)
_ONE = re.compile(rf"(?<![\d.,@/-])1 ((?:[a-z]+ )?)({NOUNS})\b")


def agreeing(text: str) -> str:
    """The text, where "1 movies" is "1 movie" and "1 good classes" is "1 good class"."""
    return _ONE.sub(lambda found: f"1 {found[1]}{singular(found[2])}" if found[1] != "of " else found[0], text)


def singular(noun: str) -> str:
    """One of what the noun says."""
    return IRREGULAR.get(noun) or noun.removesuffix("s")
