"""Proxies: do cheap scores rank examples as memorization does?"""
