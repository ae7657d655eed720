"""Audits of a data set within a number of minutes: `memkit audit photos`."""
