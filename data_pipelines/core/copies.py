"""Videos whose features are those of another video."""

from data_pipelines.core.wording import count, name_some


def copies_note(contents, lists):
    """Lines, at most one, about videos whose features are those of another.

    `contents` has by video what is the same for the same features, `lists` the names of the videos by subset: scores on
    a copy of a video of "train" say nothing of new videos.
    """
    first, copies, across = {}, [], []
    names = {subset: set(videos) for subset, videos in lists.items()}
    subsets = {video: {subset for subset, listed in names.items() if video in listed} for video in contents}
    for video, content in contents.items():
        other = first.setdefault(content, video)
        if other == video:
            continue
        copies.append(f"{video} (as {other})")
        pairs = ((subsets[video], subsets[other]), (subsets[other], subsets[video]))
        if any("train" in one and another - {"train"} for one, another in pairs):
            across.append(copies[-1])
    if not copies:
        return ()
    line = f"{count(copies, 'video')} with the features of another: {name_some(copies)}"
    if across:
        which = "" if len(across) == len(copies) else f", of {name_some(across)}"
        line += f"; one of the two is trained with and the other evaluated{which}"
    return (line,)
