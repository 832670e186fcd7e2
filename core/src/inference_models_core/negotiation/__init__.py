"""Which package of a model can be used here, which cannot, and why.

``shortlist.shortlist`` applies the rules that need no detection, ``negotiate.negotiate`` the others and the ranking,
``failure.no_candidate_error`` says what to do where nothing is left. Everything here is pure: values in, values out.
"""
