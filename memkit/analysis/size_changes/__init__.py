"""Size changes: how do memorization and its distribution change with model size?"""
