"""Audit: which labels are likely wrong, which images are rare, copies or ambiguous?"""
