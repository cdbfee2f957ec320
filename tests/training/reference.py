"""Optimisers and schedule as plain loops over numbers, from the equations of the PyTorch documentation."""

import math


def learning_rate(update, *, rate, factor, decay_epoch, steps_per_epoch):
    """Learning rate of the update with index `update` (from 0), by counting epochs as the published loop does."""
    current, epoch = rate, 1
    for index in range(update):
        if (index + 1) % steps_per_epoch == 0:
            if decay_epoch > 0 and epoch % decay_epoch == 0:
                current = factor * rate
            epoch += 1
    return current


def warm_cosine(updates, *, rate, lowest, warm, total):
    """Learning rates of so many updates by the recursion of the published scheduler, from one rate to the next."""
    rates = [0.0]
    for count in range(1, updates):
        if count < warm:
            rates.append(rates[-1] + rate / (warm - 1))
        elif count == warm:
            rates.append(rate)
        else:
            ratio = [1 + math.cos(math.pi * (k - warm) / (total - warm)) for k in (count - 1, count)]
            rates.append(ratio[1] / ratio[0] * (rates[-1] - lowest) + lowest)
    return rates


def plateau_scales(losses, *, rate, factor, patience, steps_per_epoch):
    """Factor on the learning rate of every update, by ReduceLROnPlateau on the summed losses of every epoch."""
    scales, scale, best, bad_epochs = [], 1.0, math.inf, 0
    for start in range(0, len(losses), steps_per_epoch):
        epoch = losses[start : start + steps_per_epoch]
        scales += [scale] * len(epoch)
        if sum(epoch) < best * (1 - 1e-4):
            best, bad_epochs = sum(epoch), 0
        else:
            bad_epochs += 1
        if bad_epochs > patience:
            bad_epochs = 0
            if rate * scale * (1 - factor) > 1e-8:
                scale *= factor
    return scales


def clip(gradient, limit):
    """Scales a list of numbers to norm `limit` if it is longer; 0 = never."""
    norm = math.sqrt(sum(g * g for g in gradient))
    scale = min(1.0, limit / (norm + 1e-6)) if limit > 0 else 1.0
    return [g * scale for g in gradient]


def adam(params, gradients, rates, *, clip_norm, weight_decay=0.0, decoupled=0.0, decayed=()):
    """Parameters after one Adam update per gradient, or AdamW: `decoupled` decay of the numbers that are `decayed`."""
    params = list(params)
    first, second = [0.0] * len(params), [0.0] * len(params)
    for index, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        for k, g in enumerate(clip(gradient, clip_norm)):
            g = g + weight_decay * params[k]
            params[k] *= 1.0 - rate * decoupled * (k in decayed)
            first[k] = 0.9 * first[k] + 0.1 * g
            second[k] = 0.999 * second[k] + 0.001 * g * g
            mean, square = first[k] / (1 - 0.9**index), second[k] / (1 - 0.999**index)
            params[k] -= rate * mean / (math.sqrt(square) + 1e-8)
    return params


def sgd(params, gradients, rates, *, clip_norm, weight_decay, momentum):
    """Parameters after one SGD update per gradient; the momentum buffer starts as the first gradient."""
    params, buffer = list(params), None
    for gradient, rate in zip(gradients, rates, strict=True):
        gradient = [g + weight_decay * p for g, p in zip(clip(gradient, clip_norm), params, strict=True)]
        buffer = gradient if buffer is None else [momentum * b + g for b, g in zip(buffer, gradient, strict=True)]
        params = [p - rate * b for p, b in zip(params, buffer, strict=True)]
    return params
