"""Distribution: how many examples are hardly memorized, how many almost fully?"""
