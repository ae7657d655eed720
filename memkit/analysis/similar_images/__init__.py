"""Similar images: which ones are near-duplicates, and which are the most alike to each?"""
