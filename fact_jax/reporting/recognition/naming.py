"""What a clip shows, in words: the name of its class, or the verb before the noun."""


def class_text(classes, class_names) -> str:
    """Names of a class of every head; heads are in the order noun, verb, and people say the verb first.

    Args:
      classes: class id of every head.
      class_names: of every head, by class id.
    """
    names = [own[label] for label, own in zip(classes, class_names, strict=True)]
    return " ".join(reversed(names))


def head_prefix(heads, place) -> str:
    """What stands before the names of a head's classes where several heads are in one list."""
    return f"{heads[place]}: " if len(heads) > 1 else ""
