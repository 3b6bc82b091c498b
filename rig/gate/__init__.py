"""Is the candidate slower than the baseline? A verdict for CI: pass, fail, inconclusive or invalid.

``metrics`` says what is compared, ``settings`` reads what a project wants of it, ``supply`` what the target can
tell, ``blocks`` and ``harrell_davis`` turn samples into effects, ``sequential`` and ``signflip`` test them,
``verdict`` adds up. All pure: nothing here starts a process or sends a request.
"""
