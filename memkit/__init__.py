"""memkit measures what image classifiers memorize.

This file stays empty so that importing one part never pays for another.
"""
