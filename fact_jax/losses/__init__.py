"""Losses per video. None averages over videos: the caller does, so that ragged batches and devices add up."""
