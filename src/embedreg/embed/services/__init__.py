"""Embeddings bought from services: what is sent, when, what it costs, and what comes back.

One adapter a service (`_openai`, `_gemini`), which knows its client and nothing else; everything between the
texts and the adapter is here once. `_SERVICES` in `embedreg.embed._make_embedder` lists them.
"""
