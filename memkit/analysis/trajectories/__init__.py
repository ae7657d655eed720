"""Trajectories: how does the memorization of each example change with size?"""
