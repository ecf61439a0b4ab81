"""Postgres: the pool, the migrations and one repository per aggregate."""
