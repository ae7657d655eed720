"""Convergence: do the runs suffice?"""
