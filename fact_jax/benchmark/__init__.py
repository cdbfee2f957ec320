"""How fast a network runs here: `python -m fact_jax.benchmark --config configs/fact_breakfast.py --against torch`."""
