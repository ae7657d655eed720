"""Planted labels: do the scores find labels that were flipped on purpose?"""
