"""Dated, one-way, repeatable changes to stored data. Each file has `upgrade(db)`; actions/migrations.py runs them."""
