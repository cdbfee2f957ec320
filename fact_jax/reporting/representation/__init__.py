"""Files, tables and pictures of embeddings."""
