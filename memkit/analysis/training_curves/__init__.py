"""Training curves: did the runs train as they should?"""
