"""Influence: which train examples help which test examples?"""
