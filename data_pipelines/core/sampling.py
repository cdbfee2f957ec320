"""Which videos meet in the batches of an epoch, and in which order; see `config.train.sampling`.

A sampler is a function of the videos' length classes, the batch size and a generator of random numbers. It returns the
batches of one epoch, int64 [steps, batch_size], positions of videos. Every step has `batch_size` videos; with fewer
videos than that, all of them are repeated in turn.
"""

import numpy as np

from fact_jax.types import check_choice


def random_batches(classes, batch_size, generator):
    """Any videos meet, every one at least once, as FACT is published: consecutive pieces of a random order.

    The last batch is topped up with the first videos of the same order. When the batch is larger than the whole data
    set the order is gone through again and again until the batch is full; the published loader tops up only once and so
    gives a smaller batch beyond twice the number of videos. There are ceil(V / batch_size) steps.
    """
    return _pieces(classes, batch_size, generator, _num_steps(classes, batch_size))


def whole_batches(classes, batch_size, generator):
    """As `random_batches`, but what does not fill the last batch is left out: ActionFormer as published.

    There are max(V // batch_size, 1) steps.
    """
    return _pieces(classes, batch_size, generator, max(len(classes) // batch_size, 1))


def batches_by_length(classes, batch_size, generator):
    """Videos of one length class meet, so that little of a batch is padding; `classes` grow with the length.

    The videos are shuffled within their class, the classes put in a row from short to long and cut into batches, and
    the batches shuffled. Only a batch in which two classes meet holds both. Where the number of videos is not a
    multiple of the batch size, one batch, chosen at random, starts that many videos earlier and repeats the last ones
    of the batch before it. There are as many steps as with `random_batches`; but a batch tells the gradient less about
    the whole data set, since long and short videos are never seen together.
    """
    order = generator.permutation(len(classes))
    order = order[np.argsort(classes[order], kind="stable")]
    steps = _num_steps(classes, batch_size)
    starts = np.arange(steps) * batch_size
    if steps > 1:
        starts[generator.integers(1, steps) :] -= steps * batch_size - len(classes)
    places = (generator.permutation(starts)[:, None] + np.arange(batch_size)) % len(classes)
    return order[places]


def _pieces(classes, batch_size, generator, num_steps):
    order = generator.permutation(len(classes))
    return order[np.arange(num_steps * batch_size) % len(classes)].reshape(-1, batch_size)


def _num_steps(classes, batch_size):
    return -(-len(classes) // batch_size)


SAMPLERS = {"random": random_batches, "by_length": batches_by_length}


def sampler(name):
    """The sampler of `config.train.sampling`; a UserError if there is none of that name."""
    return SAMPLERS[check_choice("sampling", name, tuple(SAMPLERS))]
