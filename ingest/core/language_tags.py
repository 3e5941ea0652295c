"""Language tags (BCP 47) in one form, whatever form a client sends."""

# langcodes remembers every tag that it has read. No tag of a real language is longer.
MAX_CHARACTERS = 35

# Tags that name no language: undetermined, several, none, and one without a code.
_NO_LANGUAGE = frozenset(("und", "mul", "zxx", "mis"))
# ISO 639 keeps the codes between these for private use.
_FIRST_PRIVATE, _LAST_PRIVATE = "qaa", "qtz"


def normalize_tag(text: str) -> str | None:
    """
    Return a language tag in its normal form, or None if it names no language.

    "EN", "eng" and "en_US.UTF-8" become "en", "en" and "en-US". The function is idempotent.
    """
    # The import takes 0.04 seconds, which a process without tags saves at its start.
    from langcodes import Language
    from langcodes.tag_parser import LanguageTagError

    if len(text) > MAX_CHARACTERS:
        return None
    try:
        tag = Language.get(text.strip().partition(".")[0])
    except LanguageTagError:
        return None
    return tag.to_tag() if tag.is_valid() and _names_a_language(tag.language) else None


def base_language(tag: str) -> str:
    """Return the language of a tag without its country or script: "zh-TW" and "cmn" are "zh"."""
    from langcodes import standardize_tag
    from langcodes.tag_parser import LanguageTagError

    try:
        return standardize_tag(tag, macro=True).partition("-")[0]
    except LanguageTagError:  # a tag of a post that was saved before tags were normalized
        return tag.partition("-")[0]


def _names_a_language(code: str | None) -> bool:
    if code is None or code in _NO_LANGUAGE or code.startswith("x-"):
        return False
    return not (len(code) == len(_FIRST_PRIVATE) and _FIRST_PRIVATE <= code <= _LAST_PRIVATE)
