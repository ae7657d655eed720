"""Removal: what are the memorized examples worth?"""
