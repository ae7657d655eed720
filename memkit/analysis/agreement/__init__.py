"""Agreement: do two sizes memorize the same examples?"""
