"""Audit: which labels are likely wrong, which images are copies, which are ambiguous?"""
